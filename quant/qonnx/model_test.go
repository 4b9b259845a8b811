package qonnx

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// drawing draws models for tests. Its numbers are dyadic, so that float64 sums
// are exact.
type drawing struct {
	r *rand.Rand
	m *nn.Model
}

func (d *drawing) floats(n, most int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = dyadic(d.r, most)
	}
	return v
}

func (d *drawing) act(scale float32, signed bool) *nn.ActQuant {
	return &nn.ActQuant{Scale: scale, Bits: 4, Signed: signed}
}

// weighted gives l weights, and a bias and a batch norm or not.
func (d *drawing) weighted(l nn.Layer) nn.Layer {
	l.WeightBits, l.WeightScale = 3, []float32{0.25}
	if d.r.IntN(2) == 0 {
		l.WeightScale = make([]float32, l.Out)
		for c := range l.WeightScale {
			l.WeightScale[c] = float32(math.Exp2(float64(-d.r.IntN(3))))
		}
	}
	for i := range l.In * l.Out {
		l.Weights = append(l.Weights, float32(d.r.IntN(7)-3)*l.WeightScale[i/l.In%len(l.WeightScale)])
	}
	if d.r.IntN(2) == 0 {
		l.Bias = d.floats(l.Out, 16)
	}
	if d.r.IntN(2) == 0 {
		l.BatchNorm = d.norm(l.Out)
	}
	return l
}

func (d *drawing) norm(n int) *nn.BatchNorm {
	b := &nn.BatchNorm{Gamma: d.floats(n, 16), Beta: d.floats(n, 16), Mean: d.floats(n, 16)}
	for range n {
		b.Var = append(b.Var, []float32{0.25, 1, 4}[d.r.IntN(3)])
	}
	return b
}

func (d *drawing) add(l nn.Layer) int {
	l.Name = string(rune('a'+len(d.m.Layers))) + "_layer"
	d.m.Layers = append(d.m.Layers, l)
	return len(d.m.Layers) - 1
}

func three() quant.Window {
	return quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}
}

// graphModel has a layer of every kind: 3 x 6 x 8 in, a strided and a depthwise
// convolution, a residual, pools, a concat, an upsampling and a shuffle.
func graphModel(seed uint64) *nn.Model {
	d := &drawing{rand.New(rand.NewPCG(seed, 9)), &nn.Model{
		Name: "graph", InputShape: []int{3, 6, 8}, Input: &nn.ActQuant{Scale: 0.25, Bits: 4},
		Metadata: map[string]string{"author": "nobody"},
	}}
	relu := func(l nn.Layer, a *nn.ActQuant) nn.Layer { l.Relu, l.Act = true, a; return l }
	strided := three()
	strided.StrideH, strided.StrideW = 2, 2
	stem := d.add(relu(d.weighted(nn.Layer{Kind: quant.Conv, In: 27, Out: 4, Window: strided, AccBits: 14,
		Shifted: seed%2 == 1}), d.act(0.5, false)))
	d.add(relu(d.weighted(nn.Layer{Kind: quant.Conv, In: 9, Out: 4, Window: three(), Groups: 4}), d.act(0.5, false)))
	point := d.add(relu(d.weighted(nn.Layer{Kind: quant.Conv, In: 4, Out: 4, Window: quant.Window{H: 1, W: 1}}),
		d.act(0.25, false)))
	again := d.add(nn.Layer{Kind: quant.Requantize, From: []int{stem}, Act: d.act(0.25, true)})
	sum := d.add(nn.Layer{Kind: quant.Add, From: []int{point, again}, Relu: seed%3 > 0, Act: d.act(0.5, seed%3 == 0)})
	up := d.add(nn.Layer{Kind: quant.Upsample, From: []int{sum}, Factor: 2})
	top := d.add(nn.Layer{Kind: quant.MaxPool, From: []int{quant.Source}, Window: three()})
	both := d.add(nn.Layer{Kind: quant.Concat, From: []int{up, top}, Act: d.act(0.5, false)})
	wide := d.add(d.weighted(nn.Layer{Kind: quant.Conv, From: []int{both}, In: 28, Out: 8,
		Window: quant.Window{H: 2, W: 2, DilationW: 2, Right: 2, Bottom: 1}}))
	d.m.Layers[wide].Act = d.act(1, true)
	d.add(nn.Layer{Kind: quant.PixelShuffle, Factor: 2, DepthFirst: seed%2 == 0})
	d.add(nn.Layer{Kind: quant.AvgPool, Window: quant.Window{H: 2, W: 2, StrideH: 4, StrideW: 2},
		Act: d.act(0.5, false)})
	d.add(d.weighted(nn.Layer{Kind: quant.Linear, In: 48, Out: 5, Shifted: true, AccBits: 20}))
	return d.m
}

// forward evaluates a model from its fields, by its own loops, and returns the
// outputs of the last layer.
func forward(m *nn.Model, sample []float64) []float64 {
	s := nn.SampleShape(m.InputShape)
	x := make([]float64, len(sample))
	for i := range x {
		y, c := i/s.C, i%s.C
		x[i] = quantised1(m.Input, sample[c*s.Positions()+y])
	}
	outs, shapes := make([][]float64, len(m.Layers)), make([]quant.Shape, len(m.Layers))
	for i := range m.Layers {
		l := &m.Layers[i]
		var in [][]float64
		var of []quant.Shape
		for _, from := range quant.Operands(l.From, i) {
			if from < 0 {
				in, of = append(in, x), append(of, s)
			} else {
				in, of = append(in, outs[from]), append(of, shapes[from])
			}
		}
		shape, err := l.OutputShape(of...)
		if err != nil {
			panic(err)
		}
		shapes[i], outs[i] = shape, make([]float64, shape.Size())
		for e := range outs[i] {
			v := compute1(l, in, of, e/shape.C/shape.W, e/shape.C%shape.W, e%shape.C)
			outs[i][e] = tail(l, e%shape.C, v)
		}
	}
	return outs[len(outs)-1]
}

func quantised1(a *nn.ActQuant, v float64) float64 {
	if a == nil {
		return v
	}
	return float64(integerOf(a, v)) * float64(a.Scale)
}

// tail applies what follows the operation.
func tail(l *nn.Layer, c int, v float64) float64 {
	if l.Bias != nil {
		v += float64(l.Bias[c])
	}
	if b := l.BatchNorm; b != nil {
		v = (v-float64(b.Mean[c]))/math.Sqrt(float64(b.Var[c])+float64(b.Epsilon))*float64(b.Gamma[c]) +
			float64(b.Beta[c])
	}
	if l.Relu {
		v = max(v, 0)
	}
	return quantised1(l.Act, v)
}

// compute1 evaluates one element.
func compute1(l *nn.Layer, in [][]float64, of []quant.Shape, y, x, c int) float64 {
	s := of[0]
	at := func(y, x, c int) (float64, bool) {
		if y < 0 || x < 0 || y >= s.H || x >= s.W {
			return 0, false
		}
		return in[0][(y*s.W+x)*s.C+c], true
	}
	sum, most := 0.0, math.Inf(-1)
	switch l.Kind {
	case quant.Linear:
		for i, v := range in[0] {
			sum += v * float64(l.Weights[c*l.In+i])
		}
		return sum
	case quant.Add:
		for k := range in {
			sum += in[k][(y*s.W+x)*s.C+c]
		}
		return sum
	case quant.Concat:
		for k := range in {
			if c < of[k].C {
				return in[k][(y*s.W+x)*of[k].C+c]
			}
			c -= of[k].C
		}
	case quant.Requantize:
		sum, _ = at(y, x, c)
		return sum
	case quant.Upsample:
		sum, _ = at(y/l.Factor, x/l.Factor, c)
		return sum
	case quant.PixelShuffle:
		f := l.Factor
		from := c*f*f + y%f*f + x%f
		if l.DepthFirst {
			from = (y%f*f+x%f)*(s.C/f/f) + c
		}
		sum, _ = at(y/f, x/f, from)
		return sum
	}
	w, groups := l.Window, max(l.Groups, 1)
	for ky := range w.H {
		for kx := range w.W {
			iy, ix := y*max(w.StrideH, 1)-w.Top+ky*max(w.DilationH, 1), x*max(w.StrideW, 1)-w.Left+kx*max(w.DilationW,
				1)
			if l.Kind != quant.Conv {
				if v, ok := at(iy, ix, c); ok {
					sum, most = sum+v, max(most, v)
				}
				continue
			}
			width := s.C / groups
			first := c / (l.Out / groups) * width
			for k := range width {
				v, _ := at(iy, ix, first+k)
				sum += v * float64(l.Weights[c*l.In+(ky*w.W+kx)*width+k])
			}
		}
	}
	switch l.Kind {
	case quant.MaxPool:
		return most
	case quant.AvgPool:
		return sum / float64(w.Taps())
	}
	return sum
}

// A model written and read back gives the outputs of its quantised forward pass.
func TestGraphRoundTrip(t *testing.T) {
	for seed := range uint64(12) {
		m := graphModel(seed)
		data, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Decode("graph", data)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Certify(); err != nil {
			t.Error(err)
		}
		if len(n.Layers) != len(m.Layers) {
			t.Fatalf("%d layers, want %d", len(n.Layers), len(m.Layers))
		}
		for i := range m.Layers {
			if l := &n.Layers[i]; l.AccBits != m.Layers[i].AccBits || (l.Start != nil) != m.Layers[i].Shifted {
				t.Errorf("layer %q: P=%d, start %v", l.Name, l.AccBits, l.Start)
			}
		}
		compareForward(t, m, n, rand.New(rand.NewPCG(seed, 3)))
	}
}

func compareForward(t *testing.T, m *nn.Model, n *quant.Network, r *rand.Rand) {
	t.Helper()
	g, err := m.Graph()
	if err != nil {
		t.Fatal(err)
	}
	e, tr := quant.NewExecutor(n), quant.Trace{}
	x := make([]int32, n.InputSize())
	for range 5 {
		sample, exact := make([]float32, len(x)), make([]float64, len(x))
		for i := range sample {
			exact[i] = float64(r.IntN(17)) / 4
			sample[i] = float32(exact[i])
		}
		n.Input.Apply(sample, x)
		e.Run(x, &tr)
		want := forward(m, exact)
		got := make([]float64, len(want))
		e.Real(&tr, 0, got)
		float, err := g.Outputs(t.Context(), sample)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			// Package nn keeps real outputs in float32.
			if want[i] != got[i] || float64(float32(want[i])) != float[i] {
				t.Fatalf("output %d is %v, %v as evaluated by nn, want %v", i, got[i], float[i], want[i])
			}
		}
	}
}
