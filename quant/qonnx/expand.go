package qonnx

import "slices"

// foldExpand evaluates Expand (ONNX: broadcasting both ways, so that a size of
// 1 in the shape leaves the axis as it is). Of a stream it repeats elements,
// which costs nothing until a layer reads them: an Upsample, if the factors
// allow.
func foldExpand(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	to, err := im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	shape, err := to.ints()
	if err != nil {
		return nil, n.errorf("shape %w", err)
	}
	out, ok := broadcast(v.dims(), shape)
	if !ok {
		return nil, n.errorf("cannot expand shape %v to %v", v.dims(), shape)
	}
	if t, ok := v.(*tensor); ok {
		// Quantised weights stay quantised: one row may stand for many.
		wide, err := im.expanded(t, out)
		if err != nil {
			return nil, n.errorf("%w", err)
		}
		return wide, nil
	}
	if slices.ContainsFunc(out, func(d int) bool { return d < 1 }) || len(out) > maxRank || boundedProduct(out) < 0 {
		return nil, n.errorf("cannot expand shape %v to %v", v.dims(), out)
	}
	s, ok := v.(*stream)
	if !ok || s.pads != nil {
		// Labels and zeros around a stream are not repeated.
		if product(out) != product(v.dims()) {
			return nil, n.errorf("cannot expand shape %v to %v", v.dims(), out)
		}
		return im.reshaped(n, v, out)
	}
	wide := *s
	wide.view = s.view.widened(len(out))
	for i, size := range wide.view.shape() {
		// An axis that repeats is one of size 1, so that its digits are the
		// repeats alone.
		if size == 1 {
			wide.view = wide.view.repeated(i, out[i])
		}
	}
	return &wide, nil
}

// opWhere chooses between two constants, by a constant or a stream of BOOL.
// With two streams as choices it would be a multiplexer per element, which no
// layer is. PyTorch writes Where for masks and for clamping by comparisons.
func opWhere(im *importer, n *node) (value, error) {
	cond, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	a, err := im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	b, err := im.constant(n, 2)
	if err != nil {
		return nil, err
	}
	if a.elem != b.elem && !(a.elem.real() && b.elem.real()) {
		return nil, n.errorf("chooses between types %v and %v, want one", a.elem, b.elem)
	}
	switch cond := cond.(type) {
	case *tensor:
		return im.foldWhere(n, cond, a, b)
	case *stream:
		return im.chosen(n, cond, a, b)
	case *ranking:
		return nil, mixed(n, cond)
	}
	panic("qonnx: unknown kind of value")
}

// foldWhere returns a where cond is true, else b, broadcast.
func (im *importer) foldWhere(n *node, cond, a, b *tensor) (value, error) {
	ab, ok := broadcast(a.shape, b.shape)
	shape, ok2 := broadcast(ab, cond.shape)
	if !ok || !ok2 {
		return nil, n.errorf("shapes %v, %v and %v do not fit together", cond.shape, a.shape, b.shape)
	}
	// Not cond*a + (1-cond)*b: what is not chosen may be infinite.
	out, err := im.newTensor(shape, a.elem)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	at, yes, no := newCursor(cond.shape, shape), newCursor(a.shape, shape), newCursor(b.shape, shape)
	for i := range out.data {
		x, y := a.data[yes.next()], b.data[no.next()]
		if out.data[i] = y; cond.data[at.next()] != 0 {
			out.data[i] = x
		}
	}
	return out, nil
}

// chosen returns the stream that is a where cond is true, else b. A constant
// per channel each; which of the two is taken varies by element.
func (im *importer) chosen(n *node, cond *stream, a, b *tensor) (value, error) {
	// cond broadcasts too: s gets the shape of all three.
	yes, s, err := im.alongside(cond, a)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	no, s, err := im.alongside(s, b)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	// With cond a staircase, this is one where true never means less than false.
	level := yes.paired(no, func(x, y float64) float64 { return x - y }).every(func(v float64) bool { return v >= 0 })
	varies := yes.each != nil || no.each != nil
	out, err := s.then(n, step{kind: apply, level: level, varies: varies, fn: func(c int, v float64) float64 {
		if v != 0 {
			return yes.at(c)
		}
		return no.at(c)
	}})
	if err == nil {
		out.elem = a.elem
	}
	return out, err
}
