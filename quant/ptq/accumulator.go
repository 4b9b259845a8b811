package ptq

import (
	"fmt"
	"math/bits"

	"github.com/a2qgen/a2qgen/quant"
)

// Accumulator says what the integers of a row must fit.
type Accumulator struct {
	// Bits is P, 1..63, or 0 for no limit. With tiles it is the width of each
	// tile's accumulator, P_inner.
	Bits int
	// Rule says where the accumulator begins; quant.Split where it is empty.
	Rule quant.Rule
	// Tile is T: every T consecutive inputs have an accumulator of their own,
	// and a wider one adds those up (multi-stage accumulation, arXiv
	// 2409.17092). 0 is one tile for the whole row. Tiles follow the order of
	// the columns: (kh, kw, Cin).
	Tile int
	// Units, unless 0, limits the sum of absolute weights of a tile whatever
	// Bits permits, so that at most Units inputs have a weight.
	Units int64
}

// OuterBits returns the width that certainly holds the sum of all tiles of a
// row of k inputs, P_inner + ceil(log2(ceil(k/T))) (arXiv 2409.17092), in any
// order. It is 0 where a.Bits is. The width that given integers need can be
// less: it is that of the whole row.
func (a Accumulator) OuterBits(k int) int {
	if a.Bits == 0 {
		return 0
	}
	return a.Bits + bits.Len(uint(a.tiles(k)-1))
}

// tileSize returns the number of inputs of a tile of a row of k.
func (a Accumulator) tileSize(k int) int {
	if a.Tile == 0 || a.Tile > k {
		return k
	}
	return a.Tile
}

// tiles returns the number of tiles of a row of k inputs.
func (a Accumulator) tiles(k int) int {
	t := a.tileSize(k)
	return (k + t - 1) / t
}

// check returns an error that names the field that makes no sense.
func (a Accumulator) check() error {
	switch {
	case a.Bits < 0 || a.Bits > 63:
		return fmt.Errorf("accumulator of %d bits, want 1..63, or 0 for no limit", a.Bits)
	case a.Rule != "" && a.Rule != quant.Split && a.Rule != quant.Shifted:
		return fmt.Errorf("unknown accumulator rule %q, want %s or %s", a.Rule, quant.Split, quant.Shifted)
	case a.Tile < 0:
		return fmt.Errorf("tile of %d inputs, want 1 or more, or 0 for the whole row", a.Tile)
	case a.Units < 0:
		return fmt.Errorf("limit of %d units, want 1 or more, or 0 for no limit", a.Units)
	}
	return nil
}

// half is the constraint p*P + n*N <= limit on the sums P of the positive and
// N of the negated negative weights of a tile.
type half struct{ p, n, limit int64 }

// set is a set of integer tiles: those that satisfy every half. It is the exact
// one of MATH 1, which for signed inputs is a little larger than the budgets of
// quant.Rule. All
// coefficients are at least 0, so taking units away never leaves the set.
type set []half

// set returns the integers that a permits for inputs of type x. slack, 0 or 1,
// is how many of the lowest accumulator codes quant.Split leaves unused: with 1 the
// threshold of an output that is always reached, one below the smallest sum,
// fits in the accumulator's width too (MATH 6).
func (a Accumulator) set(x quant.DataType, slack int64) set {
	var s set
	if a.Units > 0 {
		s = append(s, half{1, 1, a.Units})
	}
	if a.Bits == 0 {
		return s
	}
	hi, lo := x.Max(), -x.Min()
	top := int64(1)<<(a.Bits-1) - 1
	if a.Rule == quant.Shifted {
		return append(s, half{hi + lo, hi + lo, 2*top + 1})
	}
	return append(s, half{hi, lo, top}, half{lo, hi, top + 1 - slack})
}

// holds says that a tile with these sums lies in the set.
func (s set) holds(pos, neg int64) bool {
	for _, h := range s {
		if h.p*pos+h.n*neg > h.limit {
			return false
		}
	}
	return true
}

// room returns how many more positive, or negative, units a tile in the set
// has room for.
func (s set) room(pos, neg int64, positive bool) int64 {
	room := int64(1) << 40 // more than any row has
	for _, h := range s {
		unit := h.n
		if positive {
			unit = h.p
		}
		if unit > 0 {
			room = min(room, (h.limit-h.p*pos-h.n*neg)/unit)
		}
	}
	return room
}

// relieves says that one positive, or negative, unit less brings a tile that
// is outside the set closer to it.
func (s set) relieves(pos, neg int64, positive bool) bool {
	for _, h := range s {
		if h.p*pos+h.n*neg > h.limit && (positive && h.p > 0 || !positive && h.n > 0) {
			return true
		}
	}
	return false
}
