// Package hardwired is the unit that computes all rows of a matrix at once, by a graph of adders
// of its own: geometry, control and price of what templates/hardwired.v.tmpl gives.
package hardwired

import (
	"fmt"
	"sync"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/addergraph"
	"github.com/a2qgen/a2qgen/hwgen/block/thresholds"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block is the hard-wired unit of a layer: a whole vector in a beat, all rows in a beat. Its zero
// value is none: see New.
type Block struct {
	Layer *quant.Layer
	// Input is the tensor that it multiplies the weights with.
	Input hwgen.Tensor
	// Type is that of the input's elements as they come. Accumulators of a layer before have P bits,
	// more than the layer's input type, whose numbers they are.
	Type quant.DataType
	// AccBits is P.
	AccBits int
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle
	// circuit is made when it is first asked for: a plan builds blocks again and again.
	circuit func() *circuit
}

// New returns the unit of a layer, whose weights g computes, that reads the tensor x, which comes in
// elements of type t, with accumulators of accBits bits.
func New(l *quant.Layer, g *addergraph.Graph, x hwgen.Tensor, t quant.DataType, accBits int,
	style boards.MemoryStyle) *Block {
	return &Block{Layer: l, Input: x, Type: t, AccBits: accBits, Style: style,
		circuit: sync.OnceValue(func() *circuit { return newCircuit(l, g, accBits) })}
}

// MaxInput is the widest element of a vector, in bits: as of the other units.
const MaxInput = 32

// Stages returns the registers between a vector and the queue in a unit of g: a level of adders
// each, and one of results. They are MaxStages at most.
func Stages(g *addergraph.Graph) int {
	stages := 1
	for _, level := range g.Levels() {
		stages = max(stages, level+1)
	}
	return stages
}

// resultType returns the type of what leaves: activations, or accumulators.
func resultType(l *quant.Layer, accBits int) quant.DataType {
	return thresholds.Search{Layer: l, AccBits: accBits}.Output()
}

func (b *Block) output() quant.DataType { return resultType(b.Layer, b.AccBits) }

// Adders returns how many adders there are.
func (b *Block) Adders() int { return len(b.circuit().Adders) }

// Stages implements what the function of the name says.
func (b *Block) Stages() int { return b.circuit().levels + 1 }

// Depth returns the beats that are under way at most: those of the queue, in which all find room
// when nothing is taken. A power of two, which is at least what full rate takes: Stages, a cycle
// in the queue and one until it is known that a beat has left.
func (b *Block) Depth() int {
	depth := 2
	for depth < b.Stages()+2 {
		depth *= 2
	}
	return depth
}

// Name implements hwgen.Block.
func (b *Block) Name() string { return b.Layer.Name + "_hardwired" }

// Serves implements hwgen.Block.
func (b *Block) Serves() string { return b.Layer.Name }

// Kind implements hwgen.Generated.
func (b *Block) Kind() string { return "hardwired" }

// Module implements hwgen.Block: a module of its own.
func (b *Block) Module() string { return b.Name() }

// Cycles implements hwgen.Block.
func (b *Block) Cycles() int { return 1 }

// Comment implements hwgen.Block.
func (b *Block) Comment() []string {
	l := b.Layer
	return []string{
		fmt.Sprintf("Layer %s: %s (%v) x %s, all at once, %d-bit accumulators;", l.Name,
			hwgen.Count(l.In, "input"), l.Input, hwgen.Count(l.Out, "output"), b.AccBits),
		fmt.Sprintf("%s in %s, shared by the rows: a vector per cycle.", hwgen.Count(b.Adders(), "adder"),
			hwgen.Count(b.circuit().levels, "level")),
	}
}

// Parameters implements hwgen.Block.
func (b *Block) Parameters() []hwgen.Parameter {
	return []hwgen.Parameter{hwgen.Number("ACC_BITS", b.AccBits), hwgen.Number("STAGES", b.Stages()),
		hwgen.Number("DEPTH", b.Depth()), hwgen.Text("RAM_STYLE", hwgen.LUTRAM(b.Style))}
}

// Memories implements hwgen.Block: all numbers are in the module's text.
func (b *Block) Memories() []hwgen.Memory { return nil }

// Outputs implements hwgen.Block.
func (b *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: b.Name(), Bits: b.Layer.Out * b.output().Bits, Beats: 1}}
}

// Reads implements hwgen.Block: the vector in a beat.
func (b *Block) Reads([]hwgen.Content) []hwgen.Content {
	l := b.Layer
	return []hwgen.Content{{hwgen.InOrder(b.Input, l.In, b.Type.Bits, b.Type.Signed, l.In)}}
}

// Carries implements hwgen.Block: all rows in a beat, in their order.
func (b *Block) Carries([]hwgen.Content) []hwgen.Content {
	return []hwgen.Content{thresholds.Search{Layer: b.Layer, PE: b.Layer.Out, AccBits: b.AccBits}.Content()}
}

// Machine implements hwgen.Block.
func (b *Block) Machine() cycle.Machine { return newMachine(b.Stages(), b.Depth()) }
