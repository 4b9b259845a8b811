// Package widthconverter gathers or splits the words of beats: geometry, control and price of
// templates/width_converter.v.
package widthconverter

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block changes the words of a beat from In to Out, one of which divides
// the other (templates/width_converter.v). It stands before the layer Layer.
type Block struct {
	// Layer is the name of the layer that it serves, Operand which of its streams it is for: empty
	// where it reads one alone.
	Layer, Operand string
	Word           int // bits
	In, Out        int // words of a beat
	InBeats        int // input beats of a frame
}

// Name implements hwgen.Block. A stream to a layer has at most one converter of either direction.
func (w *Block) Name() string {
	if w.Out > w.In {
		return w.Layer + "_gather" + w.Operand
	}
	return w.Layer + "_split" + w.Operand
}

// Serves implements hwgen.Block.
func (w *Block) Serves() string { return w.Layer }

// Module implements hwgen.Block.
func (w *Block) Module() string { return "width_converter" }

// OutBeats returns the output beats of a frame.
func (w *Block) OutBeats() int { return w.InBeats * w.In / w.Out }

// Cycles implements hwgen.Block.
func (w *Block) Cycles() int { return max(w.InBeats, w.OutBeats()) }

// Comment implements hwgen.Block.
func (w *Block) Comment() []string {
	return []string{fmt.Sprintf("Beats of %s become beats of %s.", hwgen.Count(w.In, "word"), hwgen.Count(w.Out, "word"))}
}

// Parameters implements hwgen.Block.
func (w *Block) Parameters() []hwgen.Parameter {
	return []hwgen.Parameter{hwgen.Number("WORD", w.Word), hwgen.Number("S_WORDS", w.In), hwgen.Number("M_WORDS", w.Out)}
}

// Memories implements hwgen.Block.
func (w *Block) Memories() []hwgen.Memory { return nil }

// Outputs implements hwgen.Block.
func (w *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: w.Name(), Bits: w.Word * w.Out, Beats: w.OutBeats()}}
}

// Reads implements hwgen.Block: In words in a beat.
func (w *Block) Reads(in []hwgen.Content) []hwgen.Content {
	return []hwgen.Content{in[0].Each(func(p *hwgen.Part) { p.Lanes, p.Bits = w.In, w.Word })}
}

// Carries implements hwgen.Block: the same words in the same order.
func (w *Block) Carries(in []hwgen.Content) []hwgen.Content {
	return []hwgen.Content{in[0].InLanes(w.Out)}
}

// Machine implements hwgen.Block.
func (w *Block) Machine() cycle.Machine { return newMachine(w.In, w.Out) }
