package block

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// Layer draws the layer of a sample: normal weights that use the M bits, shrunk
// towards zero (as training under a budget does) until P bits are enough, from start
// values where the sample is shifted, unless it is of an unsafe P; or -1 and +1 where it has signs.
func (s Sample) Layer() *quant.Layer {
	p := s.Params
	rng := rand.New(rand.NewPCG(s.Seed, 7))
	l := &quant.Layer{Name: "fc", In: p["mw"], Out: p["mh"], WeightBits: p["m"],
		Input: quant.DataType{Bits: p["n"], Signed: p["signed"] == 1}}
	l.Weights = make([]int32, l.In*l.Out)
	for c := range l.Out {
		drawRow(rng, l, c, p)
	}
	if p["signs"] == 1 {
		drawSigns(rng, l)
	}
	if p["shifted"] == 1 {
		l.Start = make([]int64, l.Out)
		for c := range l.Start { // also where 0 would do: the memory is to be seen
			l.Start[c] = LowestStart(l, c, p["p"])
		}
	}
	if p["a"] > 0 {
		l.Thresholds = drawThresholds(rng, l, quant.DataType{Bits: p["a"], Signed: p["asigned"] == 1},
			p["invert"] == 1, p["p"])
		return l
	}
	l.Score = &quant.Score{Gain: make([]int64, l.Out), Bias: make([]int64, l.Out)}
	for c := range l.Out {
		l.Score.Gain[c] = 1
		if p["gain"] > 0 {
			l.Score.Gain[c] = 1 + rng.Int64N(int64(1)<<p["gain"])
		}
		l.Score.Bias[c] = int64(rng.NormFloat64() * math.Ldexp(1, p["p"]+p["gain"]-4))
	}
	return l
}

// drawSigns draws weights of -1 and +1. Accumulators of inputs of one bit begin at the number of those of -1,
// as plans let them.
func drawSigns(rng *rand.Rand, l *quant.Layer) {
	for i := range l.Weights {
		l.Weights[i] = int32(2*rng.IntN(2) - 1)
	}
	if l.Input != (quant.DataType{Bits: 1}) {
		return
	}
	for c := range l.Out {
		l.Start = append(l.Start, -l.SumRange(c).Min)
	}
}

// drawRow draws row c of l.Weights, In values of M bits.
//
// A deviation of 0.4 of the largest code uses all M bits and clips few. All values move towards
// 0 by the same cut, in steps of 1/64 of that code, until the row's sums fit P bits: with a
// start value (ShiftedStart) where the sample is shifted, by the exact range of the row else.
// It ends, since a row of zeros fits; an unsafe sample's row is not cut at all.
func drawRow(rng *rand.Rand, l *quant.Layer, c int, p map[string]int) {
	top := math.Ldexp(1, l.WeightBits-1)
	real := make([]float64, l.In)
	for i := range real {
		real[i] = rng.NormFloat64() * top / 2.5
	}
	row := l.Weights[c*l.In : (c+1)*l.In]
	for cut := 0.0; ; cut += top / 64 {
		for i, v := range real {
			w := math.Round(math.Copysign(max(math.Abs(v)-cut, 0), v))
			row[i] = int32(max(-top, min(top-1, w)))
		}
		if _, fits := l.ShiftedStart(c,
			p["p"]); p["unsafe"] == 1 || p["shifted"] == 1 && fits || l.AccRange(c).Bits() <= p["p"] {
			return
		}
	}
}

// drawThresholds draws the thresholds of a layer; with invert half of its channels fall.
func drawThresholds(rng *rand.Rand, l *quant.Layer, out quant.DataType, invert bool, p int) *quant.Thresholds {
	t := &quant.Thresholds{Output: out}
	for c := range l.Out {
		t.Values = append(t.Values, DrawStaircase(rng, l.AccRange(c), t.Levels(), p)...)
		if invert {
			t.Inverted = append(t.Inverted, rng.IntN(2) == 0)
		}
	}
	return t
}

// DrawStaircase draws the thresholds of a channel of accumulators in r, of p bits, around their
// usual values: normal, with an eighth of the exact range as deviation, a quarter of what lies
// on either side of its middle.
//
// Values lie in r.Min-1 (always passed) to r.Max (never), and in P bits; they are sorted, as the
// binary search wants them.
func DrawStaircase(rng *rand.Rand, r quant.AccRange, levels, p int) []int64 {
	row, limit := make([]int64, levels), int64(1)<<(p-1)
	for k := range row {
		v := int64(math.Round(rng.NormFloat64()*float64(r.Max-r.Min)/8 + float64(r.Max+r.Min)/2))
		row[k] = max(r.Min-1, -limit, min(r.Max, limit-1, v))
	}
	slices.Sort(row)
	return row
}

// LowestStart returns the start value that puts the smallest sum of channel c on
// the lowest code of p bits, or one above where that leaves a code free.
//
// That is quant.Layer.ShiftedStart without its case of a plain accumulator. One above the
// lowest code leaves room for a threshold below every sum in P bits.
func LowestStart(l *quant.Layer, c, p int) int64 {
	r := l.AccRange(c) // before the start value is set
	start := -int64(1)<<(p-1) - r.Min
	if r.Max-r.Min < int64(1)<<p-1 {
		start++
	}
	return start
}
