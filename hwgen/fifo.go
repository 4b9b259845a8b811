package hwgen

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// FIFO is a queue of Depth beats before a layer (templates/fifo.v).
type FIFO struct {
	LayerName string
	Width     int // bits of a beat
	Depth     int // beats, >= 2
	Beats     int // beats of a frame
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle
}

// Name implements Block.
func (f *FIFO) Name() string { return f.LayerName + "_fifo" }

// Module implements Block.
func (f *FIFO) Module() string { return "fifo" }

// Cycles implements Block.
func (f *FIFO) Cycles() int { return f.Beats }

// Comment implements Block.
func (f *FIFO) Comment() []string {
	return []string{fmt.Sprintf("Collects the next vector of layer %s (%s) while it works on this one.",
		f.LayerName, count(f.Beats, "beat"))}
}

// Parameters implements Block.
func (f *FIFO) Parameters() []Parameter {
	return []Parameter{number("WIDTH", f.Width), number("DEPTH", f.Depth), text("RAM_STYLE", lutRAM(f.Style))}
}

// Memories implements Block.
func (f *FIFO) Memories() []Memory { return nil }

// Output implements Block.
func (f *FIFO) Output() Stream { return Stream{Name: f.Name(), Bits: f.Width, Beats: f.Beats} }

// Reads implements Block: beats of its width.
func (f *FIFO) Reads(in Content) Content { return ofWidth(in, f.Width) }

// Carries implements Block.
func (f *FIFO) Carries(in Content) Content { return in }

// Machine implements Block.
func (f *FIFO) Machine() cycle.Machine { return cycle.NewFIFO(f.Depth) }
