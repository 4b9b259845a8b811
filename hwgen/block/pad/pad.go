// Package pad is the unit that puts positions of one value around an image: geometry, control and price
// of templates/pad.v.
package pad

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block puts a border around an image (templates/pad.v).
type Block struct {
	// Layer is the name of the layer that it serves.
	Layer string
	// Input is the image that comes, in order.
	Input  hwgen.Part
	Border hwgen.Border
}

// beats returns the beats of a position.
func (b *Block) beats() int { return b.Border.C / b.Input.Lanes }

// Name implements hwgen.Block.
func (b *Block) Name() string { return b.Layer + "_pad" }

// Serves implements hwgen.Block.
func (b *Block) Serves() string { return b.Layer }

// Module implements hwgen.Block.
func (b *Block) Module() string { return "pad" }

// Cycles implements hwgen.Block: a beat per cycle leaves.
func (b *Block) Cycles() int { return b.Border.Positions() * b.beats() }

// Comment implements hwgen.Block.
func (b *Block) Comment() []string {
	p := b.Border
	return []string{fmt.Sprintf("Around the image %dx%dx%d of layer %s lie %d, %d, %d, %d positions "+
		"(top, left, bottom, right) of %d.", p.H, p.W, p.C, b.Layer, p.Top, p.Left, p.Bottom, p.Right, p.Value)}
}

// Parameters implements hwgen.Block.
func (b *Block) Parameters() []hwgen.Parameter {
	p := b.Border
	all := []hwgen.Parameter{hwgen.Number("WIDTH", b.Input.Lanes*b.Input.Bits), hwgen.Number("BEATS", b.beats()),
		hwgen.Number("H", p.H), hwgen.Number("W", p.W), hwgen.Number("TOP", p.Top), hwgen.Number("LEFT", p.Left),
		hwgen.Number("BOTTOM", p.Bottom), hwgen.Number("RIGHT", p.Right)}
	if p.Value != 0 {
		all = append(all, hwgen.Lanes("PAD", b.Input.Lanes, b.Input.Bits, p.Value))
	}
	return all
}

// Memories implements hwgen.Block.
func (b *Block) Memories() []hwgen.Memory { return nil }

// Outputs implements hwgen.Block.
func (b *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: b.Name(), Bits: b.Input.Lanes * b.Input.Bits, Beats: b.Cycles()}}
}

// Reads implements hwgen.Block: the image in order.
func (b *Block) Reads([]hwgen.Content) []hwgen.Content { return []hwgen.Content{{b.Input}} }

// Carries implements hwgen.Block: it with its border, in order.
func (b *Block) Carries([]hwgen.Content) []hwgen.Content {
	return []hwgen.Content{{b.Input.Bordered(b.Border)}}
}

// Machine implements hwgen.Block.
func (b *Block) Machine() cycle.Machine { return &machine{border: b.Border, beats: b.beats()} }
