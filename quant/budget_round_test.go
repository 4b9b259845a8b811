package quant

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestProjectIsOptimal compares the weighted projection with every vector of
// integers.
func TestProjectIsOptimal(t *testing.T) {
	rng := rand.New(rand.NewPCG(50, 1))
	for range 3000 {
		k, clip := 1+rng.IntN(4), []int{1, 3, 7}[rng.IntN(3)]
		a := drawAllowance(rng, 12)
		u, h, q := make([]float64, k), make([]float64, k), make([]int32, k)
		for i := range u {
			u[i] = math.Round(rng.NormFloat64()*16) / 4
			h[i] = float64(rng.IntN(5))
		}
		if rng.IntN(3) == 0 {
			h = nil
		}
		a.Project(u, h, int32(clip), q)
		got := make([]float32, k)
		for i, n := range q {
			got[i] = float32(n)
		}
		best := math.Inf(1)
		forEachVector(k, clip, func(n []float32) {
			for i := range n {
				n[i] = float32(math.Copysign(float64(n[i]), u[i]))
			}
			if allowed(a, n) {
				best = min(best, weightedError(u, h, n))
			}
		})
		if e := weightedError(u, h, got); e != best || !allowed(a, got) { // multiples of 1/16: exact
			t.Fatalf("%+v: %v with %v becomes %v, error %v, best %v", a, u, h, q, e, best)
		}
	}
}

func weightedError(u, h []float64, q []float32) (sum float64) {
	for i, x := range u {
		e := (x - float64(q[i])) * (x - float64(q[i]))
		if h != nil {
			e *= h[i]
		}
		sum += e
	}
	return sum
}

func TestProjectPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"length":     func() { Allowance{}.Project(make([]float64, 2), nil, 1, make([]int32, 1)) },
		"NaN":        func() { Allowance{}.Project([]float64{math.NaN()}, nil, 1, make([]int32, 1)) },
		"importance": func() { Allowance{}.Project([]float64{1}, []float64{-1}, 1, make([]int32, 1)) },
	} {
		func() {
			defer func() {
				if r, ok := recover().(string); !ok || !strings.HasPrefix(r, "quant: ") {
					t.Errorf("%s: panic %v", name, r)
				}
			}()
			f()
		}()
	}
}

// TestAllowanceIsTight goes through all pairs of sums: what a rule permits
// fits, and one unit more does not, for some signs.
func TestAllowanceIsTight(t *testing.T) {
	for p := 1; p <= 10; p++ {
		for n := 1; n <= 4; n++ {
			for _, x := range []DataType{unsignedBits(n), signedType(n)} {
				fits := func(pos, neg int64) bool { return rangeOf(pos, neg, x).Bits() <= p }
				a := Split.Allowance(p, x)
				if a.Shared != x.Signed {
					t.Fatalf("P=%d %v: %+v", p, x, a)
				}
				for pos := int64(0); pos <= a.Units; pos++ {
					neg := a.Units
					if a.Shared {
						neg -= pos
					}
					if !fits(pos, neg) {
						t.Fatalf("P=%d %v: %+v permits +%d -%d", p, x, a, pos, neg)
					}
				}
				if fits(a.Units+1, 0) && fits(0, a.Units+1) {
					t.Fatalf("P=%d %v: %+v is not the largest", p, x, a)
				}
				if b := Shifted.Allowance(p, x); !b.Shared || b.Units != BudgetShifted(p, x) {
					t.Fatalf("P=%d %v: %+v", p, x, b)
				}
			}
		}
	}
}

func TestWeightBitsFor(t *testing.T) {
	for _, c := range []struct {
		q    []int32
		want int
	}{{nil, 2}, {[]int32{0}, 2}, {[]int32{1, -1}, 2}, {[]int32{-2}, 3}, {[]int32{3}, 3},
		{[]int32{-7, 4}, 4}, {[]int32{-8}, 5}, {[]int32{127}, 8}} {
		if got := WeightBitsFor(c.q); got != c.want {
			t.Errorf("WeightBitsFor(%v) = %d, want %d", c.q, got, c.want)
		}
	}
}

func TestParseRule(t *testing.T) {
	for _, r := range []Rule{Split, Shifted} {
		if got, err := ParseRule(string(r)); got != r || err != nil {
			t.Errorf("ParseRule(%q) = %q, %v", r, got, err)
		}
	}
	if _, err := ParseRule("halved"); err == nil || !strings.Contains(err.Error(), `"halved"`) {
		t.Errorf("error %v", err)
	}
}

// TestBudgetGradients checks the formulas, clipping defined by the gains, and
// that BackwardFrom agrees with Backward for every method.
func TestBudgetGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 1))
	for trial := range 1500 {
		z := Quantizer{Method: []Method{Base, WN, A2Q, A2QPlus, Budget}[trial%5],
			Rule:       []Rule{Split, Shifted}[rng.IntN(2)],
			WeightBits: 2 + rng.IntN(4), AccBits: 6 + rng.IntN(8), Input: unsignedBits(1 + rng.IntN(4))}
		if z.Method == Budget && z.Rule == Shifted && rng.IntN(2) == 0 {
			z.Taps = drawTaps(rng)
		}
		z.Bare = z.Method == Budget && rng.IntN(2) == 0
		rows, k := 2, 2+rng.IntN(20)
		v, grad := make([]float32, rows*k), make([]float32, rows*k)
		for i := range v {
			v[i], grad[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
		}
		d, g := []float32{-2.3 + rng.Float32(), -1}, []float32{1, 4}
		wq, q := make([]float32, rows*k), make([]int32, rows*k)
		z.Forward(v, rows, k, d, g, wq, q)
		var gv, gd, gt [2][]float32
		for i := range gv {
			gv[i], gd[i], gt[i] = make([]float32, rows*k), make([]float32, rows), make([]float32, rows)
		}
		z.Backward(v, rows, k, d, g, grad, gv[0], gd[0], gt[0])
		z.BackwardFrom(wq, v, rows, k, d, g, grad, gv[1], gd[1], gt[1])
		for _, pair := range [][2][]float32{gv, gd, gt} {
			for i, x := range pair[0] {
				if math.Abs(float64(x-pair[1][i])) > 1e-4*max(1, math.Abs(float64(x))) {
					t.Fatalf("%+v: gradient %v, from wq %v", z, x, pair[1][i])
				}
			}
		}
		if z.Method == Budget {
			for r := range rows {
				lo, hi := r*k, (r+1)*k
				checkBudgetGradient(t, z, v[lo:hi], q[lo:hi], Scale(d[r]), grad[lo:hi], gv[0][lo:hi], gd[0][r])
			}
		}
	}
}

func checkBudgetGradient(t *testing.T, z Quantizer, v []float32, q []int32, s float32, grad, gv []float32, gd float32) {
	t.Helper()
	clip := int32(1)<<(z.WeightBits-1) - 1
	next := func(i int) float64 { // gain of the next unit
		return math.Abs(float64(v[i]))/float64(s) - math.Abs(float64(q[i])) - 0.5
	}
	// rival says that unit j was not taken for want of room that i's would need too:
	// i's bank, or the row where j's bank has room.
	rival := func(i, j int) bool { return z.Rule == Shifted || (v[i] < 0) == (v[j] < 0) }
	if lanes := z.Taps.Lanes; lanes > 0 {
		used := make([]int32, lanes)
		for i, n := range q {
			used[i%lanes] += max(n, -n)
		}
		rival = func(i, j int) bool { return i%lanes == j%lanes || int(used[j%lanes]) < z.Taps.Cap }
	}
	limited := false
	for i, x := range v {
		limited = limited || next(i) > 1e-3 && q[i] < clip && q[i] > -clip && x != 0
	}
	sum := 0.0
	for i, x := range v {
		theta := 0.0
		for j := range v {
			if rival(i, j) && q[j] < clip && q[j] > -clip {
				theta = max(theta, next(j))
			}
		}
		want := grad[i]
		term := float64(grad[i]) * (float64(q[i]) - float64(x)/float64(s))
		if (q[i] == clip || q[i] == -clip) && next(i) > theta {
			want, term = 0, float64(grad[i])*float64(q[i])
		}
		if z.Bare && limited {
			term = float64(grad[i]) * float64(q[i])
		}
		if gv[i] != want {
			t.Fatalf("%+v: %v becomes %v: gradient %v of weight %d, want %v", z, v, q, gv[i], i, want)
		}
		sum += term
	}
	if want := math.Ln2 * float64(s) * sum; math.Abs(float64(gd)-want) > 1e-4*max(1, math.Abs(want)) {
		t.Fatalf("%+v: gradD %v, want %v", z, gd, want)
	}
}
