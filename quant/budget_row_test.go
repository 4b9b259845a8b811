package quant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// drawBudgetRow draws magnitudes on and off the grid of integers and halves,
// where gains tie, up to about peak units.
func drawBudgetRow(rng *rand.Rand, v []float32, peak float64) {
	kind := rng.IntN(6)
	for i := range v {
		x := rng.NormFloat64() * peak / 3
		switch kind {
		case 0:
			x = math.Round(4*x) / 4 // ties
		case 1:
			x = peak / 2 // all equal
		case 2:
			x *= float64(rng.IntN(2))
		case 3:
			x = math.Abs(x)
		}
		v[i] = float32(x)
	}
	if kind == 4 {
		v[rng.IntN(len(v))] = float32(1e30) // beyond the grid
	}
}

// onGrid returns |x|*gain + 1/2 in steps of p's grid.
func onGrid(p *policy, x float32, gain float64) int64 {
	a := math.Abs(float64(x)) * math.Ldexp(gain, int(p.gridBits))
	return int64(min(a, float64(p.farthest()))) + 1<<p.gridBits/2
}

// squaredError returns the squared distance of q from u, u
// = v*gain being on p's grid.
func squaredError(p *policy, v []float32, gain float64, q []float32) (sum float64) {
	for i, x := range v {
		u := math.Ldexp(float64(onGrid(p, x, gain)), -int(p.gridBits)) - 0.5
		e := u - math.Abs(float64(q[i]))
		sum += e * e
	}
	return sum
}

// TestAllotIsOptimal compares with every vector of integers, for rows short
// enough to go through them all.
func TestAllotIsOptimal(t *testing.T) {
	rng := rand.New(rand.NewPCG(40, 1))
	for range 4000 {
		k := 1 + rng.IntN(4)
		p := policy{method: Budget, clip: float64([]int{1, 3, 7}[rng.IntN(3)])}
		p.setAllowance(drawAllowance(rng, 12))
		p.work = new(workspace)
		v, q := make([]float32, k), make([]float32, k)
		drawBudgetRow(rng, v, 1+rng.Float64()*10)
		for i := range v { // so that the squares stay exact enough to compare
			v[i] = max(min(v[i], 64), -64)
		}
		p.allot(v, 1, q)
		checkAllowed(t, &p, v, q)
		got, best := squaredError(&p, v, 1, q), math.Inf(1)
		forEachVector(k, int(p.clip), func(n []float32) {
			for i := range n {
				n[i] = float32(math.Copysign(float64(n[i]), float64(v[i])))
			}
			if allowed(p.allowance, n) {
				best = min(best, squaredError(&p, v, 1, n))
			}
		})
		if got > best+1e-9 {
			t.Fatalf("%+v: %v becomes %v, error %v, best %v", p.allowance, v, q, got, best)
		}
	}
}

// forEachVector calls f with every vector of magnitudes 0..clip.
func forEachVector(k, clip int, f func([]float32)) {
	n := make([]int, k)
	q := make([]float32, k)
	for {
		for i, x := range n {
			q[i] = float32(x)
		}
		f(q)
		i := 0
		for ; i < k && n[i] == clip; i++ {
			n[i] = 0
		}
		if i == k {
			return
		}
		n[i]++
	}
}

// drawAllowance draws a budget of less than units: of both signs together, of each, or
// with up to three banks, whose caps bind or not.
func drawAllowance(rng *rand.Rand, units int) Allowance {
	a := Allowance{Units: int64(rng.IntN(units)), Shared: rng.IntN(3) > 0}
	if a.Shared && rng.IntN(2) == 0 {
		a.Lanes, a.Cap = 1+rng.IntN(3), int64(rng.IntN(units))
	}
	return a
}

func allowed(a Allowance, q []float32) bool {
	pos, neg := 0.0, 0.0
	for _, x := range q {
		pos += max(float64(x), 0)
		neg += max(float64(-x), 0)
	}
	for b := range a.Lanes {
		sum := 0.0
		for i := b; i < len(q); i += a.Lanes {
			sum += math.Abs(float64(q[i]))
		}
		if sum > float64(a.Cap) {
			return false
		}
	}
	if a.Shared {
		return pos+neg <= float64(a.Units)
	}
	return max(pos, neg) <= float64(a.Units)
}

func checkAllowed(t *testing.T, p *policy, v, q []float32) {
	t.Helper()
	for i, x := range q {
		if x != float32(math.Trunc(float64(x))) || math.Abs(float64(x)) > p.clip || x*v[i] < 0 {
			t.Fatalf("%v becomes %v", v[i], x)
		}
	}
	if !allowed(p.allowance, q) {
		t.Fatalf("%+v: %v becomes %v", p.allowance, v, q)
	}
}

// TestAllotByGains compares long rows, wide weights and far outliers with the
// plain algorithm: sort the gains of all units, take the largest.
func TestAllotByGains(t *testing.T) {
	trials := 6000
	if testing.Short() {
		trials = 600
	}
	rng := rand.New(rand.NewPCG(41, 1))
	for range trials {
		k := 1 + rng.IntN(300)
		p := policy{method: Budget, clip: float64(int(1)<<(1+rng.IntN(11)) - 1)}
		p.setAllowance(Allowance{Units: int64(rng.IntN(1 + int(float64(k)*p.clip)/(1+rng.IntN(20)))),
			Shared: rng.IntN(2) == 0})
		p.work = new(workspace)
		v, q := make([]float32, k), make([]float32, k)
		drawBudgetRow(rng, v, math.Exp2(rng.Float64()*math.Log2(4*p.clip)))
		gain := math.Exp2(rng.NormFloat64() / 4)
		p.allot(v, gain, q)
		checkAllowed(t, &p, v, q)
		for side, units := range map[uint32]int64{0: p.allowance.Units, 1: p.allowance.Units} {
			checkGains(t, &p, v, gain, q, side, units)
		}
	}
}

// checkGains compares the units of one side with the largest gains there are.
func checkGains(t *testing.T, p *policy, v []float32, gain float64, q []float32, side uint32, units int64) {
	t.Helper()
	if p.allowance.Shared && side == 1 {
		return
	}
	var all, got []int64
	for i, x := range v {
		if math.Float32bits(x)>>31&p.signs() != side {
			continue
		}
		for n := int64(1); n <= int64(p.clip); n++ {
			g := onGrid(p, x, gain) - n<<p.gridBits
			if g >= 0 {
				all = append(all, g)
			}
			if n <= int64(math.Abs(float64(q[i]))) {
				got = append(got, g)
			}
		}
	}
	slices.Sort(all)
	slices.Reverse(all)
	slices.Sort(got)
	slices.Reverse(got)
	if want := all[:min(int64(len(all)), units)]; !slices.Equal(got, want) {
		t.Fatalf("%+v, clip %v, %d weights: gains %v, want %v", p.allowance, p.clip, len(v), got, want)
	}
}

// TestBudgetCertified: whatever the matrix, the integers of wn and budget pass
// the integer test, the shifted ones by the width of their range.
func TestBudgetCertified(t *testing.T) {
	trials := 200000
	if testing.Short() {
		trials = 10000
	}
	rng := rand.New(rand.NewPCG(42, 1))
	for trial := range trials {
		z := Quantizer{WeightBits: 2 + rng.IntN(7), AccBits: 1 + rng.IntN(18),
			Method: []Method{WN, Budget, Budget}[trial%3], Rule: []Rule{Split, Split, Shifted}[trial%3],
			Input: DataType{Bits: 1 + rng.IntN(8), Signed: rng.IntN(2) == 0}}
		if z.Rule == Shifted && trial%2 == 0 {
			z.Taps = drawTaps(rng)
		}
		k := 1 + rng.IntN(40)
		v := make([]float32, k)
		drawRow(rng, v)
		d := []float32{float32(rng.IntN(40)-30) + rng.Float32()*float32(rng.IntN(2))}
		var g []float32
		if z.HasNorm() {
			g = []float32{float32(rng.NormFloat64() * 12)}
		}
		wq, q := make([]float32, k), make([]int32, k)
		z.Forward(v, 1, k, d, g, wq, q)
		if z.Rule == Shifted {
			checkShifted(t, z, v, q)
			checkTaps(t, z, q)
			z.AccBits = 64
		}
		checkCertified(t, z, v, wq, q, Scale(d[0]))
	}
}

// checkShifted applies MATH 2, and certifies with the start values.
func checkShifted(t *testing.T, z Quantizer, v []float32, q []int32) {
	t.Helper()
	pos, neg := signSums(q)
	if (int64(1)<<z.Input.Bits-1)*(pos+neg) > int64(1)<<z.AccBits-1 {
		t.Fatalf("%+v: %v becomes %v", z, v, q)
	}
	l := Layer{Name: "test", In: len(q), Out: 1, Input: z.Input, Weights: q}
	start, ok := l.ShiftedStart(0, z.AccBits)
	if r := l.AccRange(0); !ok || r.shifted(start).Bits() > z.AccBits {
		t.Fatalf("%+v: %v starts at %d, %v", z, q, start, ok)
	}
}

// TestBudgetEdges: budgets of 0 and 1, zeros, ties, NaN and infinities.
func TestBudgetEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		acc     int
		rule    Rule
		v, want []float32
	}{
		{4, Shifted, []float32{3, -5, 4}, []float32{0, -1, 0}}, // B = 15/15
		{3, Shifted, []float32{3, -5, 4}, []float32{0, 0, 0}},
		{5, Split, []float32{3, -5, 4}, []float32{0, -1, 1}}, // U = 15/15
		{4, Split, []float32{3, -5, 4}, []float32{0, 0, 0}},
		{5, Shifted, []float32{2, 2, -2, 2}, []float32{1, 1, 0, 0}},         // B = 2: ties
		{6, Shifted, []float32{4, 0.6, 0.2, 0}, []float32{4, 0, 0, 0}},      // B = 4
		{6, Shifted, []float32{3, 0.6, -0.2, 0}, []float32{3, 1, 0, 0}},     // B = 4
		{16, Shifted, []float32{9, -9, 0.4, -0.6}, []float32{7, -7, 0, -1}}, // clipped
		{8, Shifted, []float32{0, 0, 0, 0}, []float32{0, 0, 0, 0}},
		{8, Split, []float32{1, nan, 2}, []float32{nan, nan, nan}},
		{8, Shifted, []float32{1, -inf, 2}, []float32{nan, nan, nan}},
	} {
		z := Quantizer{Method: Budget, Rule: c.rule, WeightBits: 4, AccBits: c.acc, Input: unsignedBits(4)}
		got := make([]float32, len(c.v))
		z.Forward(c.v, 1, len(c.v), []float32{0}, nil, got, nil)
		for i := range got {
			if got[i] != c.want[i] && !(got[i] != got[i] && c.want[i] != c.want[i]) {
				t.Errorf("P=%d %s: %v becomes %v, want %v", c.acc, c.rule, c.v, got, c.want)
				break
			}
		}
	}
}

// TestNth compares with sorting.
func TestNth(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 1))
	for range 2000 {
		a := make([]openUnit, 1+rng.IntN(30))
		for i := range a {
			a[i] = openUnit(rng.Uint32N(1 + rng.Uint32N(40)))
		}
		sorted := slices.Clone(a)
		slices.Sort(sorted)
		if k := rng.IntN(len(a)); nth(a, k) != sorted[k] {
			t.Fatalf("element %d of %v is not %v", k, sorted, sorted[k])
		}
	}
}

// BenchmarkQuantizerBudget times the projection on matrices of the reference
// networks, at budgets that leave most weights and few.
func BenchmarkQuantizerBudget(b *testing.B) {
	rng := rand.New(rand.NewPCG(44, 1))
	for _, size := range [][2]int{{256, 256}, {256, 784}} {
		rows, k := size[0], size[1]
		w, grad := make([]float32, rows*k), make([]float32, rows*k)
		for i := range w {
			w[i], grad[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
		}
		for _, c := range []struct {
			m Method
			r Rule
			p int
			t Taps
		}{{m: Base}, {A2QPlus, "", 8, Taps{}}, {Budget, Shifted, 12, Taps{}}, {Budget, Shifted, 8, Taps{}},
			{Budget, Split, 8, Taps{}}, {WN, "", 8, Taps{}}, {Budget, Shifted, 8, Taps{Lanes: 8, Cap: 2}},
			{Budget, Shifted, 11, Taps{Lanes: 4, Cap: 50}}} {
			z := Quantizer{Method: c.m, Rule: c.r, WeightBits: 4, AccBits: c.p, Input: unsignedBits(4), Taps: c.t}
			v, d, t := z.Init(w, rows, k)
			wq, gv := make([]float32, rows*k), make([]float32, rows*k)
			gd, gt := make([]float32, rows), make([]float32, rows)
			name := fmt.Sprintf("%s%s_P%d_%dx%d/%dx%d", c.m, c.r, c.p, c.t.Lanes, c.t.Cap, rows, k)
			b.Run("Forward/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					z.Forward(v, rows, k, d, t, wq, nil)
				}
			})
			b.Run("BackwardFrom/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					z.BackwardFrom(wq, v, rows, k, d, t, grad, gv, gd, gt[:len(t)])
				}
			})
		}
	}
}
