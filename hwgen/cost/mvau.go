package cost

import "github.com/a2qgen/a2qgen/hwgen"

// mvau gathers the shape of one matrix-vector-activation unit.
type mvau struct {
	*hwgen.MVAU
	m, n, simd, pe, p int
	words             int
	table             *ProductTable
	columns           [][]column // of each lane, PE by PE
	ff                int
	ramb18            int
	terms             []term
}

func (u *mvau) add(name string, value float64) { u.terms = append(u.terms, term{name, value}) }

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
	width := b.Output().Bits
	u.add("spill_bits", float64(width))
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
	u.add("weight_slices", float64(weights.Slices))
	u.add("weight_muxes", float64(weights.Muxes))
}

// products counts the products and the adder tree above them. Node widths are those of
// dot_product.v: min(M+N+level, P). A node with one live side is a register.
func (u *mvau) products() {
	width := min(u.m+u.n, u.p)
	lut, constant, tree := 0.0, 0, 0
	shared := map[[2]int64]bool{}
	for pe := range u.pe {
		live := make([]bool, u.simd)
		for s := range u.simd {
			lane := u.columns[pe*u.simd+s]
			live[s] = !u.zero(pe*u.simd + s)
			switch used := distinct(lane); {
			case !live[s]:
			case used > 0:
				if u.BlockROM { // equal columns stay apart in a block RAM
					used = u.m
				}
				lut += u.table.product(u.m, used, u.n, width, u.Layer.Input.Signed)
				u.ff += width
			default:
				w := int64(u.Layer.Row(pe)[s])
				if u.words > 1 {
					w = signed(lane)
				}
				if key := [2]int64{int64(s), w}; !shared[key] { // PEs share it
					shared[key] = true
					c := constantProductOf(w, u.n, width, u.Layer.Input.Signed)
					constant += c.Adders * u.n
					u.ff += c.FF
				}
			}
		}
		tree += u.tree(live)
	}
	u.add("product_luts", lut)
	u.add("constant_adder_bits", float64(constant))
	u.add("tree_bits", float64(tree))
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

// tree counts the registers of one adder tree over the live lanes and returns the
// bits of its adders.
func (u *mvau) tree(live []bool) int {
	adders := 0
	for level := 1; len(live) > 1; level++ {
		width := min(u.m+u.n+level, u.p)
		var above []bool
		for i := 0; i < len(live); i += 2 {
			two := i+1 < len(live) && live[i] && live[i+1]
			any := live[i] || i+1 < len(live) && live[i+1]
			adders += width * oneIf(two)
			u.ff += width * oneIf(any)
			above = append(above, any)
		}
		live = above
	}
	return adders
}

// sumBits is the width of the tree's root.
func (u *mvau) sumBits() int { return min(u.m+u.n+addressWidth(u.simd), u.p) }

// accWidth is the number of different bits of an accumulator: with one beat a fold it
// is the sum, sign-extended.
func (u *mvau) accWidth() int {
	if u.SF() == 1 {
		return u.sumBits()
	}
	return u.p
}

func (u *mvau) accumulators() {
	u.ff += u.pe * u.accWidth()
	u.add("accumulator_bits", float64(u.pe*u.p*oneIf(u.SF() > 1)))
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
	u.add("handshake", 1)
	u.add("counter_bits", float64(counters+folds))
	u.add("marks", float64(shift))
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
	u.add("compare_bits", float64(c.near))
	u.add("compare_far_bits", float64(c.far))
	u.add("compare_fixed_bits", float64(c.fixed))
	u.add("threshold_slices", float64(c.slices))
	u.add("threshold_muxes", float64(c.muxes))
	inverted := u.Layer.Thresholds.Inverted != nil
	if inverted {
		u.ff += distinct(columnsOf(memories[levels], 0, u.pe))
	}
	u.add("inverted_bits", float64(u.pe*levels*oneIf(inverted)))
}

// comparators counts the bits of the threshold search.
type comparators struct {
	// near bits have a threshold that up to five address bits choose: its memory is part
	// of the comparator's LUTs. far bits have a memory of their own, of so many slices
	// and muxes. fixed bits are constant.
	near, far, fixed, slices, muxes int
}

// comparators adds one level of the search. Where the address of its memory is a
// register and nothing else (the fold counter at level 0, the found bits where there is
// one fold), Yosys moves that register behind the memory: one flip-flop a column.
func (u *mvau) comparators(c *comparators, stage int, mem hwgen.Memory) {
	registered := (stage == 0) == (u.NF() > 1)
	shared := stage == 0 // level 0 has one address for all PEs
	var all []column
	for pe := range u.pe {
		columns := columnsOf(mem, pe*u.ThresholdBits, u.ThresholdBits)
		variable := 0
		for _, col := range columns {
			if _, is := col.constant(); !is {
				variable++
			}
		}
		c.fixed += u.ThresholdBits - variable
		if !registered && addressWidth(len(mem.Words)) <= 5 {
			c.near += variable
			continue
		}
		c.far += variable
		all = append(all, columns...)
		if !shared || pe == u.pe-1 {
			r := romOf(all)
			c.slices += r.Slices
			c.muxes += r.Muxes
			u.ff += r.Columns * oneIf(registered)
			all = all[:0]
		}
	}
}
