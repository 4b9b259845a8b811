package quant_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// slow evaluates a network of any kinds by the definitions, element by element,
// and returns each layer's accumulators and outputs.
func slow(n *quant.Network, x []int32) (accs [][]int64, outs [][]int32) {
	for i := range n.Layers {
		l := &n.Layers[i]
		var in [][]int32
		var of []quant.Shape
		for _, from := range l.From {
			if from == quant.Source {
				in, of = append(in, x), append(of, n.Input.Shape)
			} else {
				in, of = append(in, outs[from]), append(of, n.Layers[from].Shape)
			}
		}
		var acc []int64
		var out []int32
		for y := range l.Shape.H {
			for x := range l.Shape.W {
				for c := range l.Shape.C {
					v := element(l, in, of, y, x, c)
					if l.Start != nil {
						v += l.Start[c]
					}
					acc = append(acc, v)
					if l.Thresholds != nil {
						v = staircase(l.Thresholds, c, v)
					}
					out = append(out, int32(v))
				}
			}
		}
		accs, outs = append(accs, acc), append(outs, out)
	}
	return accs, outs
}

// element evaluates one accumulator.
func element(l *quant.Layer, in [][]int32, of []quant.Shape, y, x, c int) int64 {
	at := func(k, y, x, c int) int64 { return int64(in[k][(y*of[k].W+x)*of[k].C+c]) }
	f := l.Factor
	sum := int64(0)
	switch l.Kind {
	case quant.Linear:
		for i, v := range in[0] {
			sum += int64(v) * int64(l.Weights[c*l.In+i])
		}
		return sum
	case quant.Requantize:
		return at(0, y, x, c)
	case quant.Add:
		for k := range in {
			v := at(k, y, x, c)
			if l.Factors != nil {
				v *= l.Factors[k]
			}
			sum += v
		}
		return sum
	case quant.Concat:
		k := 0
		for ; c >= of[k].C; k++ {
			c -= of[k].C
		}
		return at(k, y, x, c)
	case quant.Upsample:
		return at(0, y/f, x/f, c)
	case quant.PixelShuffle:
		if l.DepthFirst {
			return at(0, y/f, x/f, (y%f*f+x%f)*l.Out+c)
		}
		return at(0, y/f, x/f, (c*f+y%f)*f+x%f)
	}
	return underWindow(l, of[0], y, x, c, func(y, x, c int) int64 { return at(0, y, x, c) })
}

// underWindow evaluates one window.
func underWindow(l *quant.Layer, s quant.Shape, y, x, c int, at func(y, x, c int) int64) int64 {
	w := l.Window
	sum, most := int64(0), int64(-1<<62)
	for ky := range w.H {
		for kx := range w.W {
			iy := y*w.StrideH + ky*w.DilationH - w.Top
			ix := x*w.StrideW + kx*w.DilationW - w.Left
			if iy < 0 || ix < 0 || iy >= s.H || ix >= s.W {
				continue
			}
			if l.Kind != quant.Conv {
				sum += at(iy, ix, c)
				most = max(most, at(iy, ix, c))
				continue
			}
			width := s.C / l.Groups
			first := c * l.Groups / l.Out * width
			for k := range width {
				sum += at(iy, ix, first+k) * int64(l.Weights[c*l.In+(ky*w.W+kx)*width+k])
			}
		}
	}
	if l.Kind == quant.MaxPool {
		return most
	}
	return sum
}

func TestExecutorGraphs(t *testing.T) {
	networks := 600
	if testing.Short() {
		networks = 200
	}
	rng := rand.New(rand.NewPCG(21, 1))
	seen := map[quant.Kind]int{}
	for i := range networks {
		n := quanttest.RandomGraph(rng)
		e := quant.NewExecutor(n)
		var tr quant.Trace
		for range 3 {
			x := quanttest.RandomGraphInput(rng, n)
			e.Run(x, &tr)
			accs, outs := slow(n, x)
			for k := range n.Layers {
				seen[n.Layers[k].Kind]++
				if d := cmp.Diff(accs[k], tr.Acc[k]); d != "" {
					t.Fatalf("network %d, layer %q: (-want +got)\n%s", i, n.Layers[k].Name, d)
				}
				if d := cmp.Diff(outs[k], tr.Out[k]); d != "" && n.Layers[k].Score == nil {
					t.Fatalf("network %d, layer %q: (-want +got)\n%s", i, n.Layers[k].Name, d)
				}
				inRange(t, &n.Layers[k], tr.Acc[k])
			}
		}
	}
	for _, kind := range []quant.Kind{quant.Linear, quant.Conv, quant.AvgPool, quant.MaxPool, quant.Add, quant.Concat,
		quant.Upsample, quant.PixelShuffle, quant.Requantize} {
		if seen[kind] < 30 {
			t.Errorf("kind %s seen %d times", kind, seen[kind])
		}
	}
}

// inRange checks that accumulators stay within what is certified.
func inRange(t *testing.T, l *quant.Layer, acc []int64) {
	t.Helper()
	for i, v := range acc {
		if r := l.AccRange(i % l.Out); v < r.Min || v > r.Max {
			t.Fatalf("layer %q: accumulator %d is %d, certified %d..%d", l.Name, i, v, r.Min, r.Max)
		}
	}
}

// A graph's executor does not allocate either.
func TestGraphExecutorDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 1))
	for range 30 {
		n := quanttest.RandomGraph(rng)
		e := quant.NewExecutor(n)
		x := quanttest.RandomGraphInput(rng, n)
		var tr quant.Trace
		e.Run(x, &tr)
		if a := testing.AllocsPerRun(3, func() { e.Run(x, &tr) }); a != 0 {
			t.Fatalf("%v allocations", a)
		}
	}
}

// A dilated window may reach over an input of one row and miss it with all its
// taps: such a pool has no maximum there, and is refused.
func TestPoolThatMissesItsInput(t *testing.T) {
	l := quant.Layer{Name: "pool", Kind: quant.MaxPool,
		Window: quant.Window{H: 2, W: 1, DilationH: 2, Top: 1, Bottom: 1}}
	if _, err := l.OutputShape(quant.Shape{H: 1, W: 1, C: 1}); err == nil {
		t.Error("a pool without an element is accepted")
	}
	if got, err := l.OutputShape(quant.Shape{H: 2, W: 1, C: 1}); err != nil || got.H != 2 {
		t.Errorf("shape %v, %v", got, err)
	}
}

// Outputs are 32-bit integers: a last layer that passes on wider accumulators
// would lose bits.
func TestWideOutputIsRefused(t *testing.T) {
	n := *dense(rand.New(rand.NewPCG(23, 1)), 16, 16, 300, 2)
	n.Layers[0].Score = nil
	if _, err := quant.NewNetwork(n); err == nil ||
		!strings.Contains(err.Error(), `layer "fc0": gives INT39, want at most 32 bits`) {
		t.Errorf("error %v", err)
	}
}
