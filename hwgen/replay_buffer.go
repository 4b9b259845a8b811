package hwgen

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// ReplayBuffer holds a vector of Length beats and gives it Repeats times
// (templates/replay_buffer.v).
type ReplayBuffer struct {
	LayerName       string
	Width           int // bits of a beat
	Length, Repeats int // beats, passes
	BlockRAM        bool
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle
}

// Slots returns the beats that the buffer holds: a vector of one beat needs a second
// slot, since its own is in use until the last pass.
func (r *ReplayBuffer) Slots() int { return max(r.Length, 2) }

// Name implements Block.
func (r *ReplayBuffer) Name() string { return r.LayerName + "_replay" }

// Module implements Block.
func (r *ReplayBuffer) Module() string { return "replay_buffer" }

// Cycles implements Block.
func (r *ReplayBuffer) Cycles() int { return r.Length * r.Repeats }

// Comment implements Block.
func (r *ReplayBuffer) Comment() []string {
	return []string{fmt.Sprintf("Each vector of layer %s, %s, is read %s, once a fold of its rows.",
		r.LayerName, count(r.Length, "beat"), count(r.Repeats, "time"))}
}

// Parameters implements Block.
func (r *ReplayBuffer) Parameters() []Parameter {
	style := lutRAM(r.Style)
	if r.BlockRAM {
		style = blockRAM(r.Style)
	}
	return []Parameter{number("WIDTH", r.Width), number("LENGTH", r.Length), number("REPEATS", r.Repeats),
		text("RAM_STYLE", style)}
}

// Memories implements Block.
func (r *ReplayBuffer) Memories() []Memory { return nil }

// Output implements Block.
func (r *ReplayBuffer) Output() Stream {
	return Stream{Name: r.Name(), Bits: r.Width, Beats: r.Length * r.Repeats}
}

// Reads implements Block: vectors of Length beats.
func (r *ReplayBuffer) Reads(in Content) Content {
	if in.Beats() != r.Length {
		return nil
	}
	return ofWidth(in, r.Width)
}

// Carries implements Block.
func (r *ReplayBuffer) Carries(in Content) Content { return in.replayed(r.Repeats) }

// Machine implements Block.
func (r *ReplayBuffer) Machine() cycle.Machine {
	return cycle.NewReplayBuffer(r.Length, r.Repeats, r.Slots())
}
