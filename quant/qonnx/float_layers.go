package qonnx

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// float32s converts the elements of a constant. by is Gemm's alpha or beta, 1
// elsewhere: a model has neither.
func float32s(v []float64, by float64) []float32 {
	out := make([]float32, len(v))
	for i := range v {
		out[i] = float32(v[i] * by)
	}
	return out
}

// channelsOf returns constant i of n, one number for each of x's channels. A
// constant of one element stands for all channels, as broadcasting has it. Its
// shape is not looked at: [C], [1 C 1 1] and [C 1 1] all mean channels behind a
// Conv, and a Gemm's output has no other axis.
func (r *floatReader) channelsOf(n *node, i int, x *feature) ([]float64, error) {
	t, err := r.im.constant(n, i)
	if err != nil {
		return nil, err
	}
	switch len(t.data) {
	case x.shape.C:
		return t.data, nil
	case 1:
		return slices.Repeat(t.data, x.shape.C), nil
	}
	return nil, n.errorf("input %s has %d elements, want %d", show(n.in[i]), len(t.data), x.shape.C)
}

// flatten reads a node that changes the shape: only between images and vectors.
// Anything else would split rows or channels, which a layer cannot read.
func (r *floatReader) flatten(n *node, x *feature) (value, error) {
	moved, err := r.reshape(n, x)
	if err != nil {
		return nil, err
	}
	out := *x
	// Nothing computes with a label, whatever its shape.
	if out.size = moved.dims(); x.ranked {
		return &out, nil
	}
	if product(out.size) == x.shape.C && len(out.size) > 2 && slices.Max(out.size) == x.shape.C {
		return &out, nil // axes of size 1 come and go
	}
	if out.image() || slices.Equal(out.size, []int{1, x.shape.Size()}) || slices.Equal(out.size,
		[]int{x.shape.Size()}) {
		return &out, nil
	}
	return nil, n.errorf("makes shape %v of %v, want [1 %d]: all channels, rows and columns in a row",
		out.size, x.size, x.shape.Size())
}

// reshape returns a stand-in of x with the shape that n gives it. Reshape with
// 0 and -1, Flatten's axis and Squeeze's axes have rules enough: they are
// evaluated by the importer's own operators on a stream of the same shape,
// whose elements nobody reads.
func (r *floatReader) reshape(n *node, x *feature) (value, error) {
	name := n.in[0]
	v, _ := view{whole(channels, product(x.size))}.reshaped(x.size)
	r.im.values[name] = &stream{base: fromInput, width: product(x.size), view: v}
	defer func() { r.im.values[name] = x }()
	return operatorOf(n)(r.im, n)
}

// linear reads Gemm and MatMul of one row by a matrix: [1 in] x [in out], or
// [out in] with transB.
func (r *floatReader) linear(n *node, x *feature) (value, error) {
	w, err := r.im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	if n.int("transA", 0) != 0 || len(w.shape) != 2 || product(x.size) != x.size[len(x.size)-1] {
		return nil, n.errorf("cannot multiply one row, shape %v, by weights of shape %v", x.size, w.shape)
	}
	if n.int("transB", 0) == 0 { // to out x in
		v, err := r.im.transposedTensor(n, w, []int{w.shape[1], w.shape[0]}, []int{1, 0})
		if err != nil {
			return nil, err
		}
		w = v.(*tensor)
	}
	l := nn.Layer{Kind: quant.Linear, Out: w.shape[0], In: w.shape[1]}
	if l.In != x.shape.Size() {
		return nil, n.errorf("has weights of shape %v for %d inputs", w.shape, x.shape.Size())
	}
	// Back from the order of Flatten, which has channels first.
	l.Weights = nn.Transposed(float32s(w.data, n.float("alpha", 1)), x.shape.C, x.shape.Positions())
	if n.has(2) {
		b, err := r.channelsOf(n, 2, &feature{shape: quant.Vector(l.Out)})
		if err != nil {
			return nil, err
		}
		l.Bias = float32s(b, n.float("beta", 1))
	}
	return r.add(n, l, []*feature{x})
}

// conv reads a Conv, with the zeros of a Pad before it among its own pads.
func (r *floatReader) conv(n *node, x *feature) (value, error) {
	if !x.image() {
		return nil, n.errorf("wants an image of shape [1 channels rows columns], has shape %v", x.size)
	}
	w, err := r.im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	c, err := newConvolution(n, w, x.shape)
	if err != nil {
		return nil, err
	}
	around := x.shape
	around.H, around.W = around.H+x.pads[0]+x.pads[2], around.W+x.pads[1]+x.pads[3]
	// auto_pad counts what the Pad put there as elements.
	win, err := n.window(c.h, c.w, around)
	if err != nil {
		return nil, err
	}
	win.Top, win.Left = win.Top+x.pads[0], win.Left+x.pads[1]
	win.Bottom, win.Right = win.Bottom+x.pads[2], win.Right+x.pads[3]
	l := nn.Layer{Kind: quant.Conv, Out: c.out, In: c.h * c.w * c.width, Window: win, Groups: c.groups}
	l.Weights = nn.Transposed(float32s(w.data, 1), c.width, c.h*c.w)
	if n.has(2) {
		b, err := r.channelsOf(n, 2, &feature{shape: quant.Vector(l.Out)})
		if err != nil {
			return nil, err
		}
		l.Bias = float32s(b, 1)
	}
	return r.add(n, l, []*feature{x})
}

// convTranspose reads a ConvTranspose whose kernel is a multiple of its stride, without
// what makes its output larger than stride*(input-1) + kernel - pads: the layer that
// training has.
func (r *floatReader) convTranspose(n *node, x *feature) (value, error) {
	w, err := r.im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	if !x.image() || len(w.shape) != 4 || w.shape[0] != x.shape.C || n.count("group", 1) != 1 {
		return nil, n.errorf("has weights of shape %v in %d groups for shape %v, want [in out rows columns] in one group",
			w.shape, n.count("group", 1), x.size)
	}
	win, err := n.window(w.shape[2], w.shape[3], x.shape)
	if err != nil {
		return nil, err
	}
	for _, v := range n.attrs["output_padding"].GetInts() {
		if v != 0 {
			return nil, n.errorf("output_padding is %v, want none", n.attrs["output_padding"].GetInts())
		}
	}
	if n.attrs["output_shape"].GetInts() != nil || n.string("auto_pad", "NOTSET") != "NOTSET" {
		return nil, n.errorf("has auto_pad or an output_shape, want pads")
	}
	l := nn.Layer{Kind: quant.ConvTranspose, Out: w.shape[1], Window: win.Normal()}
	g := l.Geometry()
	l.In = g.Terms(x.shape)
	if _, err := l.OutputShape(x.shape); err != nil {
		return nil, n.errorf("%w", err)
	}
	for _, from := range transposedOrder(&l, x.shape.C) {
		l.Weights = append(l.Weights, float32(w.data[from]))
	}
	if n.has(2) {
		b, err := r.channelsOf(n, 2, &feature{shape: quant.Vector(l.Out)})
		if err != nil {
			return nil, err
		}
		l.Bias = float32s(b, 1)
	}
	return r.add(n, l, []*feature{x})
}

// batchNorm belongs to the layer before it, unless that has a ReLU already:
// then it comes after the ReLU, where a layer has no batch norm.
func (r *floatReader) batchNorm(n *node, x *feature) (value, error) {
	if err := r.im.inference(n); err != nil {
		return nil, err
	}
	var p [4][]float32
	for i := range p {
		v, err := r.channelsOf(n, i+1, x)
		if err != nil {
			return nil, err
		}
		p[i] = float32s(v, 1)
	}
	b := &nn.BatchNorm{Gamma: p[0], Beta: p[1], Mean: p[2], Var: p[3], Epsilon: float32(n.float("epsilon", 1e-5))}
	return r.attach(n, x, func(l *nn.Layer) bool {
		return l.BatchNorm == nil && !l.Relu
	}, func(l *nn.Layer) { l.BatchNorm = b })
}

// bias reads an Add of a constant behind weights. MatMul has no bias of its
// own: PyTorch writes nn.Linear as MatMul and Add for inputs of three axes.
func (r *floatReader) bias(n *node, x *feature) (value, error) {
	// The constant's position among the two inputs.
	at := 1
	if v, _ := r.im.operand(n, 0); v != value(x) {
		at = 0
	}
	b, err := r.channelsOf(n, at, x)
	if err != nil {
		return nil, err
	}
	if x.layer == quant.Source || r.uses[n.in[1-at]] != 1 {
		return nil, n.errorf("adds a constant to what is no layer with weights")
	}
	l := &r.m.Layers[x.layer]
	if !l.Kind.Weighted() || l.Bias != nil || l.BatchNorm != nil || l.Relu {
		return nil, n.errorf("adds a constant to layer %q, which is no layer with weights alone", l.Name)
	}
	l.Bias = float32s(b, 1)
	return x, nil
}

// pool reads MaxPool and AveragePool with the integer reader's rules: an
// average must divide every window by the same number.
func (r *floatReader) pool(n *node, x *feature) (value, error) {
	h, w, err := n.pair("kernel_shape", 0)
	if err != nil {
		return nil, err
	}
	win, err := n.window(h, w, x.shape)
	if err != nil {
		return nil, err
	}
	padded := win.Padded()
	if n.count("ceil_mode", 0) != 0 {
		win = ceiled(win, x.shape)
	}
	l := nn.Layer{Kind: quant.MaxPool, Window: win}
	if n.op == "AveragePool" {
		if l.Kind = quant.AvgPool; n.count("ceil_mode", 0) != 0 || padded && n.count("count_include_pad", 0) == 0 {
			return nil, n.errorf("divides windows at the edge by fewer taps: want count_include_pad=1 and " +
				"ceil_mode=0, or no pads")
		}
	}
	return r.add(n, l, []*feature{x})
}

// resize reads a nearest Resize or Upsample by one whole factor for rows and
// columns.
func (r *floatReader) resize(n *node, x *feature) (value, error) {
	f, err := r.im.resizeFactors(n, x.size)
	if err != nil {
		return nil, err
	}
	if f[0] != 1 || f[1] != 1 || f[2] != f[3] {
		return nil, n.errorf("resizes by %v, want one factor for rows and columns", f)
	}
	if err := n.repeatsAll(x.size, f); err != nil {
		return nil, err
	}
	if f[2] == 1 {
		return x, nil
	}
	return r.add(n, nn.Layer{Kind: quant.Upsample, Factor: f[2]}, []*feature{x})
}

// pad keeps zeros around rows and columns for the Conv behind. ONNX's list has
// the begins of all four axes before their ends.
func (r *floatReader) pad(n *node, x *feature) (value, error) {
	p, given, err := r.im.intList(n, "pads", 1)
	if err != nil {
		return nil, err
	}
	fill := n.float("value", 0)
	if n.has(2) {
		if fill, err = r.im.oneNumber(n, 2); err != nil {
			return nil, err
		}
	}
	// Input 3 names axes, from opset 18 on.
	plane := given && !n.has(3) && len(p) == 8 && p[0] == 0 && p[1] == 0 && p[4] == 0 && p[5] == 0 && slices.Min(p) >= 0
	if !plane || fill != 0 || n.string("mode", "constant") != "constant" {
		return nil, n.errorf("pads by %v with %v, want zeros around rows and columns", p, fill)
	}
	out := *x
	for i, v := range []int{p[2], p[3], p[6], p[7]} {
		out.pads[i] += v
	}
	return &out, nil
}
