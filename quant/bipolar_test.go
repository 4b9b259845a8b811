package quant_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// The type of -1 and +1 has these two values, in the order of its bit, and no other.
func TestBipolarType(t *testing.T) {
	b := quant.Bipolar
	if b.Min() != -1 || b.Max() != 1 || b.Value(0) != -1 || b.Value(1) != 1 || b.Number(-1) != 0 || b.Number(1) != 1 {
		t.Errorf("%v: %d..%d, values %d and %d", b, b.Min(), b.Max(), b.Value(0), b.Value(1))
	}
	for v := int64(-3); v <= 3; v++ {
		if got, want := b.Holds(v), v == -1 || v == 1; got != want {
			t.Errorf("%v holds %d: %v", b, v, got)
		}
	}
	uint1, int4 := quant.DataType{Bits: 1}, quant.DataType{Bits: 4, Signed: true}
	for _, c := range []struct {
		a    quant.DataType
		want string
	}{{b, "BIPOLAR"}, {uint1, "INT2"}, {int4, "INT4"}, {quant.DataType{Bits: 1, Signed: true}, "INT2"}} {
		if got := b.Union(c.a).String(); got != c.want || c.a.Union(b).String() != c.want {
			t.Errorf("%v and %v: %s, want %s", b, c.a, got, c.want)
		}
	}
}

// binary returns a layer of k inputs of -1 and +1.
func binary(rng *rand.Rand, k, rows int, most int64) *quant.Network {
	l := quant.Layer{Name: "fc", In: k, Out: rows, Input: quant.Bipolar, WeightBits: 4,
		Thresholds: &quant.Thresholds{Output: quant.Bipolar}}
	for range k * rows {
		l.Weights = append(l.Weights, int32(rng.Int64N(2*most+1)-most))
	}
	for c := range rows {
		l.Thresholds.Values = append(l.Thresholds.Values, int64(c%3-1))
	}
	l.Thresholds.Inverted = make([]bool, rows)
	l.Thresholds.Inverted[0] = true
	n, err := quant.NewNetwork(quant.Network{Name: "binary", InputShape: []int{k}, Layers: []quant.Layer{l},
		Input: quant.InputQuantizer{Type: quant.Bipolar, Quantize: func(int, float64) int32 { return 1 }}})
	if err != nil {
		panic(err)
	}
	return n
}

// The certificate of a layer that reads -1 and +1 is exact: over all inputs, by brute
// force, sums reach both of its ends and none lies outside.
func TestBipolarCertificate(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 1))
	for k := 1; k <= 10; k++ {
		n := binary(rng, k, 5, 7)
		l, e := &n.Layers[0], quant.NewExecutor(n)
		lo, hi := make([]int64, l.Out), make([]int64, l.Out)
		var tr quant.Trace
		for bits := range 1 << k {
			x := make([]int32, k)
			for i := range x {
				x[i] = int32(quant.Bipolar.Value(int64(bits >> i & 1)))
			}
			e.Run(x, &tr)
			for c, acc := range tr.Acc[0] {
				lo[c], hi[c] = min(lo[c], acc), max(hi[c], acc)
				if got, want := int64(tr.Out[0][c]), staircase(l.Thresholds, c, acc); got != want {
					t.Fatalf("channel %d: accumulator %d gives %d, want %d", c, acc, got, want)
				}
			}
		}
		for c := range l.Out {
			if r := l.AccRange(c); r.Min != lo[c] || r.Max != hi[c] {
				t.Errorf("%d inputs, channel %d: certificate %d..%d, sums are %d..%d", k, c, r.Min, r.Max, lo[c], hi[c])
			}
			for sign, want := range map[int]int64{1: hi[c], -1: lo[c]} {
				e.Run(l.MaxInput(c, sign), &tr) // panics at a 0
				if tr.Acc[0][c] != want {
					t.Errorf("MaxInput(%d, %d) gives %d, want %d", c, sign, tr.Acc[0][c], want)
				}
			}
		}
	}
}

// The widths of the public TFC-1W1A: 784 and 64 products of -1 and +1 sum to at most 784
// and 64, which take 11 and 8 bits (INT2 would take 12 and 8).
func TestBinaryWidths(t *testing.T) {
	for k, want := range map[int]int{784: 11, 64: 8, 63: 7, 1: 2} {
		n := binary(rand.New(rand.NewPCG(42, 1)), k, 3, 1)
		l := n.Layers[0]
		for i := range l.Weights {
			l.Weights[i] = int32(i%2)*2 - 1
		}
		if got, _ := l.NeededBits(); got != want {
			t.Errorf("%d inputs need %d bits, want %d", k, got, want)
		}
	}
}

// Thresholds of -1 and +1 are found whichever way the chain goes.
func TestBisectBipolar(t *testing.T) {
	for _, at := range []int64{-9, -3, 0, 8, 9} {
		for _, sign := range []int64{1, -1} {
			row, inverted, err := quant.BisectThresholds(quant.AccRange{Min: -9, Max: 9}, quant.Bipolar,
				func(acc int64) int64 {
					if acc > at {
						return sign
					}
					return -sign
				})
			if err != nil || len(row) != 1 {
				t.Fatalf("thresholds %v: %v", row, err)
			}
			th := quant.Thresholds{Output: quant.Bipolar, Values: row, Inverted: []bool{inverted}}
			for acc := int64(-9); acc <= 9; acc++ {
				want := -sign
				if acc > at {
					want = sign
				}
				if got := th.Apply(0, acc); got != want {
					t.Errorf("step at %d, %+d: %d gives %d, want %d", at, sign, acc, got, want)
				}
			}
		}
	}
	same := func(acc int64) int64 { return acc }
	_, _, err := quant.BisectThresholds(quant.AccRange{Min: -1, Max: 1}, quant.Bipolar, same)
	if want := "quant: accumulator 0 gives output 0, want BIPOLAR"; err == nil || err.Error() != want {
		t.Errorf("a chain that gives 0: %v, want %q", err, want)
	}
}

// An input of 0 is none of -1 and +1.
func TestBipolarCheck(t *testing.T) {
	e := quant.NewExecutor(binary(rand.New(rand.NewPCG(43, 1)), 3, 2, 1))
	for _, c := range []struct {
		x  []int32
		ok bool
	}{{[]int32{1, -1, 1}, true}, {[]int32{1, 0, 1}, false}, {[]int32{1, -2, 1}, false}} {
		err := e.Check(c.x)
		if want := fmt.Sprintf(`quant: network "binary": input 1 is %d, want BIPOLAR`, c.x[1]); (err == nil) != c.ok ||
			err != nil && err.Error() != want {
			t.Errorf("Check(%v) = %v", c.x, err)
		}
	}
}
