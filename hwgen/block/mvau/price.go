package mvau

import (
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// mvau builds the netlist of one matrix-vector-activation unit, stage by stage as mvau.v
// does, and counts what is beside it.
//
// Every stage of the pipeline is a call of register, so flip-flops, shift registers and what is
// equal along the way follow from the same pass as the LUTs.
type mvau struct {
	*Block
	*fabric.Netlist
	family *fabric.Family
	// Flip-flops that the netlist does not see (counters, valid bits, accumulators), and units
	// of block RAM.
	ff, blockRAM int
	counters     []int           // bits of each
	fold         []fabric.Signal // of the sums at hand, a stage ahead of the thresholds
	first, last  fabric.Signal   // marks of the sums at hand
}

// Price implements hwgen.Block. It returns what a unit of these weights, thresholds and P is made of.
//
// A spill register behind the pipeline is 2*width+2 flip-flops (two entries and their valid
// bits) and one LUT per bit that chooses between entry and input; enables are CE pins and cost
// nothing per bit. Outputs count as used, since what reads them is another block: nothing is
// taken off for what synthesis might do across the border.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	u := &mvau{Block: b, Netlist: fabric.NewNetlist(f), family: f}
	memories := b.Memories()
	u.control()
	weights, x := u.operands(memories[0])
	var accs [][]fabric.Signal
	starts := u.starts(memories[len(memories)-1])
	for pe := range b.Fold.PE {
		accs = append(accs, u.accumulator(u.dotProduct(weights, x, pe), starts[pe]))
	}
	results := accs
	if b.Layer.Thresholds != nil {
		results = u.thresholds(accs, memories[1:])
	}
	// After the last logic, and before registersLeft asks what is read.
	for _, word := range results {
		u.Use(word...)
	}
	ff, shift := u.RegistersLeft()
	width := b.Outputs()[0].Bits
	return fabric.Shape{FF: ff + u.ff + 2*width + 2, BlockRAM: u.blockRAM, Terms: slices.Concat(u.MemoryTerms(),
		f.ControlTerms(u.counters, nil), []fabric.Term{fabric.Exactly("shift_registers", float64(shift)),
			fabric.Exactly("spill_bits", float64(width))})}
}

// control counts the counters, the valid bits of all stages, and makes the marks that
// travel with the beats to the sums.
//
// Counters are word_q over the NF*SF weight words, beat_q over the SF beats of a fold, and
// fold_q over NF, which only thresholds and start values read (else it is not built). Each
// costs about 1.5 LUTs per bit, fitted: the sum, and the comparison with the last value.
func (u *mvau) control() {
	folds := 0
	u.counters = []int{fabric.AddressWidth(u.NF() * u.SF()), fabric.AddressWidth(u.SF())}
	if u.NF() > 1 && (u.Layer.Thresholds != nil || u.Shifted()) {
		folds = fabric.AddressWidth(u.NF())
		u.fold = u.Word(folds)
		u.counters = append(u.counters, folds)
	}
	u.ff += u.Stages()
	for _, bits := range u.counters {
		u.ff += bits
	}
	// With one beat per fold every beat is the first and the last: constants, and no registers.
	u.first, u.last = fabric.Yes, fabric.Yes
	if u.SF() == 1 {
		return
	}
	u.first, u.last = u.Fresh(), u.Fresh()
	// Stages 0 (operands) to AT_SUM of mvau.v: ceil(M/2) digits, ceil(log2(SIMD)) tree levels.
	// The marks have no reset, so a long row becomes a shift register; valid bits have one, and
	// do not.
	toSums := (u.Layer.WeightBits+1)/2 + fabric.AddressWidth(u.Fold.SIMD) + 1
	for i := range toSums {
		if i == toSums-1 && folds > 0 {
			u.Use(u.last) // the fold counter moves on a stage ahead
		}
		u.first, u.last = u.Register(u.first), u.Register(u.last)
	}
	u.Use(u.first, u.last)
}

// operands returns the weights, lane by lane and PE by PE, and the inputs, lane by lane,
// both out of their registers.
//
// weights has PE*SIMD*M signals, weight (pe, s) from bit (pe*SIMD+s)*M on, and x SIMD*N. x is
// one word for all PEs: its registers, and the rows that move x along the digits, are shared.
func (u *mvau) operands(m hwgen.Memory) (weights, x []fabric.Signal) {
	x = u.RegisterAll(u.Word(u.Fold.SIMD * u.Layer.Input.Bits))
	// Word nf*SF+sf of the memory; with one word all columns are constant, and so are products.
	columns := fabric.ColumnsOf(m.Words, 0, m.Bits)
	words := u.NF() * u.SF()
	// A constant column is no column of the block RAM: opt takes it out before the mapping.
	// What comes out of a block RAM is taken for different columns, even where contents are
	// equal.
	if u.BlockROM { // which has the register in it
		for _, c := range columns {
			bit, is := c.Constant()
			weights = append(weights, fabric.Signal(fabric.OneIf(bit)))
			if !is {
				weights[len(weights)-1] = u.Fresh()
				u.blockRAM++
			}
		}
		u.blockRAM = u.family.BlockRAMs(u.blockRAM, words)
		return weights, x
	}
	return u.RegisterAll(u.ROM(columns, u.Word(max(1, fabric.AddressWidth(words))))), x
}

// dotProduct returns the sum of the lanes of a PE. Node widths are those of dot_product.v:
// min(M+N+level, P).
//
// The M+N+level bits hold any sum exactly; above P they are not built, since the accumulator is
// modulo 2^P. So P below M+N+log2(SIMD) saves a LUT and a flip-flop per node and bit. A node
// without a right neighbour is a register alone, so its lane may be part of a shift register.
func (u *mvau) dotProduct(weights, x []fabric.Signal, pe int) []fabric.Signal {
	l := u.Layer
	m, n, simd := l.WeightBits, l.Input.Bits, u.Fold.SIMD
	nodes := make([][]fabric.Signal, simd)
	for s := range nodes {
		at := (pe*simd + s) * m
		nodes[s] = u.Product(weights[at:at+m], x[s*n:(s+1)*n], l.Input.Signed, min(m+n, u.AccBits))
	}
	for level := 1; len(nodes) > 1; level++ {
		bits := min(m+n+level, u.AccBits)
		above := make([][]fabric.Signal, (len(nodes)+1)/2)
		for i := range above {
			var right []fabric.Signal
			if 2*i+1 < len(nodes) {
				right = nodes[2*i+1]
			}
			above[i] = u.RegisterAll(u.Add(nodes[2*i], right, bits))
		}
		nodes = above
	}
	return nodes[0]
}

// starts returns what the accumulator of each PE begins with.
//
// Word nf of the memory holds PE values of P bits. With several folds they come from registers
// behind a memory, read a stage ahead; with one they are constants that go into the LUTs of the
// accumulators (no start memory: zeros).
func (u *mvau) starts(m hwgen.Memory) [][]fabric.Signal {
	all := make([]fabric.Signal, u.Fold.PE*u.AccBits)
	if u.Shifted() {
		all = u.ROM(fabric.ColumnsOf(m.Words, 0, m.Bits), u.folds())
		if u.NF() > 1 {
			all = u.RegisterAll(all)
		}
	}
	var starts [][]fabric.Signal
	for i := 0; i < len(all); i += u.AccBits {
		starts = append(starts, all[i:i+u.AccBits])
	}
	return starts
}

// folds returns the fold as an address.
//
// Low bit first; one constant bit where there is one fold or nothing reads it, as a memory
// needs an address of at least one bit.
func (u *mvau) folds() []fabric.Signal {
	if u.fold == nil {
		return []fabric.Signal{fabric.No}
	}
	return u.fold
}

// accumulator returns the P bits of an accumulator. With one beat per fold it is a
// register behind the sum.
//
// Else it is a loop of P flip-flops, which are counted aside: the part of the cost that is linear
// in P.
func (u *mvau) accumulator(sum, start []fabric.Signal) []fabric.Signal {
	if u.SF() == 1 {
		return u.RegisterAll(u.Add(sum, start, u.AccBits))
	}
	u.ff += u.AccBits
	return u.Accumulate(sum, u.first, start)
}

// thresholds returns the activations: a binary search, each level of which reads a
// threshold, by the fold and the bits found so far, and compares. The first level reads
// while the accumulator is still being added up.
//
// accs are P bits per PE, the result A bits per PE, low bit first; accs is overwritten.
// memories[k] holds level k, NF << k words of PE thresholds (2^k per channel), and memories[A]
// the marks of falling staircases, if any. Per level and PE that is one comparator (2/3 of a
// LUT per bit), a column per threshold bit, and, after the first, P registers twice to carry
// acc on.
//
// Levels share nothing but what rom and logic find equal. Signed activations flip the top bit
// after the search, which is an inverse and free, so Output.Signed is not looked at.
func (u *mvau) thresholds(accs [][]fabric.Signal, memories []hwgen.Memory) [][]fabric.Signal {
	levels := u.Layer.Thresholds.Output.Bits
	found := make([][]fabric.Signal, len(accs)) // the last found is the low bit
	// fold_sum_q of mvau.v: the fold of the sums at hand.
	fold := u.RegisterAll(u.folds())
	for level := range levels {
		for pe, acc := range accs {
			columns := fabric.ColumnsOf(memories[level].Words, pe*u.ThresholdBits, u.ThresholdBits)
			threshold := u.RegisterAll(u.ROM(columns, u.address(found[pe], fold)))
			// While the threshold is being read; at level 0 that happens a stage ahead of acc.
			if level > 0 {
				acc, found[pe] = u.RegisterAll(acc), u.RegisterAll(found[pe])
			}
			bit := u.Register(u.Greater(acc, threshold))
			found[pe] = append([]fabric.Signal{bit}, u.RegisterAll(found[pe])...)
			accs[pe] = u.RegisterAll(acc)
		}
		// Two stages per level, read and compare.
		fold = u.RegisterAll(u.RegisterAll(fold))
	}
	if u.Layer.Thresholds.Inverted == nil {
		return found
	}
	// Yosys moves the fold behind this memory: a register per column.
	falls := u.RegisterAll(u.ROM(fabric.ColumnsOf(memories[levels].Words, 0, u.Fold.PE), u.address(nil, fold)))
	for pe, word := range found {
		// n becomes 2^A-1-n: all bits inverted where the channel falls, a LUT per bit.
		for i, bit := range word {
			word[i] = u.Logic(fabric.XorTable, bit, falls[pe])
		}
	}
	return found
}

// address returns the address of a threshold: the fold above the found bits.
//
// It is low bit first, {fold, found} as threshold_stage.v forms it: words of a fold are
// adjacent. Found bits are in the low part, so that slices of 64 words hold whole folds.
func (u *mvau) address(found, fold []fabric.Signal) []fabric.Signal {
	var address []fabric.Signal
	address = append(address, found...)
	if u.NF() > 1 {
		address = append(address, fold...)
	}
	if address == nil {
		return []fabric.Signal{fabric.No}
	}
	return address
}
