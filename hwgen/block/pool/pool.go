// Package pool is the unit that takes the sum or the largest of the elements under a window:
// geometry, control and price of templates/pool.v.
package pool

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block is the pool of a layer, whose window comes position after position of PE channels per beat
// (templates/pool.v).
type Block struct {
	Layer *quant.Layer
	// Input is what comes; its lanes are the PE.
	Input hwgen.Part
	// AccBits is P of a sum. A maximum has the type of its elements.
	AccBits int
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle
}

// Maximum says that the largest element leaves, else it is the sum.
func (b *Block) Maximum() bool { return b.Layer.Kind == quant.MaxPool }

// Output returns the type of what leaves.
func (b *Block) Output() quant.DataType {
	if b.Maximum() {
		return quant.DataType{Bits: b.Input.Bits, Signed: b.Input.Signed}
	}
	return quant.DataType{Bits: b.AccBits, Signed: true}
}

// Folds returns the beats of a position, Taps the positions under a window.
func (b *Block) Folds() int { return b.Layer.Out / b.Input.Lanes }

// Taps implements what Folds says.
func (b *Block) Taps() int { return b.Layer.Window.Taps() }

// Name implements hwgen.Block.
func (b *Block) Name() string { return b.Layer.Name + "_pool" }

// Serves implements hwgen.Block.
func (b *Block) Serves() string { return b.Layer.Name }

// Module implements hwgen.Block.
func (b *Block) Module() string { return "pool" }

// Cycles implements hwgen.Block: a beat per cycle comes.
func (b *Block) Cycles() int { return b.Layer.Shape.Positions() * b.Taps() * b.Folds() }

// Comment implements hwgen.Block.
func (b *Block) Comment() []string {
	what := fmt.Sprintf("sum in %d bits", b.AccBits)
	if b.Maximum() {
		what = "largest"
	}
	return []string{fmt.Sprintf("Layer %s: the %s of %s, of %s in beats of %d.", b.Layer.Name, what,
		hwgen.Count(b.Taps(), "position"), hwgen.Count(b.Layer.Out, "channel"), b.Input.Lanes)}
}

// Parameters implements hwgen.Block.
func (b *Block) Parameters() []hwgen.Parameter {
	return []hwgen.Parameter{hwgen.Number("PE", b.Input.Lanes), hwgen.Number("TAPS", b.Taps()),
		hwgen.Number("FOLDS", b.Folds()), hwgen.Flag("MAXIMUM", b.Maximum()), hwgen.Number("INPUT_BITS", b.Input.Bits),
		hwgen.Flag("INPUT_SIGNED", b.Input.Signed), hwgen.Number("ACC_BITS", b.Output().Bits),
		hwgen.Text("RAM_STYLE", hwgen.LUTRAM(b.Style))}
}

// Memories implements hwgen.Block.
func (b *Block) Memories() []hwgen.Memory { return nil }

// Outputs implements hwgen.Block.
func (b *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: b.Name(), Bits: b.Input.Lanes * b.Output().Bits,
		Beats: b.Layer.Shape.Positions() * b.Folds()}}
}

// Reads implements hwgen.Block: every window, of it position after position.
func (b *Block) Reads([]hwgen.Content) []hwgen.Content {
	l, in := b.Layer, b.Layer.OperandShape(0)
	if b.Whole() {
		return []hwgen.Content{{hwgen.InOrder(b.Input.Tensor, in.Size(), b.Input.Bits, b.Input.Signed, b.Input.Lanes)}}
	}
	return []hwgen.Content{{b.Input.Over(in, b.Border(), hwgen.Windows(l, in, 1, 1, b.Input.Lanes))}}
}

// Whole says that the one window is the image, which then comes as it is.
func (b *Block) Whole() bool {
	return b.Border() == nil && b.Layer.Shape.Positions() == 1 && b.Taps() == b.Layer.OperandShape(0).Positions()
}

// Border returns what lies around the image: what changes no result.
func (b *Block) Border() *hwgen.Border {
	value := int64(0)
	if b.Maximum() {
		value = b.Output().Min()
	}
	return hwgen.BorderOf(b.Layer.Window, b.Layer.OperandShape(0), value)
}

// Carries implements hwgen.Block.
func (b *Block) Carries([]hwgen.Content) []hwgen.Content {
	t := b.Output()
	return []hwgen.Content{{hwgen.InOrder(hwgen.Tensor{Layer: b.Layer.Name, Holds: hwgen.HoldsAccumulators},
		b.Layer.Shape.Size(), t.Bits, t.Signed, b.Input.Lanes)}}
}

// Machine implements hwgen.Block.
func (b *Block) Machine() cycle.Machine { return &machine{taps: b.Taps(), folds: b.Folds()} }
