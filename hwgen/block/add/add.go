// Package add is the unit that adds streams element by element, each times a constant, and
// turns the sums into activations: geometry, memories, control and price of templates/add.v.
package add

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/thresholds"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block is the sum of the operands of a layer of kind add, or the one operand of a layer that
// requantises (templates/add.v).
type Block struct {
	Layer *quant.Layer
	// Operands are what it adds, in the order of the layer's factors.
	Operands []Operand
	// PE channels are added at once.
	PE int
	// AccBits is P.
	AccBits int
	// ThresholdBits is the width of a threshold, see thresholds.Search.
	ThresholdBits int
}

// Operand is a tensor that is added, as its stream has it.
type Operand struct {
	hwgen.Tensor
	// Type may be wider than the numbers need: accumulators of a layer before come in P bits.
	Type quant.DataType
}

// Name implements hwgen.Block.
func (a *Block) Name() string { return a.Layer.Name + "_add" }

// Serves implements hwgen.Block.
func (a *Block) Serves() string { return a.Layer.Name }

// Module implements hwgen.Block.
func (a *Block) Module() string { return "add" }

// NF returns the beats of the channels of a position.
func (a *Block) NF() int { return a.Layer.Out / a.PE }

// elements returns the elements of a frame. A layer of no network has one position.
func (a *Block) elements() int { return max(a.Layer.Out, a.Layer.Shape.Size()) }

// Cycles implements hwgen.Block: a beat per cycle.
func (a *Block) Cycles() int { return a.elements() / a.PE }

// Stages returns the registers between the held operands and the spill register: products by
// the factors, tree, search for the activation.
func (a *Block) Stages() int {
	return fabric.ProductStages(a.FactorBits()) + fabric.AddressWidth(len(a.Operands)) + a.search().Stages()
}

// Input returns the smallest type that holds the elements of all operands.
func (a *Block) Input() quant.DataType {
	// The tree adds numbers of one type: each operand is extended to it by its own sign.
	all := quant.DataType{Bits: 1}
	for _, o := range a.Operands {
		all.Signed = all.Signed || o.Type.Signed
	}
	for _, o := range a.Operands {
		n := o.Type.Bits
		if all.Signed && !o.Type.Signed {
			n++ // its largest value needs a sign of 0 above it
		}
		all.Bits = max(all.Bits, n)
	}
	return all
}

// factor returns the factor of operand k.
func (a *Block) factor(k int) int64 {
	// Operands of one scale: no factors are stored for them.
	if a.Layer.Factors == nil {
		return 1
	}
	return a.Layer.Factors[k]
}

// FactorBits returns the bits of a factor, signed.
func (a *Block) FactorBits() int {
	most := 0
	for k := range a.Operands {
		most = max(most, bits.Len64(uint64(a.factor(k))))
	}
	return most + 1
}

// Comment implements hwgen.Block.
func (a *Block) Comment() []string {
	var terms []string
	for k, o := range a.Operands {
		from := o.Layer
		if from == "" {
			from = "input"
		}
		terms = append(terms, fmt.Sprintf("%d * %s (%v)", a.factor(k), from, o.Type))
	}
	lines := []string{fmt.Sprintf("Layer %s: %s in %d-bit sums, %s of %s per beat:", a.Layer.Name,
		hwgen.Count(a.Layer.Out, "channel"), a.AccBits, hwgen.Count(a.PE, "channel"),
		hwgen.Count(len(a.Operands), "operand"))}
	// A line each: names may be long.
	return append(lines, strings.Split(strings.Join(terms, " +\n"), "\n")...)
}

// Parameters implements hwgen.Block.
func (a *Block) Parameters() []hwgen.Parameter {
	var widths []int
	var signs []bool
	var factors []string
	width := 0
	for k, o := range a.Operands {
		t := o.Type
		widths, signs = append(widths, t.Bits), append(signs, t.Signed)
		factors = append(factors, fmt.Sprintf("%d'd%d", a.FactorBits(), a.factor(k)))
		// All operands' data come side by side on one port, s_data.
		width += a.PE * t.Bits
	}
	in := a.Input()
	p := []hwgen.Parameter{hwgen.Number("MH", a.Layer.Out), hwgen.Number("PE", a.PE),
		hwgen.Number("OPERANDS", len(a.Operands)), hwgen.Numbers("BITS", widths), hwgen.Flags("SIGNS", signs),
		hwgen.Number("INPUT_BITS", in.Bits), hwgen.Flag("INPUT_SIGNED", in.Signed),
		hwgen.Number("FACTOR_BITS", a.FactorBits()), hwgen.Concatenation("FACTORS", factors),
		hwgen.Number("ACC_BITS", a.AccBits)}
	// S_BITS follows from BITS and PE, but the module's ports need it before its functions stand:
	// add.v can only check it.
	return append(append(p, a.search().Parameters()...), hwgen.Number("S_BITS", width))
}

// Memories implements hwgen.Block: those of the thresholds.
func (a *Block) Memories() []hwgen.Memory { return a.search().Memories() }

// Outputs implements hwgen.Block.
func (a *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: a.Name(), Bits: a.PE * a.search().Output().Bits, Beats: a.Cycles()}}
}

// Reads implements hwgen.Block: PE channels of each operand per beat, in their order.
func (a *Block) Reads([]hwgen.Content) []hwgen.Content {
	var in []hwgen.Content
	for _, o := range a.Operands {
		in = append(in, hwgen.Content{hwgen.InOrder(o.Tensor, a.elements(), o.Type.Bits, o.Type.Signed, a.PE)})
	}
	return in
}

// Carries implements hwgen.Block.
func (a *Block) Carries([]hwgen.Content) []hwgen.Content {
	return []hwgen.Content{a.search().Content()}
}

// search is what turns sums into activations.
func (a *Block) search() thresholds.Search {
	return thresholds.Search{Layer: a.Layer, PE: a.PE, AccBits: a.AccBits, Bits: a.ThresholdBits}
}

// Machine implements hwgen.Block.
func (a *Block) Machine() cycle.Machine {
	return &machine{all: 1<<len(a.Operands) - 1, pipe: cycle.NewPipeline(a.Stages(), 1)}
}
