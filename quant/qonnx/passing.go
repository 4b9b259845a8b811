package qonnx

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// selected returns the elements of v at some positions of an axis. Constants
// are gathered; of a stream a layer passes the chosen ones on.
func (im *importer) selected(n *node, v value, axis int, picks []int) (value, error) {
	switch v := v.(type) {
	case *tensor:
		return im.picks(n, v, axis, picks, []int{len(picks)})
	case *stream:
		// All of the axis, as exporters cut off the axis of samples: no layer.
		if slices.Equal(picks, positions(v.dims()[axis], 0, v.dims()[axis], 1)) {
			return v, nil
		}
		if len(picks) == 0 {
			return nil, n.errorf("takes nothing of axis %d of shape %v", axis, v.dims())
		}
		return im.selection(n, v, axis, picks)
	case *ranking:
		return nil, mixed(n, v)
	}
	panic("qonnx: unknown kind of value")
}

// selection adds the layer that passes on some channels, rows or columns of s. Integers and
// accumulators are passed on alike, so that a Split behind a Conv and before its Quants is
// read.
func (im *importer) selection(n *node, s *stream, axis int, picks []int) (value, error) {
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	if s.q == nil && s.base < 0 || s.wide > 0 {
		// A Quant of 17 bits is told from none.
		return nil, n.errorf("takes some of what %s, from %s: put a Quant node of at most %d bits before it",
			s.lack(), s.origin(), maxBits)
	}
	s, err := im.pooled(n, s)
	if err != nil {
		return nil, err
	}
	// A vector is one position; its elements may be those of a flattened image, in
	// whatever order the graph made of them.
	if dims := s.dims(); product(dims) == dims[axis] && product(dims) == im.shapeOf(s).Size() {
		whole := im.counted(n, s)
		if whole == nil {
			return nil, n.errorf("takes some elements of what is not quantised, from %s: put a Quant node of at most %d "+
				"bits before it", s.origin(), maxBits)
		}
		if err := narrow(n, whole); err != nil {
			return nil, err
		}
		return im.pickedElements(n, whole, axis, picks)
	}
	switch len(s.view) {
	case 4:
		return im.pickedOfImage(n, s, axis, s.channelAxis(axis), picks)
	case 3:
		return im.pickedOfLine(n, s, axis, picks)
	}
	return nil, n.errorf("takes part of axis %d of shape %v, want an image, a line or a vector", axis, s.dims())
}

// pickedOfLine passes on some channels or positions of a line [1 channels length] or of a
// sequence [1 length channels]: an image of one row. Which it is shows where the view has the
// channels of its base; of a bare input axis 2 is taken for the channels of a sequence.
func (im *importer) pickedOfLine(n *node, s *stream, axis int, picks []int) (value, error) {
	b := im.shapeOf(s)
	row, last := rowAxis, 1
	if s.view.withAxis(sequenceAxis).equal(arranged(b, 3)) || s.base == fromInput && axis == 2 {
		row, last = sequenceAxis, 3
	}
	wide, at := *s, axis
	if wide.view = s.view.withAxis(row); axis >= row {
		at++
	}
	v, err := im.pickedOfImage(n, &wide, at, last, picks)
	if err != nil {
		return nil, err
	}
	out := *v
	out.view = slices.Delete(slices.Clone(out.view), row, row+1)
	return &out, nil
}

// pickedOfImage passes on some channels, rows or columns of an image; first is the axis that
// the graph's input has its channels on, where nothing else has said it yet.
func (im *importer) pickedOfImage(n *node, s *stream, axis, first int, picks []int) (*stream, error) {
	s, err := im.placed(n, s, first)
	if err != nil {
		return nil, err
	}
	for _, ofBase := range []bool{true, false} {
		b := im.shapeOf(s)
		if c, ok := im.order(s.view[axis], whole(channels, b.C)); ok && axisSize(s.view[axis]) > 1 {
			return im.pickedChannels(n, s, axis, pick(c, picks))
		}
		for _, d := range []dim{vertical, horizontal} {
			if entire(s.view[axis], d, map[dim]int{vertical: b.H, horizontal: b.W}[d]) {
				return im.pickedPositions(n, s, axis, d, picks)
			}
		}
		// What was moved about becomes a layer, of which parts can be taken.
		if !ofBase {
			break
		}
		if s, err = im.settled(n, s); err != nil {
			return nil, err
		}
	}
	return nil, n.errorf("takes part of axis %d of shape %v, which was moved about before: want channels, rows or "+
		"columns of an image", axis, s.dims())
}

// channelAxis returns the axis of the channels of an image that the graph's input is taken
// for when part of an axis is taken: the first, unless that is long and the last short, as
// channels last has them.
func (s *stream) channelAxis(axis int) int {
	dims := s.dims()
	if axis == 3 && dims[1] > dims[3] || dims[1] > 4 && dims[3] <= 4 {
		return 3
	}
	return 1
}

// pickedChannels passes on channels of the base of s, those that make up the axis behind.
func (im *importer) pickedChannels(n *node, s *stream, axis int, from []int) (*stream, error) {
	b := im.shapeOf(s)
	t := &site{at: n, shape: quant.Shape{H: b.H, W: b.W, C: len(from)}, from: []tap{tapOf(s)}, typ: im.typeOf(s)}
	t.layer = quant.Layer{Kind: quant.Select, Channels: from}
	out, err := im.followed(t, s, from)
	if err != nil {
		return nil, err
	}
	out.view = slices.Clone(s.view)
	out.view[axis] = whole(channels, len(from))
	return out, nil
}

// pickedPositions passes on rows or columns, which must be evenly spaced and in order.
func (im *importer) pickedPositions(n *node, s *stream, axis int, d dim, picks []int) (*stream, error) {
	step := 1
	if len(picks) > 1 {
		step = picks[1] - picks[0]
	}
	for i, p := range picks {
		if step < 1 || p != picks[0]+i*step {
			return nil, n.errorf("takes elements %v of axis %d of shape %v: there is no layer that turns rows or columns "+
				"round: want a range with a positive step", firstPicks(picks), axis, s.dims())
		}
	}
	b := im.shapeOf(s)
	r := quant.Region{Rows: b.H, Cols: b.W, StepDown: 1, StepAcross: 1}
	if d == vertical {
		r.Top, r.Rows, r.StepDown = picks[0], len(picks), step
	} else {
		r.Left, r.Cols, r.StepAcross = picks[0], len(picks), step
	}
	v := slices.Clone(s.view)
	v[axis] = whole(d, len(picks))
	from := tapOf(s)
	// Rows and then columns, or two Slices in a row, are one region.
	if s.base >= 0 && from.round == nil && im.sites[s.base].layer.Kind == quant.Crop {
		before := im.sites[s.base]
		r, from = inner(before.layer.Region, r), before.from[0]
	}
	t := &site{at: n, shape: quant.Shape{H: r.Rows, W: r.Cols, C: b.C}, from: []tap{from}, typ: im.typeOf(s)}
	t.layer = quant.Layer{Kind: quant.Crop, Region: r}
	return im.follow(t, v, s)
}

// inner returns region r of what region of gives, in positions of what that is of.
func inner(of, r quant.Region) quant.Region {
	return quant.Region{
		Top: of.Top + r.Top*of.StepDown, Left: of.Left + r.Left*of.StepAcross, Rows: r.Rows, Cols: r.Cols,
		StepDown: of.StepDown * r.StepDown, StepAcross: of.StepAcross * r.StepAcross,
	}
}

// firstPicks returns the first of many positions, for an error.
func firstPicks(picks []int) []int { return picks[:min(len(picks), 6)] }

// pickedElements passes on some of a vector, or of an image that was flattened.
// Each output is one column of the identity, in the order of memory.
func (im *importer) pickedElements(n *node, s *stream, axis int, picks []int) (value, error) {
	b := im.shapeOf(s)
	var column, channel []int
	s.view.each(func(at [4]int) {
		column = append(column, (at[vertical]*b.W+at[horizontal])*b.C+at[channels])
		channel = append(channel, at[channels])
	})
	t := &site{at: n, shape: quant.Vector(len(picks)), flat: s.base == fromInput}
	t.layer = quant.Layer{Kind: quant.Linear, In: len(column)}
	shape := slices.Clone(s.dims())
	shape[axis] = len(picks)
	v, _ := view{whole(channels, len(picks))}.reshaped(shape)
	return im.passed(t, v, s, pick(column, picks), pick(channel, picks))
}

// passed sets the weights of t, a single 1 in the given column of every row,
// and returns its stream of integers: those of s, in the given channels.
// Weights of 0 and 1 have two bits with their sign.
func (im *importer) passed(t *site, v view, s *stream, column, channel []int) (value, error) {
	if err := im.left.pay(t.at, len(column)*(t.layer.In+3)); err != nil {
		return nil, err
	}
	// The accumulator is the integer that was picked, so that its type is the same, but
	// for -1 and +1, between which sums have 0, and no thresholds are needed.
	t.layer.Input, t.layer.WeightBits, t.from = s.q.typ, signedBits(0, 1), []tap{tapOf(s)}
	t.typ = rangeType(s.q.typ.Min(), s.q.typ.Max())
	t.layer.Weights = make([]int32, len(column)*t.layer.In)
	scale, offset := make([]float64, len(column)), make([]float64, len(column))
	for row, k := range column {
		t.layer.Weights[row*t.layer.In+k] = 1
		scale[row], offset[row] = s.q.scale.at(channel[row]), s.q.offset.at(channel[row])
	}
	out, err := im.integers(t, v, uniform(scale), uniform(offset))
	if err == nil {
		out.elem = s.elem
	}
	return out, err
}
