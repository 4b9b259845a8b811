package cost

// A netlist is the part of a block that its numbers decide: registers, LUTs and carry
// chains, bit by bit, as far as synthesis can tell them apart. Constants go on through
// logic and registers, what is equal is built once, what nothing reads is not built, and
// registers in a row that only the last of which is read are one shift register in a LUT.
// Nothing is fitted here: each count follows from the Verilog (see the tests against Yosys).
type netlist struct {
	from      []signal // D input of a register, by its output; none for other signals
	read      []bool   // by logic, by an address or by the next block
	reset     []bool   // columns whose register has a reset: no shift register begins with it
	registers map[signal]signal
	functions map[function]signal
	adders    map[string][]signal
	luts      int // of logic and carry chains
	resets    int // of registers behind memories, see addSlices
	slices    map[slice]bool
	muxes     int // of four slices, beyond the multiplexers next to the LUTs
}

// signal is a bit: twice its number, and 1 more for the inverse. An inverse is free: it
// moves into the LUT that reads it, or is a cell that place and route absorbs.
type signal int32

const (
	no   signal = 0
	yes  signal = 1
	none signal = -1
)

func (s signal) constant() bool { return s == no || s == yes }

// function is a LUT: its truth table and what is at its inputs.
type function struct {
	table uint64
	in    [6]signal
}

// depth says how much a column leaves synthesis to choose.
type depth int

const (
	shallow depth = iota // one slice, one LUT
	deep                 // up to four, which the multiplexers next to the LUTs join
	far                  // more
)

func depthOf(slices int) depth {
	switch {
	case slices == 1:
		return shallow
	case slices <= 4:
		return deep
	}
	return far
}

// slice is 64 words of a column of a memory, by its contents and the lowest of its address.
type slice struct {
	words   uint64
	address signal
	depth   depth
}

func newNetlist() *netlist {
	return &netlist{from: []signal{none}, read: []bool{false}, reset: []bool{false},
		registers: map[signal]signal{},
		functions: map[function]signal{}, adders: map[string][]signal{}, slices: map[slice]bool{}}
}

// fresh returns a signal that equals no other.
func (n *netlist) fresh() signal {
	n.from = append(n.from, none)
	n.read = append(n.read, false)
	n.reset = append(n.reset, false)
	return signal(2 * (len(n.from) - 1))
}

// word returns fresh signals.
func (n *netlist) word(bits int) []signal {
	w := make([]signal, bits)
	for i := range w {
		w[i] = n.fresh()
	}
	return w
}

// register returns s one cycle of en later.
func (n *netlist) register(s signal) signal {
	if s.constant() {
		return s
	}
	if _, ok := n.registers[s]; !ok {
		q := n.fresh()
		n.from[q>>1] = s
		n.registers[s] = q
		if s&1 == 1 {
			n.use(s) // by an inverter
		}
	}
	return n.registers[s]
}

func (n *netlist) registerAll(word []signal) []signal {
	q := make([]signal, len(word))
	for i, s := range word {
		q[i] = n.register(s)
	}
	return q
}

// use says that something else than a register reads the signals.
func (n *netlist) use(signals ...signal) {
	for _, s := range signals {
		n.read[s>>1] = true
	}
}

// logic returns a function of up to six signals, a LUT unless it is simpler than that.
// Bit i of table is its value for the inputs i, as in the INIT of a LUT6.
func (n *netlist) logic(table uint64, in ...signal) signal {
	f := function{table: table}
	copy(f.in[:], in)
	for i, s := range f.in {
		f.fix(i, s)
	}
	support, last := 0, no
	for i, s := range f.in {
		if f.half(i, false) == f.half(i, true) {
			f.in[i] = no
			continue
		}
		support, last = support+1, s
	}
	switch {
	case support == 0:
		return signal(f.table & 1)
	case support == 1 && f.table&1 == 0:
		return last
	case support == 1:
		return last ^ 1
	}
	if _, ok := n.functions[f]; !ok {
		n.luts++
		n.use(f.in[:]...)
		n.functions[f] = n.fresh()
	}
	return n.functions[f]
}

// fix puts s at input i: constants and inverses go into the table, and a signal that is at
// an input before is taken from there.
func (f *function) fix(i int, s signal) {
	switch {
	case s.constant():
		f.table = f.half(i, s == yes)
		f.in[i] = no
		return
	case s&1 == 1:
		shift := uint(1) << i
		f.table = f.table&addressBits[i]>>shift | f.table<<shift&addressBits[i]
		f.in[i] = s ^ 1
	}
	for j := range i {
		if f.in[j] == f.in[i] {
			f.table = f.half(i, false)&^addressBits[j] | f.half(i, true)&addressBits[j]
			f.in[i] = no
		}
	}
}

// half returns the table where input i has the value, for both values of it.
func (f *function) half(i int, value bool) uint64 {
	shift := uint(1) << i
	if value {
		t := f.table & addressBits[i]
		return t | t>>shift
	}
	t := f.table &^ addressBits[i]
	return t | t<<shift
}

// rom returns the word of a memory at an address, low bit first. Equal columns, also of
// memories read at the same address, are built once; a column that is an address bit is
// that bit.
func (n *netlist) rom(columns []column, address []signal) []signal {
	word := make([]signal, len(columns))
	key := make([]byte, 0, 64)
	for i, c := range columns {
		if bit, is := c.constant(); is {
			word[i] = signal(oneIf(bit))
			continue
		}
		if a, inverse, is := c.addressBit(); is {
			word[i] = address[a] ^ signal(oneIf(inverse))
			continue
		}
		key = appendSignals(append(key[:0], c.key()...), address)
		if n.adders[string(key)] == nil {
			n.adders[string(key)] = n.word(1)
			n.reset[n.adders[string(key)][0]>>1] = n.addSlices(c, address)
		}
		word[i] = n.adders[string(key)][0]
	}
	return word
}

// addSlices counts the LUTs of a column with a register behind it. Where one half of the
// words is constant, Yosys makes the top bit of the address a reset of that register, whose
// LUT is shared with nothing; what is left is the other half.
func (n *netlist) addSlices(c column, address []signal) (reset bool) {
	n.use(address...)
	n.muxes += muxes(len(c))
	d := depthOf(len(c))
	for len(c) > 1 {
		rest := c.withoutConstantHalf()
		if len(rest) == len(c) {
			break
		}
		c, reset = rest, true
	}
	if len(c) == 1 {
		words, smaller := withoutConstantHalves(c[0], min(len(address), 6))
		c, reset = column{words}, reset || smaller
	}
	n.resets += oneIf(reset)
	for _, s := range c {
		if s&1 == 1 { // an inverse is free
			s = ^s
		}
		if !trivialSlice(s) {
			n.slices[slice{s, address[0], d}] = true
		}
	}
	return reset
}

// withoutConstantHalf returns the half of a column of several slices that is not constant
// where the other one is, or else all of it.
func (c column) withoutConstantHalf() column {
	half := 1 << (addressWidth(len(c)) - 1)
	if _, is := c[half:].constant(); is {
		return c[:half]
	}
	if _, is := c[:half].constant(); is {
		return c[half:]
	}
	return c
}

// withoutConstantHalves does so, again and again, with a slice of so many address bits; what
// is left does not depend on the bits that are gone.
func withoutConstantHalves(words uint64, bits int) (rest uint64, smaller bool) {
	for top := bits - 1; top >= 0; top-- {
		f := function{table: words}
		lower, upper := f.half(top, false), f.half(top, true)
		switch {
		case constantSlice(lower):
			words = upper
		case constantSlice(upper):
			words = lower
		default:
			return words, smaller
		}
		smaller = true
	}
	return words, smaller
}

// memoryTerms are the LUTs of everything but shift registers and control. A slice of up to
// 64 words is a LUT; deeper columns leave synthesis something to choose.
func (n *netlist) memoryTerms() []term {
	var slices [far + 1]int
	for s := range n.slices {
		slices[s.depth]++
	}
	return []term{{"luts", float64(n.luts), 1, true}, {"memory_slices", float64(slices[shallow]), 1, true},
		{"memory_resets", float64(n.resets), 1, false}, {"deep_slices", float64(slices[deep]), 1, false},
		{"far_slices", float64(slices[far]), 1, false}, {"far_muxes", float64(n.muxes), 1, false}}
}

func constantSlice(s uint64) bool { return s == 0 || s == ^uint64(0) }

func appendSignals(key []byte, signals []signal) []byte {
	for _, s := range signals {
		key = append(key, byte(s), byte(s>>8), byte(s>>16), byte(s>>24))
	}
	return key
}

// shiftRegister is the number of registers in a row from which Yosys makes a shift
// register, one LUT up to shiftRegisterMost.
const (
	shiftRegister     = 3
	shiftRegisterMost = 32
)

// registersLeft counts flip-flops, and the LUTs of shift registers.
func (n *netlist) registersLeft() (ff, shift int) {
	next := make([]signal, len(n.from)) // the register that one leads to, by number
	live := func(q int) bool { return n.read[q] || next[q] != 0 }
	ends := func(q int) bool { return n.read[q] || n.reset[n.from[q]>>1] }
	for q := len(n.from) - 1; q > 0; q-- { // what a register leads to is younger
		if n.from[q] != none && live(q) {
			next[n.from[q]>>1] = signal(q)
		}
	}
	for q := range n.from {
		d := n.from[q]
		if d == none || !live(q) || n.from[d>>1] != none && !ends(int(d>>1)) {
			continue // nothing, or inside a run
		}
		run := 1
		for at := q; !ends(at); run++ {
			at = int(next[at])
		}
		if run >= shiftRegister {
			shift += (run + shiftRegisterMost - 1) / shiftRegisterMost
		} else {
			ff += run
		}
	}
	return ff, shift
}
