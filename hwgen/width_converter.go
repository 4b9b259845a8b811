package hwgen

import (
	"fmt"

	"github.com/a2qgen/a2qgen/sim/cycle"
)

// WidthConverter changes the words of a beat from In to Out, one of which divides
// the other (templates/width_converter.v). It stands before the layer LayerName.
type WidthConverter struct {
	LayerName string
	Word      int // bits
	In, Out   int // words of a beat
	InBeats   int // input beats of a frame
}

// Name implements Block. A layer has at most one converter of either direction.
func (w *WidthConverter) Name() string {
	if w.Out > w.In {
		return w.LayerName + "_gather"
	}
	return w.LayerName + "_split"
}

// Module implements Block.
func (w *WidthConverter) Module() string { return "width_converter" }

// OutBeats returns the output beats of a frame.
func (w *WidthConverter) OutBeats() int { return w.InBeats * w.In / w.Out }

// Cycles implements Block.
func (w *WidthConverter) Cycles() int { return max(w.InBeats, w.OutBeats()) }

// Comment implements Block.
func (w *WidthConverter) Comment() []string {
	return []string{fmt.Sprintf("Beats of %s become beats of %s.", count(w.In, "word"), count(w.Out, "word"))}
}

// Parameters implements Block.
func (w *WidthConverter) Parameters() []Parameter {
	return []Parameter{number("WORD", w.Word), number("S_WORDS", w.In), number("M_WORDS", w.Out)}
}

// Memories implements Block.
func (w *WidthConverter) Memories() []Memory { return nil }

// Output implements Block.
func (w *WidthConverter) Output() Stream {
	return Stream{Name: w.Name(), Bits: w.Word * w.Out, Beats: w.OutBeats()}
}

// Reads implements Block: In words in a beat.
func (w *WidthConverter) Reads(in Content) Content {
	return in.each(func(p *Part) { p.Lanes, p.Bits = w.In, w.Word })
}

// Carries implements Block: the same words in the same order.
func (w *WidthConverter) Carries(in Content) Content { return in.inLanes(w.Out) }

// Machine implements Block.
func (w *WidthConverter) Machine() cycle.Machine { return cycle.NewWidthConverter(w.In, w.Out) }
