package cost

import "github.com/a2qgen/a2qgen/hwgen"

// mvau builds the netlist of one matrix-vector-activation unit, stage by stage as mvau.v
// does, and counts what is beside it.
type mvau struct {
	*hwgen.MVAU
	*netlist
	ff, ramb18  int
	counterBits int
	fold        []signal // of the sums at hand, a stage ahead of the thresholds
	first, last signal   // marks of the sums at hand
}

func mvauShape(b *hwgen.MVAU) shape {
	u := &mvau{MVAU: b, netlist: newNetlist()}
	memories := b.Memories()
	u.control()
	weights, x := u.operands(memories[0])
	var accs [][]signal
	starts := u.starts(memories[len(memories)-1])
	for pe := range b.Fold.PE {
		accs = append(accs, u.accumulator(u.dotProduct(weights, x, pe), starts[pe]))
	}
	results := accs
	if b.Layer.Thresholds != nil {
		results = u.thresholds(accs, memories[1:])
	}
	for _, word := range results {
		u.use(word...)
	}
	ff, shift := u.registersLeft()
	width := b.Output().Bits
	return shape{Kind: KindMVAU, FF: ff + u.ff + 2*width + 2, RAMB18: u.ramb18, Terms: append(u.memoryTerms(),
		term{"handshake", 1, 5, false}, term{"counter_bits", float64(u.counterBits), 1.5, false},
		term{"shift_registers", float64(shift), 1, true},
		term{"spill_bits", float64(width), 1, true})}
}

// control counts the counters, the valid bits of all stages, and makes the marks that
// travel with the beats to the sums.
func (u *mvau) control() {
	folds := 0
	if u.NF() > 1 && (u.Layer.Thresholds != nil || u.Shifted()) {
		folds = addressWidth(u.NF())
		u.fold = u.word(folds)
	}
	u.counterBits = addressWidth(u.NF()*u.SF()) + addressWidth(u.SF()) + folds
	u.ff += u.counterBits + u.Stages()
	u.first, u.last = yes, yes
	if u.SF() == 1 {
		return
	}
	u.first, u.last = u.fresh(), u.fresh()
	toSums := (u.Layer.WeightBits+1)/2 + addressWidth(u.Fold.SIMD) + 1
	for i := range toSums {
		if i == toSums-1 && folds > 0 {
			u.use(u.last) // the fold counter moves on a stage ahead
		}
		u.first, u.last = u.register(u.first), u.register(u.last)
	}
	u.use(u.first, u.last)
}

// operands returns the weights, lane by lane and PE by PE, and the inputs, lane by lane,
// both out of their registers.
func (u *mvau) operands(m hwgen.Memory) (weights, x []signal) {
	x = u.registerAll(u.word(u.Fold.SIMD * u.Layer.Input.Bits))
	columns := columnsOf(m, 0, m.Bits)
	words := u.NF() * u.SF()
	if u.BlockROM { // which has the register in it
		for _, c := range columns {
			bit, is := c.constant()
			weights = append(weights, signal(oneIf(bit)))
			if !is {
				weights[len(weights)-1] = u.fresh()
				u.ramb18++
			}
		}
		u.ramb18 = blockRAM18(u.ramb18, words)
		return weights, x
	}
	return u.registerAll(u.rom(columns, u.word(max(1, addressWidth(words))))), x
}

// dotProduct returns the sum of the lanes of a PE. Node widths are those of dot_product.v:
// min(M+N+level, P).
func (u *mvau) dotProduct(weights, x []signal, pe int) []signal {
	l := u.Layer
	m, n, simd := l.WeightBits, l.Input.Bits, u.Fold.SIMD
	nodes := make([][]signal, simd)
	for s := range nodes {
		at := (pe*simd + s) * m
		nodes[s] = u.product(weights[at:at+m], x[s*n:(s+1)*n], l.Input.Signed, min(m+n, u.AccBits))
	}
	for level := 1; len(nodes) > 1; level++ {
		bits := min(m+n+level, u.AccBits)
		above := make([][]signal, (len(nodes)+1)/2)
		for i := range above {
			var right []signal
			if 2*i+1 < len(nodes) {
				right = nodes[2*i+1]
			}
			above[i] = u.registerAll(u.add(nodes[2*i], right, bits))
		}
		nodes = above
	}
	return nodes[0]
}

// starts returns what the accumulator of each PE begins with.
func (u *mvau) starts(m hwgen.Memory) [][]signal {
	all := make([]signal, u.Fold.PE*u.AccBits)
	if u.Shifted() {
		all = u.rom(columnsOf(m, 0, m.Bits), u.folds())
		if u.NF() > 1 {
			all = u.registerAll(all)
		}
	}
	var starts [][]signal
	for i := 0; i < len(all); i += u.AccBits {
		starts = append(starts, all[i:i+u.AccBits])
	}
	return starts
}

// folds returns the fold as an address.
func (u *mvau) folds() []signal {
	if u.fold == nil {
		return []signal{no}
	}
	return u.fold
}

// accumulator returns the P bits of an accumulator. With one beat per fold it is a
// register behind the sum.
func (u *mvau) accumulator(sum, start []signal) []signal {
	if u.SF() == 1 {
		return u.registerAll(u.add(sum, start, u.AccBits))
	}
	acc := u.word(u.AccBits)
	u.ff += u.AccBits
	sums := make([]signal, u.AccBits)
	for i := range sums {
		sums[i] = u.logic(restartTable, extended(sum, i), u.first, start[i], acc[i])
	}
	u.chain(sums, extend(sum, u.AccBits))
	return acc
}

// extend returns bits bits of a word in two's complement.
func extend(word []signal, bits int) []signal {
	wide := make([]signal, bits)
	for i := range wide {
		wide[i] = extended(word, i)
	}
	return wide
}

// thresholds returns the activations: a binary search, each level of which reads a
// threshold, by the fold and the bits found so far, and compares. The first level reads
// while the accumulator is still being added up.
func (u *mvau) thresholds(accs [][]signal, memories []hwgen.Memory) [][]signal {
	levels := u.Layer.Thresholds.Output.Bits
	found := make([][]signal, len(accs)) // the last found is the low bit
	fold := u.registerAll(u.folds())
	for level := range levels {
		for pe, acc := range accs {
			columns := columnsOf(memories[level], pe*u.ThresholdBits, u.ThresholdBits)
			threshold := u.registerAll(u.rom(columns, u.address(found[pe], fold)))
			if level > 0 {
				acc, found[pe] = u.registerAll(acc), u.registerAll(found[pe])
			}
			bit := u.register(u.greater(acc, threshold))
			found[pe] = append([]signal{bit}, u.registerAll(found[pe])...)
			accs[pe] = u.registerAll(acc)
		}
		fold = u.registerAll(u.registerAll(fold))
	}
	if u.Layer.Thresholds.Inverted == nil {
		return found
	}
	// Yosys moves the fold behind this memory: a register per column.
	falls := u.registerAll(u.rom(columnsOf(memories[levels], 0, u.Fold.PE), u.address(nil, fold)))
	for pe, word := range found {
		for i, bit := range word {
			word[i] = u.logic(xorTable, bit, falls[pe])
		}
	}
	return found
}

// address returns the address of a threshold: the fold above the found bits.
func (u *mvau) address(found, fold []signal) []signal {
	var address []signal
	address = append(address, found...)
	if u.NF() > 1 {
		address = append(address, fold...)
	}
	if address == nil {
		return []signal{no}
	}
	return address
}
