// Package fifo is the queue of beats before a layer: geometry, control and price of
// templates/fifo.v.
package fifo

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block is a queue of Depth beats before a layer (templates/fifo.v).
type Block struct {
	// Layer is the name of the layer that it serves, Operand which of its streams it is for: empty
	// where it reads one alone.
	Layer, Operand string
	Width          int // bits of a beat
	Depth          int // beats, >= 2
	Beats          int // beats of a frame
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle
}

// Name implements hwgen.Block.
func (f *Block) Name() string { return f.Layer + "_fifo" + f.Operand }

// Serves implements hwgen.Block.
func (f *Block) Serves() string { return f.Layer }

// Module implements hwgen.Block.
func (f *Block) Module() string { return "fifo" }

// Cycles implements hwgen.Block.
func (f *Block) Cycles() int { return f.Beats }

// Comment implements hwgen.Block.
func (f *Block) Comment() []string {
	return []string{fmt.Sprintf("Lets what layer %s reads run ahead of it, by %s of %s per vector.", f.Layer,
		hwgen.Count(f.Depth, "beat"), hwgen.Count(f.Beats, "beat"))}
}

// Parameters implements hwgen.Block.
func (f *Block) Parameters() []hwgen.Parameter {
	return []hwgen.Parameter{hwgen.Number("WIDTH", f.Width), hwgen.Number("DEPTH", f.Depth),
		hwgen.Text("RAM_STYLE", hwgen.LUTRAM(f.Style))}
}

// Memories implements hwgen.Block.
func (f *Block) Memories() []hwgen.Memory { return nil }

// Outputs implements hwgen.Block.
func (f *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: f.Name(), Bits: f.Width, Beats: f.Beats}}
}

// Reads implements hwgen.Block: beats of its width.
func (f *Block) Reads(in []hwgen.Content) []hwgen.Content {
	return []hwgen.Content{hwgen.OfWidth(in[0], f.Width)}
}

// Carries implements hwgen.Block.
func (f *Block) Carries(in []hwgen.Content) []hwgen.Content { return in }

// Machine implements hwgen.Block.
func (f *Block) Machine() cycle.Machine { return newMachine(f.Depth) }

// Needed implements hwgen.Buffer, as do those that follow.
func (f *Block) Needed() int { return f.Depth }

// Places implements hwgen.Buffer.
func (f *Block) Places() int { return f.Depth }

// Fewest implements hwgen.Buffer: of one beat it could not take and give in turn.
func (f *Block) Fewest() int { return 2 }

// Elastic implements hwgen.Buffer: it is there for the blocks on both sides of it.
func (f *Block) Elastic() bool { return true }

// MachineOf implements hwgen.Buffer.
func (f *Block) MachineOf(beats int) cycle.Machine { return newMachine(beats) }
