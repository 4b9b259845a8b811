package fabric

// Sums of numbers that weights of -1 and +1 are multiplied with: nothing is multiplied.

// Truth tables over bits that are 0 or 1: inputs 0 to 5 are three pairs whose bits are compared, or three
// numbers of two bits.
var (
	// The count of pairs that are equal, its low bit and its high one (xnor_count.v, three lanes).
	equalCountTables = func() [2]uint64 {
		a, b, c := ^(addressBits[0] ^ addressBits[1]), ^(addressBits[2] ^ addressBits[3]), ^(addressBits[4] ^ addressBits[5])
		return [2]uint64{a ^ b ^ c, majority(a, b, c)}
	}()
	// The sum of three numbers of two bits, the low bit first (nine lanes).
	sumOfThreeTables = func() [4]uint64 {
		two, twos := majority(addressBits[0], addressBits[2], addressBits[4]), addressBits[1]^addressBits[3]^addressBits[5]
		four, fours := majority(addressBits[1], addressBits[3], addressBits[5]), two&twos
		return [4]uint64{addressBits[0] ^ addressBits[2] ^ addressBits[4], two ^ twos, four ^ fours, four & fours}
	}()
)

// majority is the carry of a full adder.
func majority(a, b, c uint64) uint64 { return a&b | a&c | b&c }

// CountStages returns the registers of xnor_count.v: three lanes, nine, and the levels above.
func CountStages(lanes int) int {
	if lanes <= 3 {
		return 1
	}
	return 2 + AddressWidth((lanes+8)/9)
}

// CountEqual returns the number of lanes in which weight and input are equal, as xnor_count.v builds it, with
// the sign of 0 and trimmed to accBits bits.
func (n *Netlist) CountEqual(weights, inputs []Signal, accBits int) []Signal {
	var threes [][]Signal
	for i := 0; i < len(weights); i += 3 {
		in := make([]Signal, 0, 6)
		for k := i; k < i+3; k++ {
			if k < len(weights) {
				in = append(in, weights[k], inputs[k])
			} else {
				in = append(in, No, Yes)
			}
		}
		threes = append(threes, n.RegisterAll(n.equalCount(in)))
	}
	if len(threes) == 1 {
		return n.trimmed(threes[0], len(weights), accBits)
	}
	var nodes [][]Signal
	for i := 0; i < len(threes); i += 3 {
		in := make([]Signal, 6) // absent counts are 0
		for k, w := range threes[i:min(i+3, len(threes))] {
			copy(in[2*k:], w)
		}
		nodes = append(nodes, n.RegisterAll(n.sumOfThree(in)))
	}
	return n.trimmed(n.unsignedTree(nodes), len(weights), accBits)
}

// functionsOf returns functions of the same inputs.
func (n *Netlist) functionsOf(tables []uint64, in ...Signal) []Signal {
	word := make([]Signal, len(tables))
	for i, t := range tables {
		word[i] = n.Logic(t, in...)
	}
	return word
}

// sixInputs says that a LUT takes three pairs in.
func (n *Netlist) sixInputs() bool { return n.family.LUT.Inputs >= 6 }

// equalCount returns how many of three pairs are equal. Where a LUT has fewer inputs, two pairs go before the
// third, as a full adder's half adders.
func (n *Netlist) equalCount(in []Signal) []Signal {
	if n.sixInputs() {
		return n.functionsOf(equalCountTables[:], in...)
	}
	a, b := ^(addressBits[0] ^ addressBits[1]), ^(addressBits[2] ^ addressBits[3])
	two := n.functionsOf([]uint64{a & b, a ^ b}, in[:4]...)
	return n.functionsOf([]uint64{addressBits[1] ^ b, addressBits[0] | addressBits[1]&b}, two[0], two[1], in[4], in[5])
}

// sumOfThree returns the sum of three numbers of two bits. Where a LUT has fewer inputs, the carry of their low
// bits goes before the others.
func (n *Netlist) sumOfThree(in []Signal) []Signal {
	if n.sixInputs() {
		return n.functionsOf(sumOfThreeTables[:], in...)
	}
	a, b, c, carry := addressBits[0], addressBits[1], addressBits[2], addressBits[3]
	low := n.functionsOf([]uint64{a ^ b ^ c, majority(a, b, c)}, in[0], in[2], in[4])
	high := n.functionsOf([]uint64{a ^ b ^ c ^ carry, majority(a, b, c) ^ (a^b^c)&carry, a & b & c & carry},
		in[1], in[3], in[5], low[1])
	return append(low[:1:1], high...)
}

// unsignedTree returns the sum of nodes of equal width, a bit more per level and a register after each.
func (n *Netlist) unsignedTree(nodes [][]Signal) []Signal {
	for len(nodes) > 1 {
		var above [][]Signal
		for i := 0; i < len(nodes); i += 2 {
			left, right := append(nodes[i][:len(nodes[i]):len(nodes[i])], No), []Signal(nil)
			if i+1 < len(nodes) {
				right = append(nodes[i+1][:len(nodes[i]):len(nodes[i])], No)
			}
			above = append(above, n.RegisterAll(n.addUnsigned(left, right)))
		}
		nodes = above
	}
	return nodes[0]
}

// addUnsigned returns left + right, of as many bits, of which the highest is 0 in both: it is the carry out,
// a LUT of its own only where a chain does not lead it there.
func (n *Netlist) addUnsigned(left, right []Signal) []Signal {
	if zero(right) {
		return left
	}
	top := len(left) - 1
	for top > 0 && left[top-1] == No && right[top-1] == No {
		top-- // nothing is carried there
	}
	sum := n.Add(left[:top+1], right[:top+1], top+1)
	for len(sum) < len(left) {
		sum = append(sum, No)
	}
	return sum
}

// trimmed returns a count of so many lanes as a signed number of as many bits as it needs, or accBits.
func (n *Netlist) trimmed(count []Signal, lanes, accBits int) []Signal {
	word := append(count[:len(count):len(count)], No)
	return Extend(word[:min(len(word), AddressWidth(lanes+1)+1)], min(AddressWidth(lanes+1)+1, accBits))
}

// SignedSum returns the sum of lanes times weights of -1 and +1, of which bits 1 stand for +1, up to its
// sign, and whether it is to be subtracted, as tap_tree.v builds it behind mvau.v's relative signs.
func (n *Netlist) SignedSum(weights []Signal, lanes [][]Signal, signed bool, accBits int) (sum []Signal,
	negative Signal) {
	var signs []Signal
	for step := 1; step < len(lanes); step *= 2 {
		for lane := step; lane < len(lanes); lane += 2 * step {
			signs = append(signs, n.Logic(XorTable, weights[lane], weights[lane-step]))
		}
	}
	nodes := make([][]Signal, len(lanes))
	for i, x := range lanes {
		nodes[i] = x
		if !signed {
			nodes[i] = append(x[:len(x):len(x)], No)
		}
	}
	return n.SignedTree(nodes, append(signs, weights[0]^1), accBits)
}

// SignedTree returns the sum of nodes up to its sign, and the sign, as tap_tree.v builds it: signs are those
// of its nodes, level by level, then that of the whole, and move along with the levels.
func (n *Netlist) SignedTree(nodes [][]Signal, signs []Signal, accBits int) (sum []Signal, negative Signal) {
	leaf := len(nodes[0])
	for level := 1; len(nodes) > 1; level++ {
		bits := min(leaf+level, accBits)
		var above [][]Signal
		for i := 0; i < len(nodes); i += 2 {
			if i+1 == len(nodes) {
				above = append(above, n.RegisterAll(Extend(nodes[i], bits)))
				continue
			}
			n.Use(signs[0])
			above = append(above, n.RegisterAll(n.AddOrSubtract(nodes[i], nodes[i+1], signs[0], bits)))
			signs = signs[1:]
		}
		nodes, signs = above, n.RegisterAll(signs)
	}
	n.Use(signs[0])
	return Extend(nodes[0], min(len(nodes[0]), accBits)), signs[0]
}
