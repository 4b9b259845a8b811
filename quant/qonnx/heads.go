package qonnx

import (
	"errors"
	"fmt"
	"slices"
)

// head is an output of the graph: the stream that it shows.
type head struct {
	name string
	s    *stream
	// ranked says that its channels are ranked at each of their positions.
	ranked bool
}

// heads returns the graph's outputs in the file's order, each in the order of its base. Those
// that show one stream are one head, as TopK's are, and constants none, as the scale, zero
// point and bit width of Brevitas's QuantTensor are.
func (im *importer) heads() ([]*head, error) {
	var all []*head
	for _, name := range im.g.outputs {
		h := &head{name: name}
		switch v := im.values[name].(type) {
		case *stream:
			h.s = v
		case *ranking:
			h.s, h.ranked = v.s, v.everywhere
		default:
			continue
		}
		if k := slices.IndexFunc(all, func(o *head) bool { return o.s == h.s }); k >= 0 {
			all[k].ranked = all[k].ranked || h.ranked
			continue
		}
		all = append(all, h)
	}
	if all == nil {
		return nil, fmt.Errorf("graph output %s does not depend on the input", show(im.g.outputs[0]))
	}
	var wrong faults
	for _, h := range all {
		err := im.end(h)
		if err != nil && len(all) > 1 { // else two would name one node alone
			err = fmt.Errorf("graph output %s: %w", show(h.name), err)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	return all, wrong.asError()
}

// end brings a head's stream to the order of its base.
func (im *importer) end(h *head) error {
	// A graph of a Quant alone is nothing to build.
	if s := h.s; s.base < 0 && s.pools == nil && !s.view.repeating() {
		if len(im.sites) == 0 {
			return errors.New("the graph has no MatMul, Gemm, Conv or other layer between its input and its output")
		}
		return errors.New("the output does not depend on any layer")
	}
	var err error
	h.s, err = im.inOrder(h.name, h.s)
	return err
}

// inOrder returns the stream of an output of the graph, in the order of its base. An
// image may leave in the order [1 C H W] or [1 H W C] of the graph: hardware
// sends pixel by pixel in either case. Everything else must be moved first.
func (im *importer) inOrder(output string, s *stream) (*stream, error) {
	at := s.at
	if at == nil {
		at = &node{name: output, op: "output"}
	}
	if err := unpadded(at, s); err != nil {
		return nil, err
	}
	s, err := im.pooled(at, s)
	if err != nil {
		return nil, err
	}
	// An upsampled input, and nothing else, is a network too.
	if s.base == fromInput && s.q != nil && s.view.repeating() {
		return im.plain(at, s, 1)
	}
	b := im.shapeOf(s)
	if b.Positions() == 1 && !s.view.repeating() {
		// Elements of a vector have no layer that permutes them at the end.
		if !slices.Equal(merged(slices.Concat(s.view...)), whole(channels, b.C)) {
			return nil, at.errorf("permutes the outputs of the last layer, which is not supported")
		}
		return s, nil
	}
	if s.view.equal(arranged(b, 1)) || s.view.equal(arranged(b, 3)) {
		return s, nil
	}
	if len(s.view) == 3 {
		line, sequence := s.view.withAxis(rowAxis), s.view.withAxis(sequenceAxis)
		if line.equal(arranged(b, 1)) || sequence.equal(arranged(b, 3)) {
			return s, nil
		}
		// A line is an image of one row to what moves its elements.
		wide := *s
		wide.view, s = line, &wide
	}
	if _, ok := im.moves(s.view, b); ok {
		return im.settled(at, s)
	}
	return nil, at.errorf("gives shape %v of an image of %v in another order: end the graph where it is [1 channels "+
		"rows columns]", s.dims(), b)
}
