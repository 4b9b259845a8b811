// Package replaybuffer is the buffer that gives a vector again for every fold of rows:
// geometry, control and price of templates/replay_buffer.v.
package replaybuffer

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block holds a vector of Length beats and gives it Repeats times
// (templates/replay_buffer.v).
type Block struct {
	// Layer is the name of the layer that it serves.
	Layer           string
	Width           int // bits of a beat
	Length, Repeats int // beats, passes
	// Vectors come in a frame: 1 where it is 0.
	Vectors  int
	BlockRAM bool
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle
}

// Slots returns the beats that the buffer holds: a vector of one beat needs a second
// slot, since its own is in use until the last pass.
func (r *Block) Slots() int { return max(r.Length, 2) }

// Name implements hwgen.Block.
func (r *Block) Name() string { return r.Layer + "_replay" }

// Serves implements hwgen.Block.
func (r *Block) Serves() string { return r.Layer }

// Module implements hwgen.Block.
func (r *Block) Module() string { return "replay_buffer" }

// Cycles implements hwgen.Block.
func (r *Block) Cycles() int { return r.vectors() * r.Length * r.Repeats }

func (r *Block) vectors() int { return max(1, r.Vectors) }

// Comment implements hwgen.Block.
func (r *Block) Comment() []string {
	return []string{fmt.Sprintf("Each vector of layer %s, %s, is read %s, once per fold of its rows.",
		r.Layer, hwgen.Count(r.Length, "beat"), hwgen.Count(r.Repeats, "time"))}
}

// Parameters implements hwgen.Block.
func (r *Block) Parameters() []hwgen.Parameter {
	style := hwgen.LUTRAM(r.Style)
	if r.BlockRAM {
		style = hwgen.BlockRAM(r.Style)
	}
	return []hwgen.Parameter{hwgen.Number("WIDTH", r.Width), hwgen.Number("LENGTH", r.Length),
		hwgen.Number("REPEATS", r.Repeats), hwgen.Text("RAM_STYLE", style)}
}

// Memories implements hwgen.Block.
func (r *Block) Memories() []hwgen.Memory { return nil }

// Outputs implements hwgen.Block.
func (r *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: r.Name(), Bits: r.Width, Beats: r.Cycles()}}
}

// Reads implements hwgen.Block: vectors of Length beats.
func (r *Block) Reads(in []hwgen.Content) []hwgen.Content {
	if in[0].Beats() != r.vectors()*r.Length {
		return make([]hwgen.Content, 1)
	}
	return []hwgen.Content{hwgen.OfWidth(in[0], r.Width)}
}

// Carries implements hwgen.Block.
func (r *Block) Carries(in []hwgen.Content) []hwgen.Content {
	return []hwgen.Content{in[0].Replayed(r.Length, r.Repeats)}
}

// Machine implements hwgen.Block.
func (r *Block) Machine() cycle.Machine {
	return newMachine(r.Length, r.Repeats, r.Slots())
}
