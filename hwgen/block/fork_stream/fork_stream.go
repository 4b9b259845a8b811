// Package forkstream gives a stream to several readers: geometry, control and price of
// templates/fork_stream.v.
package forkstream

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block is a fork of a stream (templates/fork_stream.v).
type Block struct {
	// Layer is the name of the layer whose results it gives, or that reads the design's input.
	Layer string
	// From names what is given: Layer, or the source.
	From    string
	Width   int // bits of a beat
	Readers int // >= 2
	Beats   int // beats of a frame
}

// Name implements hwgen.Block.
func (f *Block) Name() string { return f.From + "_fork" }

// Serves implements hwgen.Block.
func (f *Block) Serves() string { return f.Layer }

// Module implements hwgen.Block.
func (f *Block) Module() string { return "fork_stream" }

// Cycles implements hwgen.Block.
func (f *Block) Cycles() int { return f.Beats }

// Comment implements hwgen.Block.
func (f *Block) Comment() []string {
	return []string{fmt.Sprintf("Gives %s per vector to each of %s.", hwgen.Count(f.Beats, "beat"),
		hwgen.Count(f.Readers, "reader"))}
}

// Parameters implements hwgen.Block.
func (f *Block) Parameters() []hwgen.Parameter {
	return []hwgen.Parameter{hwgen.Number("WIDTH", f.Width), hwgen.Number("OUTPUTS", f.Readers)}
}

// Memories implements hwgen.Block.
func (f *Block) Memories() []hwgen.Memory { return nil }

// Outputs implements hwgen.Block.
func (f *Block) Outputs() []hwgen.Stream {
	var out []hwgen.Stream
	for i := range f.Readers {
		out = append(out, hwgen.Stream{Name: fmt.Sprintf("%s_%d", f.Name(), i), Bits: f.Width, Beats: f.Beats})
	}
	return out
}

// Reads implements hwgen.Block: beats of its width.
func (f *Block) Reads(in []hwgen.Content) []hwgen.Content {
	return []hwgen.Content{hwgen.OfWidth(in[0], f.Width)}
}

// Carries implements hwgen.Block: the same for every reader.
func (f *Block) Carries(in []hwgen.Content) []hwgen.Content {
	var out []hwgen.Content
	for range f.Readers {
		out = append(out, in[0])
	}
	return out
}

// Machine implements hwgen.Block.
func (f *Block) Machine() cycle.Machine { return &machine{left: make([]int, f.Readers)} }
