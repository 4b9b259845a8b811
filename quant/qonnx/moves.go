package qonnx

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// Layers that only move elements: a view that some operator reads and that is not in the
// order of its base becomes one of them, or two.

// settled returns s with layers that make true where its view moved the elements: repeats,
// blocks of positions as channels or the other way round, and channels in another order.
// Two readers of the same moved stream share the layers: they differ in views only.
func (im *importer) settled(n *node, s *stream) (*stream, error) {
	m, ok := im.moves(s.view, im.shapeOf(s))
	if !ok {
		return nil, n.errorf("cannot read shape %v, moved about as it is: want whole images, each row and each column "+
			"repeated equally often, blocks of positions as channels or channels as blocks of positions, and channels "+
			"in any order", s.dims())
	}
	// Errors and metadata go by the node that moved the elements, not by the one that
	// reads them.
	at := n
	if s.at != nil {
		at = s.at
	}
	out := *s
	for _, l := range m.layers {
		made, err := im.moved(n, at, &out, l)
		if err != nil {
			return nil, err
		}
		out = *made
	}
	out.view, out.pads, out.by = arranged(im.shapeOf(&out), m.axis), s.pads, s.by
	return &out, nil
}

// moved returns what layer l, which moves elements, gives of the base of s. It is made once.
func (im *importer) moved(n, at *node, s *stream, l quant.Layer) (*stream, error) {
	key := move{tapOf(s), fmt.Sprintf("%+v", l)}
	if old, ok := im.copies[key]; ok {
		return old, nil
	}
	b := im.shapeOf(s)
	t := &site{at: at, layer: l, from: []tap{tapOf(s)}, typ: im.typeOf(s)}
	var err error
	if t.shape, err = l.OutputShape(b); err != nil {
		return nil, n.errorf("%w", err)
	}
	from := s
	if l.Kind == quant.PixelShuffle {
		// A channel behind a PixelShuffle is made of several channels before it.
		if from, err = shuffled(n, s, l, t.shape.C); err != nil {
			return nil, err
		}
	}
	out, err := im.followed(t, from, channelsFrom(l, b, t.shape.C))
	if err != nil {
		return nil, err
	}
	im.copies[key] = out
	return out, nil
}

// channelsFrom returns which channel of b each of a layer's channels holds elements of; nil
// where they keep their numbers.
func channelsFrom(l quant.Layer, b quant.Shape, channels int) []int {
	switch l.Kind {
	case quant.Select:
		return l.Channels
	case quant.SpaceToDepth:
		from := make([]int, channels)
		for c := range from {
			if from[c] = c / (channels / b.C); l.DepthFirst {
				from[c] = c % b.C
			}
		}
		return from
	}
	return nil
}

// followed returns the stream of a new site that moves the elements of s, of whose channels
// its own are copies: channel c of channel from[c], or of c where from is nil.
func (im *importer) followed(t *site, s *stream, from []int) (*stream, error) {
	v := arranged(t.shape, 1)
	if from == nil {
		return im.follow(t, v, s)
	}
	if err := im.left.pay(t.at, 3*len(from)); err != nil {
		return nil, err
	}
	var out *stream
	var err error
	if s.q != nil {
		out, err = im.integers(t, v, s.q.scale.picked(from), s.q.offset.picked(from))
	} else if out, err = im.add(t, v); err == nil && len(s.steps) > 0 {
		// The chain of accumulators goes along, with the parameters of the channel that it is of.
		steps := s.steps
		out, err = out.then(t.at, step{
			kind: apply, level: neverFalls(steps), varies: differs(steps),
			part: func(c int) ([]step, int) { return steps, from[c] },
			fn:   func(c int, v float64) float64 { return run(steps, from[c], v) },
		})
	}
	if err != nil {
		return nil, err
	}
	out.elem = s.elem
	return out, nil
}

// picked returns p for the channels of a list.
func (p param) picked(from []int) param {
	if p.each == nil {
		return p
	}
	return uniform(pick(p.each, from))
}

// move names a layer that moves elements, so that it is made once. The tap is part of the
// key: the same accumulators, read by two Quants, are two tensors.
type move struct {
	tap
	layer string
}

// shuffled returns s with the parameters of the channels that PixelShuffle makes of its own,
// which must agree. Which channels those are is layerView's formula: depth first (DCR)
// k*channels + c, else (CRD) c*block + k.
func shuffled(n *node, s *stream, l quant.Layer, channels int) (*stream, error) {
	down, across := l.Block()
	members := func(c int) []int {
		out := make([]int, down*across)
		for k := range out {
			out[k] = c*len(out) + k
			if l.DepthFirst {
				out[k] = k*channels + c
			}
		}
		return out
	}
	out := *s
	if s.q == nil {
		out.steps = slices.Clone(s.steps)
		for i := range out.steps {
			// Numbers can be compared; functions that differ from channel to channel cannot.
			st, ok := &out.steps[i], false
			if st.p, ok = narrowed(st.p, channels, members); !ok || st.varies {
				return nil, n.errorf("reads channels that were shuffled into positions, each with parameters of its own: " +
					"put a Quant node before it")
			}
		}
		return &out, nil
	}
	q := *s.q
	var ok1, ok2 bool
	q.scale, ok1 = narrowed(q.scale, channels, members)
	q.offset, ok2 = narrowed(q.offset, channels, members)
	if !ok1 || !ok2 {
		return nil, n.errorf("reads channels that were shuffled into positions and have different scales, want one " +
			"scale")
	}
	out.q = &q
	return &out, nil
}

// movement is what makes a view of a base: layers, one after the other, and on which axis the
// view has the channels.
type movement struct {
	layers []quant.Layer
	axis   int
}

// moves recognises what made a view of a base. The view is compared with what each candidate
// would make, since any sequence of Reshapes and Transposes that comes to the same digits is
// the same layer; channels in another order are a Select behind it.
func (im *importer) moves(v view, b quant.Shape) (m movement, ok bool) {
	if len(v) != 4 || axisSize(v[0]) != 1 {
		return m, false
	}
	// Channels that lie where the graph has them, first of all: a tensor of one column may
	// look like one with its channels last.
	for _, ordered := range []bool{true, false} {
		for _, axis := range []int{1, 3} {
			at := imageAxes[axis]
			c, h, w := v[at[0]], v[at[1]], v[at[2]]
			for _, l := range candidates(axisSize(h), axisSize(w), axisSize(c), b) {
				made := layerView(l, b)
				if !view(made[1:]).equal(view{h, w}) {
					continue
				}
				if ordered && slices.Equal(merged(made[0]), merged(c)) {
					return movement{real(l), axis}, true
				}
				if from, ok := im.order(c, made[0]); ok && !ordered {
					return movement{append(real(l), quant.Layer{Kind: quant.Select, Channels: from}), axis}, true
				}
			}
		}
	}
	return m, false
}

// real returns a layer alone, and none where it changes nothing.
func real(l quant.Layer) []quant.Layer {
	if down, across := l.Block(); down == 1 && across == 1 {
		return nil
	}
	return []quant.Layer{l}
}

// order returns which element of axis of each element of c is.
func (im *importer) order(c, of []digit) ([]int, bool) {
	if _, err := im.left.take([]int{2, axisSize(of)}); err != nil {
		return nil, false
	}
	number := map[[4]int]int{}
	view{of}.each(func(at [4]int) { number[at] = len(number) })
	var from []int
	all := true
	view{c}.each(func(at [4]int) {
		k, ok := number[at]
		from, all = append(from, k), all && ok
	})
	return from, all
}

// candidates returns the layers that could make h rows, w columns and c channels of b, the
// last of which is none but for its channels' order.
func candidates(h, w, c int, b quant.Shape) []quant.Layer {
	var out []quant.Layer
	add := func(kind quant.Kind, down, across int) {
		l := quant.Layer{Kind: kind, Factor: down}
		if across != down {
			l.Across = across
		}
		out = append(out, l)
		if kind != quant.Upsample {
			l.DepthFirst = true
			out = append(out, l)
		}
	}
	down, across := h/b.H, w/b.W
	if h == down*b.H && w == across*b.W && min(down, across) >= 1 {
		if c*down*across == b.C && down*across > 1 {
			add(quant.PixelShuffle, down, across)
		}
		// Of factor 1 it is no layer, and only the channels' order may be another.
		add(quant.Upsample, down, across)
	}
	if b.H%h == 0 && b.W%w == 0 && h*w < b.H*b.W {
		add(quant.SpaceToDepth, b.H/h, b.W/w)
	}
	return out
}

// layerView returns the channels, rows and columns that l makes of b. Of PixelShuffle
// positions are (row, block row) and (column, block column), the block as the less
// significant digit (ONNX, DepthToSpace), and its channels are blocks first in DCR, so that a
// block's row moves Across*c channels; in CRD they are the least significant digits. Of
// SpaceToDepth it is the other way round.
func layerView(l quant.Layer, b quant.Shape) view {
	down, across := l.Block()
	h, w := whole(vertical, b.H), whole(horizontal, b.W)
	switch l.Kind {
	case quant.Upsample:
		return view{whole(channels, b.C), append(h, digit{repeats, down, 0}), append(w, digit{repeats, across, 0})}
	case quant.SpaceToDepth:
		c, block := whole(channels, b.C), []digit{{vertical, down, 1}, {horizontal, across, 1}}
		if c = slices.Concat(c, block); l.DepthFirst {
			c = slices.Concat(block, whole(channels, b.C))
		}
		return view{c, {{vertical, b.H / down, down}}, {{horizontal, b.W / across, across}}}
	}
	c, block := b.C/(down*across), down*across
	if l.DepthFirst {
		return view{{{channels, c, 1}}, append(h, digit{channels, down, across * c}), append(w, digit{channels, across, c})}
	}
	return view{{{channels, c, block}}, append(h, digit{channels, down, across}), append(w, digit{channels, across, 1})}
}
