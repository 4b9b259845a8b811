package cost

import "github.com/a2qgen/a2qgen/hwgen"

// mvau gathers the shape of one matrix-vector-activation unit.
type mvau struct {
	*hwgen.MVAU
	m, n, simd, pe, p int
	words             int
	table             *ProductTable
	columns           [][]column // of each lane, PE by PE
	ff, ramb18        int
	shifted           int // bits in shift registers of LUTs
	sum               int // widest sum of a unit with one beat a fold
	terms             []term
}

func (u *mvau) add(name string, value, prior float64) {
	u.terms = append(u.terms, term{Name: name, Value: value, Prior: prior})
}

// addExact adds a term of one LUT a unit.
func (u *mvau) addExact(name string, value float64) {
	u.terms = append(u.terms, term{Name: name, Value: value, Prior: 1, Exact: true})
}

func mvauShape(b *hwgen.MVAU, table *ProductTable) shape {
	l := b.Layer
	u := &mvau{MVAU: b, m: l.WeightBits, n: l.Input.Bits, simd: b.Fold.SIMD, pe: b.Fold.PE, p: b.AccBits,
		words: b.NF() * b.SF(), table: table}
	memories := b.Memories()
	all := columnsOf(memories[0], 0, memories[0].Bits)
	for i := 0; i < len(all); i += u.m {
		u.columns = append(u.columns, all[i:i+u.m])
	}
	u.operands(all)
	u.products()
	u.accumulators()
	u.control()
	if l.Thresholds != nil {
		u.thresholds(memories[1:])
	}
	if b.Shifted() {
		u.starts(memories[len(memories)-1])
	}
	width := b.Output().Bits
	u.addExact("spill_bits", float64(width))
	u.ff += 2*width + 2
	return shape{Kind: KindMVAU, Terms: u.terms, FF: u.ff, RAMB18: u.ramb18}
}

// zero says whether lane i (of all PEs) only has zero weights: it is not built.
func (u *mvau) zero(i int) bool {
	for _, c := range u.columns[i] {
		if bit, is := c.constant(); !is || bit {
			return false
		}
	}
	return true
}

// operands counts the input register and the weight memory with its register. Equal
// columns are one register; constant ones are none.
func (u *mvau) operands(all []column) {
	for s := range u.simd {
		for pe := range u.pe {
			if !u.zero(pe*u.simd + s) {
				u.ff += u.n
				break
			}
		}
	}
	var weights rom
	switch {
	case u.words == 1:
	case u.BlockROM:
		u.ramb18 = blockRAM18(len(all), u.words)
	default:
		weights = romOf(all)
		u.ff += weights.Columns
	}
	u.addExact("weight_slices", float64(weights.Slices))
	u.add("weight_muxes", float64(weights.Muxes), 1)
}

// products counts the products of every lane and the adder tree above them.
func (u *mvau) products() {
	lut, constant, adders := 0.0, 0, 0
	shared := map[[2]int64]bool{}
	for pe := range u.pe {
		lanes := make([]node, u.simd)
		for s := range u.simd {
			i := pe*u.simd + s
			switch {
			case u.BlockROM || distinct(u.columns[i]) > 0:
				width := min(u.m+u.n, u.p)
				lut += u.table.product(u.m, u.n, width, u.Layer.Input.Signed)
				lanes[s] = node{width, 1}
			case !u.zero(i):
				c, first := u.constant(pe, s, shared)
				constant += c.Adders * u.n
				lanes[s] = node{c.FF, 1}
				if !first {
					u.ff -= c.FF
				}
			}
		}
		adders += u.tree(lanes)
	}
	if u.words == 2 { // all weights of a lane are functions of one bit
		u.add("product_two_luts", lut, 0.7)
	} else {
		u.addExact("product_luts", lut)
	}
	u.add("constant_adder_bits", float64(constant), 1.5)
	u.addExact("tree_bits", float64(adders))
	u.addExact("shifted_bits", float64(u.shifted))
}

// constant returns the product of a lane whose weight never changes, and whether it is
// the first of its kind: PEs that multiply an input by the same weight share it.
func (u *mvau) constant(pe, s int, shared map[[2]int64]bool) (c constantProduct, first bool) {
	w := signed(u.columns[pe*u.simd+s])
	c = constantProductOf(w, u.n, min(u.m+u.n, u.p), u.Layer.Input.Signed)
	key := [2]int64{int64(s), w}
	first = !shared[key]
	shared[key] = true
	if !first {
		c.Adders = 0
	}
	return c, first
}

// signed returns the value of a lane whose columns are all constant.
func signed(lane []column) int64 {
	v := int64(0)
	for i, c := range lane {
		if bit, _ := c.constant(); bit {
			if i == len(lane)-1 {
				v -= 1 << i
			} else {
				v += 1 << i
			}
		}
	}
	return v
}

// node is a register of the adder tree: width bits, at the end of run registers in a
// row. A node of no bits is the sum of no lane.
type node struct{ width, run int }

// end counts the registers of a finished row: from three on Yosys makes a shift
// register of a LUT a bit.
func (u *mvau) end(n node) {
	if n.run >= 3 {
		u.shifted += n.width
	} else {
		u.ff += n.width * n.run
	}
}

// tree counts the registers of one adder tree over the lanes, the accumulator of units
// with one beat a fold included, and returns the bits of its adders. Node widths are
// those of dot_product.v: min(M+N+level, P); what has nothing added to it only waits.
func (u *mvau) tree(lanes []node) int {
	adders := 0
	for level := 1; len(lanes) > 1; level++ {
		width := min(u.m+u.n+level, u.p)
		above := make([]node, (len(lanes)+1)/2)
		for i := range above {
			left, right := lanes[2*i], node{}
			if 2*i+1 < len(lanes) {
				right = lanes[2*i+1]
			}
			if left.width == 0 {
				left, right = right, left
			}
			above[i] = node{left.width, left.run + 1}
			if right.width > 0 {
				u.end(left)
				u.end(right)
				adders += width
				above[i] = node{width, 1}
			}
		}
		lanes = above
	}
	if u.SF() == 1 && !u.Shifted() {
		lanes[0].run++
		u.sum = max(u.sum, lanes[0].width)
	}
	u.end(lanes[0])
	return adders
}

// accWidth is the number of different bits of an accumulator: with one beat a fold it
// and no start value it is the sum, sign-extended.
func (u *mvau) accWidth() int {
	if u.SF() == 1 && !u.Shifted() {
		return u.sum
	}
	return u.p
}

func (u *mvau) accumulators() {
	bits := 0
	if u.SF() > 1 {
		bits = u.pe * u.p
	}
	u.ff += bits
	u.add("accumulator_bits", float64(bits), 1)
}

// starts counts the memory of the start values. The adder's LUT takes the start in with
// the restart, so only the memory costs: where rows are folded, a LUT and a register a
// column (Yosys moves the fold counter behind the memory); constants are free. With one
// beat a fold there is an adder that a plain unit does not have.
func (u *mvau) starts(mem hwgen.Memory) {
	r := romOf(columnsOf(mem, 0, mem.Bits))
	u.ff += r.Columns
	counter := 0
	if u.NF() > 1 {
		counter = addressWidth(u.NF())
	}
	u.ff += counter
	near, far := r.moved(u.NF())
	u.add("start_near_slices", float64(near), 1)
	u.add("start_far_slices", float64(far), 2)
	u.add("start_counter_bits", float64(counter), 1.5)
	added := 0
	if u.SF() == 1 {
		added = u.pe * u.p
		u.ff += added
	}
	u.add("start_added_bits", float64(added), 1)
}

// control counts counters, the valid bits of all stages, and the first and last marks
// that travel with the beats up to the sums: from three stages on they are shift
// registers in LUTs.
func (u *mvau) control() {
	counters := addressWidth(u.words) + addressWidth(u.SF())
	folds := 0
	if u.Layer.Thresholds != nil {
		folds = addressWidth(u.NF())
	}
	atSum := 1 + addressWidth(u.simd)
	u.ff += counters + folds + u.Stages()
	shift := 0
	if u.SF() > 1 {
		if atSum+1 >= 3 {
			shift = 2
		} else {
			u.ff += 2 * (atSum + 1)
		}
	}
	u.add("handshake", 1, 10)
	u.add("counter_bits", float64(counters+folds), 1.5)
	u.addExact("marks", float64(shift))
}

// thresholds counts the binary search: per level and PE one comparator and its memory,
// which is found by the fold and the bits found so far.
func (u *mvau) thresholds(memories []hwgen.Memory) {
	levels := u.Layer.Thresholds.Output.Bits
	foldBits := addressWidth(u.NF())
	u.ff += u.pe*levels*(levels+1)/2 + (levels-1)*(u.pe*u.accWidth()+foldBits)
	var c comparators
	for stage := range levels {
		u.comparators(&c, stage, memories[stage])
	}
	u.add("compare_bits", float64(c.compared), 0.67)
	u.add("compare_far_bits", float64(c.comparedFar), 0.67)
	u.add("compare_fixed_bits", float64(c.fixed), 0.3)
	u.add("threshold_shallow_bits", float64(c.shallow), 0.3)
	u.add("threshold_near_slices", float64(c.near), 0.5)
	u.add("threshold_mid_slices", float64(c.mid), 1)
	u.add("threshold_far_slices", float64(c.far), 1)
	u.add("threshold_moved_slices", float64(c.moved), 2)
	u.add("threshold_muxes", float64(c.muxes), 1)
	inverted := u.Layer.Thresholds.Inverted != nil
	if inverted {
		u.ff += distinct(columnsOf(memories[levels], 0, u.pe))
	}
	u.add("inverted_bits", float64(u.pe*levels*oneIf(inverted)), 1)
}

// comparators counts the bits of the threshold search.
type comparators struct {
	// compared bits have a threshold that varies (comparedFar: out of a far memory), fixed
	// bits a constant one.
	compared, comparedFar, fixed int
	// The memory of a varying bit: shallow bits have up to 4 words and hide in the
	// comparator; near slices have up to 16 words and mid slices 32, and partly hide there;
	// far slices and muxes are those of larger memories, or of memories with a register
	// behind them; moved slices those behind which a long fold counter was moved.
	shallow, near, mid, far, moved, muxes int
}

// comparators adds one level of the search. Where the address of its memory is a
// register and nothing else (the fold counter at level 0, the found bits where there is
// one fold), Yosys moves that register behind the memory: one flip-flop a column.
func (u *mvau) comparators(c *comparators, stage int, mem hwgen.Memory) {
	registered := (stage == 0) == (u.NF() > 1)
	shared := stage == 0 // level 0 has one address for all PEs
	address := addressWidth(len(mem.Words))
	var all []column
	for pe := range u.pe {
		columns := columnsOf(mem, pe*u.ThresholdBits, u.ThresholdBits)
		varying := variable(columns)
		if registered || address > 5 {
			c.comparedFar += varying
		} else {
			c.compared += varying
		}
		c.fixed += u.ThresholdBits - varying
		all = append(all, columns...)
		if shared && pe < u.pe-1 {
			continue
		}
		r := romOf(all)
		all = all[:0]
		switch {
		case registered && shared:
			u.ff += r.Columns
			near, far := r.moved(u.NF())
			c.far += near
			c.moved += far
		case registered:
			u.ff += r.Columns
			c.far += r.Slices
		case address <= 2:
			c.shallow += r.Columns
		case address <= 4:
			c.near += r.Slices
		case address == 5:
			c.mid += r.Slices
		default:
			c.far += r.Slices
			c.muxes += r.Muxes
		}
	}
}
