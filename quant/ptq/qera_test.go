package ptq

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/mat"
)

// lowRankCase draws a residual, rows x k, and a moment of inputs that hang together.
func lowRankCase(rng *rand.Rand, rows, k int) (*mat.Dense, *mat.SymDense) {
	e, mix := mat.NewDense(rows, k, nil), mat.NewDense(k, k, nil)
	for _, m := range []*mat.Dense{e, mix} {
		m.Apply(func(int, int, float64) float64 { return rng.NormFloat64() }, m)
	}
	var h mat.SymDense
	h.SymOuterK(1, mix)
	return e, &h
}

// errorOf returns the expected squared error of the sums with the branch: trace of (AB-e')' H (AB-e').
func errorOf(e, a, b *mat.Dense, h mat.Symmetric) float64 {
	var left, part mat.Dense
	left.Mul(a, b)
	left.Sub(&left, e.T())
	part.Mul(h, &left)
	var total mat.Dense
	total.Mul(left.T(), &part)
	return mat.Trace(&total)
}

// TestLowRankFactors (METHODS 2): in the measure of the inputs' moment no factors of the rank are better than
// the exact ones, their error is the sum of the squared singular values that they leave out, it falls with the
// rank, and at full rank it is 0.
func TestLowRankFactors(t *testing.T) {
	rng := rand.New(rand.NewPCG(24, 10))
	const rows, k = 7, 9
	for range 20 {
		e, h := lowRankCase(rng, rows, k)
		root, inverse, err := squareRoot(h)
		if err != nil {
			t.Fatal(err)
		}
		var weighed mat.Dense
		weighed.Mul(root, e.T())
		var svd mat.SVD
		svd.Factorize(&weighed, mat.SVDNone)
		values, before := svd.Values(nil), math.Inf(1)
		for rank := 1; rank <= rows; rank++ {
			a, b, err := LowRankFactors(e, rank, root, inverse)
			if err != nil {
				t.Fatal(err)
			}
			got, want := errorOf(e, a, b, h), 0.0
			for _, v := range values[rank:] {
				want += v * v
			}
			if math.Abs(got-want) > 1e-8*values[0]*values[0] {
				t.Fatalf("rank %d: error %g, want %g", rank, got, want)
			}
			if got > before {
				t.Fatalf("rank %d: error %g, of one less %g", rank, got, before)
			}
			before = got
			d, inv := mat.NewDiagDense(k, nil), mat.NewDiagDense(k, nil)
			for i := range k {
				d.SetDiag(i, math.Sqrt(h.At(i, i)))
				inv.SetDiag(i, 1/d.At(i, i))
			}
			if a, b, err = LowRankFactors(e, rank, d, inv); err != nil {
				t.Fatal(err)
			}
			if approx := errorOf(e, a, b, h); approx < got-1e-8*values[0]*values[0] {
				t.Fatalf("rank %d: approximate factors have error %g, exact ones %g", rank, approx, got)
			}
		}
	}
}

// TestQERALowersError: with a branch the outputs are nearer to the float network's than without, at the same
// limit. (Of single layers that is so by construction; of the outputs of this network, which is drawn, for the
// exact measure.)
func TestQERALowersError(t *testing.T) {
	for _, acc := range []Accumulator{{}, {Bits: 9}, {Bits: 8, Rule: quant.Shifted}} {
		rng := rand.New(rand.NewPCG(31, 7))
		model, x := graphModel(rng), Samples{Values: uniforms(rng, 60*96), High: 1}
		c, err := Calibrate(t.Context(), model, x, 8, true)
		if err != nil {
			t.Fatal(err)
		}
		want := outputs(t, model, x.Values)
		loss := func(m Method, options Values) (sum float64) {
			s := settings(m, acc)
			s.WeightBits, s.Options = 3, options
			_, net := mustProject(t, c, s)
			checkCertified(t, net, acc)
			for i, y := range integerOutputs(net, x.Values) {
				sum += (y - want[i]) * (y - want[i])
			}
			return sum
		}
		plain := loss(Budget, nil)
		for _, w := range []Whitening{WhitenExact, WhitenApprox, WhitenLQER, WhitenNone, WhitenFisher} {
			got := loss(QERA, Values{"rank": "3", "whiten": string(w)})
			t.Logf("%+v, %s: error of the outputs %.4f, without a branch %.4f", acc, w, got, plain)
			if w == WhitenExact && got >= plain {
				t.Errorf("%+v: error of the outputs %g, without a branch %g", acc, got, plain)
			}
		}
	}
}

// integerOutputs returns the real outputs of the integer network.
func integerOutputs(net *quant.Network, samples []float32) (all []float64) {
	e, size := quant.NewExecutor(net), net.InputSize()
	var tr quant.Trace
	x, out := make([]int32, size), make([]float64, net.OutputLayer(0).Shape.Size())
	for k := 0; k*size < len(samples); k++ {
		net.Input.Apply(samples[k*size:(k+1)*size], x)
		e.Run(x, &tr)
		e.Real(&tr, 0, out)
		all = append(all, out...)
	}
	return all
}

// TestFewSamples: one sample, inputs that never change and layers that nothing comes through are no errors, by any
// method: what says nothing of an error leaves the weights to be rounded as they are.
func TestFewSamples(t *testing.T) {
	for _, d := range Methods() {
		for name, values := range map[string][]float32{
			"one sample": uniforms(rand.New(rand.NewPCG(3, 1)), 96), "black": make([]float32, 4*96)} {
			model := graphModel(rand.New(rand.NewPCG(31, 3)))
			c, err := Calibrate(t.Context(), model, Samples{Values: values, High: 1}, 8, true)
			if err != nil {
				t.Fatal(err)
			}
			_, net := mustProject(t, c, settings(d.Method, Accumulator{Bits: 9}))
			if err := net.Certify(); err != nil {
				t.Errorf("%s, %s: %v", d.Method, name, err)
			}
		}
	}
}
