package nn

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// TestAdjoint: every operation is linear in each operand (a maximum where no other element becomes the
// largest) and in its weights. So the gradient to an element is, exactly where all numbers are integers,
// g times what the operation makes of that element being 1 and the others 0. Gradients are added to what
// is there.
func TestAdjoint(t *testing.T) {
	cases := opCases()
	deconv := quant.Layer{Kind: quant.ConvTranspose, Out: 2,
		Window: quant.Window{H: 3, W: 4, StrideH: 3, StrideW: 2, Top: 2, Right: 1}}
	cases["transposed"] = struct {
		l  quant.Layer
		of []quant.Shape
	}{deconv, []quant.Shape{{H: 2, W: 3, C: 2}}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			checkAdjoint[float32](t, c.l, c.of)
			checkAdjoint[float64](t, c.l, c.of)
		})
	}
}

func checkAdjoint[T Float](t *testing.T, l quant.Layer, of []quant.Shape) {
	const samples, before = 2, 5
	if l.Kind.Weighted() {
		l.In = l.Terms(of[0])
	}
	out, err := l.OutputShape(of...)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(42, 1))
	o := NewOp(&l, of, out)
	var in, dx [][]T
	for _, s := range of {
		in = append(in, small[T](r, samples*s.Size()))
		dx = append(dx, slices.Repeat([]T{before}, samples*s.Size()))
	}
	rows := l.Out * max(len(o.Phases), 1)
	w := small[T](r, rows*l.In)
	given := func(w []T) Weights[T] {
		if o.Form == Channelwise {
			w = Transposed(w, l.Out, l.In)
		}
		return Weights[T]{Matrix: w}
	}
	g, work := small[T](r, samples*out.Size()), NewWork[T](o, samples)
	work.From = make([]int32, samples*out.Size())
	y := make([]T, len(g))
	Forward(o, in, given(w), y, work)
	dw := slices.Repeat([]T{before}, len(w))
	largest := slices.Clone(work.From)
	Adjoint(o, in, given(w), g, dx, dw, work)
	// along returns the inner product of g with the outputs of other operands or weights.
	along := func(in [][]T, w []T) T {
		Forward(o, in, given(w), y, work)
		sum := T(0)
		for i, v := range y {
			if o.Kind == quant.MaxPool { // of the elements that were the largest
				k, c := i/out.Size(), i%out.C
				v = in[0][k*of[0].Size()+int(largest[i])*out.C+c]
			}
			sum += g[i] * v
		}
		return sum
	}
	for k := range in {
		for i := range in[k] {
			alone := slices.Clone(in)
			for j := range alone {
				alone[j] = make([]T, len(in[j]))
			}
			alone[k][i] = 1
			if want := along(alone, w); dx[k][i]-before != want {
				t.Fatalf("%T: operand %d, element %d: %v, want %v", want, k, i, dx[k][i]-before, want)
			}
		}
	}
	for i := range w {
		alone := make([]T, len(w))
		alone[i] = 1
		if want := along(in, alone); dw[i]-before != want {
			t.Fatalf("%T: weight %d: %v, want %v", want, i, dw[i]-before, want)
		}
	}
	// What nobody asks for is not computed.
	Adjoint(o, in, given(w), g, make([][]T, len(in)), nil, work)
}
