package fabric

// Truth tables of LUTs, inputs 0 to 5 from the right: addressBits are the inputs.
//
// Written as the expressions that they are, so that a reader can hold them beside the Verilog;
// TestLogicTables holds them beside arithmetic. What matters to the count is only on which
// inputs a function depends and which functions are equal.
var (
	XorTable = addressBits[0] ^ addressBits[1]
	// A bit of a row in product.v: inputs high, mid, low of the digit, the bit of x, and the
	// one below it.
	rowTable = func() uint64 {
		high, mid, low, x, below := addressBits[0], addressBits[1], addressBits[2], addressBits[3], addressBits[4]
		// Radix-4 Booth: the digit is -2*high + mid + low, -2..2. Its size 1 takes x's bit, its
		// size 2 the one below; a negative digit's row is inverted, and the carry in adds the
		// 1.
		one := mid ^ low
		two := (high ^ mid) &^ one
		return (one&x | two&below) ^ high
	}()
	// A bit of a row in pair_product.v: inputs are a bit of w0 and of w1, and a bit of x0, x1 and
	// their sum, one of which the weights choose.
	pairTable = addressBits[0]&addressBits[1]&addressBits[4] | addressBits[0]&^addressBits[1]&addressBits[2] |
		addressBits[1]&^addressBits[0]&addressBits[3]
	// The only bit of an adder in product.v: inputs mid, low, x, above.
	// Where the product is cut off right above the row's lowest bit: bit 0 of twice x is 0, so
	// a digit of size 2 gives nothing, and the sign does not matter modulo 2.
	lastTable = (addressBits[0]^addressBits[1])&addressBits[2] ^ addressBits[3]
	// Three bits of two numbers, the highest first: equal, and the first greater.
	//
	// cmp2lcu.v's P and G of a carry-lookahead unit: a group propagates where its bits are
	// equal and generates where left's are greater.
	equalTable = ^(addressBits[0] ^ addressBits[1]) &^ (addressBits[2] ^ addressBits[3]) &^
		(addressBits[4] ^ addressBits[5])
	greaterTable = addressBits[0]&^addressBits[1] | ^(addressBits[0]^addressBits[1])&
		(addressBits[2]&^addressBits[3]|^(addressBits[2]^addressBits[3])&addressBits[4]&^addressBits[5])
	// The first input chooses between the other two.
	// For label_select.v's winner: right_wins ? right : left.
	ChooseTable = addressBits[0]&addressBits[1] | addressBits[2]&^addressBits[0]
)

// Extended returns bit i of a word in two's complement.
//
// word has the low bit first; above its top the sign repeats (a wire, no cost). An empty word
// is 0: it stands for the missing neighbour in a tree of an odd number of lanes.
func Extended(word []Signal, i int) Signal {
	if len(word) == 0 {
		return No
	}
	return word[min(i, len(word)-1)]
}

// Number returns the constant v as a word of so many bits in two's complement.
func Number(v int64, bits int) []Signal {
	word := make([]Signal, bits)
	for i := range word {
		word[i] = Signal(v >> i & 1)
	}
	return word
}

// Extend returns bits bits of a word in two's complement.
//
// The low bits of it where the word is longer. Repeated signs are wires, no LUTs.
func Extend(word []Signal, bits int) []Signal {
	wide := make([]Signal, bits)
	for i := range wide {
		wide[i] = Extended(word, i)
	}
	return wide
}

// Add returns bits bits of left + right, both signed: a LUT per bit, nothing where one of
// the two is 0.
//
// The words have the low bit first and are extended to bits, which may also cut them off (sums
// modulo 2^P). Adding 0 is a wire; so are the low bits where left has none, which is how a gain
// of 2^k shifts the accumulator up. The LUT per bit is the XOR before the chain.
func (n *Netlist) Add(left, right []Signal, bits int) []Signal {
	if zero(left) {
		left, right = right, left
	}
	left = Extend(left, bits)
	if zero(right) {
		return left
	}
	free := 0 // low bits that right is added to nothing in, so that there is no carry
	for free < bits && left[free] == No {
		free++
	}
	right = Extend(right, bits)
	// The top bit's carry leads nowhere, so its operand does not count for equality.
	return append(right[:free:free], n.sum(adder{rows: wires(left[free:]), other: right[free:],
		carried: left[free:max(free, bits-1)]})...)
}

// Subtract returns left - right, of as many bits as both have: a LUT per bit, as Add.
func (n *Netlist) Subtract(left, right []Signal) []Signal {
	inverse := make([]Signal, len(right))
	for i, s := range right {
		inverse[i] = s ^ 1
	}
	// The carry in is 1; the top bit's carry leads nowhere.
	return n.sum(adder{rows: wires(left), other: inverse, carried: append([]Signal{Yes}, left[:len(left)-1]...)})
}

// AddOrSubtract returns bits bits of left + right, or of left - right where minus holds, both
// signed: a LUT per bit where the adder's LUTs take operands in (tap_tree.v).
func (n *Netlist) AddOrSubtract(left, right []Signal, minus Signal, bits int) []Signal {
	left, right = Extend(left, bits), Extend(right, bits)
	a := adder{other: left, carried: left[:bits-1], subtracts: true, below: minus}
	for _, s := range right {
		a.rows = append(a.rows, operand{XorTable, []Signal{s, minus}})
	}
	return n.sum(a)
}

// zero says whether a word is the constant 0; the empty word is.
func zero(word []Signal) bool {
	for _, s := range word {
		if s != No {
			return false
		}
	}
	return true
}

// Product returns bits bits of w * x as product.v builds it: a digit of two bits of w per
// stage, its row added to the rows before.
//
// w, of M bits, is signed, x, of N bits, signed or not; all low bit first. Latency is ceil(M/2)
// registers, one per digit, and the digits to come and x move along in step: these rows of
// registers become shift registers where only the last is read. bits may be less than M+N: then
// the top bits are not built, as nothing reads them (dot_product.v trims to P).
func (n *Netlist) Product(w, x []Signal, signed bool, bits int) []Signal {
	if !signed {
		x = append(x[:len(x):len(x)], No)
	}
	var sum []Signal
	below := No // the weight bit below the digit
	for k := 0; 2*k < len(w); k++ {
		high, mid := Extended(w, 2*k+1), w[2*k]
		// Digits 0..k make a number of 2k+2 bits, times N of x: N+2 new ones above the 2k
		// final.
		width := min(len(x)+1+OneIf(signed)+2*k, bits)
		sum = n.RegisterAll(n.digit(k, [3]Signal{high, mid, below}, x, sum, width))
		below = n.Register(high)
		w, x = n.RegisterAll(w), n.RegisterAll(x)
	}
	return sum
}

// digit adds row k of a product to the sum of the rows before it, of which the 2k low bits
// are final. The carry in makes the negative of a row from its inverse.
//
// digit holds high, mid and low, sum the product of the digits before (low bit first, empty for
// k = 0), width the bits of the new sum. Each new bit is one LUT6: the three bits of the digit,
// two of x, and the bit above that the row is added to.
func (n *Netlist) digit(k int, digit [3]Signal, x, sum []Signal, width int) []Signal {
	out := make([]Signal, 0, width)
	out = append(out, sum[:min(2*k, width)]...)
	if 2*k+1 == width { // the row's inverse and the carry in cancel out
		return append(out, n.Logic(lastTable, digit[1], digit[2], x[0], Extended(sum, 2*k)))
	}
	a := adder{subtracts: k > 0}
	for i := 0; 2*k+i < width; i++ {
		above, under := No, No
		if i > 0 {
			under = Extended(x, i-1)
		}
		if k > 0 {
			above = Extended(sum, 2*k+i)
		} else if i == 0 {
			above = digit[0] // the carry chain's other operand
		}
		a.rows = append(a.rows, operand{rowTable, []Signal{digit[0], digit[1], digit[2], Extended(x, i), under}})
		a.other = append(a.other, above)
	}
	// No operand makes a carry, so no chain is built: equal bits of it can be one LUT.
	if k == 0 && digit[0] == No || zero(digit[:]) || len(a.rows) == 0 {
		return append(out, n.plain(a)...)
	}
	// The carry in, then the addend below the top bit: what the chain's MUXCYs take for
	// carries.
	a.carried = []Signal{digit[0]}
	if k > 0 {
		a.below = digit[0]
		a.carried = append(a.carried, Extend(sum, width-1)[2*k:]...)
	}
	return append(out, n.sum(a)...)
}

// PairProduct returns bits bits of w[0]*x[0] + w[1]*x[1] as pair_product.v builds it: a bit of
// both weights per stage, its row added to the rows before, the sign's row subtracted.
//
// The sum of the inputs is made once, whoever multiplies them. Weights come from registers that
// move them to their stage, or are there from the start where they are fixed.
func (n *Netlist) PairProduct(w, x [2][]Signal, signed, fixed bool, bits int) []Signal {
	inputs := len(x[0])
	if !signed {
		x[0], x[1] = append(x[0][:inputs:inputs], No), append(x[1][:inputs:inputs], No)
	}
	both := make([]Signal, inputs+1)
	if together(w) {
		both = n.RegisterAll(n.Add(x[0], x[1], inputs+1))
	}
	x[0], x[1] = n.RegisterAll(x[0]), n.RegisterAll(x[1])
	var sum []Signal
	for k := range w[0] {
		width := max(0, min(inputs+2, bits-k)) // of the sum above the k bits that are final
		var rows []operand
		for i := range width {
			rows = append(rows, pairRow(i, inputs, [2]Signal{w[0][k], w[1][k]}, x, both, signed))
		}
		none := w[0][k] == No && w[1][k] == No
		upper := n.addRow(rows, Extend(n.upper(sum, k, signed), width), k == len(w[0])-1, none)
		final := min(k, len(sum))
		sum = n.ClearedRegisterAll(append(sum[:final:final], upper...))
		both, x[0], x[1] = n.RegisterAll(both), n.RegisterAll(x[0]), n.RegisterAll(x[1])
		if !fixed {
			w[0], w[1] = n.wait(w[0], k+1), n.wait(w[1], k+1)
		}
	}
	return sum
}

// together says whether a bit of both weights can be 1: else nothing reads the sum of their inputs,
// and synthesis takes it away.
func together(w [2][]Signal) bool {
	for k := range w[0] {
		if w[0][k] != No && w[1][k] != No {
			return true
		}
	}
	return false
}

// pairRow returns bit i of the row that a bit of each weight chooses, for inputs of so many bits
// and their sum. Above the sum its sign repeats; that of unsigned inputs has none.
func pairRow(i, inputs int, w [2]Signal, x [2][]Signal, both []Signal, signed bool) operand {
	if i > inputs && !signed {
		return operand{pairTable, []Signal{No, No, No, No, No}}
	}
	low := min(i, inputs)
	return operand{pairTable, []Signal{w[0], w[1], Extended(x[0], low), Extended(x[1], low), both[low]}}
}

// wait returns a weight a stage later, of which the bits below from have been used.
func (n *Netlist) wait(w []Signal, from int) []Signal {
	return append(w[:from:from], n.ClearedRegisterAll(w[from:])...)
}

// upper returns the sum so far from bit k on; the sum of an unsigned row has no sign.
func (n *Netlist) upper(sum []Signal, k int, signed bool) []Signal {
	if k >= len(sum) {
		return nil
	}
	if signed {
		return sum[k:]
	}
	return append(sum[k:len(sum):len(sum)], No)
}

// addRow returns above + row, or above - row, of as many bits; a first row is added to nothing.
func (n *Netlist) addRow(rows []operand, above []Signal, minus, none bool) []Signal {
	a := adder{rows: rows, other: above, subtracts: !minus}
	if none || zero(above) && !minus || len(rows) == 0 {
		return n.plain(a)
	}
	if minus {
		a.carried = above[:len(above)-1]
		return n.sum(a)
	}
	// Above the carry out of the highest operand there is nothing, as beside a lane of zeros.
	top := len(rows)
	for top > 1 && above[top-1] == No && rows[top-1].none() && above[top-2] == No && rows[top-2].none() {
		top--
	}
	a.rows, a.other, a.carried = rows[:top], above[:top], above[:top-1]
	return append(n.sum(a), make([]Signal, len(rows)-top)...)
}

// none says whether an operand is always 0.
func (o operand) none() bool {
	f, support := simplified(o.table, o.in)
	return len(support) == 0 && f.table&1 == 0
}

// DotProduct returns the sum of products as dot_product.v builds it, trimmed to accBits bits:
// w[lane] of M bits, signed, times x[lane] of N bits. Nodes of level l have
// min(M+N+l, accBits) bits.
//
// The M+N+l bits hold any sum exactly; above P they are not built, since the accumulator is
// modulo 2^P. So P below M+N+log2(lanes) saves a LUT and a flip-flop per node and bit. A node
// without a right neighbour is a register alone, so its lane may be part of a shift register.
func (n *Netlist) DotProduct(w, x [][]Signal, signed bool, accBits int) []Signal {
	full := len(w[0]) + len(x[0])
	nodes := make([][]Signal, len(w))
	for lane := range nodes {
		nodes[lane] = n.Product(w[lane], x[lane], signed, min(full, accBits))
	}
	return n.tree(nodes, full, accBits)
}

// PairedDotProduct is DotProduct by products of two lanes, two lanes at least: nodes of level l
// above them have min(M+N+1+l, accBits) bits. The last lane of an odd number is beside one of zeros.
func (n *Netlist) PairedDotProduct(w, x [][]Signal, signed, fixed bool, accBits int) []Signal {
	full := len(w[0]) + len(x[0]) + 1
	nodes := make([][]Signal, (len(w)+1)/2)
	for i := range nodes {
		pair := [2][]Signal{w[2*i], make([]Signal, len(w[0]))}
		inputs := [2][]Signal{x[2*i], make([]Signal, len(x[0]))}
		if 2*i+1 < len(w) {
			pair[1], inputs[1] = w[2*i+1], x[2*i+1]
		}
		nodes[i] = n.PairProduct(pair, inputs, signed, fixed, min(full, accBits))
	}
	return n.tree(nodes, full, accBits)
}

// tree returns the sum of nodes of full bits each, a bit more per level up to accBits, and a
// register after each.
func (n *Netlist) tree(nodes [][]Signal, full, accBits int) []Signal {
	for level := 1; len(nodes) > 1; level++ {
		above := make([][]Signal, (len(nodes)+1)/2)
		for i := range above {
			var right []Signal
			if 2*i+1 < len(nodes) {
				right = nodes[2*i+1]
			}
			above[i] = n.RegisterAll(n.Add(nodes[2*i], right, min(full+level, accBits)))
		}
		nodes = above
	}
	return nodes[0]
}

// Accumulate returns the register of accumulator.v: acc = (first ? start : acc) + sum, of as
// many bits as start.
//
// Where the adder's LUTs take operands in that is a LUT per bit, whatever the start value. The
// output is fresh, as it depends on itself; its flip-flops have an enable of their own and are
// the caller's to count.
func (n *Netlist) Accumulate(sum []Signal, first Signal, start []Signal) []Signal {
	acc := n.Word(len(start))
	sum = Extend(sum, len(start))
	a := adder{other: sum, carried: sum, subtracts: true}
	for i := range acc {
		a.rows = append(a.rows, operand{ChooseTable, []Signal{first, start[i], acc[i]}})
	}
	n.sum(a)
	return acc
}

// AccumulateSigned returns the register of tap_accumulator.v: acc = (first ? start : acc) + sum, or
// - sum where negative holds; else it is as Accumulate. No operand of the chain is a register's
// output, so that a bit is two LUTs.
func (n *Netlist) AccumulateSigned(sum []Signal, negative, first Signal, start []Signal) []Signal {
	acc := n.Word(len(start))
	sum = Extend(sum, len(start))
	addend := make([]Signal, len(sum))
	for i, s := range sum {
		addend[i] = n.Logic(XorTable, s, negative)
	}
	a := adder{other: addend, carried: addend, below: negative}
	for i := range acc {
		a.rows = append(a.rows, operand{ChooseTable, []Signal{first, start[i], acc[i]}})
	}
	n.sum(a)
	return acc
}

// Choose returns yes where by holds, else no, for by the result of a comparison: a LUT per bit.
// Where comparisons are not only a chain ABC puts the end of their logic into each bit, to be
// fast, which is fitted: by itself for long ones, whose test for equality is a level deeper.
func (n *Netlist) Choose(by, yes, no Signal) Signal {
	before := n.luts
	out := n.Logic(ChooseTable, by, yes, no)
	if !n.family.Adder.Lookahead {
		to := &n.chosen
		if n.long[by] {
			to = &n.chosenLong
		}
		*to += n.luts - before
		n.luts = before
	}
	return out
}

// longComparison is the bits of a comparison from which on its choices are much more than a LUT.
//
// Seen in data/ecp5.csv: label_select takes 1.5 to 2.2 LUTs per bit up to 16, 4 to 8 from 18 on.
const longComparison = 17

// Greater returns left > right, both signed, of right's width. right must be at least as wide as
// left: thresholds may have a bit more than P (thresholds.v).
func (n *Netlist) Greater(left, right []Signal) Signal {
	left = Extend(left, len(right))
	if !n.family.Adder.Lookahead {
		return n.greaterBySubtraction(left, right)
	}
	return n.greaterByLookahead(left, right)
}

// greaterByLookahead does what Yosys does where carry chains have lookahead units (cmp2lcu.v): it
// takes three bits of each at a time, the highest first: a LUT says whether they are equal,
// another one whether left's are greater, and a carry chain joins the groups.
//
// So a comparison of B bits is 2*ceil(B/3) LUTs (2/3 per bit of P), less what constant bits of
// a threshold simplify, and the carry out is the result: no LUT behind the chain.
func (n *Netlist) greaterByLookahead(left, right []Signal) Signal {
	var carries []Signal
	for top := len(right) - 1; top >= 0; top -= 3 {
		var in [6]Signal
		for k := 0; k < 3 && k <= top; k++ {
			in[2*k], in[2*k+1] = left[top-k], right[top-k]
		}
		// threshold_stage.v XORs both with SIGN; an inverse is free in the LUT's table.
		if top == len(right)-1 { // as unsigned numbers the signs are inverted
			in[0], in[1] = in[0]^1, in[1]^1
		}
		carries = append(carries, n.Logic(equalTable, in[:]...), n.Logic(greaterTable, in[:]...))
	}
	out, _ := n.chain(carries, nil)
	return out[0]
}

// greaterBySubtraction counts the bits of a comparison: greater is neither less nor equal, so
// right - left goes through a chain, whose carry out of an odd bit is a LUT, and their bits
// through a test for equality. ABC chooses how to build the latter, and bits that are the same
// signal in both cost no test.
func (n *Netlist) greaterBySubtraction(left, right []Signal) Signal {
	out, isNew := n.chain(left, right)
	if isNew {
		n.long[out[0]] = len(right) >= longComparison
		if a := n.family.Adder; a.chained(len(right)) {
			n.chains += len(right) / a.CellBits * a.CellLUTs
		}
		for i, s := range left {
			n.compared += OneIf(s != right[i])
		}
	}
	return out[0]
}
