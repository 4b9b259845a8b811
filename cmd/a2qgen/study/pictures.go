package study

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// Pictures is the JSON of what a network that turns images into images makes of whole
// pictures.
type Pictures struct {
	Data string `json:"data"`
	// Factor is how many times larger the network makes an image, per side.
	Factor int `json:"factor"`
	// Float says that the network was evaluated without its quantisers.
	Float bool `json:"float"`
	// PSNR and Bicubic are means over the pictures, dB; Bicubic is 0 where Factor is 1.
	PSNR    float64         `json:"psnr_db"`
	Bicubic float64         `json:"bicubic_psnr_db,omitempty"`
	Each    []PictureRating `json:"pictures"`
	Seconds float64         `json:"seconds"`
}

// PictureRating is the JSON of one picture: PSNR in dB, at most 100, of the luma that the
// network gives, and bicubic enlargement, to the picture's, without a border of Factor pixels.
type PictureRating struct {
	Name    string  `json:"name"`
	Rows    int     `json:"rows"`
	Cols    int     `json:"cols"`
	PSNR    float64 `json:"psnr_db"`
	Bicubic float64 `json:"bicubic_psnr_db,omitempty"`
}

// Rater measures a network on whole pictures by the protocol of super-resolution: pictures
// are reduced by the factor (data.Image.Reduce), the network is evaluated on what results,
// whatever its size (qonnx.File.Resized), and its outputs, rounded to 8 bits, are compared with
// the picture: luma alone, without a border as wide as the factor. A network whose output is
// as large as its input is compared with what it reads, border and all. Of several outputs one is
// measured.
type Rater struct {
	factor, channels int
	float            bool
	// gives returns the pixels that the network gives for an image.
	gives func(ctx context.Context, m *data.Image) (*data.Image, error)
}

// NewRater returns the rater of the integer network of a file, by the output of a name or, where that is
// empty, by the first that is an image as the rater wants it.
func NewRater(file *qonnx.File, output string) (*Rater, error) {
	net := file.Network
	k, err := ratedOutput(net, output)
	if err != nil {
		return nil, err
	}
	r := &Rater{channels: net.Input.Shape.C}
	// The last executor serves all pictures of one size that follow each other.
	var of *quant.Executor
	r.gives = func(ctx context.Context, m *data.Image) (*data.Image, error) {
		if of == nil || of.Network().Input.Shape != shapeOf(m) {
			e, err := pixelExecutor(file, m)
			if err != nil {
				return nil, err
			}
			of = e
		}
		return runPicture(ctx, of, k, m)
	}
	return r, r.setFactor(net.Name, net.Input.Shape, net.OutputLayer(k).Shape)
}

// ratedOutput returns the output that NewRater says.
func ratedOutput(net *quant.Network, name string) (int, error) {
	if name != "" {
		return net.OutputNamed(name)
	}
	for k := range net.Outputs {
		if new(Rater).setFactor(net.Name, net.Input.Shape, net.OutputLayer(k).Shape) == nil {
			return k, nil
		}
	}
	return 0, nil
}

// NewFloatRater returns the rater of the real-valued network m.
func NewFloatRater(m *nn.Model) (*Rater, error) {
	g, err := m.Graph()
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", m.Name, err)
	}
	r := &Rater{channels: g.Sample.C, float: true}
	r.gives = func(ctx context.Context, p *data.Image) (*data.Image, error) { return runFloat(ctx, m, p) }
	return r, r.setFactor(m.Name, g.Sample, g.Shapes[len(g.Shapes)-1])
}

// setFactor compares the shapes of a network's two ends.
func (r *Rater) setFactor(name string, in, out quant.Shape) error {
	r.factor = max(out.H/in.H, 1)
	if in.C != out.C || in.C != 1 && in.C != 3 || in.Positions() == 1 ||
		out.H != r.factor*in.H || out.W != r.factor*in.W {
		return fmt.Errorf("network %s turns %v into %v, want images of 1 or 3 channels, as large or larger by a whole factor",
			name, in, out)
	}
	return nil
}

// shapeOf returns the shape of an image's tensor.
func shapeOf(m *data.Image) quant.Shape { return quant.Shape{H: m.Height, W: m.Width, C: m.Channels} }

// pixelExecutor returns an executor whose outputs are pixels, for images like m.
func pixelExecutor(file *qonnx.File, m *data.Image) (*quant.Executor, error) {
	net := file.Network
	if net.Input.Shape != shapeOf(m) {
		var err error
		if net, err = file.Resized(m.Height, m.Width); err != nil {
			return nil, err
		}
	}
	pixels, err := net.Pixels()
	if err != nil {
		return nil, err
	}
	return quant.NewExecutor(pixels), nil
}

// runPicture returns what the executor's network gives for m as output k. Its layers share the cores.
func runPicture(ctx context.Context, e *quant.Executor, k int, m *data.Image) (*data.Image, error) {
	net := e.Network()
	fit, err := Fit(net, k, m.Set())
	if err != nil {
		return nil, err
	}
	shape := net.OutputLayer(k).Shape
	out := &data.Image{Name: m.Name, Channels: m.Channels, Height: shape.H, Width: shape.W}
	err = e.Each(ctx, 1, fit.Sample, func(_ int, tr *quant.Trace) {
		out = out.WithPixels(tr.Of(net.Outputs[k].Layer))
	}, nil)
	return out, err
}

// runFloat evaluates a real-valued network on m, whatever size it was read for.
func runFloat(ctx context.Context, model *nn.Model, m *data.Image) (*data.Image, error) {
	own := *model
	own.InputShape = []int{m.Channels, m.Height, m.Width}
	g, err := own.Graph()
	if err != nil {
		return nil, fmt.Errorf("model %q for images of %dx%d: %w", model.Name, m.Height, m.Width, err)
	}
	sample := make([]float32, len(m.Pixels))
	m.Set().Sample(0, sample)
	y, err := g.Outputs(ctx, sample)
	if err != nil {
		return nil, err
	}
	shape := g.Shapes[len(g.Shapes)-1]
	levels := make([]int32, len(y))
	for i, v := range y {
		levels[i] = int32(quant.Pixel(v))
	}
	out := &data.Image{Name: m.Name, Channels: m.Channels, Height: shape.H, Width: shape.W}
	return out.WithPixels(levels), nil
}

// Channels returns how many channels the network's images have: 1 or 3.
func (r *Rater) Channels() int { return r.channels }

// Rate measures the network on each picture and hands what it read and gave to see, unless that is nil.
func (r *Rater) Rate(ctx context.Context, images *data.Images, p Progress,
	see func(read, gave *data.Image) error) (*Pictures, error) {
	start := time.Now()
	doc := &Pictures{Data: images.Name, Factor: r.factor, Float: r.float}
	for i, m := range images.List {
		p.step("pictures", i, len(images.List))
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("eval: stopped: %w", err)
		}
		rating, read, gave, err := r.rate(ctx, m)
		if err != nil {
			return nil, err
		}
		if see != nil {
			if err := see(read, gave); err != nil {
				return nil, err
			}
		}
		n := float64(len(images.List))
		doc.Each, doc.PSNR, doc.Bicubic = append(doc.Each, *rating), doc.PSNR+rating.PSNR/n, doc.Bicubic+rating.Bicubic/n
	}
	p.step("pictures", len(images.List), len(images.List))
	doc.Seconds = Seconds(start)
	return doc, nil
}

// rate measures one picture.
func (r *Rater) rate(ctx context.Context, m *data.Image) (rating *PictureRating, read, gave *data.Image, err error) {
	if min(m.Height, m.Width) < 3*r.factor {
		return nil, nil, nil, fmt.Errorf("%s: %dx%d pixels, want at least %d: a border of %d is left out",
			m.Name, m.Height, m.Width, 3*r.factor, r.factor)
	}
	read, border := m, 0
	if r.factor > 1 {
		read, border = m.Reduce(r.factor), r.factor
	}
	if gave, err = r.gives(ctx, read); err != nil {
		return nil, nil, nil, err
	}
	rating = &PictureRating{Name: PictureName(m.Name), Rows: gave.Height, Cols: gave.Width,
		PSNR: lumaPSNR(gave, m, border)}
	if r.factor > 1 {
		rating.Bicubic = lumaPSNR(read.Enlarge(r.factor), m, border)
	}
	return rating, read, gave, nil
}

// PictureName returns the name of a picture's file without its folder and extension.
func PictureName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// lumaPSNR returns 10 log10(255^2 / MSE) in dB, at most 100, of the luma of a to that of the
// upper left of b, which may be larger, without a border of so many pixels.
func lumaPSNR(a, b *data.Image, border int) float64 {
	a, b = a.Luma(), b.Luma()
	sum, count := 0, 0
	for y := border; y < a.Height-border; y++ {
		for x := border; x < a.Width-border; x++ {
			d := int(a.Pixels[y*a.Width+x]) - int(b.Pixels[y*b.Width+x])
			sum, count = sum+d*d, count+1
		}
	}
	mse := float64(sum) / float64(count) / (math.MaxUint8 * math.MaxUint8)
	return min(-10*math.Log10(mse), bestPSNR)
}
