package hwgen

import (
	"fmt"
	"math/bits"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// MVAU is the folded matrix-vector-activation unit of one layer (templates/mvau.v).
type MVAU struct {
	Layer *quant.Layer
	// Input is the tensor that it multiplies the weights with.
	Input Tensor
	Fold  Fold
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
func (m *MVAU) NF() int { return m.Layer.Out / m.Fold.PE }

// SF returns the column folds: beats of one pass over the vector.
func (m *MVAU) SF() int { return m.Layer.In / m.Fold.SIMD }

// Stages returns the pipeline registers between an input beat and the spill register:
// operands, products, tree, accumulator, search for the activation.
func (m *MVAU) Stages() int {
	return 1 + productStages(m.Layer.WeightBits) + log2Ceil(m.Fold.SIMD) + 1 + m.searchStages()
}

// productStages returns the registers of a product by a weight of so many bits, one per
// radix-4 digit (templates/product.v).
func productStages(weightBits int) int { return (weightBits + 1) / 2 }

// searchStages returns the registers of the threshold search: each level reads a threshold
// and compares it, and the first reads beside the accumulator (templates/thresholds.v).
func (m *MVAU) searchStages() int { return max(0, 2*m.activationBits()-1) }

func (m *MVAU) activationBits() int {
	if t := m.Layer.Thresholds; t != nil {
		return t.Output.Bits
	}
	return 0
}

// Name implements Block.
func (m *MVAU) Name() string { return m.Layer.Name + "_mvau" }

// Module implements Block.
func (m *MVAU) Module() string { return "mvau" }

// Cycles implements Block: NF*SF.
func (m *MVAU) Cycles() int { return m.NF() * m.SF() }

// Shifted says whether accumulators begin at values of their own instead of 0.
func (m *MVAU) Shifted() bool { return m.Layer.Start != nil }

// Comment implements Block.
func (m *MVAU) Comment() []string {
	lines := []string{
		fmt.Sprintf("Layer %s: %s (%v) x %s, %d-bit weights, %d-bit accumulators;",
			m.Layer.Name, count(m.Layer.In, "input"), m.Layer.Input, count(m.Layer.Out, "output"), m.Layer.WeightBits, m.AccBits),
		fmt.Sprintf("NF = %s of SF = %s: %s a vector.",
			count(m.NF(), "row fold"), count(m.SF(), "beat"), count(m.Cycles(), "cycle")),
	}
	if m.Shifted() {
		lines = append(lines, fmt.Sprintf("Each row begins where its sums use the %s best, and its thresholds with it.",
			count(m.AccBits, "bit")))
	}
	return lines
}

// Parameters implements Block.
func (m *MVAU) Parameters() []Parameter {
	l := m.Layer
	p := []Parameter{
		number("MW", l.In), number("MH", l.Out), number("PE", m.Fold.PE), number("SIMD", m.Fold.SIMD),
		number("WEIGHT_BITS", l.WeightBits), number("INPUT_BITS", l.Input.Bits), flag("INPUT_SIGNED", l.Input.Signed),
		number("ACC_BITS", m.AccBits), number("OUTPUT_BITS", m.activationBits()),
	}
	if t := l.Thresholds; t != nil {
		p = append(p, flag("OUTPUT_SIGNED", t.Output.Signed), number("THRESHOLD_BITS", m.ThresholdBits),
			flag("INVERT", t.Inverted != nil), fileName("THRESHOLDS", m.thresholdPrefix()))
	}
	p = append(p, fileName("WEIGHTS", m.weightFile()), flag("BLOCK", m.BlockROM))
	if m.BlockROM {
		p = append(p, text("BLOCK_STYLE", blockRAM(m.Style)))
	}
	if m.Shifted() {
		p = append(p, flag("SHIFTED", true), fileName("STARTS", m.startFile()))
	}
	return p
}

// Output implements Block.
func (m *MVAU) Output() Stream {
	width := m.AccBits
	if m.activationBits() > 0 {
		width = m.activationBits()
	}
	return Stream{Name: m.Name(), Bits: m.Fold.PE * width, Beats: m.NF()}
}

// Reads implements Block: SIMD inputs a beat, the whole vector once per fold of rows.
func (m *MVAU) Reads(Content) Content {
	l := m.Layer
	return Content{inOrder(m.Input, l.In, l.Input.Bits, l.Input.Signed, m.Fold.SIMD)}.replayed(m.NF())
}

// Carries implements Block: PE rows a beat, in their order.
func (m *MVAU) Carries(Content) Content {
	t, bits, signed := Tensor{m.Layer.Name, HoldsAccumulators}, m.AccBits, true
	if th := m.Layer.Thresholds; th != nil {
		t.Holds, bits, signed = HoldsOutputs, th.Output.Bits, th.Output.Signed
	}
	return Content{inOrder(t, m.Layer.Out, bits, signed, m.Fold.PE)}
}

// Machine implements Block.
func (m *MVAU) Machine() cycle.Machine { return cycle.NewPipeline(m.Stages(), m.SF()) }

func (m *MVAU) weightFile() string      { return m.Layer.Name + "_weights.mem" }
func (m *MVAU) startFile() string       { return m.Layer.Name + "_start.mem" }
func (m *MVAU) thresholdPrefix() string { return m.Layer.Name + "_thresholds" }

// Memories implements Block: the weights, then one file a threshold level, then
// the inversion flags and the start values where there are any.
func (m *MVAU) Memories() []Memory {
	mem := []Memory{m.weightMemory()}
	if t := m.Layer.Thresholds; t != nil {
		for stage := 0; stage < t.Output.Bits; stage++ {
			mem = append(mem, m.thresholdMemory(stage))
		}
		if t.Inverted != nil {
			mem = append(mem, m.invertMemory())
		}
	}
	if m.Shifted() {
		mem = append(mem, m.startMemory())
	}
	return mem
}

// weightMemory lays the weights out in FINN's memblock order: word nf*SF+sf holds
// weight (pe, s) of row nf*PE+pe and column sf*SIMD+s at bit (pe*SIMD+s)*M.
func (m *MVAU) weightMemory() Memory {
	l, pe, simd := m.Layer, m.Fold.PE, m.Fold.SIMD
	layout := Layout{Layer: l.Name, Holds: HoldsWeights, Shape: []int{l.Out, l.In}, FieldBits: l.WeightBits, Signed: true,
		Order: []Loop{{m.NF(), pe * l.In}, {m.SF(), simd}, {pe, l.In}, {simd, 1}}}
	mem := newMemory(m.weightFile(), layout, m.NF()*m.SF())
	for nf := 0; nf < m.NF(); nf++ {
		for sf := 0; sf < m.SF(); sf++ {
			word := mem.Words[nf*m.SF()+sf]
			for p := 0; p < pe; p++ {
				row := l.Row(nf*pe + p)[sf*simd:]
				for s := 0; s < simd; s++ {
					PutBits(word, (p*simd+s)*l.WeightBits, l.WeightBits, int64(row[s]))
				}
			}
		}
	}
	return mem
}

// thresholdMemory lays out level stage of the binary search: word fold*2^stage+found
// holds, for each PE, the threshold that splits what found has left.
func (m *MVAU) thresholdMemory(stage int) Memory {
	t, pe := m.Layer.Thresholds, m.Fold.PE
	half := 1 << (t.Output.Bits - 1 - stage)
	layout := Layout{Layer: m.Layer.Name, Holds: HoldsThresholds, Shape: []int{m.Layer.Out, t.Levels()}, FieldBits: m.ThresholdBits,
		Signed: true, First: half - 1, Order: []Loop{{m.NF(), pe * t.Levels()}, {1 << stage, 2 * half}, {pe, t.Levels()}}}
	mem := newMemory(fmt.Sprintf("%s_%x.mem", m.thresholdPrefix(), stage), layout, m.NF()<<stage)
	for nf := 0; nf < m.NF(); nf++ {
		for found := 0; found < 1<<stage; found++ {
			for p := 0; p < pe; p++ {
				v := t.Channel(nf*pe + p)[(2*found+1)*half-1]
				PutBits(mem.Words[nf<<stage+found], p*m.ThresholdBits, m.ThresholdBits, v)
			}
		}
	}
	return mem
}

func (m *MVAU) invertMemory() Memory {
	mem := newMemory(m.thresholdPrefix()+"_invert.mem", byChannel(m.Layer, HoldsInverted, 1, false), m.NF())
	for c, falls := range m.Layer.Thresholds.Inverted {
		if falls {
			PutBits(mem.Words[c/m.Fold.PE], c%m.Fold.PE, 1, 1)
		}
	}
	return mem
}

// startMemory lays out the start values: word nf holds that of row nf*PE+pe at bit pe*P.
func (m *MVAU) startMemory() Memory {
	mem := newMemory(m.startFile(), byChannel(m.Layer, HoldsStarts, m.AccBits, true), m.NF())
	for c, v := range m.Layer.Start {
		PutBits(mem.Words[c/m.Fold.PE], c%m.Fold.PE*m.AccBits, m.AccBits, v)
	}
	return mem
}

// log2Ceil returns the least l with 2^l >= n, for n >= 1.
func log2Ceil(n int) int { return bits.Len(uint(n - 1)) }
