package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// errWide is of a layer that cannot be driven alone: what it reads is wider than inputs of a
// network are, or than staircases that pass it on, or it is several images.
var errWide = errors.New("sim: too wide to be driven alone")

const (
	// aloneInputBits is the widest input of a network.
	aloneInputBits = 16
	// aloneStairs is the widest type of which every value has a stair: 4095 of them per channel.
	aloneStairs = 12
	// aloneCycles is how long a layer is given to come to its steady state.
	aloneCycles = 1 << 22
)

// layerDesign returns the blocks of d that serve layer i as a design of their own: names,
// parameters and memories are the same, and so are the streams between them. What they read
// comes from sources, and what other layers read goes to sinks.
//
// Its network gives the values: the layer alone or, where that reads several tensors, layers that
// pick each out of a vector of all of them, and the layer behind.
func layerDesign(d *hwgen.Design, i int) (*hwgen.Design, error) {
	alone := &hwgen.Design{Name: d.Name, ClockMHz: d.ClockMHz, NoBlockRAM: d.NoBlockRAM, Family: d.Family}
	cut(d, alone, d.Layers[i].Layer.Name)
	n, err := aloneNetwork(d, i, alone)
	if err != nil {
		return nil, err
	}
	alone.Network = n
	for k := range n.Layers {
		// Those that pick have no hardware: any fold will do.
		lp := hwgen.LayerPlan{Layer: &n.Layers[k], Fold: hwgen.Fold{PE: 1, SIMD: 1}}
		if k == len(n.Layers)-1 {
			lp.Fold, lp.AccBits, lp.NeededBits = d.Layers[i].Fold, d.Layers[i].AccBits, d.Layers[i].NeededBits
		}
		alone.Layers = append(alone.Layers, lp)
	}
	e, err := cycle.New(alone.Graph())
	if err != nil {
		return nil, err
	}
	// Of the cut: without the queues and neighbours of the whole design it has a timing of its own.
	alone.Timing, err = e.Steady(aloneCycles)
	return alone, err
}

// cut copies the blocks of d that serve a layer to alone, with their streams and, at the ends,
// ports.
func cut(d, alone *hwgen.Design, layer string) {
	// Blocks are shared, not copied: they are plain data, and nothing here changes them.
	at := map[int]int{} // of streams of d in alone
	streams := func(all []int) []int {
		var to []int
		for _, s := range all {
			if _, ok := at[s]; !ok {
				at[s] = len(alone.Streams)
				alone.Streams = append(alone.Streams, d.Streams[s])
			}
			to = append(to, at[s])
		}
		return to
	}
	written, read := map[int]bool{}, map[int]bool{}
	for _, n := range d.Nodes {
		if n.Serves() != layer {
			continue
		}
		node := hwgen.Node{Block: n.Block, In: streams(n.In), Out: streams(n.Out)}
		alone.Nodes = append(alone.Nodes, node)
		for _, s := range node.In {
			read[s] = true
		}
		for _, s := range node.Out {
			written[s] = true
		}
	}
	for s := range alone.Streams {
		// A stream with one end alone leads out of the cut: the other end is a port.
		if !written[s] {
			alone.Sources = append(alone.Sources, hwgen.Port{Name: fmt.Sprint("s_axis", len(alone.Sources)), Stream: s})
		}
		if !read[s] {
			alone.Sinks = append(alone.Sinks, hwgen.Port{Name: fmt.Sprint("m_axis", len(alone.Sinks)), Stream: s})
		}
	}
}

// tensor returns what a layer of d gives, or the source.
func tensor(d *hwgen.Design, layer int) hwgen.Tensor {
	if layer == quant.Source {
		return hwgen.Tensor{Holds: hwgen.HoldsInputs}
	}
	// As the blocks of a layer say it of the stream that they end in (hwgen.Content).
	l := d.Layers[layer].Layer
	if l.Thresholds == nil {
		return hwgen.Tensor{Layer: l.Name, Holds: hwgen.HoldsAccumulators}
	}
	return hwgen.Tensor{Layer: l.Name, Holds: hwgen.HoldsOutputs}
}

// operand is a tensor that a layer reads, as its stream brings it. Its type is that of the
// certificate: accumulators come in P bits, of which the numbers may need fewer.
type operand struct {
	hwgen.Part
	typ quant.DataType
}

// aloneNetwork returns the network that gives the values of layer i of d, and makes the streams of
// alone carry what that computes.
func aloneNetwork(d *hwgen.Design, i int, alone *hwgen.Design) (*quant.Network, error) {
	layer := *d.Layers[i].Layer
	// In the order of the layer's operands, each once.
	var read []operand
	from := make([]int, len(layer.From))
	for k, f := range layer.From {
		t := tensor(d, f)
		j := slices.IndexFunc(read, func(o operand) bool { return o.Tensor == t })
		if j < 0 {
			j = len(read)
			read = append(read, operand{sourceOf(alone, t), layer.OperandType(k)})
		}
		from[k] = j
	}
	// A vector of several operands is driven, of which an image's layer would make channels of every position.
	image := layer.Kind != quant.Linear && layer.OperandShape(0).Positions()*layer.Shape.Positions() > 1
	if image && len(read) > 1 {
		return nil, errWide
	}
	// One input for all operands, as a network has one: each takes its part of the vector.
	input, size := union(read), 0
	if input.Bits > aloneInputBits || len(read) == 1 && input.Max() > (quant.DataType{Bits: read[0].Bits,
		Signed: read[0].Signed}).Max() {
		return nil, errWide
	}
	for _, o := range read {
		size += o.Elements()
	}
	var layers []quant.Layer
	if len(read) == 1 {
		// The usual case needs no picker: what the layer reads is the network's input itself.
		rename(alone, read[0].Tensor, hwgen.Tensor{Holds: hwgen.HoldsInputs})
		layer.From = slices.Repeat([]int{quant.Source}, len(from))
	} else {
		at := 0
		for _, o := range read {
			if o.typ.Bits > aloneStairs {
				return nil, errWide
			}
			p := picker(o, input, at, size)
			rename(alone, o.Tensor, hwgen.Tensor{Layer: p.Name, Holds: hwgen.HoldsOutputs})
			layers = append(layers, p)
			at += o.Elements()
		}
		layer.From = from
	}
	shape := quant.Vector(size)
	if image {
		shape = layer.OperandShape(0)
	}
	return quant.NewNetwork(quant.Network{Name: layer.Name, InputShape: []int{size}, Layers: append(layers, layer),
		Input: quant.InputQuantizer{Type: input, Shape: shape,
			Quantize: func(_ int, v float64) int32 { return int32(v) }}})
}

// sourceOf returns the part of the source of alone that brings a tensor.
func sourceOf(alone *hwgen.Design, t hwgen.Tensor) hwgen.Part {
	for _, p := range alone.Sources {
		if part := alone.Streams[p.Stream].Content[0]; part.Tensor == t {
			return part
		}
	}
	panic(fmt.Sprintf("sim: no source brings %v", t))
}

// union returns the smallest type that holds the elements of all operands.
func union(read []operand) quant.DataType {
	// An unsigned type among signed ones needs a bit more, for the sign that it does not have.
	signed := slices.ContainsFunc(read, func(o operand) bool { return o.typ.Signed })
	all := quant.DataType{Signed: signed}
	for _, o := range read {
		bits := o.typ.Bits
		if signed && !o.typ.Signed {
			bits++
		}
		all.Bits = max(all.Bits, bits)
	}
	return all
}

// picker returns the layer that gives the elements of an operand out of a vector of size elements,
// where they begin at at: each is a sum of one element times 1, which passes a staircase of every
// value of its type, so that what is no value of it becomes the nearest.
func picker(o operand, input quant.DataType, at, size int) quant.Layer {
	out := o.Elements()
	// Blanks: no layer of a design has such a name, since those are Verilog's.
	l := quant.Layer{Name: "picked " + o.Layer, Kind: quant.Linear, From: []int{quant.Source}, In: size, Out: out,
		Input: input, WeightBits: 2, Weights: make([]int32, size*out), Thresholds: &quant.Thresholds{Output: o.typ}}
	// Accumulators that are always 0 have one bit, signed, which 1 of their type UINT1 is none of.
	stream := quant.DataType{Bits: o.Bits, Signed: o.Signed}
	for c := range out {
		l.Weights[c*size+at+c] = 1
		// acc > v counts: a stair between each value and the next gives the value itself.
		for v := o.typ.Min(); v < o.typ.Max(); v++ {
			stair := v
			if v >= stream.Max() {
				stair = input.Max() // never exceeded
			}
			l.Thresholds.Values = append(l.Thresholds.Values, stair)
		}
	}
	return l
}

// rename makes all streams of alone carry another tensor in the place of one.
func rename(alone *hwgen.Design, from, to hwgen.Tensor) {
	for s := range alone.Streams {
		alone.Streams[s].Content = alone.Streams[s].Content.Each(func(p *hwgen.Part) {
			if p.Tensor == from {
				p.Tensor = to
			}
		})
	}
}
