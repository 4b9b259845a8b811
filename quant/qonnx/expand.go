package qonnx

import "slices"

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
		ones := &tensor{shape: out}
		size, err := im.left.take(out)
		if err != nil {
			return nil, n.errorf("%w", err)
		}
		ones.data = make([]float64, size)
		return im.foldBinary(n, t, ones, func(x, _ float64) float64 { return x })
	}
	if slices.ContainsFunc(out, func(d int) bool { return d < 1 }) || len(out) > maxRank || boundedProduct(out) < 0 {
		return nil, n.errorf("cannot expand shape %v to %v", v.dims(), out)
	}
	s, ok := v.(*stream)
	if !ok || s.pads != nil {
		return im.reshaped(n, v, out)
	}
	wide := *s
	wide.view = s.view.widened(len(out))
	for i, size := range wide.view.shape() {
		if size == 1 {
			wide.view = wide.view.repeated(i, out[i])
		}
	}
	return &wide, nil
}

func foldWhere(im *importer, n *node) (value, error) {
	cond, err := im.constant(n, 0)
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
	pick := func(c *tensor, x *tensor, keep bool) (*tensor, error) {
		v, err := im.foldBinary(n, c, x, func(c, x float64) float64 {
			if (c != 0) == keep {
				return x
			}
			return 0
		})
		if err != nil {
			return nil, err
		}
		v.(*tensor).integer = x.integer
		return v.(*tensor), nil
	}
	yes, err := pick(cond, a, true)
	if err != nil {
		return nil, err
	}
	no, err := pick(cond, b, false)
	if err != nil {
		return nil, err
	}
	return im.foldBinary(n, yes, no, func(x, y float64) float64 { return x + y })
}
