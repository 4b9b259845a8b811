package qonnx

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/google/go-cmp/cmp"
)

// randomModel returns a model of the given layer sizes whose layers differ in
// everything that Layer can say.
func randomModel(seed uint64, sizes ...int) *nn.Model {
	r := rand.New(rand.NewPCG(seed, 1))
	m := &nn.Model{Name: "random", InputShape: []int{1, sizes[0]}, Input: &nn.ActQuant{Scale: 1.0 / 255, Bits: 8}}
	floats := func(n int, lo, hi float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(lo + (hi-lo)*r.Float64())
		}
		return v
	}
	for i := 1; i < len(sizes); i++ {
		last := i == len(sizes)-1
		l := nn.Layer{Name: string(rune('a'+i)) + "_1", In: sizes[i-1], Out: sizes[i], WeightBits: 2 + r.IntN(7)}
		l.WeightScale = floats(l.Out, 0.01, 0.1)
		if last || i%2 == 0 {
			l.WeightScale = l.WeightScale[:1]
		}
		most := 1<<(l.WeightBits-1) - 1
		for j := range l.In * l.Out {
			q := r.IntN(2*most+1) - most
			l.Weights = append(l.Weights, float32(q)*l.WeightScale[j/l.In%len(l.WeightScale)])
		}
		if i%3 != 2 || last {
			l.Bias = floats(l.Out, -1, 1)
		}
		if i%3 != 0 && !last {
			l.BatchNorm = &nn.BatchNorm{
				Gamma: floats(l.Out, -1, 1), Beta: floats(l.Out, -1, 1), Mean: floats(l.Out, -1, 1),
				Var: floats(l.Out, 0.1, 4), Epsilon: 1e-5,
			}
		}
		if !last {
			l.Relu = i%2 == 1
			l.Act = &nn.ActQuant{Scale: floats(1, 0.05, 0.2)[0], Bits: 2 + r.IntN(5), Signed: !l.Relu,
				Narrow: r.IntN(2) == 1}
			l.AccBits = 20 + i
		}
		m.Layers = append(m.Layers, l)
	}
	return m
}

// output computes channel c of l from its accumulator as the model's fields
// say, without the graph.
func output(l *nn.Layer, inScale float64, c int, acc int64) float64 {
	v := float64(acc) * (inScale * float64(l.WeightScale[c%len(l.WeightScale)]))
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
	return v
}

func integerOf(a *nn.ActQuant, v float64) int64 {
	lo, hi := 0.0, math.Ldexp(1, a.Bits)-1
	switch {
	case a.Signed:
		lo, hi = -math.Ldexp(1, a.Bits-1), math.Ldexp(1, a.Bits-1)-1
		if a.Narrow {
			lo++
		}
	case a.Narrow:
		hi--
	}
	return int64(max(lo, min(hi, math.RoundToEven(v/float64(a.Scale)))))
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(6) {
		m := randomModel(seed, 7, 5, 6, 1, 3, 4)
		path := filepath.Join(t.TempDir(), "net.onnx")
		if err := Write(path, m); err != nil {
			t.Fatal(err)
		}
		n := read(t, path)
		if n.Name != "net" || !cmp.Equal(n.InputShape, m.InputShape) {
			t.Errorf("network %q of input shape %v", n.Name, n.InputShape)
		}
		in, inScale := quant.DataType{Bits: 8}, float64(m.Input.Scale)
		for i := range m.Layers {
			want, got := &m.Layers[i], &n.Layers[i]
			if got.Name != want.Name || got.AccBits != want.AccBits || got.WeightBits != want.WeightBits ||
				got.Input != in {
				t.Errorf("seed %d: layer %q: P %d, M %d, input %v", seed, got.Name, got.AccBits, got.WeightBits,
					got.Input)
			}
			for j, w := range want.Weights {
				scale := want.WeightScale[j/want.In%len(want.WeightScale)]
				if q := math.RoundToEven(float64(w / scale)); int32(q) != got.Weights[j] {
					t.Fatalf("seed %d: layer %q: weight %d is %d, want %v", seed, got.Name, j, got.Weights[j], q)
				}
			}
			if want.Act == nil {
				checkScores(t, got, func(c int, acc int64) float64 { return output(want, inScale, c, acc) })
				continue
			}
			for c := range got.Out {
				for acc, r := got.AccRange(c).Min, got.AccRange(c); acc <= r.Max; acc++ {
					if y := integerOf(want.Act, output(want, inScale, c, acc)); y != got.Thresholds.Apply(c, acc) {
						t.Fatalf("seed %d: layer %q: channel %d: %d gives %d, want %d", seed, got.Name, c, acc,
							got.Thresholds.Apply(c, acc), y)
					}
				}
			}
			in, inScale = quant.DataType{Bits: want.Act.Bits, Signed: want.Act.Signed}, float64(want.Act.Scale)
		}
	}
}

// checkScores checks that scores are exact and order random accumulators of
// two channels as their real outputs do.
func checkScores(t *testing.T, l *quant.Layer, real func(c int, acc int64) float64) {
	t.Helper()
	if l.Score == nil || !l.Score.Exact {
		t.Fatalf("layer %q: score %+v is not exact", l.Name, l.Score)
	}
	r := rand.New(rand.NewPCG(1, 2))
	draw := func() (int, int64, int64, float64) {
		c := r.IntN(l.Out)
		a := l.AccRange(c)
		acc := a.Min + r.Int64N(a.Max-a.Min+1)
		return c, acc, acc*l.Score.Gain[c] + l.Score.Bias[c], real(c, acc)
	}
	for range 2000 {
		c, a, s, v := draw()
		d, b, u, w := draw()
		if math.Abs(v-w) > 1e-9 && (s < u) != (v < w) {
			t.Fatalf("layer %q: channel %d at %d scores %d, channel %d at %d %d; outputs %v, %v", l.Name, c, a, s, d, b,
				u, v, w)
		}
	}
}

func TestWriteIsDeterministic(t *testing.T) {
	a, err := Encode(randomModel(3, 7, 5, 4))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Encode(randomModel(3, 7, 5, 4))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the same model gave different bytes")
	}
}

func TestWriteRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for want, spoil := range map[string]func(m *nn.Model){
		"has no layers":                          func(m *nn.Model) { m.Layers = nil },
		"input shape [0] is not legal":           func(m *nn.Model) { m.InputShape = []int{0} },
		"has 7 inputs, the layer before gives 8": func(m *nn.Model) { m.InputShape = []int{8} },
		"activation scale is 0":                  func(m *nn.Model) { m.Input.Scale = 0 },
		"activations have 17 bits":               func(m *nn.Model) { m.Layers[0].Act.Bits = 17 },
		"activations of -1 and +1 are narrow": func(m *nn.Model) {
			m.Layers[0].Act.Signed, m.Layers[0].Act.Bits, m.Layers[0].Act.Narrow = true, 1, true
		},
		"weight 1 is NaN": func(m *nn.Model) { m.Layers[0].Weights[1] = nan },
		"want an integer": func(m *nn.Model) {
			m.Layers[0].Weights[1] = m.Layers[0].WeightScale[0] / 2
		},
		"scales, want at most": func(m *nn.Model) {
			m.Layers[0].Weights[1] = m.Layers[0].WeightScale[0] * 500
		},
		"weight scale is -1":           func(m *nn.Model) { m.Layers[0].WeightScale[2] = -1 },
		"has 2 weight scales":          func(m *nn.Model) { m.Layers[0].WeightScale = []float32{1, 1} },
		"has 34 weights":               func(m *nn.Model) { m.Layers[0].Weights = m.Layers[0].Weights[1:] },
		"weights have 1 bits":          func(m *nn.Model) { m.Layers[0].WeightBits = 1 },
		"has 4 biases":                 func(m *nn.Model) { m.Layers[0].Bias = m.Layers[0].Bias[1:] },
		"one of the biases is NaN":     func(m *nn.Model) { m.Layers[0].Bias[0] = nan },
		"one of the batch-norm means":  func(m *nn.Model) { m.Layers[0].BatchNorm.Mean[0] = nan },
		"batch-norm variance is -1":    func(m *nn.Model) { m.Layers[0].BatchNorm.Var[0] = -1 },
		"accumulator has 65 bits":      func(m *nn.Model) { m.Layers[0].AccBits = 65 },
		`name "b_1" is a duplicate`:    func(m *nn.Model) { m.Layers[1].Name = m.Layers[0].Name },
		`name "a b" is a duplicate or`: func(m *nn.Model) { m.Layers[1].Name = "a b" },
		"has no activation quantiser":  func(m *nn.Model) { m.Layers[0].Act = nil },
		"has 16 axes, want fewer than 16": func(m *nn.Model) { // with the one that counts samples
			m.InputShape = append([]int{7}, slices.Repeat([]int{1}, 15)...)
		},
		"average pool with dilation": func(m *nn.Model) {
			m.InputShape = []int{1, 3, 3}
			m.Layers = []nn.Layer{{Name: "mean", Kind: quant.AvgPool, Window: quant.Window{H: 2, W: 2, DilationW: 2}}}
		},
	} {
		m := randomModel(4, 7, 5, 4)
		spoil(m)
		_, err := Encode(m)
		wantError(t, err, want)
	}
}

// A failed Write leaves nothing behind and keeps what was there.
func TestWriteIsAtomic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantError(t, Write(path, randomModel(4, 7, 5, 4)), "taken")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left %v, %v", entries, err)
	}
	wantError(t, Write(filepath.Join(dir, "no", "net.onnx"), randomModel(4, 7, 5, 4)), "no such file")
}
