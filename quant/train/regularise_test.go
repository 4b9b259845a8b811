package train

import (
	"math"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// TestStepRegularises: a step's loss and the gradients of t and d have lambda
// times those of sum max(g - T, 0) in them (MATH 3), and weights' have nothing.
func TestStepRegularises(t *testing.T) {
	const lambda = 0.25
	gradients := func(regulariser float64) (loss float64, n *net) {
		s := small()
		s.Method, s.AccBits, s.Float.Epochs, s.Regulariser = quant.A2Q, 9, 0, regulariser
		r, err := newRun(s, smallSet(), nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.turn(); err != nil {
			t.Fatal(err)
		}
		for _, node := range r.net.weighted() {
			for i := range node.w.parameters().q.t.v {
				node.w.parameters().q.t.v[i] += 3 // beyond T, most of them
			}
		}
		loss, _ = r.step([]int32{0, 1, 2, 3, 4, 5, 6, 7}, 1e-30)
		return loss, r.net
	}
	plain, a := gradients(0)
	with, b := gradients(lambda)
	sum := 0.0
	for i, node := range a.weighted() {
		p, q := node.w.parameters(), b.weighted()[i].w.parameters()
		if !slices.Equal(p.w.g, q.w.g) {
			t.Errorf("layer %s: other gradients of weights", node.Name)
		}
		gradD, gradT := slices.Clone(p.q.d.g), slices.Clone(p.q.t.g)
		sum += p.q.z.Regularizer(p.q.rows, p.q.d.v, p.q.t.v, lambda, gradD, gradT)
		if !slices.Equal(gradD, q.q.d.g) || !slices.Equal(gradT, q.q.t.g) {
			t.Errorf("layer %s: gradients of d %v, of t %v, want %v, %v", node.Name, q.q.d.g, q.q.t.g, gradD, gradT)
		}
	}
	if sum == 0 || math.Abs(with-plain-lambda*sum) > 1e-9*with {
		t.Errorf("loss %g, without regulariser %g, want %g more", with, plain, lambda*sum)
	}
}
