package quant

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// advanceCase is a matrix under dq whose accumulator is narrow enough to refuse moves.
type advanceCase struct {
	z       Quantizer
	rows, k int
	q, r, d []float32
	pull    []float32 // each weight's lasting gradient, besides noise
}

// drawAdvance draws a quantiser and what training starts from. P is at most 6 bits above the
// least that holds a unit, M 2..8, N 1..8.
func drawAdvance(rng *rand.Rand, rule Rule) *advanceCase {
	c := &advanceCase{rows: 1 + rng.IntN(3), k: 1 + rng.IntN(40)}
	c.z = Quantizer{Method: DQ, Rule: rule, WeightBits: 2 + rng.IntN(7),
		Input: DataType{Bits: 2 + rng.IntN(7), Signed: rng.IntN(3) == 0}}
	for c.z.AccBits = 1; c.z.Rule.Allowance(c.z.AccBits, c.z.Input).Units < 1; c.z.AccBits++ {
	}
	c.z.AccBits += rng.IntN(7)
	if taps := drawTaps(rng); rule == Shifted && rng.IntN(3) == 0 {
		c.z.Taps = taps
	}
	w := make([]float32, c.rows*c.k)
	for i := range w {
		w[i] = float32(rng.NormFloat64())
		c.pull = append(c.pull, float32(rng.NormFloat64()))
	}
	c.q, c.d, _ = c.z.Init(w, c.rows, c.k)
	c.r = make([]float32, len(w))
	return c
}

// descend is a step of training: moves go against a gradient, scales wander.
func (c *advanceCase) descend(rng *rand.Rand) {
	for i, g := range c.pull {
		s := Scale(c.d[i/c.k])
		c.r[i] -= s / 8 * (g + float32(rng.NormFloat64()))
	}
	for row := range c.d {
		c.d[row] += float32(rng.NormFloat64()) / 64
	}
}

// certify is the integer test of the accumulator, with start values where the rule has them.
func (c *advanceCase) certify() error {
	l := Layer{Name: "test", In: c.k, Out: c.rows, Input: c.z.Input, Weights: make([]int32, len(c.q))}
	copyInts(l.Weights, c.q)
	if c.z.Rule == Split {
		return l.Certify(c.z.AccBits)
	}
	for row := range c.rows {
		start, ok := l.ShiftedStart(row, c.z.AccBits)
		if r := l.SumRange(row).shifted(start); !ok || r.Bits() > c.z.AccBits {
			return &Overflow{Layer: l.Name, Channel: row, Needed: r.Bits(), Had: c.z.AccBits}
		}
	}
	return nil
}

// TestEveryIterateFits: over thousands of steps of random gradients the integers of every one
// pass the certificate, stay within M bits, and are integers; moves go both ways, and both
// the range and the accumulator refuse some.
func TestEveryIterateFits(t *testing.T) {
	trials, steps := 150, 100
	if testing.Short() {
		trials = 15
	}
	rng := rand.New(rand.NewPCG(71, 1))
	grown, shrunk, refused := 0, 0, 0
	for trial := range trials {
		c := drawAdvance(rng, []Rule{Split, Shifted}[trial%2])
		clip := float32(int(1)<<(c.z.WeightBits-1) - 1)
		for step := range steps {
			if err := c.certify(); err != nil {
				t.Fatalf("%+v, step %d: %v: %v", c.z, step, c.q, err)
			}
			ints := make([]int32, len(c.q))
			copyInts(ints, c.q)
			for row := range c.rows {
				checkTaps(t, c.z, ints[row*c.k:(row+1)*c.k])
			}
			before := slices.Clone(c.q)
			c.descend(rng)
			c.z.Advance(c.q, c.r, c.rows, c.k, c.d)
			for i, q := range c.q {
				move := math.Abs(float64(q)) - math.Abs(float64(before[i]))
				switch s := Scale(c.d[i/c.k]); {
				case q != float32(math.Round(float64(q))) || magnitude(q) > clip || magnitude(q-before[i]) > 1:
					t.Fatalf("%+v, step %d: %v becomes %v", c.z, step, before[i], q)
				case magnitude(c.r[i]) > s/2:
					t.Fatalf("%+v, step %d: %v left of a scale of %v", c.z, step, c.r[i], s)
				case magnitude(c.r[i]) == s/2:
					refused++
				case move > 0:
					grown++
				case move < 0:
					shrunk++
				}
			}
		}
	}
	if grown < 1000 || shrunk < 1000 || refused < 1000 {
		t.Errorf("%d moves away from 0, %d towards it, %d refused: too few to tell", grown, shrunk, refused)
	}
}

// TestRefusalIsNeeded: without the test of the row's allowance the certificate fails, so that
// TestEveryIterateFits can.
func TestRefusalIsNeeded(t *testing.T) {
	rng := rand.New(rand.NewPCG(72, 1))
	failed := 0
	for trial := range 20 {
		c := drawAdvance(rng, []Rule{Split, Shifted}[trial%2])
		p := c.z.policy()
		p.work = new(workspace)
		p.setAllowance(Allowance{Units: math.MaxInt32, Shared: p.allowance.Shared})
		for range 100 {
			c.descend(rng)
			for row := range c.rows {
				lo, hi := row*c.k, (row+1)*c.k
				p.advance(c.q[lo:hi], c.r[lo:hi], Scale(c.d[row]))
			}
		}
		if c.certify() != nil {
			failed++
		}
	}
	if failed < 5 {
		t.Errorf("%d of 20 matrices without refusals need more than P bits: too few to tell", failed)
	}
}

// TestAdvance is the rule on rows by hand: s = 1, M = 3 (up to 3), and N=2 (values up to 3), so
// that P=5 permits 31/3 = 10 units of both signs, and P=4 under split 7/3 = 2 units of each.
func TestAdvance(t *testing.T) {
	for name, c := range map[string]struct {
		rule         Rule
		acc          int
		q, r         []float32
		wantQ, wantR []float32
	}{
		"midpoints": {Shifted, 5, []float32{0, 1, 2, -1, 0}, []float32{0.5, -0.5, 0.49, 0.75, -3},
			[]float32{1, 0, 2, 0, -1}, []float32{0, 0, 0.49, 0, 0}}, // one level per step, however far
		"range": {Shifted, 5, []float32{3, -3}, []float32{2, -0.75}, []float32{3, -3}, []float32{0.5, -0.5}},
		"largest first": {Shifted, 5, []float32{3, 3, 2, 0, 0}, []float32{0, 0, 0.75, -0.5, 1},
			[]float32{3, 3, 3, 0, 1}, []float32{0, 0, 0, -0.5, 0}}, // 8 units, room for 2
		"ties": {Shifted, 5, []float32{3, 3, 3, 0, 0}, []float32{0, 0, 0, 0.75, -0.75},
			[]float32{3, 3, 3, 1, 0}, []float32{0, 0, 0, 0, -0.5}},
		"room made": {Shifted, 5, []float32{3, 3, 3, 0, 1}, []float32{0, 0, 0, 0.75, -0.5},
			[]float32{3, 3, 3, 1, 0}, []float32{0, 0, 0, 0, 0}}, // the unit comes from behind
		"own sign only": {Split, 4, []float32{2, -2, 0, 0}, []float32{-0.5, 0, 0.75, -0.75},
			[]float32{1, -2, 1, 0}, []float32{0, 0, 0, -0.5}},
	} {
		z := Quantizer{Method: DQ, Rule: c.rule, WeightBits: 3, AccBits: c.acc, Input: unsignedBits(2)}
		z.Advance(c.q, c.r, 1, len(c.q), []float32{0})
		if !slices.Equal(c.q, c.wantQ) || !slices.Equal(c.r, c.wantR) {
			t.Errorf("%s: integers %v, left %v, want %v and %v", name, c.q, c.r, c.wantQ, c.wantR)
		}
	}
}

// TestAdvanceAgain: with nothing new a further call changes nothing.
func TestAdvanceAgain(t *testing.T) {
	rng := rand.New(rand.NewPCG(73, 1))
	for trial := range 100 {
		c := drawAdvance(rng, []Rule{Split, Shifted}[trial%2])
		for range 10 {
			c.descend(rng)
			c.z.Advance(c.q, c.r, c.rows, c.k, c.d)
		}
		q, r := slices.Clone(c.q), slices.Clone(c.r)
		c.z.Advance(c.q, c.r, c.rows, c.k, c.d)
		if !slices.Equal(q, c.q) || !slices.Equal(r, c.r) {
			t.Fatalf("%+v: %v becomes %v", c.z, q, c.q)
		}
	}
}

// TestDirectQuantiser: Init gives integers that fit, those of budget at its scale; Forward
// leaves them; the gradients are those of s*q with q a parameter.
func TestDirectQuantiser(t *testing.T) {
	rng := rand.New(rand.NewPCG(74, 1))
	for trial := range 100 {
		c := drawAdvance(rng, []Rule{Split, Shifted}[trial%2])
		budget, n := c.z, c.rows*c.k
		budget.Method = Budget
		w, grad := make([]float32, n), make([]float32, n)
		for i := range w {
			w[i], grad[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
		}
		v, d, _ := c.z.Init(w, c.rows, c.k)
		_, wantD, _ := budget.Init(w, c.rows, c.k)
		q, wq, want := make([]int32, n), make([]float32, n), make([]int32, n)
		budget.Forward(w, c.rows, c.k, wantD, nil, wq, want)
		c.z.Forward(v, c.rows, c.k, d, nil, wq, q)
		gv, gd := make([]float32, n), make([]float32, c.rows)
		c.z.BackwardFrom(wq, v, c.rows, c.k, d, nil, grad, gv, gd, nil)
		for i := range q {
			if q[i] != want[i] || float32(q[i]) != v[i] || wq[i] != Scale(d[i/c.k])*v[i] || gv[i] != grad[i] {
				t.Fatalf("%+v: %v becomes %v, then %v, want %v; gradient %v", c.z, w[i], v[i], wq[i], want[i], gv[i])
			}
		}
		for row, g := range gd {
			sum := 0.0
			for i := row * c.k; i < (row+1)*c.k; i++ {
				sum += float64(grad[i]) * float64(wq[i])
			}
			if math.Abs(float64(g)-math.Ln2*sum) > 1e-4*max(1, math.Abs(sum)) {
				t.Fatalf("%+v: gradient of the scale %v, want %v", c.z, g, math.Ln2*sum)
			}
		}
	}
}

// TestAdvanceNaN: a move or a scale that is no number moves nothing; training finds it. Nor
// does no move at a scale that is 0 (2^-200 in float32).
func TestAdvanceNaN(t *testing.T) {
	nan := float32(math.NaN())
	z := Quantizer{Method: DQ, Rule: Shifted, WeightBits: 3, AccBits: 5, Input: unsignedBits(2)}
	q := []float32{1, 1, 1, -1}
	z.Advance(q, []float32{nan, 0, 9, 9}, 2, 2, []float32{0, nan})
	z.Advance(q, make([]float32, 4), 1, 4, []float32{-200})
	if !slices.Equal(q, []float32{1, 1, 1, -1}) {
		t.Errorf("integers %v", q)
	}
}

// TestAdvancePanics: another method and wrong lengths.
func TestAdvancePanics(t *testing.T) {
	good := Quantizer{Method: DQ, Rule: Shifted, WeightBits: 3, AccBits: 5, Input: unsignedBits(2)}
	other := good
	other.Method = Budget
	m, d := make([]float32, 6), make([]float32, 2)
	for name, f := range map[string]func(){
		"method": func() { other.Advance(m, m, 2, 3, d) },
		"moves":  func() { good.Advance(m, m[:5], 2, 3, d) },
		"scales": func() { good.Advance(m, m, 2, 3, d[:1]) },
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
