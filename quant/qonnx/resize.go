package qonnx

import (
	"slices"
)

// opResize evaluates Resize and Upsample where they repeat every element a
// whole number of times. Interpolation would need multiplications by fractions
// between layers. The result is a view: an Upsample follows only where
// something reads it.
func opResize(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	s, ok := v.(*stream)
	if !ok {
		return nil, n.errorf("wants an input that depends on the network's")
	}
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	factors, err := im.resizeFactors(n, s.dims())
	if err != nil {
		return nil, err
	}
	dims := s.dims()
	// Before the shortcut below: an axis of factor 1 may be moved too.
	if err := n.repeatsAll(dims, factors); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(factors, func(f int) bool { return f != 1 }) {
		return s, nil
	}
	if s, err = im.simple(n, s); err != nil {
		return nil, err
	}
	out := *s
	for i, f := range factors {
		out.view = out.view.repeated(i, f)
		dims[i] *= f
	}
	// A view costs nothing, and a factor of 1024 twice would still ask for a
	// layer of 2^20 times the elements later on.
	if size := boundedProduct(dims); size < 0 || size > im.activations {
		return nil, n.errorf("makes shape %v, more than the %d elements that are left for all layers", dims,
			im.activations)
	}
	return &out, nil
}

// simple returns s, made a layer if it was moved about before: what moves it
// again is then recognised by itself. Two shuffles, or a shuffle of an
// upsampled image, make digits that moves does not know as one layer.
func (im *importer) simple(n *node, s *stream) (*stream, error) {
	if s.base == fromInput && !s.view.repeating() {
		return s, nil
	}
	s, err := im.pooled(n, s)
	if err != nil {
		return nil, err
	}
	if m, ok := im.moves(s.view, im.shapeOf(s)); ok && len(m.layers) > 0 {
		return im.settled(n, s)
	}
	return s, nil
}

// resizeFactors returns the factor of every axis, from the scales or the sizes
// of all axes or, from opset 18 on, of those that the node names. ONNX's output
// size is floor(size * scale): for a whole factor that is exact.
func (im *importer) resizeFactors(n *node, dims []int) ([]int, error) {
	axes, err := im.resizedAxes(n, len(dims))
	if err != nil {
		return nil, err
	}
	scales, err := im.resizeScales(n, pick(dims, axes))
	if err != nil {
		return nil, err
	}
	if len(scales) != len(axes) {
		return nil, n.errorf("has %d scales or sizes for axes %v of shape %v", len(scales), axes, dims)
	}
	factors := slices.Repeat([]int{1}, len(dims))
	for i, v := range scales {
		f, ok := exactly(v)
		if !ok || f < 1 || f > 1<<10 {
			return nil, n.errorf("resizes axis %d of shape %v by %v, want a whole factor", axes[i], dims, v)
		}
		factors[axes[i]] = f
	}
	return factors, nil
}

// resizedAxes returns the axes that scales and sizes are for, in their order.
// (ONNX, Resize-18: axes.) The order matters, since scales follow it.
func (im *importer) resizedAxes(n *node, rank int) ([]int, error) {
	var all []int
	for i := range rank {
		all = append(all, i)
	}
	if n.attrs["axes"] == nil {
		return all, nil
	}
	if _, err := im.axesOf(n, rank); err != nil { // in range, each once
		return nil, err
	}
	axes, _, err := im.intList(n, "axes", 0)
	for i, a := range axes {
		if a < 0 {
			axes[i] = a + rank
		}
	}
	return axes, err
}

// resizeScales returns the scales, or what the sizes make of dims. (Inputs:
// Upsample-9 and Resize-10 x, scales; Resize-11 x, roi, scales, sizes, of the
// last two one; Upsample-7 has an attribute.) An empty tensor of scales is as
// good as none: exporters write one beside sizes.
func (im *importer) resizeScales(n *node, dims []int) ([]float64, error) {
	at, sizesAt := 2, 3
	if n.op == "Upsample" || n.opset < 11 {
		at, sizesAt = 1, -1
	}
	var scales []float64
	for _, v := range n.attrs["scales"].GetFloats() {
		scales = append(scales, float64(v))
	}
	if scales == nil && n.has(at) {
		t, err := im.constant(n, at)
		if err != nil {
			return nil, err
		}
		scales = t.data
	}
	if len(scales) > 0 || sizesAt < 0 || !n.has(sizesAt) {
		return scales, nil
	}
	if policy := n.string("keep_aspect_ratio_policy", "stretch"); policy != "stretch" {
		return nil, n.errorf("changes its sizes by policy %s, want stretch, or scales", show(policy))
	}
	t, err := im.constant(n, sizesAt)
	if err != nil {
		return nil, err
	}
	if len(t.data) != len(dims) {
		return nil, n.errorf("has %d sizes, want %d", len(t.data), len(dims))
	}
	for i, size := range t.data {
		// Where sizes are given, the scale is their quotient (ONNX, Resize).
		scales = append(scales, size/float64(dims[i]))
	}
	return scales, nil
}

// opDepthToSpace moves channels into positions. It is a view: Reshape,
// Transpose and Reshape say the same. (ONNX, DepthToSpace: blocksize b; DCR,
// depth-column-row, takes channels apart as [b b C], CRD as [C b b]. PyTorch's
// PixelShuffle is CRD.)
func opDepthToSpace(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	s, ok := v.(*stream)
	b, dims := n.count("blocksize", 0), v.dims()
	if !ok || len(dims) != 4 || dims[0] != 1 || b < 1 || dims[1]%(b*b) != 0 {
		return nil, n.errorf("cannot move blocks of %d x %d channels of shape %v into positions", b, b, dims)
	}
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	if s, err = im.simple(n, s); err != nil {
		return nil, err
	}
	c := dims[1] / (b * b)
	apart, perm := []int{1, b, b, c, dims[2], dims[3]}, []int{0, 3, 4, 1, 5, 2}
	switch mode := n.string("mode", "DCR"); mode {
	case "DCR":
	case "CRD":
		apart, perm = []int{1, c, b, b, dims[2], dims[3]}, []int{0, 1, 4, 2, 5, 3}
	default:
		return nil, n.errorf("mode is %s, want DCR or CRD", show(mode))
	}
	if v, err = im.reshaped(n, s, apart); err != nil {
		return nil, err
	}
	if v, err = im.transposed(n, v, perm); err != nil {
		return nil, err
	}
	return im.reshaped(n, v, []int{1, c, dims[2] * b, dims[3] * b})
}

// opSpaceToDepth moves positions into channels. It is a view, the inverse of DepthToSpace:
// Reshape, Transpose and Reshape say the same. (ONNX, SpaceToDepth: the channels are [b b C];
// CRD, opset 28, has [C b b], as PyTorch's PixelUnshuffle.)
func opSpaceToDepth(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	s, ok := v.(*stream)
	b, dims := n.count("blocksize", 0), v.dims()
	if !ok || len(dims) != 4 || dims[0] != 1 || b < 1 || dims[2]%b != 0 || dims[3]%b != 0 {
		return nil, n.errorf("cannot move blocks of %d x %d positions of shape %v into channels", b, b, dims)
	}
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	if s, err = im.simple(n, s); err != nil {
		return nil, err
	}
	c, h, w := dims[1], dims[2]/b, dims[3]/b
	if v, err = im.reshaped(n, s, []int{1, c, h, b, w, b}); err != nil {
		return nil, err
	}
	perm := []int{0, 3, 5, 1, 2, 4}
	if n.string("mode", "DCR") == "CRD" {
		perm = []int{0, 1, 3, 5, 2, 4}
	}
	if v, err = im.transposed(n, v, perm); err != nil {
		return nil, err
	}
	return im.reshaped(n, v, []int{1, b * b * c, h, w})
}

// opPad puts zeros around a stream, for a convolution behind it. ONNX lists
// begins of all axes, then ends. Input 3 (axes, opset 18) would change that and
// is refused. mode constant with 0 is the default; others copy elements.
func opPad(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	pads, given, err := im.intList(n, "pads", 1)
	if err != nil {
		return nil, err
	}
	s, ok := v.(*stream)
	if !ok || !given || len(pads) != 2*len(v.dims()) || n.has(3) {
		return nil, n.errorf("has %d pads for shape %v, want two for each axis, on what depends on the network's input",
			len(pads), v.dims())
	}
	if mode := n.string("mode", "constant"); mode != "constant" {
		return nil, n.errorf("pads by %s, want zeros", show(mode))
	}
	fill := n.float("value", 0)
	if n.has(2) {
		if fill, err = im.oneNumber(n, 2); err != nil {
			return nil, err
		}
	}
	if fill != 0 {
		return nil, n.errorf("pads with %v, want zeros", fill)
	}
	// Negative pads crop.
	for i, size := range s.dims() {
		if before, after := min(pads[i], 0), min(pads[len(s.view)+i], 0); before < 0 || after < 0 {
			if v, err = im.selected(n, s, i, positions(size, -before, max(size+after, 0), 1)); err != nil {
				return nil, err
			}
			s = v.(*stream)
		}
		pads[i], pads[len(s.view)+i] = max(pads[i], 0), max(pads[len(s.view)+i], 0)
	}
	if s, err = im.pooled(n, s); err != nil {
		return nil, err
	}
	out := *s
	out.by, out.pads = n, make([][2]int, len(s.view))
	// Pads of two Pad nodes in a row add up.
	copy(out.pads, s.pads)
	some := false
	for i := range out.pads {
		for end, p := range [2]int{pads[i], pads[len(s.view)+i]} {
			if p > 1<<10 {
				return nil, n.errorf("pads are %v, want at most %d", pads, 1<<10)
			}
			out.pads[i][end] += p
			some = some || out.pads[i][end] > 0
		}
	}
	// Exporters leave Pad nodes of zeros in place.
	if !some {
		return s, nil
	}
	return &out, nil
}
