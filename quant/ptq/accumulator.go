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
	// Taps bounds the units of a row, and of each bank of its inputs, whatever Bits
	// permits. It does not go with tiles.
	Taps quant.Taps
}

// OuterBits returns the width that certainly holds the sum of all tiles of a row of
// k inputs, P_inner + ceil(log2(ceil(k/T))) (arXiv 2409.17092), in any order. It is
// 0 where a.Bits is. The width that given integers need can be less: it is that of
// the whole row. Each tile's sum is one of 2^P codes, and m sums of that range span
// less than 2^(P+ceil(log2 m)).
func (a Accumulator) OuterBits(k int) int {
	if a.Bits == 0 {
		return 0
	}
	// bits.Len(m-1) is ceil(log2(m)) for m >= 1, and 0 for a single tile.
	return a.Bits + bits.Len(uint(a.tiles(k)-1))
}

// tileSize returns the number of inputs of a tile of a row of k. A tile longer than
// the row is the row. The last tile of a row may be shorter than the others.
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
	case a.Tile > 0 && a.Taps.Any():
		return fmt.Errorf("tile of %d inputs with taps of %v, want one of the two", a.Tile, a.Taps)
	}
	if err := a.Taps.Check(); err != nil {
		return fmt.Errorf("taps: %w", err)
	}
	return nil
}

// half is the constraint p*P + n*N <= limit on the sums P of the positive and N of
// the negated negative weights of a tile. The largest sum is P*hi + N*lo and the
// smallest -(P*lo + N*hi) for inputs in -lo..hi, so both ends of the range are such
// a constraint.
type half struct{ p, n, limit int64 }

// set is a set of integer tiles: those that satisfy every half. It is the exact one
// of MATH 1, which for signed inputs is a little larger than the budgets of
// quant.Rule. All coefficients are at least 0, so taking units away never leaves
// the set.
type set []half

// set returns the integers that a permits for inputs of type x. slack, 0 or 1,
// is how many of the lowest accumulator codes quant.Split leaves unused: with 1 the
// threshold of an output that is always reached, one below the smallest sum,
// fits in the accumulator's width too (MATH 6).
func (a Accumulator) set(x quant.DataType, slack int64) set {
	var s set
	if units := a.Taps.MaxUnits(); units > 0 {
		s = append(s, half{1, 1, int64(units)})
	}
	if a.Bits == 0 {
		return s
	}
	// lo is 0 for unsigned inputs: then positive weights count towards the upper
	// end alone, negative ones towards the lower.
	hi, lo := x.Max(), -x.Min()
	top := int64(1)<<(a.Bits-1) - 1
	if a.Rule == quant.Shifted {
		// With a start of the row's own only the width of the range counts:
		// (P+N)(hi+lo), which must fit 2^P-1 steps between the lowest and the
		// highest code.
		return append(s, half{hi + lo, hi + lo, 2*top + 1})
	}
	// From a start of 0 both ends count for themselves: the largest sum must not
	// pass 2^(P-1)-1, the smallest not -2^(P-1).
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

// room returns how many more positive, or negative, units a tile in the set has
// room for. It is the smallest quotient over the constraints that such a unit
// enters; dividing rounds towards 0, which is down as long as the tile lies in the
// set.
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

// relieves says that one positive, or negative, unit less brings a tile that is
// outside the set closer to it. Where a tile violates one end of the range alone,
// taking units of the sign that does not count there would cost accuracy and bring
// nothing.
func (s set) relieves(pos, neg int64, positive bool) bool {
	for _, h := range s {
		if h.p*pos+h.n*neg > h.limit && (positive && h.p > 0 || !positive && h.n > 0) {
			return true
		}
	}
	return false
}
