package quant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// drawRow draws weights in a way that stresses rounding: Gaussian, all equal,
// of two values, nearly equal, one-hot, one-signed, integers, huge or tiny.
func drawRow(rng *rand.Rand, v []float32) {
	kind, base := rng.IntN(9), float32(rng.NormFloat64())
	for i := range v {
		n := float32(rng.NormFloat64())
		switch kind {
		case 0:
			v[i] = n
		case 1:
			v[i] = base
		case 2:
			v[i] = base * float32(2*(i%2)-1)
		case 3:
			v[i] = base
			if rng.IntN(3) == 0 {
				v[i] = math.Nextafter32(base, n)
			}
		case 4:
			v[i] = 0
		case 5:
			v[i] = float32(math.Abs(float64(n)))
		case 6:
			v[i] = float32(rng.IntN(7) - 3)
		case 7:
			v[i] = n * 1e30
		case 8:
			v[i] = n * 1e-40 // subnormal
		}
	}
	if kind == 4 {
		v[rng.IntN(len(v))] = base
	}
}

// TestQuantizerCertified is adversarial: whatever v, d and t, the integers of
// a2q and a2q+ fit P bits, stay in range, and wq is s*q.
func TestQuantizerCertified(t *testing.T) {
	trials := 400000
	if testing.Short() {
		trials = 20000
	}
	rng := rand.New(rand.NewPCG(20, 1))
	for range trials {
		z := Quantizer{WeightBits: 2 + rng.IntN(7), AccBits: 1 + rng.IntN(18),
			Method: []Method{A2Q, A2QPlus}[rng.IntN(2)],
			Input:  DataType{Bits: 1 + rng.IntN(8), Signed: rng.IntN(2) == 0}}
		k := 1 + rng.IntN(40)
		v := make([]float32, k)
		drawRow(rng, v)
		d := []float32{float32(rng.IntN(40)-30) + rng.Float32()*float32(rng.IntN(2))}
		tt := []float32{float32(rng.NormFloat64() * 12)}
		wq, q := make([]float32, k), make([]int32, k)
		z.Forward(v, 1, k, d, tt, wq, q)
		checkCertified(t, z, v, wq, q, Scale(d[0]))
	}
}

func checkCertified(t *testing.T, z Quantizer, v, wq []float32, q []int32, s float32) {
	t.Helper()
	l := Layer{Name: "test", In: len(q), Out: 1, Input: z.Input, Weights: q}
	if err := l.Certify(z.AccBits); err != nil {
		t.Fatalf("%+v: %v becomes %v: %v", z, v, q, err)
	}
	for i, n := range q {
		if limit := int32(1)<<(z.WeightBits-1) - 1; n > limit || n < -limit {
			t.Fatalf("%+v: integer %d", z, n)
		}
		if wq[i] != float32(n)*s {
			t.Fatalf("%+v: wq = %v of q = %d, s = %v", z, wq[i], n, s)
		}
	}
}

// TestQuantizerRepair breaks the certificate on purpose, by a budget that is
// too large for rows of one sign: repair takes back just what is over, where
// it costs least.
func TestQuantizerRepair(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 1))
	for _, x := range []DataType{unsignedBits(4), signedType(4)} {
		p := policy{method: A2Q, clip: 127, input: x, accBits: 10}
		p.budget = BudgetA2Q(10, x) + 9
		for trial := range 2000 {
			sign := 1 - trial%2*2
			v := make([]float32, 12)
			for i := range v {
				v[i] = float32(math.Copysign(rng.NormFloat64(), float64(sign)))
			}
			checkRepair(t, &p, v, float32(sign))
		}
	}
}

func checkRepair(t *testing.T, p *policy, v []float32, sign float32) {
	t.Helper()
	before, after := make([]float32, len(v)), make([]float32, len(v))
	st := p.normalize(v, 0, 20)
	pos, neg := p.truncate(v, st, before)
	p.quantize(v, 0, 20, after)
	total := int64(0)
	taken, kept := math.Inf(-1), math.Inf(1) // what units cost: |u| - |q| before taking
	for i, q := range after {
		miss := math.Abs(float64(v[i])*st.gain) - float64(before[i]*sign)
		switch n := (before[i] - q) * sign; {
		case n < 0 || q*sign < 0:
			t.Fatalf("repair of %v gives %v", before, after)
		case n > 0:
			taken = max(taken, miss+float64(n-1))
		}
		if q != 0 {
			kept = min(kept, miss+float64((before[i]-q)*sign))
		}
		total += int64(q * sign)
	}
	fits := func(total int64) bool {
		if sign > 0 {
			return p.fits(total, 0)
		}
		return p.fits(0, total)
	}
	over := !p.fits(pos, neg)
	if !fits(total) || !over && total != pos+neg || over && fits(total+1) || taken > kept {
		t.Fatalf("repair of %v gives %v", before, after)
	}
}

// TestBaseForward: halves round to even, the range is narrow.
func TestBaseForward(t *testing.T) {
	z := Quantizer{Method: Base, WeightBits: 4}
	v := []float32{0.5, 1.5, -0.5, -1.5, 2.4, 6.9, 100, -100}
	q, wq := make([]int32, 8), make([]float32, 8)
	z.Forward(v, 1, 8, []float32{0}, nil, wq, q)
	for i, want := range []int32{0, 2, 0, -2, 2, 7, 7, -7} {
		if q[i] != want || wq[i] != float32(want) {
			t.Errorf("%v becomes %d, %v, want %d", v[i], q[i], wq[i], want)
		}
	}
}

func TestForwardNaN(t *testing.T) {
	for _, m := range []Method{Base, WN, A2Q, A2QPlus} {
		z := Quantizer{Method: m, WeightBits: 4, AccBits: 12, Input: unsignedBits(4)}
		v := []float32{1, float32(math.NaN()), 2, 3, 4, 5}
		wq, q := make([]float32, 6), make([]int32, 6)
		z.Forward(v, 2, 3, []float32{0, 0}, []float32{0, 0}, wq, q)
		if wq[1] == wq[1] || q[1] != 0 {
			t.Errorf("%s: NaN becomes %v, %d", m, wq[1], q[1])
		}
		if wq[4] != wq[4] {
			t.Errorf("%s: NaN leaves its row", m)
		}
	}
}

// surrogate is a smooth function whose gradient the straight-through estimate
// is: rounding replaced by adding the constant r it added at the base point,
// clipped entries by their constant. It returns sum of grad*s*q.
func surrogate(z Quantizer, v []float64, d, t float64, grad []float32, r []float64, clipped []bool) float64 {
	s, g, mean, n1 := math.Exp2(d), math.Exp2(t), 0.0, 0.0
	if z.Method == A2QPlus {
		for _, x := range v {
			mean += x / float64(len(v))
		}
	}
	for _, x := range v {
		n1 += math.Abs(x - mean)
	}
	loss := 0.0
	for i, x := range v {
		w := x
		if z.Method != Base {
			w = (x - mean) / n1 * math.Min(g, s*z.policy().budget)
		}
		q := r[i] // of a clipped entry: q itself
		if !clipped[i] {
			q += w / s
		}
		loss += float64(grad[i]) * s * q
	}
	return loss
}

// TestBackwardFiniteDifferences compares every gradient with central
// differences of the surrogate.
func TestBackwardFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 1))
	for trial := range 300 {
		z := Quantizer{Method: []Method{Base, WN, A2Q, A2QPlus}[trial%4], WeightBits: 3 + rng.IntN(3),
			AccBits: 6 + rng.IntN(8), Input: unsignedBits(1 + rng.IntN(4))}
		checkBackward(t, z, rng, 2+rng.IntN(20))
	}
}

func checkBackward(t *testing.T, z Quantizer, rng *rand.Rand, k int) {
	t.Helper()
	v, grad := make([]float32, k), make([]float32, k)
	for i := range v {
		v[i], grad[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	d, tt := []float32{-2.3 + rng.Float32()}, []float32{float32(rng.NormFloat64()) + 3}
	q, wq := make([]int32, k), make([]float32, k)
	z.Forward(v, 1, k, d, tt, wq, q)
	st := z.policy().normalizeAny(v, d[0], tt[0])
	r, clipped, v64 := make([]float64, k), make([]bool, k), make([]float64, k)
	for i := range v {
		u := (float64(v[i]) - st.mean) * st.gain
		v64[i] = float64(v[i])
		edge := z.policy().clip + 1
		if z.Method == Base || z.Method == WN {
			edge -= 0.5
		}
		r[i] = float64(q[i]) - u
		if clipped[i] = math.Abs(u) > edge; clipped[i] {
			r[i] = float64(q[i])
		}
	}
	gv, gd, gt := make([]float32, k), make([]float32, 1), make([]float32, 1)
	z.Backward(v, 1, k, d, tt, grad, gv, gd, gt)
	loss := func(v []float64, dd, dt float64) float64 {
		return surrogate(z, v, float64(d[0])+dd, float64(tt[0])+dt, grad, r, clipped)
	}
	const h = 1e-6
	same := func(what string, got float32, up, down float64) {
		t.Helper()
		want := (up - down) / (2 * h)
		if math.Abs(float64(got)-want) > 1e-4*max(1, math.Abs(want)) {
			t.Fatalf("%+v: %s = %v, finite difference %v", z, what, got, want)
		}
	}
	same("gradD", gd[0], loss(v64, h, 0), loss(v64, -h, 0))
	same("gradT", gt[0], loss(v64, 0, h), loss(v64, 0, -h))
	for i, x := range v64 {
		v64[i] = x + h
		up := loss(v64, 0, 0)
		v64[i] = x - h
		down := loss(v64, 0, 0)
		v64[i] = x
		same(fmt.Sprintf("gradV[%d]", i), gv[i], up, down)
	}
}

// normalizeAny is normalize for Base too.
func (p policy) normalizeAny(v []float32, d, t float32) rowState {
	if p.method == Base {
		return rowState{s: float64(Scale(d)), gain: 1 / float64(Scale(d))}
	}
	return p.normalize(v, d, t)
}

// TestBackwardOfNothing: rows without a direction have no gradient, not NaN.
func TestBackwardOfNothing(t *testing.T) {
	for _, m := range []Method{Base, A2Q, A2QPlus} {
		for _, bits := range []int{1, 12} {
			z := Quantizer{Method: m, WeightBits: 4, AccBits: bits, Input: unsignedBits(4)}
			gv, gd, gt := make([]float32, 3), make([]float32, 1), make([]float32, 1)
			z.Backward(make([]float32, 3), 1, 3, []float32{-3}, []float32{0}, []float32{1, 2, 3}, gv, gd, gt)
			for _, g := range append(append(gv, gd...), gt...) {
				if g != 0 && m != Base || g != g {
					t.Errorf("%s: gradients %v %v %v", m, gv, gd, gt)
				}
			}
		}
	}
}

func TestRegularizer(t *testing.T) {
	for _, m := range []Method{Base, WN, A2Q, A2QPlus} {
		z := Quantizer{Method: m, WeightBits: 4, AccBits: 10, Input: unsignedBits(4)}
		d, tt := []float32{-4, -4}, []float32{-2, 5} // T = about 2 or 4, g = 0.25 and 32
		value := func(dd, dt float32) float64 {
			d, tt := []float32{d[0] + dd, d[1] + dd}, []float32{tt[0] + dt, tt[1] + dt}
			return z.Regularizer(2, d, tt, 1, make([]float32, 2), make([]float32, 2))
		}
		gd, gt := []float32{10, 10}, []float32{20, 20}
		got := z.Regularizer(2, d, tt, 0.5, gd, gt)
		want := 0.0
		if m != Base {
			want = 32 - z.policy().budget/16
		}
		if math.Abs(got-want) > 1e-12 || gd[0] != 10 || gt[0] != 20 {
			t.Errorf("%s: value %v, want %v; gradients %v %v", m, got, want, gd, gt)
		}
		const h = 1.0 / 1024
		fd, ft := (value(h, 0)-value(-h, 0))/(2*h), (value(0, h)-value(0, -h))/(2*h)
		if math.Abs(float64(gd[1])-10-fd/2) > 1e-4 || math.Abs(float64(gt[1])-20-ft/2) > 1e-4 {
			t.Errorf("%s: gradients %v %v, finite differences %v %v", m, gd, gt, fd, ft)
		}
	}
}

func TestParseMethod(t *testing.T) {
	for _, m := range []Method{Base, WN, A2Q, A2QPlus, Budget, DQ} {
		if got, err := ParseMethod(string(m)); got != m || err != nil {
			t.Errorf("ParseMethod(%q) = %q, %v", m, got, err)
		}
	}
	if _, err := ParseMethod("a2q++"); err == nil || !strings.Contains(err.Error(), `"a2q++"`) {
		t.Errorf("error %v", err)
	}
}

func TestQuantizerShapePanics(t *testing.T) {
	good := Quantizer{Method: A2Q, WeightBits: 4, AccBits: 12, Input: unsignedBits(4)}
	narrow, unknown, wide := good, good, good
	narrow.WeightBits, unknown.Method, wide.AccBits = 1, "x", 65
	m, row := make([]float32, 6), make([]float32, 2)
	for name, f := range map[string]func(){
		"matrix":  func() { good.Forward(m[:5], 2, 3, row, row, m, nil) },
		"scales":  func() { good.Forward(m, 2, 3, row[:1], row, m, nil) },
		"norms":   func() { good.Forward(m, 2, 3, row, nil, m, nil) },
		"ints":    func() { good.Forward(m, 2, 3, row, row, m, make([]int32, 5)) },
		"grad":    func() { good.Backward(m, 2, 3, row, row, m[:1], m, row, row) },
		"gradT":   func() { good.Backward(m, 2, 3, row, row, m, m, row, row[:0]) },
		"weights": func() { narrow.Init(m, 2, 3) },
		"method":  func() { unknown.Init(m, 2, 3) },
		"acc":     func() { wide.Init(m, 2, 3) },
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

// TestNegativeZero: a weight of -0 has the gradients of one of 0.
func TestNegativeZero(t *testing.T) {
	for _, m := range []Method{WN, A2Q, A2QPlus} {
		z := Quantizer{Method: m, WeightBits: 4, AccBits: 10, Input: unsignedBits(4)}
		var got [2][]float32
		for i, zero := range []float32{0, float32(math.Copysign(0, -1))} {
			v, grad := []float32{1, zero, -1}, []float32{0.5, 1, 0.25}
			gv, gd, gt := make([]float32, 3), make([]float32, 1), make([]float32, 1)
			z.Backward(v, 1, 3, []float32{-2}, []float32{0.5}, grad, gv, gd, gt)
			got[i] = append(append(gv, gd...), gt...)
		}
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%s: gradients %v at 0, %v at -0", m, got[0], got[1])
		}
	}
}
