package data

import (
	"fmt"
	"image"
	"math"

	"golang.org/x/image/draw"
)

// Super says how SuperResolution cuts samples.
type Super struct {
	// Factor is how many times larger targets are than samples, per side, 2..8.
	Factor int
	// Patch is the side of a sample in pixels of the small image; a target's is
	// Factor x Patch.
	Patch int
	// Stride is the step from one training patch to the next, in pixels of the
	// small image; 0 stands for Patch. Test patches never overlap.
	Stride int
}

// SuperResolution cuts training and test samples out of images. Each image is
// cropped to a multiple of the factor and reduced by it with the Catmull-Rom
// kernel (bicubic, a = -1/2) stretched by the factor, the kernel that benchmarks
// reduce with. Samples are patches of the small image, [Patch Patch] or
// [3 Patch Patch]; Targets are the patches of the large image at the same place,
// [Factor*Patch Factor*Patch] or with 3 channels. Every sixth of the images that are large enough for a
// patch, or the last one of fewer, is in the test part with all its patches.
//
// It returns an error when a field of o is out of range, when fewer than two images
// are large enough or when a part takes more than MaxBytes.
func SuperResolution(images *Images, o Super) (train, test *Set, err error) {
	if o.Stride == 0 {
		o.Stride = o.Patch
	}
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	large := images.atLeast(o.Factor * o.Patch)
	if len(large) < 2 {
		return nil, nil, fmt.Errorf("data: %s: %d images of at least %d x %[3]d pixels, want 2",
			images.Name, len(large), o.Factor*o.Patch)
	}
	var parts [2][]*Image // test, training
	for i, m := range large {
		// Whole images are split, not patches: patches of one image look alike, and
		// the test would be too easy.
		k := 1
		if isTest(i) || len(large) < splitEvery && i == len(large)-1 {
			k = 0
		}
		parts[k] = append(parts[k], m)
	}
	if train, err = o.cut(images.Name, parts[1]); err != nil {
		return nil, nil, err
	}
	o.Stride = o.Patch
	if test, err = o.cut(images.Name, parts[0]); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// check returns an error unless every field is in its range.
func (o Super) check() error {
	for _, f := range []struct {
		name             string
		value, low, high int
	}{{"factor", o.Factor, 2, 8}, {"patch", o.Patch, 1, 1024}, {"stride", o.Stride, 1, 1024}} {
		if f.value < f.low || f.value > f.high {
			return fmt.Errorf("data: super-resolution: %s is %d, want %d..%d", f.name, f.value, f.low, f.high)
		}
	}
	return nil
}

// atLeast returns the images of which neither side is below side.
func (s *Images) atLeast(side int) []*Image {
	var large []*Image
	for _, m := range s.List {
		if min(m.Height, m.Width) >= side {
			large = append(large, m)
		}
	}
	return large
}

// cut makes a set of the patches of images.
func (o Super) cut(name string, images []*Image) (*Set, error) {
	patches, channels := 0, images[0].Channels
	for _, m := range images {
		patches += o.steps(m.Height) * o.steps(m.Width)
	}
	side := o.Factor * o.Patch
	// The targets are Factor^2 times the samples: they alone are counted.
	if patches > MaxBytes/(channels*side*side) {
		return nil, fmt.Errorf("data: %s: %d patches of %d x %[3]d pixels take more than the limit of %d bytes",
			name, patches, side, MaxBytes)
	}
	what := fmt.Sprintf("%s, %d patches of %d images", name, patches, len(images))
	s := &Set{
		Name:  what + fmt.Sprintf(" reduced %d times", o.Factor),
		Shape: imageShape(channels, o.Patch, o.Patch), Scale: ByteScale,
		Layout: NCHW, Bytes: make([]uint8, 0, patches*channels*o.Patch*o.Patch),
		Targets: &Set{
			Name: what, Shape: imageShape(channels, side, side), Scale: ByteScale,
			Layout: NCHW, Bytes: make([]uint8, 0, patches*channels*side*side),
		},
	}
	for _, m := range images {
		// A patch at (y, x) of the small image shows what the patch at Factor*(y,
		// x) of the large one does: images are cropped at the far sides only, so
		// their origins agree.
		small := m.reduce(o.Factor)
		for y := 0; y+o.Patch <= small.Height; y += o.Stride {
			for x := 0; x+o.Patch <= small.Width; x += o.Stride {
				s.Bytes = small.patch(s.Bytes, y, x, o.Patch)
				s.Targets.Bytes = m.patch(s.Targets.Bytes, y*o.Factor, x*o.Factor, side)
			}
		}
	}
	return s, nil
}

// steps returns how many patches lie along a side of so many pixels. atLeast has
// made sure that one fits; a rest below Stride is left out.
func (o Super) steps(side int) int { return (side/o.Factor-o.Patch)/o.Stride + 1 }

// patch appends the square of the given side at (y, x) to dst.
func (m *Image) patch(dst []uint8, y, x, side int) []uint8 {
	for c := range m.Channels {
		for r := y; r < y+side; r++ {
			at := (c*m.Height+r)*m.Width + x
			dst = append(dst, m.Pixels[at:at+side]...)
		}
	}
	return dst
}

// reduce returns m without the pixels beyond the last multiple of factor, factor
// times smaller. The crop makes the factor exact in both directions: without it the
// grids would drift apart by up to a pixel of the large image.
func (m *Image) reduce(factor int) *Image {
	return m.resize(m.Height/factor, m.Width/factor, m.Height/factor*factor, m.Width/factor*factor)
}

// resize returns the upper left fromH x fromW pixels of m as h x w pixels, bicubic,
// one channel at a time. draw.CatmullRom stretches its kernel when it makes
// smaller, which filters out what the small image cannot hold.
func (m *Image) resize(h, w, fromH, fromW int) *Image {
	out := &Image{Name: m.Name, Channels: m.Channels, Height: h, Width: w, Pixels: make([]uint8, m.Channels*h*w)}
	for c := range m.Channels {
		src := plane(m.Pixels[c*m.Height*m.Width:], m.Height, m.Width)
		dst := plane(out.Pixels[c*h*w:], h, w)
		draw.CatmullRom.Scale(dst, dst.Rect, src, image.Rect(0, 0, fromW, fromH), draw.Src, nil)
	}
	return out
}

// plane returns one channel as a grey image, which shares its memory.
func plane(pixels []uint8, h, w int) *image.Gray {
	return &image.Gray{Pix: pixels[:h*w], Stride: w, Rect: image.Rect(0, 0, w, h)}
}

// Autoencoder returns a set whose targets are its samples. It shares their
// memory and has no labels.
func Autoencoder(s *Set) *Set {
	t := *s
	t.Labels, t.Classes = nil, 0
	// Targets have no targets of their own: hence a copy, not t itself, which would
	// be a cycle.
	t.Targets = nil
	target := t
	t.Targets = &target
	return &t
}

// Bicubic returns what enlarging the samples of a super-resolution set with the
// Catmull-Rom kernel gives, to compare a network with: the mean over samples of
// PSNR = -10 log10(MSE) in dB, of values in 0..1, at most 100 for each. It panics
// unless s is a set of SuperResolution.
func Bicubic(s *Set) float64 {
	sum, t := 0.0, s.Targets
	h, w := t.Shape[len(t.Shape)-2], t.Shape[len(t.Shape)-1]
	for i := range s.Len() {
		small := imageOf(s, i)
		m := small.resize(h, w, small.Height, small.Width)
		sum += psnr(m.Pixels, t.Bytes[i*t.Size():(i+1)*t.Size()])
	}
	return sum / float64(s.Len())
}

// imageOf returns sample i as an image. It shares s's memory. Only Bytes are looked
// at: SuperResolution makes no other sets.
func imageOf(s *Set, i int) *Image {
	n, axes := s.Size(), len(s.Shape)
	h, w := s.Shape[axes-2], s.Shape[axes-1]
	return &Image{Channels: n / (h * w), Height: h, Width: w, Pixels: s.Bytes[i*n : (i+1)*n]}
}

// psnr compares bytes, see Bicubic. The sum is of integers, hence exact. Equal
// images have an infinite PSNR, which would swallow every mean: 100 dB stands for
// it.
func psnr(a, b []uint8) float64 {
	sum := 0
	for i, v := range a {
		d := int(v) - int(b[i])
		sum += d * d
	}
	mse := float64(sum) / float64(len(a)) * ByteScale * ByteScale
	return min(-10*math.Log10(mse), 100)
}
