package quant

import "math"

// checkScores returns an error if acc*Gain+Bias can leave int64 for an
// accumulator value within a channel's range.
func (l *Layer) checkScores(fail func(string, ...any) error) error {
	for c, gain := range l.Score.Gain {
		r := l.AccRange(c)
		for _, acc := range []int64{r.Min, r.Max} {
			if scoreOverflows(acc, gain, l.Score.Bias[c]) {
				return fail("channel %d: score %d*%d%+d does not fit in 64 bits", c, acc, gain, l.Score.Bias[c])
			}
		}
	}
	return nil
}

func scoreOverflows(acc, gain, bias int64) bool {
	product := acc * gain
	if acc != 0 && (product/acc != gain || acc == -1 && gain == math.MinInt64) {
		return true
	}
	sum := product + bias
	return (product >= 0) == (bias >= 0) && (sum >= 0) != (product >= 0)
}
