package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// Mismatch is a difference between model and Verilog, as much of it as leads to its cause.
// Its JSON is documented in docs/simulation.md; keys are only ever added.
type Mismatch struct {
	// Stream is the name of the stream, or of the output port.
	Stream string `json:"stream"`
	// Writer and Reader are the blocks, or ports of the design, at its ends: valid and data
	// are the writer's, ready is the reader's.
	Writer string `json:"writer"`
	Reader string `json:"reader"`
	// Cycle counts from 0, the first after reset.
	Cycle int64 `json:"cycle"`
	// What differs: DiffersHandshake and so on.
	What string `json:"what"`
	// Frame and Beat of it are what the model's stream shows, or shows next. Both count from
	// 0; behind the last beat of a run Frame is the number of its frames.
	Frame int64 `json:"frame"`
	Beat  int   `json:"beat"`
	// Unknown is, of DiffersUnknown, the signal: valid, ready or data.
	Unknown string `json:"unknown,omitempty"`
	// Element is, of DiffersData, the first element of the beat that differs.
	Element *Element `json:"element,omitempty"`
	// Cycles are the two before, that of the difference and the two after it, as far as the
	// run has them.
	Cycles []CycleView `json:"cycles"`
}

// What differs.
const (
	DiffersHandshake = "handshake" // valid or ready
	DiffersData      = "data"      // an element
	DiffersLast      = "tlast"     // of an output port
	DiffersPadding   = "padding"   // bits of an output port between and above its elements
	DiffersUnknown   = "unknown"   // x or z in the Verilog (Icarus)
)

// Element is an element of a tensor in a beat, as expected and as the Verilog had it.
type Element struct {
	// Lane of the beat, from the low bits on, and its place: Bits bits from Bit on.
	Lane   int  `json:"lane"`
	Bit    int  `json:"bit"`
	Bits   int  `json:"bits"`
	Signed bool `json:"signed"`
	// LanesWrong counts the lanes of the beat that differ.
	LanesWrong int `json:"lanes_wrong"`
	// Tensor says which layer computes what the stream carries.
	hwgen.Tensor
	// Index of the element in the tensor, which is Position*rows + Row: rows are the channels
	// of a layer, positions the pixels of an image (0 of a vector).
	Index    int `json:"index"`
	Row      int `json:"row"`
	Position int `json:"position"`
	// Channel is the network's channel of the row, where the design computes them in another
	// order; else nil.
	Channel  *int  `json:"channel,omitempty"`
	Expected int64 `json:"expected"`
	Had      int64 `json:"had"`
	// Activation is how the expected output comes about; nil of what has no thresholds.
	Activation *Activation `json:"activation,omitempty"`
	// Scores are those of both classes, of a label.
	Scores *Scores `json:"scores,omitempty"`
}

// Activation is an accumulator among its row's thresholds.
type Activation struct {
	// Accumulator is the expected one at the end of its sum, start value included.
	Accumulator int64 `json:"accumulator"`
	// Above is the nearest threshold that the accumulator is above, UpTo the nearest that it
	// is not; nil where there is none.
	Above *Threshold `json:"above,omitempty"`
	UpTo  *Threshold `json:"up_to,omitempty"`
	// HadAbove and HadUpTo are the same for the accumulators that give what the Verilog had.
	HadAbove *Threshold `json:"had_above,omitempty"`
	HadUpTo  *Threshold `json:"had_up_to,omitempty"`
	// Inverted says that the row's outputs fall as its accumulator rises.
	Inverted bool `json:"inverted"`
}

// Threshold is a threshold of a row: Index counts them from 0, in rising order.
type Threshold struct {
	Index int   `json:"index"`
	Value int64 `json:"value"`
}

// Scores are the expected scores of the class that should win and, if there is such a
// class, of the one that did.
type Scores struct {
	Expected int64  `json:"expected"`
	Had      *int64 `json:"had,omitempty"`
}

// CycleView is what a stream shows in a cycle, on both sides.
type CycleView struct {
	Cycle int64 `json:"cycle"`
	Model Shown `json:"model"`
	// Verilog is nil where its bits are unknown.
	Verilog *Shown `json:"rtl"`
}

// Shown is what a stream shows in a cycle.
type Shown struct {
	Valid bool `json:"valid"`
	Ready bool `json:"ready"`
	// Data is the beat as one hexadecimal number, empty where there is none: of an output
	// port tdata with tlast in the byte above.
	Data string `json:"data,omitempty"`
	// Element is the value in the lane of Mismatch.Element, where there is one.
	Element *int64 `json:"element,omitempty"`
}

// String describes the mismatch in one line.
func (m *Mismatch) String() string {
	where := fmt.Sprintf("stream %q, cycle %d, frame %d, beat %d", m.Stream, m.Cycle, m.Frame, m.Beat)
	at := slices.IndexFunc(m.Cycles, func(v CycleView) bool { return v.Cycle == m.Cycle })
	switch {
	case m.Element != nil:
		return fmt.Sprintf("%s, lane %d: %v", where, m.Element.Lane, m.Element)
	case m.What == DiffersUnknown:
		return fmt.Sprintf("%s: %s is unknown, want a known value", where, m.Unknown)
	case at < 0 || m.Cycles[at].Verilog == nil: // a run that ended within the cycle
		return fmt.Sprintf("%s: %s differs", where, m.What)
	}
	model, had := m.Cycles[at].Model, m.Cycles[at].Verilog
	if m.What == DiffersHandshake {
		return fmt.Sprintf("%s: valid/ready is %s, want %s", where, had.handshake(), model.handshake())
	}
	return fmt.Sprintf("%s: %s in %s, want %s", where, m.What, had.Data, model.Data)
}

func (s *Shown) handshake() string { return fmt.Sprintf("%d/%d", bit(s.Valid), bit(s.Ready)) }

// String describes the element in words: which it is, expected and had, and why.
func (e *Element) String() string {
	text := fmt.Sprintf("%s is %d, want %d", e.Name(), e.Had, e.Expected)
	switch {
	case e.Activation != nil:
		return fmt.Sprintf("%s: accumulator %v", text, e.Activation)
	case e.Scores != nil:
		return fmt.Sprintf("%s, which has score %v", text, e.Scores)
	}
	return text
}

// Name names the element, such as: output 5 of layer "fc1".
func (e *Element) Name() string {
	of := "the network"
	if e.Layer != "" {
		of = fmt.Sprintf("layer %q", e.Layer)
	}
	if e.Channel != nil {
		of = fmt.Sprintf("%s (channel %d of the network)", of, *e.Channel)
	}
	switch {
	// A position has one label and one score.
	case (e.Holds == hwgen.HoldsLabel || e.Holds == hwgen.HoldsScore) && e.Position > 0:
		return fmt.Sprintf("%s of %s at position %d", e.Holds, of, e.Position)
	case e.Holds == hwgen.HoldsLabel || e.Holds == hwgen.HoldsScore:
		return fmt.Sprintf("%s of %s", e.Holds, of)
	case e.Position > 0:
		of = fmt.Sprintf("%s (row %d at position %d)", of, e.Row, e.Position)
	}
	return fmt.Sprintf("%s %d of %s", strings.TrimSuffix(e.Holds, "s"), e.Index, of)
}

// String gives the accumulator and the thresholds around it.
func (a *Activation) String() string {
	text := fmt.Sprint(a.Accumulator)
	if a.Above != nil {
		text += fmt.Sprintf(", above threshold %d (%d)", a.Above.Index, a.Above.Value)
	}
	if a.UpTo != nil {
		text += fmt.Sprintf(", not above threshold %d (%d)", a.UpTo.Index, a.UpTo.Value)
	}
	if a.Inverted {
		text += ", inverted"
	}
	return text
}

// String gives both scores.
func (s *Scores) String() string {
	if s.Had == nil {
		return fmt.Sprint(s.Expected)
	}
	return fmt.Sprintf("%d against %d", s.Expected, *s.Had)
}

// activationOf returns how accumulator acc of a row becomes an output, beside another output
// of the type, had.
func activationOf(t *quant.Thresholds, row int, acc, had int64) *Activation {
	a := &Activation{Accumulator: acc, Inverted: t.Inverted != nil && t.Inverted[row]}
	levels := t.Channel(row)
	// acc > t counts: the number of thresholds below acc is the index of the first that is not.
	n, _ := slices.BinarySearch(levels, acc)
	a.Above, a.UpTo = around(levels, n)
	steps := had - t.Output.Min()
	if a.Inverted {
		steps = t.Output.Max() - had
	}
	a.HadAbove, a.HadUpTo = around(levels, int(steps))
	return a
}

// around returns the thresholds on both sides of the accumulators that exceed n of them.
func around(levels []int64, n int) (above, upTo *Threshold) {
	if n > 0 {
		above = &Threshold{n - 1, levels[n-1]}
	}
	if n < len(levels) {
		upTo = &Threshold{n, levels[n]}
	}
	return above, upTo
}
