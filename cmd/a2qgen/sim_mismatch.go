package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/sim"
)

// printMismatch shows the first difference: where it is, of data which element it is and how
// that comes about, and the cycles around it on both sides.
func printMismatch(w io.Writer, m *sim.Mismatch) {
	fmt.Fprintf(w, "\nfirst mismatch: stream %s, cycle %d, frame %d, beat %d", m.Stream, m.Cycle, m.Frame, m.Beat)
	if e := m.Element; e != nil {
		fmt.Fprintf(w, ", lane %d\n", e.Lane)
		printElement(w, e)
	} else {
		fmt.Fprintf(w, "\n  differs      %s\n", differs(m))
	}
	// Both ends, since the one at fault follows from which signal is wrong.
	fmt.Fprintf(w, "  between      %s, whose valid and data it is, and %s, whose ready it is\n", m.Writer, m.Reader)
	fmt.Fprintln(w)
	printCycles(w, m)
	fmt.Fprintln(w)
}

// differs names what differs where it is no element.
func differs(m *sim.Mismatch) string {
	// The others are words already.
	switch m.What {
	case sim.DiffersHandshake:
		return "valid or ready"
	case sim.DiffersUnknown:
		return m.Unknown + " is unknown (x or z): a register without a reset, or a memory that was not read"
	}
	return m.What
}

// printElement says what should be in a lane, and what is.
func printElement(w io.Writer, e *sim.Element) {
	// As numbers: data in hexadecimal stand in the table below, as waves show them.
	kind := "unsigned"
	if e.Signed {
		kind = "signed"
	}
	fmt.Fprintf(w, "  carries      %s, in bits %d:%d, %s", e.Name(), e.Bit+e.Bits-1, e.Bit, kind)
	// One lane of many is a fault of that lane; all of them are most often one of timing or order.
	if e.LanesWrong > 1 {
		fmt.Fprintf(w, "; %d lanes of the beat differ", e.LanesWrong)
	}
	fmt.Fprintf(w, "\n  expected     %d\n  Verilog had  %d\n", e.Expected, e.Had)
	// Both sides of the comparison, so that the reader sees whether a sum or a threshold is off:
	// next to a threshold either may be, far from both it is the search or an address.
	if a := e.Activation; a != nil {
		fmt.Fprintf(w, "  accumulator  %d: %s gives %d\n", a.Accumulator, between(a.Above, a.UpTo), e.Expected)
		fmt.Fprintf(w, "               %s would give %d\n", between(a.HadAbove, a.HadUpTo), e.Had)
		fmt.Fprintf(w, "               (thresholds of row %d%s)\n", e.Row, falling(a))
	}
	if s := e.Scores; s != nil {
		fmt.Fprintf(w, "  score        %v\n", s)
	}
}

// falling says of a row that its activations fall, which turns the meaning of its thresholds.
func falling(a *sim.Activation) string {
	if a.Inverted {
		return ", whose outputs fall as its accumulator rises"
	}
	return ""
}

// between describes the accumulators between two thresholds: above the one, not above the
// other.
func between(above, upTo *sim.Threshold) string {
	var parts []string
	if above != nil {
		parts = append(parts, fmt.Sprintf("above threshold %d (%d)", above.Index, above.Value))
	}
	if upTo != nil {
		parts = append(parts, fmt.Sprintf("not above threshold %d (%d)", upTo.Index, upTo.Value))
	}
	return strings.Join(parts, ", ")
}

// printCycles shows both sides of a stream side by side, the cycle of the difference marked.
func printCycles(w io.Writer, m *sim.Mismatch) {
	// A bar before each side: they have the same columns.
	side := []any{"|", "valid", "ready", "data"}
	// Without an element there is no lane to single out.
	if m.Element != nil {
		side = append(side, fmt.Sprintf("lane %d", m.Element.Lane))
	}
	// Above the last column of each side, whose it is.
	over := make([]string, 2*len(side))
	over[0], over[len(side)] = "|", "|"
	over[len(side)-1], over[len(over)-1] = "model", "Verilog"
	t := table.New(table.Left(""), table.Right(over...))
	t.Row(slices.Concat([]any{"cycle"}, side, side)...)
	// A mark, not the middle: at either end of a run there are fewer than five.
	for _, v := range m.Cycles {
		mark := "  "
		if v.Cycle == m.Cycle {
			mark = "> "
		}
		t.Row(slices.Concat([]any{mark + fmt.Sprint(v.Cycle)},
			sideOf(&v.Model, m.Element), sideOf(v.Verilog, m.Element))...)
	}
	t.WriteText(w)
}

// sideOf returns the cells of one side: valid, ready, data and, where an element differs, what
// is in its lane.
func sideOf(s *sim.Shown, e *sim.Element) []any {
	// As waves show them.
	cells := []any{"|", "x", "x", "x"} // a cycle with unknown bits
	if s != nil {
		cells = []any{"|", digit(s.Valid), digit(s.Ready), shortHex(s.Data, e)}
	}
	switch {
	case e == nil:
	// The element as a number, so that nobody has to cut bits out of the beat by hand.
	case s != nil && s.Element != nil:
		cells = append(cells, *s.Element)
	default:
		cells = append(cells, "-")
	}
	return cells
}

// digit writes a signal as waves do.
func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hexDigits bounds what is shown of a beat: those of hundreds of elements have hundreds.
const hexDigits = 16

// shortHex cuts a beat to the digits around an element, or to its lowest.
func shortHex(data string, e *sim.Element) string {
	if data == "" {
		return "-"
	}
	// Cut in whole digits: the hexadecimal then still is a part of what a waveform viewer shows.
	digits := data[len("0x"):]
	// Whole, where it fits: a number that can be looked for in a waveform.
	if len(digits) <= hexDigits {
		return data
	}
	// From the right: the digit of the element's lowest bit, with a few below it.
	to := 0
	if e != nil {
		to = max(0, min(e.Bit/4-hexDigits/4, len(digits)-hexDigits))
	}
	// Dots say that there is more on that side.
	out := digits[len(digits)-to-hexDigits : len(digits)-to]
	if to > 0 {
		out += "..."
	}
	if to+hexDigits < len(digits) {
		out = "..." + out
	}
	return "0x" + out
}
