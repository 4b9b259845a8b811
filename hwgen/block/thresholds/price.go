package thresholds

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price builds the search in n and returns the activations: a binary search, each level of which reads a
// threshold, by the fold and the bits found so far, and compares. The first level reads
// while the accumulator is still being added up.
//
// accs are P bits per PE, the result A bits per PE, low bit first; accs is overwritten. fold is
// that of the sums that come next, one constant bit where there is one. Memory k holds level k,
// NF << k words of PE thresholds (2^k per channel), memory A
// the marks of falling staircases, if any. Per level and PE that is one comparator (2/3 of a
// LUT per bit), a column per threshold bit, and, after the first, P registers twice to carry
// acc on.
//
// Levels share nothing but what rom and logic find equal. Signed activations flip the top bit
// after the search, which is an inverse and free, so Output.Signed is not looked at.
func (s Search) Price(n *fabric.Netlist, accs [][]fabric.Signal, fold []fabric.Signal) [][]fabric.Signal {
	levels, memories := s.Layer.Thresholds.Output.Bits, s.Memories()
	found := make([][]fabric.Signal, len(accs)) // the last found is the low bit
	fold = n.RegisterAll(fold)
	for level := range levels {
		for pe, acc := range accs {
			columns := fabric.ColumnsOf(memories[level].Words, pe*s.Bits, s.Bits)
			threshold := s.read(n, columns, len(memories[level].Words), s.address(found[pe], fold))
			// While the threshold is being read; at level 0 that happens a stage ahead of acc.
			if level > 0 {
				acc, found[pe] = n.RegisterAll(acc), n.RegisterAll(found[pe])
			}
			bit := n.Register(n.Greater(acc, threshold))
			found[pe] = append([]fabric.Signal{bit}, n.RegisterAll(found[pe])...)
			accs[pe] = n.RegisterAll(acc)
		}
		// Two stages per level, read and compare.
		fold = n.RegisterAll(n.RegisterAll(fold))
	}
	if s.Layer.Thresholds.Inverted == nil {
		return found
	}
	// Yosys moves the fold behind this memory: a register per column.
	falls := n.RegisterAll(n.ROM(fabric.ColumnsOf(memories[levels].Words, 0, s.PE), s.address(nil, fold)))
	for pe, word := range found {
		// n becomes 2^A-1-n: all bits inverted where the channel falls, a LUT per bit.
		for i, bit := range word {
			word[i] = n.Logic(fabric.XorTable, bit, falls[pe])
		}
	}
	return found
}

// read returns what is read of columns of so many words, out of its register.
func (s Search) read(n *fabric.Netlist, columns []fabric.Column, words int, address []fabric.Signal) []fabric.Signal {
	if s.BlockROM && words > 1 {
		n.Use(address...)
		return n.BlockROM(columns, words)
	}
	return n.RegisterAll(n.ROM(columns, address))
}

// address returns the address of a threshold: the fold above the found bits.
//
// It is low bit first, {fold, found} as threshold_stage.v forms it: words of a fold are
// adjacent. Found bits are in the low part, so that slices of 64 words hold whole folds.
func (s Search) address(found, fold []fabric.Signal) []fabric.Signal {
	var address []fabric.Signal
	address = append(address, found...)
	if s.Folds() > 1 {
		address = append(address, fold...)
	}
	if address == nil {
		return []fabric.Signal{fabric.No}
	}
	return address
}
