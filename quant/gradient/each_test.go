package gradient

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// model is a network with a layer of every kind, and of every form of those with weights, whose weights
// are multiples of 1/64: so are those a step of the differences away.
func model(rng *rand.Rand) *nn.Model {
	win := func(k, stride, pad int) quant.Window {
		return quant.Window{H: k, W: k, StrideH: stride, StrideW: stride, Top: pad, Left: pad, Bottom: pad, Right: pad}
	}
	drawn := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.IntN(65)-32) / 64
		}
		return v
	}
	conv := func(name string, from, in, out, groups int, w quant.Window) nn.Layer {
		l := nn.Layer{Name: name, Kind: quant.Conv, From: []int{from}, In: w.H * w.W * in / groups, Out: out,
			Groups: groups, Window: w, Bias: drawn(out)}
		l.Weights = drawn(l.In * out)
		return l
	}
	norm := func(n int) *nn.BatchNorm {
		b := &nn.BatchNorm{Gamma: drawn(n), Beta: drawn(n), Mean: drawn(n), Var: drawn(n), Epsilon: 1e-3}
		for i := range b.Var {
			b.Var[i] = 1 + b.Var[i]
		}
		return b
	}
	up := quant.Window{H: 2, W: 2, StrideH: 2, StrideW: 2}
	deconv := nn.Layer{Name: "deconv", Kind: quant.ConvTranspose, In: 4, Out: 2, Window: up}
	deconv.Weights = drawn(deconv.In * deconv.Rows())
	m := &nn.Model{Name: "every", InputShape: []int{2, 6, 6}, Layers: []nn.Layer{
		conv("conv", quant.Source, 2, 4, 1, win(3, 1, 1)),                           // 0: 6x6x4
		{Name: "pool", Kind: quant.MaxPool, Window: win(2, 2, 0)},                   // 1: 3x3x4
		conv("depthwise", 1, 4, 4, 4, win(3, 1, 1)),                                 // 2
		conv("grouped", 1, 4, 4, 2, win(3, 1, 1)),                                   // 3
		{Name: "sum", Kind: quant.Add, From: []int{2, 3, 1}, Relu: true},            // 4
		{Name: "again", Kind: quant.Requantize, BatchNorm: norm(4), Relu: true},     // 5
		{Name: "both", Kind: quant.Concat, From: []int{4, 5}},                       // 6: 3x3x8
		{Name: "shuffle", Kind: quant.PixelShuffle, Factor: 2},                      // 7: 6x6x2
		{Name: "mean", Kind: quant.AvgPool, Window: win(2, 2, 0)},                   // 8: 3x3x2
		{Name: "up", Kind: quant.Upsample, Factor: 2},                               // 9: 6x6x2
		conv("point", 9, 2, 4, 1, quant.Window{H: 1, W: 1, StrideH: 1, StrideW: 1}), // 10: 6x6x4
		deconv, // 11: 12x12x2
		{Name: "small", Kind: quant.AvgPool, Window: win(4, 4, 0)},                              // 12: 3x3x2
		{Name: "label", Kind: quant.Linear, In: 18, Out: 3, Weights: drawn(54), Bias: drawn(3)}, // 13
	}}
	m.Layers[0].BatchNorm, m.Layers[0].Relu = norm(4), true
	return m
}

// walk returns what the layers of g give for drawn samples.
func walk(t *testing.T, g *nn.Graph, rng *rand.Rand, samples int) *nn.Live {
	t.Helper()
	x := make([]float32, samples*g.Sample.Size())
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	source, err := g.Source(x)
	if err != nil {
		t.Fatal(err)
	}
	return liveOf(t, g, source, 0)
}

// liveOf walks to layer i.
func liveOf(t *testing.T, g *nn.Graph, source *nn.Tensor, i int) (at *nn.Live) {
	t.Helper()
	stop := errors.New("there")
	err := g.WalkLive(context.Background(), source, func(k int, live *nn.Live) (*nn.Tensor, error) {
		if k == i {
			at = live
			return nil, stop
		}
		return g.Run(k, live.Operands(k), nil), nil
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	return at
}

// gradients returns the losses' mean, and the gradient of each sample's loss to the weights of each layer.
func gradients(t *testing.T, g *nn.Graph, first int, through bool, live *nn.Live, loss Loss) (float64, [][][]float64) {
	t.Helper()
	samples := live.Of(g.Layers[first].From[0]).Samples()
	all := make([][][]float64, samples)
	var mu sync.Mutex
	pass := Pass{Graph: g, First: first, Live: live, Loss: loss, Through: through}
	mean, err := Each(t.Context(), pass, func() Worker[float64] {
		return Worker[float64]{Do: func(s Span[float64]) {
			mu.Lock()
			defer mu.Unlock()
			for k := range s.Samples() {
				all[s.Low+k] = make([][]float64, len(g.Layers))
				for i := first; i < len(g.Layers); i++ {
					if l := &g.Layers[i]; l.Kind.Weighted() && (through || i == first) {
						all[s.Low+k][i] = make([]float64, len(l.Weights))
						s.Weights(i, k, all[s.Low+k][i])
					}
				}
			}
		}}
	})
	if err != nil {
		t.Fatal(err)
	}
	return mean, all
}

// TestDifferences compares each sample's gradient to each weight with central differences of its loss.
func TestDifferences(t *testing.T) {
	const step = 1. / (1 << 12)
	for _, loss := range []Loss{CrossEntropy{0, 2, 1, 1}, Probes{7}} {
		rng := rand.New(rand.NewPCG(5, 5))
		m := model(rng)
		g, err := m.Graph()
		if err != nil {
			t.Fatal(err)
		}
		live := walk(t, g, rng, 4)
		// one is the loss of sample k alone, by its labels or direction.
		one := func(k int) float64 {
			var of float64
			_, err := Each(t.Context(), Pass{Graph: g, Live: live, Loss: only{loss, k, &of}}, func() Worker[float64] {
				return Worker[float64]{Do: func(Span[float64]) {}}
			})
			if err != nil {
				t.Fatal(err)
			}
			return of
		}
		_, all := gradients(t, g, 0, true, live, loss)
		for i := range g.Layers {
			w := g.Layers[i].Weights
			for at := 0; at < len(w); at += 1 + len(w)/7 {
				k := rng.IntN(4)
				was := w[at]
				w[at] = was + step
				up := one(k)
				w[at] = was - step
				slope := (up - one(k)) / (2 * step)
				w[at] = was
				if got := all[k][i][at]; math.Abs(got-slope) > 1e-5*(1+math.Abs(slope)) {
					t.Errorf("%T: layer %s, weight %d, sample %d: %v, want %v", loss, g.Layers[i].Name, at, k, got, slope)
				}
			}
		}
	}
}

// only keeps the loss of one sample.
type only struct {
	Loss
	sample int
	loss   *float64
}

func (o only) Gradient(sample int, out quant.Shape, y, g []float64) float64 {
	l := o.Loss.Gradient(sample, out, y, g)
	if sample == o.sample {
		*o.loss = l
	}
	return l
}

// TestAhead: gradients to a layer in the middle, of a walk that has come as far, are those that come back
// through the whole network; of a layer beside a branch too.
func TestAhead(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 5))
	g, err := model(rng).Graph()
	if err != nil {
		t.Fatal(err)
	}
	loss := CrossEntropy{0, 2, 1, 1, 0}
	live := walk(t, g, rng, 5)
	mean, want := gradients(t, g, 0, true, live, loss)
	for i := range g.Layers {
		if !g.Layers[i].Kind.Weighted() {
			continue
		}
		at := liveOf(t, g, live.Of(quant.Source), i)
		had, got := gradients(t, g, i, false, at, loss)
		if math.Abs(had-mean) > 1e-6 {
			t.Errorf("from layer %s on the loss is %v, want %v", g.Layers[i].Name, had, mean)
		}
		for k := range got {
			for j, v := range got[k][i] {
				// Values of earlier layers are float32 on the walk.
				if d := math.Abs(v - want[k][i][j]); d > 1e-5 {
					t.Fatalf("layer %s, sample %d, weight %d: %v, want %v", g.Layers[i].Name, k, j, v, want[k][i][j])
				}
			}
		}
	}
}

// TestStraightThrough: a quantiser passes the gradient of what it does not clip. Of y = 2 q(3x) with x =
// 0.25, 1 and -1 and q of 0..3 in steps of 0.5, 3x is 0.75 (passed), 3 (clipped to 1.5) and -3 (clipped).
func TestStraightThrough(t *testing.T) {
	m := &nn.Model{Name: "q", InputShape: []int{1}, Input: &nn.ActQuant{Scale: 0.25, Bits: 8, Signed: true},
		Layers: []nn.Layer{
			{Name: "a", In: 1, Out: 1, Weights: []float32{3}, WeightBits: 4, WeightScale: []float32{1},
				Act: &nn.ActQuant{Scale: 0.5, Bits: 2}},
			{Name: "b", In: 1, Out: 1, Weights: []float32{2}, WeightBits: 4, WeightScale: []float32{1}}}}
	g, err := m.Graph()
	if err != nil {
		t.Fatal(err)
	}
	source, err := g.Source([]float32{0.25, 1, -1})
	if err != nil {
		t.Fatal(err)
	}
	live := liveOf(t, g, source, 0)
	// The direction of a sample is g of the loss; dy/da = 2x where q passes, dy/db = q(3x).
	_, got := gradients(t, g, 0, true, live, ones{})
	for k, want := range [][2]float64{{2 * 0.25, 1}, {0, 1.5}, {0, 0}} {
		if got[k][0][0] != want[0] || got[k][1][0] != want[1] {
			t.Errorf("sample %d: %v, want %v", k, got[k], want)
		}
	}
}

// ones is the sum of the outputs.
type ones struct{}

func (ones) Check(int, quant.Shape) error { return nil }
func (ones) Gradient(_ int, _ quant.Shape, y, g []float64) (sum float64) {
	for i, v := range y {
		g[i] = 1
		sum += v
	}
	return sum
}

// TestLabels: what is no label of the outputs is refused.
func TestLabels(t *testing.T) {
	for _, c := range []struct {
		labels CrossEntropy
		out    quant.Shape
		ok     bool
	}{
		{CrossEntropy{0, 2}, quant.Vector(3), true},
		{CrossEntropy{0, 3}, quant.Vector(3), false},
		{CrossEntropy{0}, quant.Vector(3), false},
		{CrossEntropy{0, -1}, quant.Vector(3), false},
		{CrossEntropy{0, 1}, quant.Vector(1), true}, // one score tells two classes apart
		{CrossEntropy{0, 2}, quant.Vector(1), false},
		{CrossEntropy{0, 1, 1, 0}, quant.Shape{H: 1, W: 2, C: 2}, true}, // a label for each position
	} {
		if err := c.labels.Check(2, c.out); (err == nil) != c.ok {
			t.Errorf("%v for %v: %v", c.labels, c.out, err)
		}
	}
}

// TestLogistic: a single logit is two of which the other is 0; a large one does not overflow.
func TestLogistic(t *testing.T) {
	for _, y := range []float64{-3, 0, 0.5, 800, -800} {
		for label := range 2 {
			var one [1]float64
			var two [2]float64
			a, b := logistic([]float64{y}, one[:], label), logistic([]float64{0, y}, two[:], label)
			if math.Abs(a-b) > 1e-12*(1+b) || math.Abs(one[0]-two[1]) > 1e-12 || math.IsInf(a, 0) {
				t.Errorf("logit %v, label %d: loss %v and slope %v, want %v and %v", y, label, a, one[0], b, two[1])
			}
		}
	}
}
