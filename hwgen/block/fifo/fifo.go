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
	// Layer is the name of the layer that it serves.
	Layer string
	Width int // bits of a beat
	Depth int // beats, >= 2
	Beats int // beats of a frame
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle
}

// Name implements hwgen.Block.
func (f *Block) Name() string { return f.Layer + "_fifo" }

// Serves implements hwgen.Block.
func (f *Block) Serves() string { return f.Layer }

// Module implements hwgen.Block.
func (f *Block) Module() string { return "fifo" }

// Cycles implements hwgen.Block.
func (f *Block) Cycles() int { return f.Beats }

// Comment implements hwgen.Block.
func (f *Block) Comment() []string {
	return []string{fmt.Sprintf("Collects the next vector of layer %s (%s) while it works on this one.",
		f.Layer, hwgen.Count(f.Beats, "beat"))}
}

// Parameters implements hwgen.Block.
func (f *Block) Parameters() []hwgen.Parameter {
	return []hwgen.Parameter{hwgen.Number("WIDTH", f.Width), hwgen.Number("DEPTH", f.Depth), hwgen.Text("RAM_STYLE", hwgen.LUTRAM(f.Style))}
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
