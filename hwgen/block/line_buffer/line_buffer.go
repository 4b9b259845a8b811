// Package linebuffer is the buffer that gives an image again in the order of a nest of loops, as a
// sliding window reads it: geometry, control and price of templates/line_buffer.v.
package linebuffer

import (
	"fmt"
	"slices"
	"sync"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block holds the last rows of an image, and gives their elements in another order
// (templates/line_buffer.v). Its zero value is none: see New.
type Block struct {
	Spec
	walk func() *walk
}

// Spec says what a line buffer reads and gives.
type Spec struct {
	// Layer is the name of the layer that it serves.
	Layer string
	// Input is the image that comes, in order, Lanes channels per beat, which divide its channels; it
	// has no border and one loop.
	Input hwgen.Part
	Shape quant.Shape
	// Loops visit the groups of Lanes channels, the outermost first.
	Loops []hwgen.Walk
	// AtOnce are loops inside of them all turns of which leave in one beat, each from a copy of its own.
	AtOnce []hwgen.Walk
	// Border is what lies around the image, which the loops start in; nil for nothing.
	Border *hwgen.Border
	// Output is, unless nil, what the elements that leave are of another tensor.
	Output *hwgen.Part
	// BlockRAM keeps the image in block RAM.
	BlockRAM bool
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle
	// Why says what for, in the words of a comment.
	Why string
}

// New returns the line buffer of a specification.
func New(s Spec) *Block {
	// Planning makes blocks again and again; what follows from the loops takes a walk over a frame.
	return &Block{Spec: s, walk: sync.OnceValue(func() *walk { return newWalk(s) })}
}

// Like returns the line buffer of a specification that differs from b's in where the image is kept, and in
// words: they have one walk.
func (b *Block) Like(s Spec) *Block { return &Block{Spec: s, walk: b.walk} }

// Name implements hwgen.Block.
func (b *Block) Name() string { return b.Layer + "_lines" }

// Serves implements hwgen.Block.
func (b *Block) Serves() string { return b.Layer }

// Module implements hwgen.Block.
func (b *Block) Module() string { return "line_buffer" }

// width is the bits of a beat that comes.
func (b *Block) width() int { return b.Input.Lanes * b.Input.Bits }

// reads is how many such leave at once.
func (b *Block) reads() int { return len(b.walk().reads) }

// Depth returns the beats that the memory holds: the fewest with which neither side has to wait for
// the other, or the next power of two where that takes no more memory.
func (b *Block) Depth() int { return b.walk().places(b.width(), b.BlockRAM) }

// Beats returns the beats of a frame that come, and those that leave.
func (b *Block) Beats() (in, out int) { return b.walk().frame, b.walk().beats() }

// Cycles implements hwgen.Block: those of the side with more beats.
func (b *Block) Cycles() int {
	in, out := b.Beats()
	return max(in, out)
}

// Comment implements hwgen.Block.
func (b *Block) Comment() []string {
	in, out := b.Beats()
	lines := []string{fmt.Sprintf("Layer %s: %s.", b.Layer, b.Why),
		fmt.Sprintf("The image %dx%dx%d comes in %s, %s leave; of %s kept, %d are needed.", b.Shape.H, b.Shape.W,
			b.Shape.C, hwgen.Count(in, "beat"), hwgen.Count(out, "beat"), hwgen.Count(b.Depth(), "beat"), b.walk().depth)}
	if p := b.Border; p != nil {
		lines = append(lines, fmt.Sprintf("Around it lie %d, %d, %d, %d positions (top, left, bottom, right) of %d.",
			p.Top, p.Left, p.Bottom, p.Right, p.Value))
	}
	return lines
}

// Parameters implements hwgen.Block.
func (b *Block) Parameters() []hwgen.Parameter {
	w, style := b.walk(), hwgen.LUTRAM(b.Style)
	if b.BlockRAM {
		style = hwgen.BlockRAM(b.Style)
	}
	depth := b.Depth()
	p := []hwgen.Parameter{hwgen.Number("WIDTH", b.width())}
	if b.reads() > 1 {
		p = append(p, hwgen.Number("READS", b.reads()),
			hwgen.Numbers("OFFSETS", w.ofReads(func(o offset) int { return o.beats })))
	}
	p = append(p, hwgen.Number("DEPTH", depth), hwgen.Number("LEVELS", len(w.loops)),
		hwgen.Numbers("COUNTS", w.of(func(l loop) int { return l.count })[:len(w.loops)]),
		hwgen.Numbers("JUMPS", w.of(func(l loop) int { return l.jump })),
		hwgen.Numbers("FREES", w.of(func(l loop) int { return l.free })),
		hwgen.Number("START", w.start), hwgen.Number("COUNT_BITS", w.countBits(depth)))
	if b.Border != nil {
		p = append(p, hwgen.Flag("BORDER", true), hwgen.Number("H", b.Shape.H), hwgen.Number("W", b.Shape.W),
			hwgen.Number("TOP", b.Border.Top), hwgen.Number("LEFT", b.Border.Left),
			hwgen.Numbers("DOWN", w.of(func(l loop) int { return l.stepDown })[:len(w.loops)]),
			hwgen.Numbers("RIGHT", w.of(func(l loop) int { return l.stepRight })[:len(w.loops)]),
			hwgen.Number("BEGUN", w.begun()))
		if b.reads() > 1 {
			p = append(p, hwgen.Numbers("BELOW", w.ofReads(func(o offset) int { return o.down })),
				hwgen.Numbers("BESIDE", w.ofReads(func(o offset) int { return o.right })))
		}
		if b.Border.Value != 0 {
			p = append(p, hwgen.Lanes("PAD", b.Input.Lanes, b.Input.Bits, b.Border.Value))
		}
	}
	return append(p, hwgen.Text("RAM_STYLE", style))
}

// Memories implements hwgen.Block.
func (b *Block) Memories() []hwgen.Memory { return nil }

// Outputs implements hwgen.Block.
func (b *Block) Outputs() []hwgen.Stream {
	_, out := b.Beats()
	return []hwgen.Stream{{Name: b.Name(), Bits: b.reads() * b.width(), Beats: out}}
}

// Reads implements hwgen.Block: the image in order.
func (b *Block) Reads([]hwgen.Content) []hwgen.Content { return []hwgen.Content{{b.Input}} }

// Carries implements hwgen.Block.
func (b *Block) Carries([]hwgen.Content) []hwgen.Content {
	if b.Output != nil {
		return []hwgen.Content{{*b.Output}}
	}
	out := b.Input.Over(b.Shape, b.Border, slices.Concat(b.Loops, b.AtOnce))
	out.Lanes *= b.reads()
	return []hwgen.Content{{out}}
}

// Machine implements hwgen.Block.
func (b *Block) Machine() cycle.Machine { return b.MachineOf(b.Depth()) }

// Needed implements hwgen.Buffer, as do those that follow.
func (b *Block) Needed() int { return b.walk().depth }

// Places implements hwgen.Buffer.
func (b *Block) Places() int { return b.Depth() }

// Fewest implements hwgen.Buffer: a place to read while another is written.
func (b *Block) Fewest() int { return 2 }

// Elastic implements hwgen.Buffer: the loops alone decide.
func (b *Block) Elastic() bool { return false }

// MachineOf implements hwgen.Buffer.
func (b *Block) MachineOf(beats int) cycle.Machine { return newMachine(b.walk(), beats) }
