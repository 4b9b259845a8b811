package fabric

// Netlist is the part of a block that its numbers decide: registers, LUTs and carry
// chains, bit by bit, as far as synthesis can tell them apart. Constants go on through
// logic and registers, what is equal is built once, what nothing reads is not built, and
// registers in a row that only the last of which is read are one shift register in a LUT.
// What a LUT holds, what an adder takes and whether there are shift registers is the family's.
// Each count follows from the Verilog (see the tests against Yosys); where a family's LUTs leave
// synthesis a choice, the count is of the plain way, and a term that is fitted.
//
// It stands for what proc, opt and opt_merge do before mapping (constants, equal cells, dead
// cells), for xilinx_srl and for ABC's covering; no graph is kept beyond what these rules ask
// for. The order of calls is the order of the pipeline, so that a signal always has a higher
// number than what it is made of: registersLeft relies on it.
type Netlist struct {
	family    *Family
	from      []Signal // D input of a register, by its output; none for other signals
	read      []bool   // by logic, by an address or by the next block
	reset     []bool   // columns whose register has a reset: no shift register begins with it
	registers map[Signal]Signal
	cleared   map[Signal]Signal // registers with a reset, by what they are of
	clears    []bool            // the register has a reset, and is in no shift register
	// What opt_merge finds equal, by what it is of: its output.
	functions map[function]Signal
	// Carry chains, and columns of memories: neither can be looked into, so each output is
	// fresh.
	adders map[string][]Signal
	counts
	slices map[slice]bool
	long   map[Signal]bool // results of long comparisons
	// blockRAM counts units of Family.BlockRAM.
	blockRAM int
}

// counts are LUTs, and the quantities that LUTs are fitted to.
type counts struct {
	luts     int // functions of one LUT, and inverters where they are not free
	wide     int // LUTs of functions of more inputs than a LUT has
	chains   int // LUTs of carry chains
	compared int // bits of comparisons by subtraction
	// LUTs that choose by the result of one, see Choose.
	chosen, chosenLong int
	resets             int // of registers behind memories, see addSlices
	muxes              int // LUTs above slices, beyond the multiplexers next to the LUTs
}

// Signal is a bit: twice its number, and 1 more for the inverse. An inverse is free for a LUT
// that reads it; for registers and carry chains see pin.
//
// Signal 2k is bit k and 2k+1 its inverse, so s^1 inverts, s>>1 indexes the slices of netlist,
// and the constants 0 and 1 are bit 0 and its inverse.
type Signal int32

// No and Yes are the constants; none stands for no signal at all.
const (
	No   Signal = 0
	Yes  Signal = 1
	none Signal = -1
)

// Constant says whether the signal is known when the netlist is made: logic of it goes.
func (s Signal) Constant() bool { return s == No || s == Yes }

// function is a LUT: its truth table and what is at its inputs.
//
// Unused inputs are 0 and the table does not depend on them, so that equal functions compare as
// equal. Inputs are not sorted: every builder lists them in one order, and a function with its
// inputs exchanged would count as another one.
type function struct {
	table uint64
	in    [6]Signal
}

// NewNetlist returns a netlist that knows the constants only: bit 0.
func NewNetlist(f *Family) *Netlist {
	return &Netlist{family: f, from: []Signal{none}, read: []bool{false}, reset: []bool{false}, clears: []bool{false},
		registers: map[Signal]Signal{}, cleared: map[Signal]Signal{},
		functions: map[function]Signal{}, adders: map[string][]Signal{},
		slices: map[slice]bool{}, long: map[Signal]bool{}}
}

// Fresh returns a signal that equals no other.
//
// It is for what comes from outside or cannot be reasoned about: inputs, counters, sums, memory
// reads. Equality of what follows is decided from here on.
func (n *Netlist) Fresh() Signal {
	n.from = append(n.from, none)
	n.read = append(n.read, false)
	n.reset = append(n.reset, false)
	n.clears = append(n.clears, false)
	return Signal(2 * (len(n.from) - 1))
}

// Word returns fresh signals.
func (n *Netlist) Word(bits int) []Signal {
	w := make([]Signal, bits)
	for i := range w {
		w[i] = n.Fresh()
	}
	return w
}

// Register returns s one cycle of en later.
//
// A constant needs none, as after opt_dff: x in the first cycles may be taken for the constant.
// Two registers of one signal are one (opt_merge), since all stages share the enable en; those
// with a reset are others, see ClearedRegister. That of an inverse is another one, behind an INV
// that reads s: so s cannot lie inside a shift register.
func (n *Netlist) Register(s Signal) Signal {
	if s.Constant() {
		return s
	}
	if _, ok := n.registers[s]; !ok {
		q := n.Fresh()
		n.from[q>>1] = s
		n.registers[s] = q
		if s&1 == 1 {
			n.Use(n.pin(s)) // by an inverter
		}
	}
	return n.registers[s]
}

// RegisterAll returns a word one cycle of en later, in its order.
func (n *Netlist) RegisterAll(word []Signal) []Signal {
	q := make([]Signal, len(word))
	for i, s := range word {
		q[i] = n.Register(s)
	}
	return q
}

// ClearedRegister returns s one cycle of en later, from a register with a reset: it stays a
// flip-flop, and that of the constant 1 is none the less one.
func (n *Netlist) ClearedRegister(s Signal) Signal {
	if s == No {
		return s
	}
	if _, ok := n.cleared[s]; !ok {
		q := n.Fresh()
		n.from[q>>1], n.clears[q>>1] = s, true
		n.cleared[s] = q
		if s&1 == 1 && s != Yes {
			n.Use(n.pin(s)) // by an inverter
		}
	}
	return n.cleared[s]
}

// ClearedRegisterAll returns a word one cycle of en later, in its order.
func (n *Netlist) ClearedRegisterAll(word []Signal) []Signal {
	q := make([]Signal, len(word))
	for i, s := range word {
		q[i] = n.ClearedRegister(s)
	}
	return q
}

// Use says that something else than a register reads the signals.
//
// Only registers that are used are built, and reading one in the middle of a row taps it there,
// so that xilinx_srl splits the row. (A LUT counts when logic makes it, read or not.) Whoever
// builds a cell whose inputs the netlist does not see must say so, or the registers before it
// vanish from the count.
func (n *Netlist) Use(signals ...Signal) {
	for _, s := range signals {
		n.read[s>>1] = true
	}
}

// Logic returns a function of up to six signals, a LUT unless it is simpler than that, or
// several where a LUT has fewer inputs. Bit i of table is its value for the inputs i, as in the
// INIT of a LUT6.
//
// Simpler is a constant, a wire or an inverter, all of them free. Depending on one input can
// come about late: a product bit of a weight that is constant, a choice between equals. So the
// support is taken from the table, after constants and equal inputs are in it.
func (n *Netlist) Logic(table uint64, in ...Signal) Signal {
	f, support := simplified(table, in)
	switch len(support) {
	case 0:
		return Signal(f.table & 1)
	case 1:
		return support[0] ^ Signal(f.table&1)
	}
	if _, ok := n.functions[f]; !ok {
		if luts := n.family.LUT.LUTs(len(support)); luts == 1 {
			n.luts++
		} else {
			n.wide += luts
		}
		n.Use(f.in[:]...)
		n.functions[f] = n.Fresh()
	}
	return n.functions[f]
}

// simplified returns a function with constants, inverses and equal inputs in its table, and the
// inputs on which it still depends.
func simplified(table uint64, in []Signal) (f function, support []Signal) {
	f.table = table
	copy(f.in[:], in)
	for i, s := range f.in {
		f.fix(i, s)
	}
	for i, s := range f.in {
		if f.half(i, false) == f.half(i, true) {
			f.in[i] = No
			continue
		}
		support = append(support, s)
	}
	return f, support
}

// pin returns s as something that is no LUT can read it: where an inverse is not free, it is
// behind a LUT. There is one per signal, whoever reads it.
func (n *Netlist) pin(s Signal) Signal {
	if n.family.InverseFree || s.Constant() || s&1 == 0 {
		return s
	}
	f := function{table: ^addressBits[0], in: [6]Signal{s ^ 1}}
	if _, ok := n.functions[f]; !ok {
		n.luts++
		n.Use(s)
		n.functions[f] = n.Fresh()
	}
	return n.functions[f]
}

// fix puts s at input i: constants and inverses go into the table, and a signal that is at
// an input before is taken from there.
//
// Equal inputs are one to ABC, and a function of them has a smaller support than its inputs
// say: only the table's entries with both alike can occur.
func (f *function) fix(i int, s Signal) {
	switch {
	case s.Constant():
		f.table = f.half(i, s == Yes)
		f.in[i] = No
		return
	case s&1 == 1:
		shift := uint(1) << i
		f.table = f.table&addressBits[i]>>shift | f.table<<shift&addressBits[i]
		f.in[i] = s ^ 1
	}
	for j := range i {
		if f.in[j] == f.in[i] {
			f.table = f.half(i, false)&^addressBits[j] | f.half(i, true)&addressBits[j]
			f.in[i] = No
		}
	}
}

// half returns the table where input i has the value, for both values of it.
//
// That is the cofactor, still a table of 64 entries: the half that is wanted stands in both.
func (f *function) half(i int, value bool) uint64 {
	shift := uint(1) << i
	if value {
		t := f.table & addressBits[i]
		return t | t>>shift
	}
	t := f.table &^ addressBits[i]
	return t | t<<shift
}

// appendSignals appends four bytes per signal, lowest first, so that a list of signals can key
// a map. Keys of chains and of columns share one: the former have a byte more.
func appendSignals(key []byte, signals []Signal) []byte {
	for _, s := range signals {
		key = append(key, byte(s), byte(s>>8), byte(s>>16), byte(s>>24))
	}
	return key
}

// RegistersLeft counts flip-flops, and the LUTs of shift registers. It comes last: all uses
// must be known.
//
// A run begins at a register whose input is no register, or one that must stay a flip-flop of
// its own, and ends at the first that something reads. Where the family has shift registers,
// runs below their least stay flip-flops (three in xc7); longer ones are one in a LUT each,
// cascaded beyond the most, and leave no flip-flop: xilinx_srl takes the last stage in too.
func (n *Netlist) RegistersLeft() (ff, shift int) {
	// Liveness goes from the end: a register is live where it is read or leads to a live one.
	// One pass does, for register numbers rise along the pipeline.
	next := make([]Signal, len(n.from)) // the register that one leads to, by number
	live := func(q int) bool { return n.read[q] || next[q] != 0 }
	ends := func(q int) bool {
		return n.read[q] || n.reset[n.from[q]>>1] || n.clears[q] || n.clears[next[q]>>1]
	}
	for q := len(n.from) - 1; q > 0; q-- { // what a register leads to is younger
		if n.from[q] != none && live(q) {
			next[n.from[q]>>1] = Signal(q)
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
		if r := n.family.ShiftRegister; r != nil && run >= r.Least {
			shift += (run + r.Most - 1) / r.Most
		} else {
			ff += run
		}
	}
	return ff, shift
}
