package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// small draws integers of -3..3: sums of some hundred products of them are exact in
// float32.
func small[T Float](r *rand.Rand, n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(r.IntN(7) - 3)
	}
	return v
}

// element is element (y, x, c) of what l makes of in, by the definition of its kind. w
// is Out x In.
func element[T Float](l *quant.Layer, of []quant.Shape, in [][]T, w, bias []T, y, x, c int) T {
	s := of[0]
	at := func(y, x, c int) T {
		if y < 0 || x < 0 || y >= s.H || x >= s.W {
			return 0
		}
		return in[0][(y*s.W+x)*s.C+c]
	}
	sum := T(0)
	if len(bias) > 0 {
		sum = bias[c]
	}
	switch f := l.Factor; l.Kind {
	case quant.Linear:
		for i, v := range in[0] {
			sum += v * w[c*l.In+i]
		}
	case quant.Add:
		for k := range in {
			sum += in[k][(y*s.W+x)*s.C+c]
		}
	case quant.Concat:
		k := 0
		for ; c >= of[k].C; k++ {
			c -= of[k].C
		}
		return in[k][(y*s.W+x)*of[k].C+c]
	case quant.Requantize:
		return at(y, x, c)
	case quant.Upsample:
		return at(y/f, x/f, c)
	case quant.PixelShuffle:
		if l.DepthFirst {
			return at(y/f, x/f, (y%f*f+x%f)*(s.C/f/f)+c)
		}
		return at(y/f, x/f, c*f*f+y%f*f+x%f)
	default:
		return windowed(l, s, at, w, sum, y, x, c)
	}
	return sum
}

// windowed is element for kinds with a window.
func windowed[T Float](l *quant.Layer, s quant.Shape, at func(y, x, c int) T, w []T, sum T, y, x, c int) T {
	most := T(math.Inf(-1))
	for tap := range l.Window.Taps() {
		iy := y*max(l.Window.StrideH, 1) - l.Window.Top + tap/l.Window.W*max(l.Window.DilationH, 1)
		ix := x*max(l.Window.StrideW, 1) - l.Window.Left + tap%l.Window.W*max(l.Window.DilationW, 1)
		if l.Kind != quant.Conv {
			if sum += at(iy, ix, c); iy >= 0 && ix >= 0 && iy < s.H && ix < s.W {
				most = max(most, at(iy, ix, c))
			}
			continue
		}
		width := s.C / max(l.Groups, 1)
		first := c / (l.Out / max(l.Groups, 1)) * width
		for k := range width {
			sum += at(iy, ix, first+k) * w[c*l.In+tap*width+k]
		}
	}
	if l.Kind == quant.MaxPool {
		return most
	}
	return sum
}

// opCases has each kind, and each form of those with weights.
func opCases() map[string]struct {
	l  quant.Layer
	of []quant.Shape
} {
	type c = struct {
		l  quant.Layer
		of []quant.Shape
	}
	image := func(h, w, c int) []quant.Shape { return []quant.Shape{{H: h, W: w, C: c}} }
	win := func(k, stride, pad, dilation int) quant.Window {
		return quant.Window{H: k, W: k, StrideH: stride, StrideW: stride, DilationH: dilation, DilationW: dilation,
			Top: pad, Left: pad, Bottom: pad, Right: pad}
	}
	odd := quant.Window{H: 2, W: 3, StrideH: 2, Top: 1, Right: 2}
	return map[string]c{
		"linear":          {quant.Layer{Kind: quant.Linear, Out: 70}, image(1, 1, 9)}, // two blocks of a product
		"linear on image": {quant.Layer{Kind: quant.Linear, Out: 3}, image(2, 3, 2)},
		"conv":            {quant.Layer{Kind: quant.Conv, Out: 3, Window: win(3, 1, 1, 1)}, image(4, 5, 2)},
		"conv of pixels":  {quant.Layer{Kind: quant.Conv, Out: 3, Window: win(3, 2, 1, 1)}, image(5, 6, 1)},
		"conv dilated":    {quant.Layer{Kind: quant.Conv, Out: 3, Window: win(3, 1, 2, 2)}, image(5, 4, 2)},
		"conv odd":        {quant.Layer{Kind: quant.Conv, Out: 4, Window: odd, Groups: 2}, image(5, 5, 4)},
		"conv 1x1":        {quant.Layer{Kind: quant.Conv, Out: 5, Window: win(1, 1, 0, 1)}, image(3, 4, 6)},
		"conv 1x1 apart":  {quant.Layer{Kind: quant.Conv, Out: 5, Window: win(1, 2, 0, 1)}, image(3, 4, 6)},
		"depthwise":       {quant.Layer{Kind: quant.Conv, Out: 3, Window: win(5, 1, 2, 1), Groups: 3}, image(6, 5, 3)},
		"depthwise apart": {quant.Layer{Kind: quant.Conv, Out: 3, Window: win(3, 2, 1, 2), Groups: 3}, image(6, 7, 3)},
		"multiplier":      {quant.Layer{Kind: quant.Conv, Out: 6, Window: win(3, 1, 1, 1), Groups: 3}, image(4, 4, 3)},
		"avgpool":         {quant.Layer{Kind: quant.AvgPool, Window: win(3, 2, 1, 1)}, image(5, 6, 2)},
		"maxpool":         {quant.Layer{Kind: quant.MaxPool, Window: win(3, 2, 1, 1)}, image(5, 6, 2)},
		"add":             {quant.Layer{Kind: quant.Add}, slices.Repeat(image(2, 3, 2), 3)},
		"concat":          {quant.Layer{Kind: quant.Concat}, slices.Concat(image(2, 3, 2), image(2, 3, 1), image(2, 3, 4))},
		"upsample":        {quant.Layer{Kind: quant.Upsample, Factor: 3}, image(2, 3, 2)},
		"shuffle":         {quant.Layer{Kind: quant.PixelShuffle, Factor: 2}, image(2, 3, 8)},
		"shuffle deep":    {quant.Layer{Kind: quant.PixelShuffle, Factor: 2, DepthFirst: true}, image(2, 3, 8)},
		"requantize":      {quant.Layer{Kind: quant.Requantize}, image(2, 3, 2)},
	}
}

// TestForward compares each operation, on three samples at once, with the definition of
// its kind. All numbers are integers, so that sums are exact in either type.
func TestForward(t *testing.T) {
	for name, c := range opCases() {
		t.Run(name, func(t *testing.T) {
			checkForward[float32](t, c.l, c.of)
			checkForward[float64](t, c.l, c.of)
		})
	}
}

func checkForward[T Float](t *testing.T, l quant.Layer, of []quant.Shape) {
	const samples = 3
	if l.Kind.Weighted() {
		l.In = l.Terms(of[0])
	}
	out, err := l.OutputShape(of...)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(41, 1))
	o := NewOp(&l, of, out)
	var in [][]T
	for _, s := range of {
		in = append(in, small[T](r, samples*s.Size()))
	}
	w := Weights[T]{Matrix: small[T](r, l.In*l.Out), Bias: small[T](r, l.Out)}
	given := w
	if o.Form == Channelwise {
		given.Matrix = Transposed(w.Matrix, l.Out, l.In)
	}
	work := NewWork[T](o, samples)
	work.From = make([]int32, samples*out.Size())
	y := make([]T, samples*out.Size())
	for i := range y {
		y[i] = T(math.NaN()) // to be overwritten
	}
	Forward(o, in, given, y, work)
	for i, got := range y {
		k, e := i/out.Size(), i%out.Size()
		var x [][]T
		for j, s := range of {
			x = append(x, in[j][k*s.Size():(k+1)*s.Size()])
		}
		if want := element(&l, of, x, w.Matrix, w.Bias, e/out.C/out.W, e/out.C%out.W, e%out.C); got != want {
			t.Fatalf("%T: sample %d, element %d is %v, want %v", got, k, e, got, want)
		}
		if o.Kind == quant.MaxPool && x[0][int(work.From[i])*out.C+e%out.C] != got {
			t.Fatalf("%T: sample %d, element %d is not that of position %d", got, k, e, work.From[i])
		}
	}
}

// TestForms: which convolutions need no copies of their windows, and which no products.
func TestForms(t *testing.T) {
	for name, want := range map[string]Form{"linear": Direct, "conv 1x1": Direct, "conv 1x1 apart": Columns,
		"conv": Columns, "multiplier": Columns, "depthwise": Channelwise} {
		c := opCases()[name]
		c.l.In = c.l.Terms(c.of[0])
		out, err := c.l.OutputShape(c.of...)
		if err != nil {
			t.Fatal(err)
		}
		if got := NewOp(&c.l, c.of, out).Form; got != want {
			t.Errorf("%s has form %d, want %d", name, got, want)
		}
	}
}

// TestMaxNaN: a maximum of what is no number is none, so that a diverged run is noticed.
func TestMaxNaN(t *testing.T) {
	l := quant.Layer{Kind: quant.MaxPool, Window: quant.Window{H: 1, W: 3}}
	o := NewOp(&l, []quant.Shape{{H: 1, W: 3, C: 1}}, quant.Vector(1))
	for i := range 3 {
		x, y := []float32{1, 2, 3}, make([]float32, 1)
		x[i] = float32(math.NaN())
		if Forward(o, [][]float32{x}, Weights[float32]{}, y, &Work[float32]{From: make([]int32, 1)}); y[0] == y[0] {
			t.Errorf("the maximum of %v is %v", x, y[0])
		}
	}
}

// TestWindows: the rows that weights are multiplied by, of integers of any type.
func TestWindows(t *testing.T) {
	l := quant.Layer{Kind: quant.Conv, Groups: 2, Out: 2, Window: quant.Window{H: 1, W: 2, Left: 1}}
	o := NewOp(&l, []quant.Shape{{H: 1, W: 2, C: 4}}, quant.Shape{H: 1, W: 2, C: 2})
	got := make([]int32, 8)
	Windows(o, []int32{1, 2, 3, 4, 5, 6, 7, 8}, 1, got)
	// Group 1 has channels 2 and 3; the first window has a tap in the padding.
	if want := "[0 0 3 4 3 4 7 8]"; fmt.Sprint(got) != want {
		t.Errorf("windows %v, want %s", got, want)
	}
}

// TestGemm: products of several blocks, transposed or not, onto what is there.
func TestGemm(t *testing.T) {
	const m, n, k = 65, 130, 67
	r := rand.New(rand.NewPCG(41, 2))
	a, b, start := small[float64](r, m*k), small[float64](r, n*k), small[float64](r, m*n)
	at, bt := Transposed(a, m, k), Transposed(b, n, k)
	for _, c := range []struct {
		ta, tb bool
		beta   float64
	}{{false, true, 0}, {true, true, 1}, {false, false, 2}, {true, false, 1}} {
		x, y := NewMatrix(a, m, k, k), NewMatrix(b, n, k, k)
		if c.ta {
			x = NewMatrix(at, k, m, m)
		}
		if !c.tb {
			y = NewMatrix(bt, k, n, n)
		}
		got := append([]float64(nil), start...)
		Gemm(transpose(c.ta), transpose(c.tb), x, y, c.beta, NewMatrix(got, m, n, n))
		for i, v := range got {
			want := c.beta * start[i]
			for j := range k {
				want += a[i/n*k+j] * b[i%n*k+j]
			}
			if v != want {
				t.Fatalf("%+v: element %d is %v, want %v", c, i, v, want)
			}
		}
	}
}
