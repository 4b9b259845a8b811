// Package mvau is the folded matrix-vector-activation unit: geometry, memories, control and
// price of templates/mvau.v.
package mvau

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/thresholds"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block is the folded matrix-vector-activation unit of one layer (templates/mvau.v).
type Block struct {
	Layer *quant.Layer
	// Input is the tensor that it multiplies the weights with.
	Input hwgen.Tensor
	Fold  hwgen.Fold
	// AccBits is P.
	AccBits int
	// ThresholdBits is the width of a threshold: P, or P+1 where one lies below
	// the smallest P-bit number.
	ThresholdBits int
	// BlockROM keeps the weights in block RAM.
	BlockROM bool
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle
}

// NF returns the row folds, SF the column folds.
func (m *Block) NF() int { return m.Layer.Out / m.Fold.PE }

// SF returns the column folds: beats of one pass over the vector.
func (m *Block) SF() int { return m.Layer.In / m.Fold.SIMD }

// Stages returns the pipeline registers between an input beat and the spill register:
// operands, dot product, accumulator, search for the activation.
func (m *Block) Stages() int {
	return 1 + m.dotStages() + 1 + m.search().Stages()
}

// pairs says whether products are of two lanes (pair_product.v), which saves LUTs where the family
// has them take a pair's row in, and costs flip-flops. One lane has none to share a row with: to
// wait for its weight would cost it registers for no gain.
func (m *Block) pairs() bool { return m.Style.PairLanes && m.Fold.SIMD > 1 && !m.signs() }

// Name implements hwgen.Block.
func (m *Block) Name() string { return m.Layer.Name + "_mvau" }

// Serves implements hwgen.Block.
func (m *Block) Serves() string { return m.Layer.Name }

// Module implements hwgen.Block.
func (m *Block) Module() string { return "mvau" }

// Cycles implements hwgen.Block: NF*SF for every vector.
func (m *Block) Cycles() int { return m.vectors() * m.NF() * m.SF() }

// vectors is how many the layer multiplies per frame: one for every position of an image. A layer of
// no network has one.
func (m *Block) vectors() int { return max(1, m.Layer.Shape.Positions()) }

// Elements returns how many come per beat: SIMD for all PEs or, of a depthwise convolution, for each.
func (m *Block) Elements() int { return m.Fold.Channels(m.Layer) * m.Fold.SIMD }

// Shifted says whether accumulators begin at values of their own instead of 0.
func (m *Block) Shifted() bool { return m.begins() != nil }

// Comment implements hwgen.Block.
func (m *Block) Comment() []string {
	lines := []string{
		fmt.Sprintf("Layer %s: %s (%v) x %s, %d-bit weights, %d-bit accumulators;",
			m.Layer.Name, hwgen.Count(m.Layer.In, "input"), m.Layer.Input,
			hwgen.Count(m.Layer.Out, "output"), m.Layer.WeightBits,
			m.AccBits),
		fmt.Sprintf("NF = %s of SF = %s: %s per vector.",
			hwgen.Count(m.NF(), "row fold"), hwgen.Count(m.SF(), "beat"), hwgen.Count(m.NF()*m.SF(), "cycle")),
	}
	switch {
	case m.counts():
		lines = append(lines, "Weights are -1 and +1: inputs of 1 bit are counted where they agree with them.")
	case m.signs():
		lines = append(lines, "Weights are -1 and +1: inputs are added and subtracted.")
	}
	if m.Layer.Start != nil && m.Shifted() {
		// Said in the Verilog, since a reader of the waves would else miss a sum of 0 at the start.
		lines = append(lines, fmt.Sprintf("Each row begins where its sums use the %s best, and its thresholds with it.",
			hwgen.Count(m.AccBits, "bit")))
	}
	return lines
}

// Parameters implements hwgen.Block.
func (m *Block) Parameters() []hwgen.Parameter {
	l := m.Layer
	p := []hwgen.Parameter{
		hwgen.Number("MW", l.In), hwgen.Number("MH", l.Out),
		hwgen.Number("PE", m.Fold.PE), hwgen.Number("SIMD", m.Fold.SIMD),
		hwgen.Number("WEIGHT_BITS", m.weightBits()), hwgen.Number("INPUT_BITS", l.Input.Bits),
		hwgen.Flag("INPUT_SIGNED", l.Input.Signed),
	}
	if m.Fold.Channels(l) > 1 {
		p = append(p, hwgen.Flag("DEPTHWISE", true))
	}
	p = append(p, hwgen.Number("ACC_BITS", m.AccBits))
	if m.signs() {
		p = append(p, hwgen.Flag("SIGNS", true))
	}
	if m.pairs() {
		p = append(p, hwgen.Flag("PAIRS", true))
	}
	p = append(p, m.search().Parameters()...)
	p = append(p, hwgen.FileName("WEIGHTS", m.weightFile()), hwgen.Flag("BLOCK", m.BlockROM))
	if m.BlockROM {
		p = append(p, hwgen.Text("BLOCK_STYLE", hwgen.BlockRAM(m.Style)))
	}
	if m.Shifted() {
		p = append(p, hwgen.Flag("SHIFTED", true), hwgen.FileName("STARTS", m.startFile()))
	}
	return p
}

// Outputs implements hwgen.Block.
func (m *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: m.Name(), Bits: m.Fold.PE * m.search().Output().Bits, Beats: m.vectors() * m.NF()}}
}

// Reads implements hwgen.Block: SIMD inputs per beat, the whole vector once per fold of its rows. Of
// an image the vectors are windows, in which each group of channels is a vector of its own rows; PE
// channels side by side are one group where each is a row's.
func (m *Block) Reads([]hwgen.Content) []hwgen.Content {
	l := m.Layer
	x := hwgen.InOrder(m.Input, l.In, l.Input.Bits, l.Input.Signed, m.Fold.SIMD)
	if l.Kind != quant.Conv {
		return []hwgen.Content{hwgen.Content{x}.Replayed(m.SF(), m.NF())}
	}
	in := l.OperandShape(0)
	groups := l.Groups / m.Fold.Channels(l)
	x.Lanes = 1 // the innermost loop of windows; SIMD of them may be more than the channels
	x = x.Over(in, hwgen.BorderOf(l.Window, in, 0), hwgen.Windows(l, in, groups, m.NF()/groups, 1))
	x.Lanes = m.Elements()
	return []hwgen.Content{{x}}
}

// Carries implements hwgen.Block: PE rows per beat, in their order.
func (m *Block) Carries([]hwgen.Content) []hwgen.Content {
	return []hwgen.Content{m.search().Content()}
}

// search is what turns accumulators into activations.
func (m *Block) search() thresholds.Search {
	return thresholds.Search{Layer: m.Layer, PE: m.Fold.PE, AccBits: m.AccBits, Bits: m.ThresholdBits}
}

// Machine implements hwgen.Block.
func (m *Block) Machine() cycle.Machine { return cycle.NewPipeline(m.Stages(), m.SF()) }

func (m *Block) weightFile() string { return m.Layer.Name + "_weights.mem" }
func (m *Block) startFile() string  { return m.Layer.Name + "_start.mem" }

// Memories implements hwgen.Block: the weights, then one file per threshold level, then
// the inversion flags and the start values where there are any.
func (m *Block) Memories() []hwgen.Memory {
	mem := []hwgen.Memory{m.weightMemory()}
	mem = append(mem, m.search().Memories()...)
	if m.Shifted() {
		l := *m.Layer
		l.Start = m.begins()
		mem = append(mem, hwgen.StartMemory(m.startFile(), &l, m.Fold.PE, m.AccBits))
	}
	return mem
}

// weightMemory lays the weights out in FINN's memblock order: word nf*SF+sf holds
// weight (pe, s) of row nf*PE+pe and column sf*SIMD+s at bit (pe*SIMD+s)*M. Of -1 and +1 it holds
// numbers 0 and 1.
func (m *Block) weightMemory() hwgen.Memory {
	l, pe, simd, width := m.Layer, m.Fold.PE, m.Fold.SIMD, m.weightBits()
	signs := m.signs()
	layout := hwgen.Layout{Layer: l.Name, Holds: hwgen.HoldsWeights, Shape: []int{l.Out, l.In}, FieldBits: width,
		Signed: true, Bipolar: signs, Order: hwgen.Nest(m.NF(), pe*l.In, m.SF(), simd, pe, l.In, simd, 1)}
	mem := hwgen.NewMemory(m.weightFile(), layout, m.NF()*m.SF())
	for nf := 0; nf < m.NF(); nf++ {
		for sf := 0; sf < m.SF(); sf++ {
			word := mem.Words[nf*m.SF()+sf]
			for p := 0; p < pe; p++ {
				row := l.Row(nf*pe + p)[sf*simd:]
				for s := 0; s < simd; s++ {
					v := int64(row[s])
					if signs {
						v = quant.Bipolar.Number(v)
					}
					hwgen.PutBits(word, (p*simd+s)*width, width, v)
				}
			}
		}
	}
	return mem
}
