package train

import (
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

// coding says how real numbers become the integers that a table holds. The real
// number of integer q is scale*q: the zero point is 0, so that padding with 0 is
// exact.
type coding struct {
	typ   quant.DataType // at most 8 bits
	scale float32        // what one is worth
	// saturates says that the user gave the range: values beyond it, up to a part
	// mostSaturated of all, become its ends. Otherwise there must be none.
	saturates bool
}

// mostSaturated is the part of the samples' values that may lie beyond a range
// that the user gave: outliers do, samples of another scale do not.
const mostSaturated = 0.01

// unitCoding is that of [0, 1] on unsigned codes: 1/255 each for 8 bits.
func unitCoding(bits int) coding {
	return coding{typ: quant.DataType{Bits: bits}, scale: inputScale(bits)}
}

// inputCoding returns that of the network's input: of [0, 1], or of InputRange, on
// signed codes where that goes below 0. A range that is not symmetric gets the
// scale at which both its ends fit.
func (s *Spec) inputCoding() coding {
	c := unitCoding(s.InputBits)
	if !s.ownRange() {
		return c
	}
	lo, hi := s.InputRange[0], s.InputRange[1]
	c.typ.Signed = lo < 0
	return coding{typ: c.typ, scale: quant.RangeScale(c.typ, lo, hi), saturates: true}
}

// InputType returns the type of the network's input.
func (s *Spec) InputType() quant.DataType { return s.inputCoding().typ }

// ownRange says that the input holds something else than [0, 1].
func (s *Spec) ownRange() bool {
	return len(s.InputRange) == 2 && (s.InputRange[0] != 0 || s.InputRange[1] != 1)
}

// value returns the real number that a code stands for. Signed codes are two's
// complement in the byte.
func (c coding) value(code uint8) float32 {
	if c.typ.Signed {
		return float32(int8(code)) * c.scale
	}
	return float32(code) * c.scale
}

// code returns the code of v, as QONNX's Quant has it, and whether v lies within
// half a unit of what the codes stand for. Division in float64 and half to even:
// then clip. The file's reader computes the same integers.
func (c coding) code(v float32) (code uint8, held bool) {
	q := math.RoundToEven(float64(v) / float64(c.scale))
	lo, hi := float64(c.typ.Min()), float64(c.typ.Max())
	held = q >= lo && q <= hi
	return uint8(int64(max(lo, min(q, hi)))), held
}

// quantise sets t's codes from the real samples of set.
func (t *table) quantise(name string, set *data.Set, c coding) error {
	t.codes = make([]uint8, t.n*t.size)
	row := make([]float32, t.size)
	beyond := 0
	for i := range t.n {
		set.Sample(i, row)
		for j, v := range row {
			code, held := c.code(v)
			// Written with !, so that NaN is refused. It comes before beyond
			// counts: the first value is named, not a share.
			if !c.saturates && !(v >= 0 && v <= 1) {
				return outside(name, set, i, j, v)
			}
			if !held {
				beyond++
			}
			t.codes[i*t.size+j] = code
		}
	}
	if share := float64(beyond) / float64(len(t.codes)); share > mostSaturated {
		lo, hi := valueRange(set)
		return fmt.Errorf("train: %s set: %.2f %% of the values lie beyond input_range, "+
			"want at most %v %%: they are %.4g..%.4g",
			name, 100*share, 100*mostSaturated, lo, hi)
	}
	return nil
}

// outside is the error for value j of sample i where [0, 1] is wanted. The range
// that it proposes is that of the set, widened to have 0.
func outside(name string, set *data.Set, i, j int, v float32) error {
	lo, hi := valueRange(set)
	why := "only unsigned bytes are divided by 255, and these are no bytes"
	if set.Bytes != nil {
		why = fmt.Sprintf("bytes are multiplied by %v", set.Scale)
	}
	return fmt.Errorf("train: %s set: sample %d: value %d is %v, want 0..1: %s; "+
		"input_range: [%.4g, %.4g] (--input-range %.4g:%.4g) takes all of them",
		name, i, j, v, why, min(lo, 0), max(hi, 0), min(lo, 0), max(hi, 0))
}

// valueRange returns the smallest and the largest value of set's samples.
func valueRange(set *data.Set) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	row := make([]float32, set.Size())
	for i := range set.Len() {
		set.Sample(i, row)
		for _, v := range row {
			lo, hi = min(lo, float64(v)), max(hi, float64(v))
		}
	}
	return lo, hi
}
