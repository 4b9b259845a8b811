// Package hwgen turns an integer network into hardware: it plans a Design
// (blocks, streams, widths, folding, depths, timing formulas) and emits it as
// Verilog, memory files, a bench and a manifest.
//
// A block has one file here, one in templates (its Verilog), one in cost (its
// formula) and a cycle model in sim. Everything downstream only reads the Design.
package hwgen

import (
	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Design is a planned accelerator: a chain of blocks joined by streams.
// Streams[i] leads into Blocks[i]; the last stream leaves the design.
type Design struct {
	// Name is the Verilog name of the top module.
	Name string
	// Network is the planned network, its start values those of the planned P.
	Network *quant.Network
	Layers  []LayerPlan
	Blocks  []Block
	Streams []Stream
	// ClockMHz is the clock that frame rates are quoted at.
	ClockMHz float64
	// NoBlockRAM says that every memory is kept in LUTs.
	NoBlockRAM bool
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
	// AccBits is P, NeededBits the smallest safe P: where the network gives start
	// values, the smallest for which there are some that are safe.
	AccBits, NeededBits int
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

// Parameter is a Verilog parameter of an instance.
type Parameter struct {
	Name, Value string
	// File says that the value names a memory file, or begins the names of some.
	File bool
}

// Memory is a .mem file: Words of Bits bits each, for $readmemh.
type Memory struct {
	// File is the name inside the rtl folder.
	File string
	Bits int
	// Words in address order, little-endian bytes.
	Words [][]byte
	// Layout says which integers they are.
	Layout Layout
}

// Block is one hardware unit with a stream in and a stream out.
type Block interface {
	// Name is the instance name, unique in the design.
	Name() string
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
	// Output is the stream that the block feeds, without its content.
	Output() Stream
	// Reads is what the block wants of its input, where in is what that carries: in itself
	// where any will do that is as wide.
	Reads(in Content) Content
	// Carries is what the output carries when the input carries in.
	Carries(in Content) Content
	// Machine is the block's control, for the cycle model.
	Machine() cycle.Machine
}

// Graph returns the design as the cycle model sees it, its machines new.
func (d *Design) Graph() cycle.Graph {
	last := len(d.Blocks)
	g := cycle.Graph{Sources: []cycle.Port{{Stream: 0, Beats: d.Streams[0].Beats}},
		Sinks: []cycle.Port{{Stream: last, Beats: d.Streams[last].Beats}}}
	for _, s := range d.Streams {
		g.Streams = append(g.Streams, s.Name)
	}
	for i, b := range d.Blocks {
		g.Nodes = append(g.Nodes, cycle.Node{Name: b.Name(), Machine: b.Machine(), In: []int{i}, Out: []int{i + 1}})
	}
	return g
}

// IntervalCycles returns the steady-state cycles between two frames, when the world
// never pauses; rounded up where frames take turns between two counts.
func (d *Design) IntervalCycles() int {
	return int((d.Timing.Cycles + d.Timing.Frames - 1) / d.Timing.Frames)
}

// LatencyCycles returns the cycles from the first input beat of a first frame to
// its last output beat, both counted, with neither gaps nor stalls.
func (d *Design) LatencyCycles() int { return int(d.Timing.Latency) }

// FramesPerSecond returns the throughput at the design's clock.
func (d *Design) FramesPerSecond() float64 {
	return d.ClockMHz * 1e6 * float64(d.Timing.Frames) / float64(d.Timing.Cycles)
}

// Memories returns the memory files of all blocks in block order.
func (d *Design) Memories() []Memory {
	var all []Memory
	for _, b := range d.Blocks {
		all = append(all, b.Memories()...)
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
