package tapunit

import (
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// priced builds the netlist of one tap unit, stage by stage as tap_unit.v does, and counts what is
// beside it.
type priced struct {
	*Block
	*fabric.Netlist
	family *fabric.Family
	// Flip-flops that the netlist does not see: counters, valid bits, accumulators.
	ff       int
	counters []int // bits of those that are compared with their last value
	wrapping int   // and of those that wrap by themselves, all together
	// Of an image: bits of sums with a choice of constants, and of the places that lanes read.
	stepped, places int
	ram             []fabric.Term
	// first and last are the marks at hand, fold that of the sums that come next.
	first, last fabric.Signal
	fold        []fabric.Signal
}

// Price implements hwgen.Block. It returns what a unit of these taps, thresholds and P is made of.
//
// Taps are in the schedule alone: what computes depends on lanes, N and P. A spill register is as
// mvau's.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	u := &priced{Block: b, Netlist: fabric.NewNetlist(f), family: f}
	memories := b.Memories()
	word := u.word(memories[0])
	lanes := u.buffer()
	u.control(word[len(word)-1])
	starts := u.starts(memories[len(memories)-1])
	var accs [][]fabric.Signal
	for pe := range b.Fold.PE {
		n := b.Fold.Lanes
		signs := word[len(word)-1-(b.Fold.PE-pe)*n:][:n]
		sum, negative := u.SignedTree(lanes[pe*n:(pe+1)*n], u.RegisterAll(signs), b.AccBits)
		accs = append(accs, u.accumulator(sum, negative, starts[pe*b.AccBits:(pe+1)*b.AccBits]))
	}
	results := accs
	if b.Layer.Thresholds != nil {
		results = u.search().Price(u.Netlist, accs, u.folds())
	}
	for _, r := range results {
		u.Use(r...)
	}
	ff, shift := u.RegistersLeft()
	width := b.Outputs()[0].Bits
	return fabric.Shape{FF: ff + u.ff + 2*width + 2, BlockRAM: u.BlockRAM() + u.bankRAM(),
		Terms: slices.Concat(u.MemoryTerms(), u.controlTerms(), u.ram, []fabric.Term{
			fabric.Exactly("shift_registers", float64(shift)), fabric.Exactly("spill_bits", float64(width))})}
}

// controlTerms are the LUTs of counters and handshake. Those of an image have prices of their own: sums of
// a choice of constants, and in front of the memory of each lane that has taps an adder.
func (u *priced) controlTerms() []fabric.Term {
	if u.window == nil {
		return append(u.family.ControlTerms(u.counters, nil), fabric.Fitted("wrapping_bits", float64(u.wrapping), 0.1),
			fabric.Exactly("writes", float64(u.groups())))
	}
	counted := u.wrapping
	for _, b := range u.counters {
		counted += b
	}
	return []fabric.Term{fabric.Fitted("window_handshake", 1, 20), fabric.Fitted("window_counters", float64(counted), 1),
		fabric.Fitted("window_bits", float64(u.stepped), 1.5), fabric.Fitted("place_bits", float64(u.places), 1)}
}

// busyLanes returns how many lanes have taps.
func (u *priced) busyLanes() int {
	busy := make([]bool, u.Fold.PE*u.Fold.Lanes)
	for _, step := range u.schedule.Steps {
		for lane, t := range step.Taps {
			busy[lane] = busy[lane] || t.Used
		}
	}
	n := 0
	for _, b := range busy {
		n += fabric.OneIf(b)
	}
	return n
}

// word returns what comes out of the schedule's memory and the registers behind it.
func (u *priced) word(m hwgen.Memory) []fabric.Signal {
	columns, steps := fabric.ColumnsOf(m.Words, 0, m.Bits), u.Steps()
	u.count(steps)
	var word []fabric.Signal
	if u.Fold.Weights == hwgen.InBlockRAM && steps > 1 {
		word = u.BlockROM(columns, steps)
	} else {
		word = u.RegisterAll(u.ROM(columns, u.Word(max(1, fabric.AddressWidth(steps)))))
	}
	for range u.ReadStages - 1 {
		word = u.RegisterAll(word)
	}
	// Slots and used are read by the vector's memories, not by registers alone.
	u.Use(word[:len(word)-1-u.Fold.PE*u.Fold.Lanes]...)
	return word
}

// count adds a counter of so many values: one of a power of two needs no comparison.
func (u *priced) count(values int) {
	bits := fabric.AddressWidth(values)
	u.ff += bits
	if values == 1<<bits {
		u.wrapping += bits
	} else {
		u.counters = append(u.counters, bits)
	}
}

// groups returns the beats that fill a slot of every bank: each has a write enable.
func (u *priced) groups() int {
	if u.window != nil {
		return 1 // an element comes to all copies
	}
	return u.Fold.Lanes / u.Fold.SIMD
}

// buffer returns the lanes: what is read of the banks. Beside them are the counter of slots, the
// ring of groups, the marks of halves, and those of reads on their way.
func (u *priced) buffer() [][]fabric.Signal {
	if u.window != nil {
		u.lines()
	} else {
		u.count(u.Slots())
		if u.groups() > 1 {
			u.ff += u.groups()
		}
		const halves = 4 // written, read, two that are whole
		u.ff += halves + 2*u.ReadStages
	}
	count, width := u.Fold.PE*u.Fold.Lanes, u.Layer.Input.Bits
	if !u.inBlocks() {
		// Behind RAM in LUTs is a register with a reset, whose enable needs a LUT.
		u.ff += count * width
		u.ram = append(u.ram, fabric.Exactly("used", float64(count)))
		for _, t := range u.family.RAMTerms(width, u.depth()) {
			t.Value *= float64(count)
			u.ram = append(u.ram, t)
		}
	} else {
		shared, terms := u.family.SharedBlockRAM(fabric.Banks{Width: width, Depth: u.depth(), Words: u.Fold.SIMD,
			Enables: u.groups(), Ports: count})
		u.ff += shared
		u.ram = append(u.ram, terms...)
	}
	lanes := make([][]fabric.Signal, count)
	for i := range lanes {
		lanes[i] = u.Word(width)
		if !u.Layer.Input.Signed {
			lanes[i] = append(lanes[i], fabric.No) // the sign
		}
	}
	return lanes
}

// lines counts what tap_window.v has beside its copies: where is written, the base of the window and of
// reads on their way, elements behind it and in use, counters of windows, and the place of every lane.
func (u *priced) lines() {
	w := u.window
	place, count := fabric.AddressWidth(w.depth), w.countBits()
	u.count(w.columns)
	u.count(w.rows)
	u.count(w.depth)
	u.ff += place + 2*count + u.ReadStages*(place+3)
	u.stepped, u.places = place+2*count, u.busyLanes()*place
}

func (u *priced) inBlocks() bool { return u.Fold.Replay == hwgen.InBlockRAM }

// depth returns the words of a bank: two halves, each of a power of two, or a copy of lines.
func (u *priced) depth() int {
	if u.window != nil {
		return u.window.depth
	}
	return 2 << max(1, fabric.AddressWidth(u.Slots()))
}

// bankRAM returns the units of block RAM of the banks.
func (u *priced) bankRAM() int {
	if !u.inBlocks() {
		return 0
	}
	return u.Fold.PE * u.Fold.Lanes * u.family.BlockRAMs(u.Layer.Input.Bits, u.depth())
}

// control counts valid bits and the mark of a fresh row, and moves the marks to the sums.
func (u *priced) control(last fabric.Signal) {
	u.ff += u.Stages() + 1
	if u.Folds() > 1 && (u.Layer.Thresholds != nil || u.Shifted()) {
		u.count(u.Folds())
		u.fold = u.Word(fabric.AddressWidth(u.Folds()))
	}
	u.first, u.last = u.Fresh(), last
	toSums := 1 + fabric.AddressWidth(u.Fold.Lanes)
	for i := range toSums {
		if i == toSums-1 && u.fold != nil {
			u.Use(u.last) // the fold counter moves on a stage ahead
		}
		u.first, u.last = u.Register(u.first), u.Register(u.last)
	}
	u.Use(u.last)
	if u.Steps() > u.Folds() {
		u.Use(u.first)
	}
}

// folds returns the fold as an address.
func (u *priced) folds() []fabric.Signal {
	if u.fold == nil {
		return []fabric.Signal{fabric.No}
	}
	return u.fold
}

// starts returns what the accumulators begin with, PE after PE.
func (u *priced) starts(m hwgen.Memory) []fabric.Signal {
	if !u.Shifted() {
		return make([]fabric.Signal, u.Fold.PE*u.AccBits)
	}
	columns := fabric.ColumnsOf(m.Words, 0, m.Bits)
	switch {
	case u.Folds() == 1:
		return u.ROM(columns, u.folds())
	case u.Fold.Thresholds == hwgen.InBlockRAM:
		return u.BlockROM(columns, u.Folds())
	}
	return u.RegisterAll(u.ROM(columns, u.folds()))
}

// accumulator returns the P bits of an accumulator: a loop, or with a step per row the register of
// a sum.
func (u *priced) accumulator(sum []fabric.Signal, negative fabric.Signal, start []fabric.Signal) []fabric.Signal {
	if u.Steps() == u.Folds() {
		return u.RegisterAll(u.AddOrSubtract(start, sum, negative, u.AccBits))
	}
	u.ff += u.AccBits
	return u.AccumulateSigned(sum, negative, u.first, start)
}
