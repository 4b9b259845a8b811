package plan

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
	forkstream "github.com/a2qgen/a2qgen/hwgen/block/fork_stream"
	"github.com/a2qgen/a2qgen/hwgen/block/hardwired"
	labelselect "github.com/a2qgen/a2qgen/hwgen/block/label_select"
	linebuffer "github.com/a2qgen/a2qgen/hwgen/block/line_buffer"
	widthconverter "github.com/a2qgen/a2qgen/hwgen/block/width_converter"
	"github.com/a2qgen/a2qgen/quant"
)

// builder makes the blocks and streams of a plan.
type builder struct {
	d     *hwgen.Design
	units []*unit // of the layers
	style boards.MemoryStyle
	// hardwired makes the hard-wired unit of a layer.
	hardwired  func(l *quant.Layer, x hwgen.Part, acc int) *hardwired.Block
	lineBuffer func(linebuffer.Spec) *linebuffer.Block
	// placed decides where a queue's memory lies.
	placed func(fifo.Block) *fifo.Block
	// depth says how deep the queue before a stream of a layer is, below 2 for none.
	depth func(layer, operand int) int
	// queues are the places of the nodes that are queues.
	queues map[int]place
	// ready are the streams of each layer's result, and of the source behind them, that are
	// still to be read.
	ready [][]int
}

// build makes the design of a plan with queues of the given depths, and says which of its nodes
// these are.
func (p *planner) build(depth func(layer, operand int) int) (*hwgen.Design, map[int]place) {
	// Called for every try of a depth: it builds from plain data and has no effect on the plan.
	o := p.options
	d := &hwgen.Design{Name: o.Name, ClockMHz: o.ClockMHz, NoBlockRAM: o.NoBlockRAM, BlockLUTs: o.BlockLUTs,
		Pixels: o.Pixels, Family: o.Family,
		Given: p.given, Network: p.network, Layers: p.layers}
	b := &builder{d: d, units: p.units, style: p.style, hardwired: p.hardwired, lineBuffer: p.lineBuffer, depth: depth,
		placed: p.placeQueue,
		queues: map[int]place{}, ready: make([][]int, len(p.layers)+1)}
	b.source()
	for i := range d.Layers {
		l := d.Layers[i].Layer
		// Layers come behind those that they read (quant.NewNetwork), so all streams are there.
		in := make([]int, len(l.From))
		for k := range in {
			in[k] = b.operand(i, k)
		}
		at := b.units[i].build(b, i, in)
		if l.Score != nil {
			at = d.Add(&labelselect.Block{Layer: l, PE: d.Layers[i].Fold.PE, AccBits: d.Layers[i].AccBits,
				Several: b.ranked() > 1}, at)[0]
		}
		b.publish(i, l.Name, l.Name, at)
	}
	b.sinks()
	return d, b.queues
}

// ranked counts the layers that end in scores.
func (b *builder) ranked() int {
	n := 0
	for _, l := range b.d.Layers {
		if l.Layer.Score != nil {
			n++
		}
	}
	return n
}

// sinks makes a port of each output of the network, in their order.
func (b *builder) sinks() {
	outputs := b.d.Network.Outputs
	var taken []string
	for _, s := range b.d.Streams {
		taken = append(taken, s.Name)
	}
	for k, name := range portNames(b.d.Network.OutputNames(), taken) {
		at := &b.ready[outputs[k].Layer]
		b.d.Sinks = append(b.d.Sinks, hwgen.Port{Name: name, Stream: (*at)[0]})
		*at = (*at)[1:]
	}
}

// source makes the input of the design: as wide as its first reader wants it, so that this
// one needs no converter.
func (b *builder) source() {
	first := 0
	for i := len(b.d.Layers) - 1; i >= 0; i-- {
		if reads(b.d.Layers[i].Layer, quant.Source) > 0 {
			first = i
		}
	}
	n := b.d.Network
	lanes, t := b.units[first].lanes(b.d.Layers[first].Layer, b.d.Layers[first].Fold), n.Input.Type
	b.d.Streams = []hwgen.Stream{{Name: "source", Bits: lanes * t.Bits, Beats: n.InputSize() / lanes,
		Content: hwgen.Content{hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, n.InputSize(), t.Bits, t.Signed,
			lanes)}}}
	b.d.Sources = []hwgen.Port{{Name: "s_axis"}}
	b.publish(len(b.d.Layers), "source", b.d.Layers[first].Layer.Name, 0)
}

// reads counts the operands of l that come from a layer, or the source.
func reads(l *quant.Layer, from int) int {
	n := 0
	for _, f := range l.From {
		if f == from {
			n++
		}
	}
	return n
}

// publish offers a stream to those who read layer i, or the source behind the last, and to the
// outputs that show the layer: a fork where there are several.
func (b *builder) publish(i int, name, serves string, stream int) {
	// The source has its place in ready behind the layers, as indices of slices start at 0, but
	// layers name it by quant.Source.
	from := i
	if i == len(b.d.Layers) {
		from = quant.Source
	}
	readers := 0
	for k := range b.d.Layers {
		readers += reads(b.d.Layers[k].Layer, from)
	}
	for _, o := range b.d.Network.Outputs {
		if o.Layer == from {
			readers++
		}
	}
	// A stream has one reader. A fork for one would cost a cycle and two beats of registers.
	if readers < 2 {
		b.ready[i] = []int{stream}
		return
	}
	s := b.d.Streams[stream]
	b.ready[i] = b.d.Add(&forkstream.Block{Layer: serves, From: name, Width: s.Bits, Readers: readers, Beats: s.Beats},
		stream)
}

// operand takes the next stream of what layer i reads as operand k, cuts its beats as the
// layer wants them and puts a queue behind.
func (b *builder) operand(i, k int) int {
	from := b.d.Layers[i].Layer.From[k]
	if from == quant.Source {
		from = len(b.d.Layers)
	}
	at := b.ready[from][0]
	b.ready[from] = b.ready[from][1:]
	l, name := b.d.Layers[i].Layer, ""
	if len(l.From) > 1 {
		name = fmt.Sprintf("_%d", k)
	}
	// The queue is behind the converter, so that its depth counts beats of the layer.
	at = b.convert(l.Name, name, b.units[i].lanes(b.d.Layers[i].Layer, b.d.Layers[i].Fold), at)
	if depth := b.depth(i, k); depth > 1 {
		s := b.d.Streams[at]
		b.queues[len(b.d.Nodes)] = place{i, k}
		at = b.d.Add(b.placed(fifo.Block{Layer: l.Name, Operand: name, Width: s.Bits, Depth: depth, Beats: s.Beats,
			Style: b.style}), at)[0]
	}
	return at
}

// convert joins the beats of a stream to beats of to elements through their least common
// multiple.
func (b *builder) convert(layer, operand string, to, at int) int {
	from := b.d.Streams[at].Content[0]
	// Beats of 3 cannot be cut to beats of 2 without crossing them: gathered to 6, then split. One
	// step is enough where one number divides the other, and none where they are equal.
	wide := from.Lanes / gcd(from.Lanes, to) * to
	for _, lanes := range []int{wide, to} {
		s := b.d.Streams[at]
		if in := s.Content[0].Lanes; in != lanes {
			at = b.d.Add(&widthconverter.Block{Layer: layer, Operand: operand, Word: from.Bits, In: in, Out: lanes,
				InBeats: s.Beats}, at)[0]
		}
	}
	return at
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
