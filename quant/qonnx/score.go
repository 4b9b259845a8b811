package qonnx

import (
	"errors"
	"math/big"
	"math/bits"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

const (
	// maxGain bounds the integer gains of an exact score.
	maxGain = 1 << 16
	// roundedGain is the largest gain of a rounded score: an accumulator of
	// up to 16 bits is then off by at most half a unit.
	roundedGain = 1 << 15
)

// newScore turns the chain of the last layer into a score. Derived: with real
// outputs gain_c*acc + offset_c and gain_c = g*G_c, g > 0 and G_c integer, the
// order of the outputs is that of G_c*acc + b_c, b_c = offset_c/g. The sum of
// the integers G_c*acc and floor(b_c) decides; the fractions of the b_c break
// ties, and for that their ranks will do:
//
//	score = (G_c*acc + floor(b_c)) * 2^r + rank(frac(b_c)),  ranks < 2^r.
//
// A common gain makes G_c = 1 or -1. Where the gains have no small common
// measure, gains and biases are rounded and the score is not exact. accs are
// the ranges of the accumulators. (An argmax over real numbers, MATH 5: the
// last layer has no Quant and no target.) All of it is in rational numbers;
// hardware compares integers.
func newScore(accs []quant.AccRange, steps []step) (*quant.Score, error) {
	gain, offset := make([]*big.Rat, len(accs)), make([]*big.Rat, len(accs))
	for c := range accs {
		var err error
		if gain[c], offset[c], err = affine(steps, c); err != nil {
			return nil, err
		}
	}
	if s := exactScore(gain, offset); s != nil && fits(accs, s) {
		return s, nil
	}
	if s := roundedScore(gain, offset); s != nil && fits(accs, s) {
		return s, nil
	}
	return nil, errors.New("the biases of the last layer are too large, next to its scales, for 63-bit scores")
}

// exactScore returns the exact score, or nil where gains or biases are too
// large for it. Example: biases 0.3 and 0.7 units with gains 1 have floors 0,
// ranks 0 and 1, r = 1: scores 2*acc and 2*acc + 1 compare as acc + 0.3 and acc
// + 0.7 do.
func exactScore(gain, offset []*big.Rat) *quant.Score {
	unit, whole := commonMeasure(gain)
	if unit == nil {
		return nil
	}
	floors, fracs := make([]*big.Int, len(offset)), make([]*big.Rat, len(offset))
	for c, o := range offset {
		b := new(big.Rat).Quo(o, unit)
		// The denominator is positive, so that Div rounds down.
		floors[c] = new(big.Int).Div(b.Num(), b.Denom())
		fracs[c] = b.Sub(b, new(big.Rat).SetInt(floors[c]))
	}
	ranks, most := denseRanks(fracs)
	// Ranks 0..most need Len(most) bits; r = 0 where all fractions are equal.
	r := uint(bits.Len(uint(most)))
	s := &quant.Score{Exact: true}
	for c := range offset {
		bias := new(big.Int).Lsh(floors[c], r)
		bias.Add(bias, big.NewInt(int64(ranks[c])))
		if !bias.IsInt64() {
			return nil
		}
		s.Gain = append(s.Gain, whole[c]<<r)
		s.Bias = append(s.Bias, bias.Int64())
	}
	return s
}

// commonMeasure returns the largest g > 0 that all gains are integer multiples
// of, and those integers; nil if one exceeds maxGain. Scales in FLOAT that
// differ by channel rarely have one: 0.1 and 0.3 as floats are no multiples of
// a common 0.1. Powers of two do.
func commonMeasure(gain []*big.Rat) (g *big.Rat, whole []int64) {
	whole = make([]int64, len(gain))
	// Without a gain that is not 0, any measure will do.
	i := slices.IndexFunc(gain, func(v *big.Rat) bool { return v.Sign() != 0 })
	if i < 0 {
		return big.NewRat(1, 1), whole
	}
	first := new(big.Rat).Abs(gain[i])
	limit := big.NewInt(maxGain)
	// The ratios to the first gain have the common denominator lcm.
	lcm, gcd := big.NewInt(1), new(big.Int)
	ratio := make([]*big.Rat, len(gain))
	for c, v := range gain {
		ratio[c] = new(big.Rat).Quo(v, first)
		d := ratio[c].Denom()
		gcd.GCD(nil, nil, lcm, d)
		lcm.Mul(lcm, new(big.Int).Quo(d, gcd))
		if lcm.CmpAbs(limit) > 0 {
			return nil, nil
		}
	}
	for c, v := range ratio {
		n := new(big.Int).Mul(v.Num(), new(big.Int).Quo(lcm, v.Denom()))
		if n.CmpAbs(limit) > 0 {
			return nil, nil
		}
		whole[c] = n.Int64()
	}
	return first.Quo(first, new(big.Rat).SetInt(lcm)), whole
}

// denseRanks numbers the distinct values of v from 0 in ascending order and
// returns each element's number and the largest.
func denseRanks(v []*big.Rat) (ranks []int, most int) {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return v[a].Cmp(v[b]) })
	ranks = make([]int, len(v))
	for i := 1; i < len(order); i++ {
		if v[order[i]].Cmp(v[order[i-1]]) != 0 {
			most++
		}
		ranks[order[i]] = most
	}
	return ranks, most
}

// roundedScore scales gains and biases so that the largest gain becomes
// roundedGain, and rounds; nil where a bias leaves 64 bits. An output's error
// is half a unit of the gain, times the accumulator.
func roundedScore(gain, offset []*big.Rat) *quant.Score {
	largest := new(big.Rat)
	for _, v := range gain {
		if a := new(big.Rat).Abs(v); a.Cmp(largest) > 0 {
			largest = a
		}
	}
	if largest.Sign() == 0 {
		return nil
	}
	unit := largest.Quo(largest, big.NewRat(roundedGain, 1))
	s := &quant.Score{}
	for c := range gain {
		g, b := nearest(new(big.Rat).Quo(gain[c], unit)), nearest(new(big.Rat).Quo(offset[c], unit))
		if !b.IsInt64() {
			return nil
		}
		s.Gain, s.Bias = append(s.Gain, g.Int64()), append(s.Bias, b.Int64())
	}
	return s
}

// nearest rounds v to an integer, halves upwards.
func nearest(v *big.Rat) *big.Int {
	w := new(big.Rat).Add(v, big.NewRat(1, 2))
	return new(big.Int).Div(w.Num(), w.Denom())
}

// fits says whether all scores stay within 63 bits. A score is linear in its
// accumulator, so that the ends of the range decide.
func fits(accs []quant.AccRange, s *quant.Score) bool {
	for c := range s.Gain {
		r := accs[c]
		for _, acc := range []int64{r.Min, r.Max} {
			v := new(big.Int).Mul(big.NewInt(acc), big.NewInt(s.Gain[c]))
			if v.Add(v, big.NewInt(s.Bias[c])).BitLen() > 62 {
				return false
			}
		}
	}
	return true
}
