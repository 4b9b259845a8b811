package fabric

import "slices"

// operand is a bit of a word that is added: a function of up to five signals, which the LUTs
// before a carry chain take in where the family's do.
type operand struct {
	table uint64
	in    []Signal
}

// wires returns a word of signals as operands.
func wires(word []Signal) []operand {
	all := make([]operand, len(word))
	for i, s := range word {
		all[i] = operand{addressBits[0], []Signal{s}}
	}
	return all
}

// adder is a sum of two words, low bit first: rows, which may be functions, and other.
type adder struct {
	rows  []operand
	other []Signal // as many as rows
	// carried are what tells chains apart whose LUTs take the operands in: what they take for
	// carries, without the top bit's, whose carry leads nowhere.
	carried []Signal
	// subtracts says that the Verilog subtracts the inverse of rows, to have a carry in. Yosys
	// leaves the inverse in: a row is inverted twice, once before the chain and once in it.
	subtracts bool
	// below is the carry in where the Verilog has it as a bit below the others, else No.
	below Signal
}

// sum returns the bits of an adder. Those of a chain are fresh: what a chain computes is not
// looked into. Chains of equal inputs are one.
//
// Where the LUTs before the chain take the operands in, a bit is one LUT, with the XOR of both,
// and the chain itself costs nothing. Else each row is made by LUTs of its own, and the chain is
// cells.
func (n *Netlist) sum(a adder) []Signal {
	if n.family.Adder.Absorbs {
		sums, _ := n.chain(n.plain(a), a.carried)
		return sums
	}
	bits := len(a.rows) + OneIf(a.below != No)
	if !n.family.Adder.chained(bits) {
		return n.shortSum(a)
	}
	var pins, other []Signal
	for i, r := range a.rows {
		if a.subtracts {
			r.table = ^r.table
		}
		pins = append(pins, n.pin(n.Logic(r.table, r.in...)))
		other = append(other, n.pin(a.other[i]))
	}
	if a.below != No {
		other = append(other, n.pin(a.below^Signal(OneIf(a.subtracts))))
	}
	sums, isNew := n.chain(pins, other)
	if isNew {
		n.chains += n.family.Adder.Chain(bits)
	}
	return sums
}

// plain returns the sum bit by bit without carries, as the LUTs before a chain have it.
func (n *Netlist) plain(a adder) []Signal {
	sums := make([]Signal, len(a.rows))
	for i, r := range a.rows {
		sums[i] = n.Logic(r.table^addressBits[len(r.in)], append(r.in[:len(r.in):len(r.in)], a.other[i])...)
	}
	return sums
}

// chain returns what a carry chain gives for its inputs, and whether it was not there before.
// The result has a bit per signal of the first.
func (n *Netlist) chain(first, second []Signal) (out []Signal, isNew bool) {
	n.Use(first...)
	n.Use(second...)
	key := string(appendSignals(appendSignals([]byte{'+'}, first), second))
	if isNew = n.adders[key] == nil; isNew {
		n.adders[key] = n.Word(len(first))
	}
	return n.adders[key], isNew
}

// shortSum returns a sum that is too short for a chain: its bits as functions of all inputs up to
// theirs, as long as these are few enough for a LUT. Else the carry into the bit gets a LUT, and
// so does the row.
func (n *Netlist) shortSum(a adder) []Signal {
	out := make([]Signal, len(a.rows))
	carry := wires([]Signal{a.below})[0]
	for i, r := range a.rows {
		other := wires(a.other[i : i+1])[0]
		in, ok := union(carry, r, other)
		if ok {
			_, support := simplified(carry.over(in)^r.over(in)^other.over(in), in)
			ok = len(support) <= n.family.LUT.Inputs
		}
		if !ok {
			ripple := []Signal{n.Logic(carry.table, carry.in...), n.Logic(r.table, r.in...)}
			carry, r = wires(ripple)[0], wires(ripple)[1]
			in, _ = union(carry, r, other)
		}
		c, x, y := carry.over(in), r.over(in), other.over(in)
		out[i] = n.Logic(c^x^y, in...)
		carry = operand{c&x | c&y | x&y, in}
	}
	return out
}

// union returns the inputs of functions, each once, and whether a table has room for them.
func union(of ...operand) (in []Signal, ok bool) {
	for _, o := range of {
		_, support := simplified(o.table, o.in)
		for _, s := range support {
			if !slices.Contains(in, s) {
				in = append(in, s)
			}
		}
	}
	return in, len(in) <= sliceInputs
}

// over returns the table of an operand over other inputs, in which its own are.
func (o operand) over(in []Signal) uint64 {
	f, _ := simplified(o.table, o.in)
	var table uint64
	for w := range sliceWords {
		at := 0
		for i, s := range f.in {
			if k := slices.Index(in, s); k >= 0 {
				at |= w >> k & 1 << i
			}
		}
		table |= f.table >> at & 1 << w
	}
	return table
}
