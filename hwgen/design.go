// Package hwgen holds what a hardware design is, as plain data: a graph of blocks joined by
// ready/valid streams, what each stream carries, memories and their layout, folds and options.
//
// Package hwgen/plan decides a Design, hwgen/emit writes it as Verilog, sim runs it and
// hwgen/cost prices it; a block is one folder below hwgen/block. All of them only read a
// Design, and none knows a block by name but the plan.
package hwgen

import (
	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Design is a planned accelerator: a graph of blocks joined by streams. Every stream has one
// writer and one reader among the blocks and the ports; there is no cycle.
type Design struct {
	// Name is the Verilog name of the top module.
	Name string
	// Given is the network as it was given to the plan. Network computes the same: its start values
	// are those of the planned P, and hidden channels may be in another order.
	Given, Network *quant.Network
	Layers         []LayerPlan
	// Nodes are the blocks, each behind those that feed it.
	Nodes   []Node
	Streams []Stream
	// Sources and Sinks are the ports of the design: where frames come in, and results leave. The
	// sinks of a planned design are Network.Outputs, in their order.
	Sources, Sinks []Port
	// ClockMHz is the clock that frame rates are quoted at.
	ClockMHz float64
	// NoBlockRAM says that every memory is kept in LUTs.
	NoBlockRAM bool
	// BlockLUTs is what a block of RAM counted for (Options.BlockLUTs): queues lie by it.
	BlockLUTs int
	// Pixels says that outputs that are images are 8-bit pixels, which the given network does not have.
	Pixels bool
	// Family is the FPGA family whose words for memories the Verilog carries.
	Family boards.Family
	// Timing is what the cycle model says of the plan: latency, and the interval for ever.
	Timing cycle.Steady
	// Version is that of the tool, for the headers of what is emitted.
	Version string
	// Hash identifies all that is emitted, but for Version and the network's file. Emit sets
	// it.
	Hash string
}

// LayerPlan is what was decided for one layer of the network.
type LayerPlan struct {
	// Layer is that of Design.Network.
	Layer *quant.Layer
	Fold  Fold
	// Channels are, where the layer computes its channels in another order than the network that
	// was planned, the network's, in the layer's order: its row i is the network's row Channels[i].
	Channels []int
	// Offers are what each unit that could build the layer was priced at, where there was a choice.
	Offers []Offer
	// AccBits is P, NeededBits the smallest safe P: where the network gives start
	// values, the smallest for which there are some that are safe.
	AccBits, NeededBits int
}

// Offer is a unit for a layer, at the fewest LUTs, by estimate, that it takes to keep up with the
// frame rate.
type Offer struct {
	Unit string `json:"unit"` // the word for it
	LUT  int    `json:"lut"`
	// Blocks are block RAMs, in the family's units.
	Blocks int `json:"blocks"`
	// Cycles per vector; more than those of a frame are too many.
	Cycles int `json:"cycles"`
}

// Shifted says whether accumulators begin at values of their own instead of 0.
func (l LayerPlan) Shifted() bool { return l.Layer.Start != nil }

// Safe says whether the layer's accumulator can never overflow.
func (l LayerPlan) Safe() bool { return l.AccBits >= l.NeededBits }

// Stream is a ready/valid stream between two blocks.
type Stream struct {
	// Name is the instance name of the block that feeds it, "source" for the input.
	Name string `json:"name"`
	// Bits of data in a beat, element 0 in the low ones.
	Bits int `json:"bits"`
	// Beats of a frame.
	Beats int `json:"beats"`
	// Content says what the bits are.
	Content Content `json:"content"`
}

// Node is a block and the streams at its ports: indices of Design.Streams, in the order of the
// module's ports. Several streams are side by side at a port, the first in the low bits.
type Node struct {
	Block
	In, Out []int
}

// Port is an AXI4-Stream port of the design: the prefix of its signals, and the stream that it
// feeds or empties.
type Port struct {
	Name   string
	Stream int
}

// Block is one hardware unit with streams in and streams out.
type Block interface {
	// Name is the instance name, unique in the design.
	Name() string
	// Serves is the name of the layer that the block is there for.
	Serves() string
	// Module is the library module that implements it.
	Module() string
	// Comment says why the block is here, with its shape: lines of at most 90 columns.
	Comment() []string
	// Parameters of the instance, in the module's order.
	Parameters() []Parameter
	// Memories that the module reads, relative to the rtl folder.
	Memories() []Memory
	// Cycles is the least number of cycles between two frames, as the block is built.
	Cycles() int
	// Outputs are the streams that the block feeds, without their contents.
	Outputs() []Stream
	// Reads is what the block wants of its inputs, where in is what these carry: in itself
	// where any will do that is as wide.
	Reads(in []Content) []Content
	// Carries is what the outputs carry when the inputs carry in.
	Carries(in []Content) []Content
	// Machine is the block's control, for the cycle model.
	Machine() cycle.Machine
	// Price is what the block takes of an FPGA of a family.
	Price(*fabric.Family) fabric.Shape
}

// Buffer is a block that keeps beats of a stream, as few as it can do with: a test of that can be run on
// any design (sim.ProveDepths).
type Buffer interface {
	Block
	// Needed is how many beats it has to keep, Places how many its memory has, which may be more where that
	// costs nothing. None that keeps fewer than Fewest can be built.
	Needed() int
	Places() int
	Fewest() int
	// Elastic says that what it needs depends on what is around it, and that a design goes without it where
	// it needs no more than one. Else it needs them by itself, to halt neither side.
	Elastic() bool
	// MachineOf is the control of one that keeps so many beats.
	MachineOf(beats int) cycle.Machine
}

// Generated is a block whose module is no library's: its numbers are structure, not parameters. The
// module has the ports and parameters that a block's has.
type Generated interface {
	Block
	// Kind names the kind of block, where Module is a name of its own.
	Kind() string
	// Template returns the template of templates that gives the module under a name, and what it is
	// filled in with.
	Template(module string) (name string, data any)
}

// KindOf returns the name of a block's kind: its module's, unless that is generated.
func KindOf(b Block) string {
	if g, ok := b.(Generated); ok {
		return g.Kind()
	}
	return b.Module()
}

// Add appends a block that reads the streams in, and returns the streams that it feeds.
func (d *Design) Add(b Block, in ...int) (out []int) {
	contents := make([]Content, len(in))
	for i, s := range in {
		contents[i] = d.Streams[s].Content
	}
	carried := b.Carries(contents)
	for i, s := range b.Outputs() {
		s.Content = carried[i]
		out = append(out, len(d.Streams))
		d.Streams = append(d.Streams, s)
	}
	d.Nodes = append(d.Nodes, Node{b, in, out})
	return out
}

// StreamsAt returns the streams of the indices.
func (d *Design) StreamsAt(indices []int) []Stream {
	streams := make([]Stream, len(indices))
	for i, s := range indices {
		streams[i] = d.Streams[s]
	}
	return streams
}

// Source returns the stream of the first source.
func (d *Design) Source() Stream { return d.Streams[d.Sources[0].Stream] }

// Sink returns the stream of sink i.
func (d *Design) Sink(i int) Stream { return d.Streams[d.Sinks[i].Stream] }

// Graph returns the design as the cycle model sees it, its machines new.
func (d *Design) Graph() cycle.Graph {
	g := cycle.Graph{Sources: d.ends(d.Sources), Sinks: d.ends(d.Sinks)}
	for _, s := range d.Streams {
		g.Streams = append(g.Streams, s.Name)
	}
	for _, n := range d.Nodes {
		g.Nodes = append(g.Nodes, cycle.Node{Name: n.Name(), Machine: n.Machine(), In: n.In, Out: n.Out})
	}
	return g
}

// ends returns ports as the cycle model sees them.
func (d *Design) ends(ports []Port) []cycle.Port {
	var all []cycle.Port
	for _, p := range ports {
		all = append(all, cycle.Port{Stream: p.Stream, Beats: d.Streams[p.Stream].Beats})
	}
	return all
}

// IntervalCycles returns the steady-state cycles between two frames, when the world
// never pauses; rounded up where frames take turns between two counts.
func (d *Design) IntervalCycles() int {
	return int((d.Timing.Cycles + d.Timing.Frames - 1) / d.Timing.Frames)
}

// LayerCycles returns the cycles per frame of the block that computes a layer: at least so many are
// between two frames.
func (d *Design) LayerCycles(i int) int {
	lp := d.Layers[i]
	for _, n := range d.Nodes {
		if n.Serves() == lp.Layer.Name && KindOf(n.Block) == lp.Fold.Unit {
			return n.Cycles()
		}
	}
	return 0 // a design of blocks alone has layers without units
}

// LatencyCycles returns the cycles from the first input beat of a first frame to
// its last output beat, both counted, with neither gaps nor stalls.
func (d *Design) LatencyCycles() int { return int(d.Timing.Latency) }

// OutputLatency returns LatencyCycles to the last output beat of sink i.
func (d *Design) OutputLatency(i int) int { return int(d.Timing.Latencies[i]) }

// FramesPerSecond returns the throughput at the design's clock.
func (d *Design) FramesPerSecond() float64 {
	return d.ClockMHz * 1e6 * float64(d.Timing.Frames) / float64(d.Timing.Cycles)
}

// Folding returns the folds of all layers as they were decided: planning again with them decides
// nothing.
func (d *Design) Folding() Folding {
	f := Folding{}
	for _, l := range d.Layers {
		f[l.Layer.Name] = l.Fold
	}
	return f
}

// Decided returns Folding with the width of each layer's accumulators: planning again with them gives this
// design.
func (d *Design) Decided() Folding {
	f := Folding{}
	for _, l := range d.Layers {
		fold := l.Fold
		fold.AccBits = l.AccBits
		f[l.Layer.Name] = fold
	}
	return f
}

// Memories returns the memory files of all blocks in block order.
func (d *Design) Memories() []Memory {
	var all []Memory
	for _, n := range d.Nodes {
		all = append(all, n.Memories()...)
	}
	return all
}

// Shifted says whether accumulators of some layer begin at values of their own.
func (d *Design) Shifted() bool {
	for _, l := range d.Layers {
		if l.Shifted() {
			return true
		}
	}
	return false
}

// Safe says whether every accumulator is certified.
func (d *Design) Safe() bool {
	for _, l := range d.Layers {
		if !l.Safe() {
			return false
		}
	}
	return true
}
