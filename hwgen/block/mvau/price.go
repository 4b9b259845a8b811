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
	// Flip-flops that the netlist does not see: counters, valid bits, accumulators.
	ff          int
	counters    []int           // bits of each
	fold        []fabric.Signal // of the sums at hand, a stage ahead of the thresholds
	first, last fabric.Signal   // marks of the sums at hand
}

// Price implements hwgen.Block. It returns what a unit of these weights, thresholds and P is made of.
//
// A spill register behind the pipeline is 2*width+2 flip-flops (two entries and their valid
// bits) and one LUT per bit that chooses between entry and input; enables are CE pins and cost
// nothing per bit. Outputs count as used, since what reads them is another block: nothing is
// taken off for what synthesis might do across the border.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	u := &mvau{Block: b, Netlist: fabric.NewNetlist(f)}
	memories := b.Memories()
	u.control()
	weights, x := u.operands(memories[0])
	var accs [][]fabric.Signal
	starts := u.starts(memories[len(memories)-1])
	for pe := range b.Fold.PE {
		sum, negative := u.dotProduct(weights, x, pe)
		accs = append(accs, u.accumulator(sum, negative, starts[pe]))
	}
	results := accs
	if b.Layer.Thresholds != nil {
		results = u.search().Price(u.Netlist, accs, u.folds())
	}
	// After the last logic, and before registersLeft asks what is read.
	for _, word := range results {
		u.Use(word...)
	}
	ff, shift := u.RegistersLeft()
	width := b.Outputs()[0].Bits
	return fabric.Shape{FF: ff + u.ff + 2*width + 2, BlockRAM: u.BlockRAM(), Terms: slices.Concat(u.MemoryTerms(),
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
	// Stages 0 (operands) to AT_SUM of mvau.v.
	// The marks have no reset, so a long row becomes a shift register; valid bits have one, and
	// do not.
	toSums := u.dotStages() + 1
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
// weights has PE*SIMD*M signals, weight (pe, s) from bit (pe*SIMD+s)*M on, and x those of a beat. x is
// one word for all PEs, unless each has its own: its registers, and the rows that move x along the
// digits, are shared.
func (u *mvau) operands(m hwgen.Memory) (weights, x []fabric.Signal) {
	x = u.RegisterAll(u.Word(u.Elements() * u.Layer.Input.Bits))
	// Word nf*SF+sf of the memory; with one word all columns are constant, and so are products.
	columns := fabric.ColumnsOf(m.Words, 0, m.Bits)
	words := u.NF() * u.SF()
	if u.pairs() {
		u.ff += fabric.AddressWidth(words) // word_x_q
	}
	if u.Block.BlockROM { // which has the register in it
		return u.Netlist.BlockROM(columns, words), x
	}
	return u.RegisterAll(u.ROM(columns, u.Word(max(1, fabric.AddressWidth(words))))), x
}

// dotProduct returns the sum of the lanes of a PE, and whether it is to be subtracted.
func (u *mvau) dotProduct(weights, x []fabric.Signal, pe int) (sum []fabric.Signal, negative fabric.Signal) {
	m, n, simd := u.weightBits(), u.Layer.Input.Bits, u.Fold.SIMD
	rows, lanes := make([][]fabric.Signal, simd), make([][]fabric.Signal, simd)
	channels := u.Elements() / simd
	for s := range simd {
		at, from := (pe*simd+s)*m, (s*channels+pe%channels)*n
		rows[s], lanes[s] = weights[at:at+m], x[from:from+n]
	}
	switch {
	case u.counts():
		return u.CountEqual(slices.Concat(rows...), slices.Concat(lanes...), u.AccBits), fabric.No
	case u.signs():
		return u.SignedSum(slices.Concat(rows...), lanes, u.Layer.Input.Signed, u.AccBits)
	case u.pairs():
		return u.PairedDotProduct(rows, lanes, u.Layer.Input.Signed, u.NF()*u.SF() == 1, u.AccBits), fabric.No
	}
	return u.DotProduct(rows, lanes, u.Layer.Input.Signed, u.AccBits), fabric.No
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
func (u *mvau) accumulator(sum []fabric.Signal, negative fabric.Signal, start []fabric.Signal) []fabric.Signal {
	signed := u.signs() && !u.counts()
	switch {
	case u.SF() == 1 && signed:
		return u.RegisterAll(u.AddOrSubtract(start, sum, negative, u.AccBits))
	case u.SF() == 1:
		return u.RegisterAll(u.Add(sum, start, u.AccBits))
	}
	u.ff += u.AccBits
	if signed {
		return u.AccumulateSigned(sum, negative, u.first, start)
	}
	return u.Accumulate(sum, u.first, start)
}
