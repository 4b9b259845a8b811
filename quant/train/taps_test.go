package train

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// tapsSpec has every place where taps may stand.
const tapsSpec = `method: budget
rule: shifted
acc_bits: 8
first_acc_bits: 12
last_acc_bits: 10
first_taps: {lanes: 4, cap: 2}
taps: {lanes: 4, cap: 1}
last_taps: {units: 5}
layers: [12, 10, {linear: {out: 8, taps: {lanes: 2, cap: 2, units: 3}}}]
`

// tapped is small with a bound on the units of every layer.
func tapped() *Spec {
	s, err := ParseSpec([]byte(tapsSpec))
	if err != nil {
		panic(err)
	}
	s.Batch, s.Float, s.QAT = small().Batch, small().Float, small().QAT
	return s
}

// TestTapsRefused: what a spec may not say, by the field that says it.
func TestTapsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"taps: {lanes: 8}":       "taps: lanes is 8 without cap",
		"taps: {lanes: 8.5}":     "taps.lanes is 8.5, want a whole number",
		"taps: {lines: 8}":       "field taps.lines not found",
		"taps: 8":                "taps is no map of fields",
		"last_taps: {cap: 8}":    "last_taps: cap is 8 without lanes",
		"first_taps: {units: 8}": "first_acc_bits is 0, want the first layer's P with first_taps",
		"last_taps: {units: 8}":  "last_acc_bits is 0, want the last layer's P with last_taps",
		"layers: [{linear: {out: 2, taps: {cap: 1}}}]":            "layers[0].linear.taps: cap is 1 without lanes",
		"layers: [{linear: {out: 2, taps: 8}}]":                   "layers[0].linear.taps is no map of fields",
		"layers: [{conv: {out: 2, kernel: 1, taps: {units: 1}}}]": "layers[0].conv.taps: no such field",
	} {
		_, err := ParseSpec([]byte("method: budget\n" + text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
	for _, text := range []string{"taps: {units: 8}", "layers: [{linear: {out: 2, taps: {units: 8}}}]"} {
		_, err := ParseSpec([]byte("method: a2q\n" + text))
		if err == nil || !strings.Contains(err.Error(), "taps is 8 units, want none without method budget or dq") {
			t.Errorf("%s under a2q: error %v", text, err)
		}
	}
}

// TestTrainedTaps: what is written keeps the bound of every layer, and reaches it: a
// budget of a few units for 8 to 20 inputs is used up somewhere. Scores have one scale.
func TestTrainedTaps(t *testing.T) {
	out := filepath.Join(t.TempDir(), "net.onnx")
	mustRun(t, tapped(), Options{Out: out})
	n, err := qonnx.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	want := []quant.Taps{{Lanes: 4, Cap: 2}, {Lanes: 4, Cap: 1}, {Lanes: 2, Cap: 2, Units: 3}, {Units: 5}}
	for i, taps := range want {
		l := &n.Layers[i]
		if n := l.L1Max(); n != int64(taps.MaxUnits()) {
			t.Errorf("%s: %d units in a row, want %v", l.Name, n, taps)
		}
		if taps.Lanes == 0 {
			continue
		}
		if n := l.BankPeak(taps.Lanes); n != int64(taps.Cap) {
			t.Errorf("%s: %d units in a bank, want %v", l.Name, n, taps)
		}
	}
	m, err := Untrained(tapped(), smallSet())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.Layers[3].WeightScale); n != 1 {
		t.Errorf("the scores have %d scales, want 1", n)
	}
}

// TestScalesOfPhases: where rows one after the other share a scale, forward is that of equal
// scales per row, and the gradient to each scale the sum of its rows', the regulariser's too.
func TestScalesOfPhases(t *testing.T) {
	const rows, k, each = 12, 5, 4
	for _, m := range []quant.Method{quant.WN, quant.A2Q, quant.A2QPlus, quant.Budget, quant.DQ} {
		z := quant.Quantizer{Method: m, Rule: quant.Split, WeightBits: 3, AccBits: 7, Input: quant.DataType{Bits: 4}}
		shared := newWeights(rows, k, rows/each, false, rand.New(rand.NewPCG(1, 1)))
		own := newWeights(rows, k, rows, false, rand.New(rand.NewPCG(1, 1)))
		shared.quantise(z, rows/each)
		own.quantise(z, rows)
		copy(own.w.v, shared.w.v)
		copy(own.q.t.v, shared.q.t.v)
		for r := range rows {
			own.q.d.v[r] = shared.q.d.v[r/each]
		}
		if z.HasNorm() { // one row beyond its limit, which the regulariser minds
			shared.q.t.v[5]++
			own.q.t.v[5]++
		}
		rng := rand.New(rand.NewPCG(2, 1))
		for i := range shared.part[0] {
			g := float32(rng.NormFloat64())
			shared.part[0][i], own.part[0][i] = g, g
		}
		var penalty [2]float64
		for i, w := range []*weights{shared, own} {
			for half := range 2 {
				w.requantiseHalf(half)
			}
			for half := range 2 {
				w.joinHalf(half)
			}
			penalty[i] = w.q.regularise(0.5)
		}
		if !slices.Equal(shared.q.wq, own.q.wq) || !slices.Equal(shared.w.g, own.w.g) ||
			!slices.Equal(shared.q.t.g, own.q.t.g) || penalty[0] != penalty[1] || z.HasNorm() != (penalty[0] > 0) {
			t.Errorf("%s: rows of one scale differ from rows of equal scales; penalties %v", m, penalty)
		}
		for c, got := range shared.q.d.g {
			want := 0.0
			for _, g := range own.q.d.g[c*each : (c+1)*each] {
				want += float64(g)
			}
			if math.Abs(float64(got)-want) > 1e-5*(1+math.Abs(want)) {
				t.Errorf("%s: gradient of scale %d is %v, want %v", m, c, got, want)
			}
		}
	}
}

// TestSharedScale: with one scale, forward is that of equal scales per row, and the
// gradient to it the sum of theirs; what training starts from is the best one of its grid.
func TestSharedScale(t *testing.T) {
	const rows, k = 5, 12
	z := quant.Quantizer{Method: quant.Budget, Rule: quant.Shifted, WeightBits: 3, AccBits: 7,
		Input: quant.DataType{Bits: 4}, Taps: quant.Taps{Lanes: 3, Cap: 2}}
	one, each := newWeights(rows, k, rows, false, rand.New(rand.NewPCG(1, 1))), new(weights)
	*each = *newWeights(rows, k, rows, false, rand.New(rand.NewPCG(1, 1)))
	float := slices.Clone(one.w.v)
	one.quantise(z, 1)
	each.quantise(z, rows)
	start := one.q.d.v[0]
	error := func(d float32) (sum float64) {
		for r := range each.q.d.v {
			each.q.d.v[r] = d
		}
		for half := range 2 {
			each.requantiseHalf(half)
		}
		for i, w := range each.q.wq {
			sum += math.Pow(float64(w-float[i]), 2)
		}
		return sum
	}
	if least := error(start); error(start+0.125) < least || error(start-0.125) < least {
		t.Errorf("a neighbour of scale 2^%v is better", start)
	}
	error(start)
	rng := rand.New(rand.NewPCG(2, 1))
	for i := range one.part[0] {
		g := float32(rng.NormFloat64())
		one.part[0][i], each.part[0][i] = g, g
	}
	for half := range 2 {
		one.requantiseHalf(half)
		one.joinHalf(half)
		each.joinHalf(half)
	}
	sum := float32(0)
	for _, g := range each.q.d.g {
		sum += g
	}
	if !slices.Equal(one.q.wq, each.q.wq) || !slices.Equal(one.w.g, each.w.g) || one.q.d.g[0] != sum {
		t.Errorf("one scale: gradient %v, want %v; weights %v, want %v", one.q.d.g[0], sum, one.q.wq, each.q.wq)
	}
}
