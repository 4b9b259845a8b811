package report

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// ticks are the plot package's with labels as people write numbers: no more decimals
// than the marks need, and commas between thousands.
type ticks struct {
	// whole leaves out marks between whole numbers, as there is nothing between
	// two widths or two epochs.
	whole bool
}

// Ticks returns the marks between two values. Minor marks, without labels, stay, but
// between whole numbers.
func (t ticks) Ticks(from, to float64) []plot.Tick {
	var marks []plot.Tick
	// The same number for all marks of an axis, so that their digits align.
	decimals := 0
	for _, m := range (plot.DefaultTicks{}).Ticks(from, to) {
		// A mark at 8.5 bits would suggest that there is such a width.
		if t.whole && !nearWhole(m.Value) {
			continue
		}
		if m.Label != "" {
			decimals = max(decimals, decimalsOf(m.Value))
		}
		marks = append(marks, m)
	}
	for i := range marks {
		if marks[i].Label != "" {
			marks[i].Label = number(marks[i].Value, decimals)
		}
	}
	return marks
}

// nearWhole allows for the rounding of marks that were summed up in steps of 0.1.
func nearWhole(v float64) bool { return math.Abs(v-math.Round(v)) < 1e-9*max(1, math.Abs(v)) }

// decimalsOf returns how many decimals v has beside its rounding error. At most 9, for a
// value such as 1/3 that has no end.
func decimalsOf(v float64) int {
	n := 0
	for ; n < 9 && !nearWhole(v); n++ {
		v *= 10
	}
	return n
}

// number writes v with so many decimals: 12,500 or -0.25. "-0.00" loses its sign.
func number(v float64, decimals int) string {
	digits := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, rest, _ := strings.Cut(digits, ".")
	// From the right: positions to the left of a comma do not move by it.
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if rest != "" {
		whole += "." + rest
	}
	if v < 0 && strings.Trim(whole, "0.") != "" {
		return "-" + whole
	}
	return whole
}
