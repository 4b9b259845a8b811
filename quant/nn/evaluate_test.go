package nn

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"

	"github.com/a2qgen/a2qgen/quant"
)

func transpose(yes bool) blas.Transpose {
	if yes {
		return blas.Trans
	}
	return blas.NoTrans
}

func mustGraph(t *testing.T, m *Model) *Graph {
	t.Helper()
	g, err := m.Graph()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// pair is a network described twice: with real weights that are integers, and with the
// integers.
type pair struct {
	r *rand.Rand
	m Model
	n quant.Network
}

// add appends a layer to both, and returns its index.
func (p *pair) add(t *testing.T, q quant.Layer) int {
	q.Name = string(rune('a' + len(p.m.Layers)))
	l := Layer{Name: q.Name, Kind: q.Kind, From: q.From, Out: q.Out, Window: q.Window, Groups: q.Groups,
		Factor: q.Factor, DepthFirst: q.DepthFirst}
	// The type and shape of what it reads are those of the network so far.
	if q.Kind.Weighted() {
		in, typ := p.n.Input.Shape, p.n.Input.Type
		if k := len(p.n.Layers); k > 0 {
			n, err := quant.NewNetwork(p.n)
			if err != nil {
				t.Fatal(err)
			}
			from := k - 1
			if q.From != nil {
				from = q.From[0]
			}
			in, typ = n.Layers[from].Shape, n.Layers[from].Output()
		}
		q.Input, q.In, q.WeightBits = typ, q.Terms(in), 2
		l.In = q.In
		for range q.In * q.Out {
			w := p.r.IntN(3) - 1
			q.Weights, l.Weights = append(q.Weights, int32(w)), append(l.Weights, float32(w))
		}
	}
	p.m.Layers, p.n.Layers = append(p.m.Layers, l), append(p.n.Layers, q)
	return len(p.m.Layers) - 1
}

// newPair returns networks with every kind of layer and every form: 3 x 6 x 8 in. None
// rounds, and no sum is wider than the 24 bits of float32.
func newPair(t *testing.T, seed uint64) *pair {
	p := &pair{r: rand.New(rand.NewPCG(seed, 41)), m: Model{Name: "m", InputShape: []int{3, 6, 8}}}
	in := quant.Shape{H: 6, W: 8, C: 3}
	p.n.Input = quant.InputQuantizer{Type: quant.DataType{Bits: 2}, Shape: in,
		Quantize: func(_ int, v float64) int32 { return int32(v) }}
	for i := range in.Size() { // samples are channels first
		p.n.Input.Order = append(p.n.Input.Order, int32(i%in.C*in.Positions()+i/in.C))
	}
	three := quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}
	strided := three
	strided.StrideH, strided.StrideW = 2, 2
	stem := p.add(t, quant.Layer{Kind: quant.Conv, Out: 4, Window: strided})
	p.add(t, quant.Layer{Kind: quant.Conv, Out: 4, Window: three, Groups: 4})
	point := p.add(t, quant.Layer{Kind: quant.Conv, Out: 4, Window: quant.Window{H: 1, W: 1}})
	again := p.add(t, quant.Layer{Kind: quant.Requantize, From: []int{stem}})
	sum := p.add(t, quant.Layer{Kind: quant.Add, From: []int{point, again}})
	up := p.add(t, quant.Layer{Kind: quant.Upsample, From: []int{sum}, Factor: 2})
	top := p.add(t, quant.Layer{Kind: quant.MaxPool, From: []int{up}, Window: three})
	both := p.add(t, quant.Layer{Kind: quant.Concat, From: []int{top, up}})
	p.add(t, quant.Layer{Kind: quant.Conv, From: []int{both}, Out: 8, Groups: 2,
		Window: quant.Window{H: 2, W: 2, DilationW: 2, Right: 2, Bottom: 1}})
	p.add(t, quant.Layer{Kind: quant.PixelShuffle, Factor: 2, DepthFirst: seed%2 == 0})
	p.add(t, quant.Layer{Kind: quant.AvgPool, Window: quant.Window{H: 2, W: 2, StrideH: 4, StrideW: 2}})
	return p
}

// taps is what the mean at the end of newPair divides by.
const taps = 4

// TestOutputsExact: networks of integers that round nothing give what the integer
// executor gives, number for number, for samples evaluated together.
func TestOutputsExact(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		p := newPair(t, seed)
		n, err := quant.NewNetwork(p.n)
		if err != nil {
			t.Fatal(err)
		}
		const samples = 70 // more than are taken at a time
		x := make([]float32, samples*n.InputSize())
		for i := range x {
			x[i] = float32(p.r.IntN(4))
		}
		got, err := mustGraph(t, &p.m).Outputs(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		e, codes, tr := quant.NewExecutor(n), make([]int32, n.InputSize()), quant.Trace{}
		for k := range samples {
			n.Input.Apply(x[k*n.InputSize():(k+1)*n.InputSize()], codes)
			e.Run(codes, &tr)
			for i, want := range tr.Scores[0] {
				if y := got[k*n.OutputLayer(0).Shape.Size()+i]; y*taps != float64(want) {
					t.Fatalf("seed %d, sample %d: output %d is %v, want %d/%d", seed, k, i, y, want, taps)
				}
			}
		}
	}
}

// TestRunRest: bias, batch norm, ReLU, quantiser and means, computed by hand for a
// layer of two channels.
func TestRunRest(t *testing.T) {
	m := &Model{Name: "m", InputShape: []int{1}, Input: &ActQuant{Scale: 0.5, Bits: 4, Signed: true}, Layers: []Layer{{
		Name: "a", In: 1, Out: 2, WeightBits: 3, WeightScale: []float32{0.25, 2}, Weights: []float32{0.5, -6},
		Bias: []float32{1, 3}, Relu: true, Act: &ActQuant{Scale: 0.5, Bits: 4, Signed: true},
		BatchNorm: &BatchNorm{Gamma: []float32{3, 1}, Beta: []float32{-1, 0}, Mean: []float32{1, 0},
			Var: []float32{1.25, 3}, Epsilon: 1},
	}}}
	g := mustGraph(t, m)
	x, err := g.Source([]float32{2, -1.6})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{4, -3}; !slices.Equal(x.V, want) || x.Scale != 0.5 {
		t.Fatalf("samples became %v of scale %v, want %v", x.V, x.Scale, want)
	}
	means := make([]float64, 2)
	out := g.Run(0, []*Tensor{x}, means)
	// Channel 0: (0.5 x + 1 - 1) 2 - 1 is 1 for x = 2 and -2.5 for -1.5; channel 1:
	// (-6 x + 3)/2 is -4.5 and 6, which 4 bits of 0.5 clip to 7. ReLU makes
	// negative ones 0.
	int4 := quant.DataType{Bits: 4, Signed: true}
	if want := []float32{2, 0, 0, 7}; !slices.Equal(out.V, want) || out.Scale != 0.5 || out.Type != int4 {
		t.Errorf("outputs %v of scale %v and type %v, want %v", out.V, out.Scale, out.Type, want)
	}
	if want := []float64{-0.75, 0.75}; math.Abs(means[0]-want[0]) > 1e-6 || math.Abs(means[1]-want[1]) > 1e-6 {
		t.Errorf("means %v, want %v", means, want)
	}
}

// TestRunPasses: layers without quantiser give integers on as they are, those of
// different scales as real numbers.
func TestRunPasses(t *testing.T) {
	m := &Model{Name: "m", InputShape: []int{2}, Layers: []Layer{
		{Name: "a", Kind: quant.Requantize, Act: &ActQuant{Scale: 0.5, Bits: 3}},
		{Name: "b", Kind: quant.Requantize, From: []int{quant.Source},
			Act: &ActQuant{Scale: 0.5, Bits: 3, Signed: true}},
		{Name: "c", Kind: quant.Requantize, From: []int{quant.Source}, Act: &ActQuant{Scale: 2, Bits: 3, Signed: true}},
		{Name: "same", Kind: quant.Concat, From: []int{1, 0}},
		{Name: "mixed", Kind: quant.Concat, From: []int{0, 2}},
		{Name: "sum", Kind: quant.Add, From: []int{0, 2}},
		{Name: "end", Kind: quant.Concat, From: []int{3, 4, 5}},
	}}
	got := map[string]*Tensor{}
	g := mustGraph(t, m)
	x, err := g.Source([]float32{1, -4})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Walk(context.Background(), x, func(i int, in []*Tensor) (*Tensor, error) {
		out := g.Run(i, in, nil)
		got[g.Layers[i].Name] = out
		return out, nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Tensor{
		"same":  {V: []float32{2, -4, 2, 0}, Scale: 0.5, Type: quant.DataType{Bits: 4, Signed: true}},
		"mixed": {V: []float32{1, 0, 0, -4}, Scale: 1},
		"sum":   {V: []float32{1, -4}, Scale: 1},
	} {
		if o := got[name]; !slices.Equal(o.V, want.V) || o.Scale != want.Scale || o.Type != want.Type {
			t.Errorf("%s gives %v of scale %v, %v; want %v", name, o.V, o.Scale, o.Type, want)
		}
	}
}

// TestSameOnAnyCores: neither outputs nor means depend on the number of cores.
func TestSameOnAnyCores(t *testing.T) {
	p := newPair(t, 1)
	g := mustGraph(t, &p.m)
	x := make([]float32, 90*144)
	for i := range x {
		x[i] = p.r.Float32()
	}
	run := func(cores int) (out []float32, means []float64) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		source, err := g.Source(x)
		if err != nil {
			t.Fatal(err)
		}
		means = make([]float64, 4)
		return g.Run(0, []*Tensor{source}, means).V, means
	}
	one, m1 := run(1)
	if four, m4 := run(4); !slices.Equal(one, four) || !slices.Equal(m1, m4) {
		t.Error("other numbers on four cores than on one")
	}
}

// TestWalkStops: a walk ends between layers when its context does.
func TestWalkStops(t *testing.T) {
	g := mustGraph(t, &newPair(t, 1).m)
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err := g.Walk(ctx, &Tensor{}, func(int, []*Tensor) (*Tensor, error) {
		if n++; n == 2 {
			cancel()
		}
		return &Tensor{}, nil
	})
	if n != 2 || err == nil {
		t.Errorf("%d layers, error %v", n, err)
	}
}

// BenchmarkOutputs evaluates the reference CNN and a network of depthwise layers, 64
// samples at a time.
func BenchmarkOutputs(b *testing.B) {
	r := rand.New(rand.NewPCG(41, 3))
	conv := func(name string, in, out, groups, k, stride int) Layer {
		size := k * k * in / groups
		return Layer{Name: name, Kind: quant.Conv, In: size, Out: out, Groups: groups, Relu: true,
			Window: quant.Window{H: k, W: k, StrideH: stride, StrideW: stride,
				Top: k / 2, Left: k / 2, Bottom: k / 2, Right: k / 2},
			Weights: small[float32](r, size*out)}
	}
	for name, layers := range map[string][]Layer{
		"CNN": {conv("a", 1, 32, 1, 3, 1), conv("b", 32, 32, 1, 3, 2), conv("c", 32, 64, 1, 3, 1),
			conv("d", 64, 64, 1, 3, 2)},
		"depthwise": {conv("a", 1, 32, 1, 3, 1), conv("b", 32, 32, 32, 3, 1), conv("c", 32, 64, 1, 1, 1),
			conv("d", 64, 64, 64, 3, 2)},
	} {
		b.Run(name, func(b *testing.B) {
			g, err := (&Model{Name: name, InputShape: []int{1, 28, 28}, Layers: layers}).Graph()
			if err != nil {
				b.Fatal(err)
			}
			x := small[float32](r, 64*784)
			for b.Loop() {
				if _, err := g.Outputs(context.Background(), x); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*64/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
