package qonnx

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
)

// site is an operation on integers that becomes a layer. Assembly adds
// thresholds, score and name, once all readers are known.
type site struct {
	at *node
	// layer has what the operation says of itself; assembly adds the rest.
	layer quant.Layer
	from  []tap
	shape quant.Shape
	// typ is that of the accumulators.
	typ quant.DataType
	// flat says that the weights' columns are in the order of a sample. Only
	// then assembly may have to permute them, to the image that others read.
	flat bool
}

// tap is what a site reads: integers that a quantiser makes of the base, or the
// base's own where round is nil. Two taps are the same if base and rounding
// are, by pointer.
type tap struct {
	base  int
	round *rounding
}

// maxSumBits bounds the integers that pass between layers. Executors hold them
// in int32.
const maxSumBits = 32

// maxActivations bounds the elements of all layers' outputs together.
const maxActivations = 1 << 27

// tapOf returns what a reader of s reads. Both bases of the input are one to a
// reader.
func tapOf(s *stream) tap {
	t := tap{base: max(s.base, fromInput)}
	if s.q != nil {
		t.round = s.q.round
	}
	return t
}

// shapeOf returns the shape of what s is made from.
func (im *importer) shapeOf(s *stream) quant.Shape {
	switch s.base {
	case fromInput:
		return quant.Vector(s.width)
	case fromImage:
		return im.image.shape
	}
	return im.sites[s.base].shape
}

// typeOf returns the type of the integers of s, or of the accumulators that it
// is made from. The raw input has none: callers have seen to a Quant.
func (im *importer) typeOf(s *stream) quant.DataType {
	if s.q != nil {
		return s.q.typ
	}
	return im.sites[s.base].typ
}

// add appends a site and returns its bare stream. The bound is on all layers
// together, since a graph may reuse one wide tensor in many places.
func (im *importer) add(t *site, v view) (*stream, error) {
	size := boundedProduct([]int{t.shape.H, t.shape.W, t.shape.C})
	if size < 1 || size > im.activations {
		return nil, t.at.errorf("gives %v elements, more than the %d that are left for all layers", t.shape,
			im.activations)
	}
	im.activations -= size
	t.layer.Out = t.shape.C
	im.sites = append(im.sites, t)
	return &stream{base: len(im.sites) - 1, width: t.shape.C, view: v}, nil
}

// integers returns the stream of a new site without weights: of integers that
// are worth scale, beside an offset. Sums of pools and adders, picked and
// joined channels: integers by construction, so that another layer may read
// them without a Quant, up to maxSumBits.
func (im *importer) integers(t *site, v view, scale, offset param) (*stream, error) {
	s, err := im.add(t, v)
	if err != nil {
		return nil, err
	}
	steps := []step{{kind: mul, p: scale}}
	if !offset.zero() {
		steps = append(steps, step{kind: add, p: offset})
	}
	s, err = s.then(t.at, steps...)
	if err != nil || t.typ.Bits > maxSumBits {
		return s, err
	}
	s.q = &quantised{typ: t.typ, scale: scale, offset: offset, mark: len(steps), value: func(c int, i int64) float64 {
		return run(steps, c, float64(i))
	}}
	return s, nil
}

// follow returns the stream of a new site that moves the elements of s without
// changing them, and keeps its channels. The chain of accumulators goes along:
// a maximum or a copy of accumulators is put through the same steps afterwards.
func (im *importer) follow(t *site, v view, s *stream) (*stream, error) {
	var out *stream
	var err error
	if s.q != nil {
		out, err = im.integers(t, v, s.q.scale, s.q.offset)
	} else if out, err = im.add(t, v); err == nil {
		out.steps, out.at = s.steps, s.at
	}
	if err != nil {
		return nil, err
	}
	out.elem = s.elem
	return out, nil
}

// quantisedStream returns v as a stream of integers for n to read. Its errors
// tell three cases apart that want different changes in the export: nothing
// before, a Quant that is too wide, an operator that is no Quant.
func (im *importer) quantisedStream(n *node, v value) (*stream, error) {
	s, ok := v.(*stream)
	if !ok {
		if r, ok := v.(*ranking); ok {
			return nil, mixed(n, r)
		}
		return nil, n.errorf("both operands are constants")
	}
	if s.q == nil {
		if s.at == nil {
			return nil, n.errorf("its data operand, the graph's input, is not quantised: put a Quant node of at most "+
				"%d bits before it, or say its type (--input INT8:4, its type and fraction bits)", maxBits)
		}
		return nil, n.errorf("its data operand, from %s, %s: put a Quant node of at most %d bits before it",
			s.origin(), s.lack(), maxBits)
	}
	return s, nil
}

// narrow returns an error unless the integers of s fit a layer with weights.
// Sums have up to maxSumBits; a layer with weights reads at most maxBits.
func narrow(n *node, s *stream) error {
	if s.q.typ.Bits > maxBits {
		return n.errorf("its data operand has integers of %d bits: put a Quant node of at most %d bits before it",
			s.q.typ.Bits, maxBits)
	}
	return nil
}

// unpadded returns an error where zeros were put around s. Only windows have a
// border in hardware.
func unpadded(n *node, s *stream) error {
	if s.pads != nil {
		return s.by.errorf("pads, but node %s (%s) behind it takes no pads: want a convolution, MaxPool or "+
			"AveragePool there",
			n.label(), clip(n.op))
	}
	return nil
}

// rangeType returns the smallest type that holds lo..hi, which hold 0. Wider
// than typeOf: sums have up to maxSumBits and more, which callers check.
func rangeType(lo, hi int64) quant.DataType {
	if t := typeOf(float64(lo), float64(hi)); t.Bits != 0 {
		return t
	}
	t := quant.DataType{Bits: signedBits(lo, hi), Signed: true}
	if lo >= 0 {
		t = quant.DataType{Bits: t.Bits - 1}
	}
	return t
}

// narrowed returns p, one number for each channel, as one for every group of
// them: members(c) lists the channels of group c. It fails where they differ.
// Pixel shuffles and images merge channels that the graph still tells apart.
func narrowed(p param, groups int, members func(c int) []int) (param, bool) {
	if p.each == nil {
		return p, true
	}
	each := make([]float64, groups)
	for c := range each {
		for k, m := range members(c) {
			if k > 0 && p.each[m] != each[c] {
				return param{}, false
			}
			each[c] = p.each[m]
		}
	}
	return uniform(each), true
}

// exactly says that v is an integer, and returns it. 2^30 bounds what is
// multiplied later.
func exactly(v float64) (int, bool) {
	if v != math.Trunc(v) || math.Abs(v) > 1<<30 {
		return 0, false
	}
	return int(v), true
}
