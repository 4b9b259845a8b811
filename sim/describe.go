package sim

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/verilator"
)

// before and after are how many cycles are shown on either side of the first difference.
const before, after = 2, 2

// past holds the model's handshakes of the last cycles, cycle n at n % before. Up to the
// first difference the Verilog shows the same, and data follow from the number of beats that
// have passed: nothing else has to be kept.
type past [before]struct{ valid, ready bitSet }

func newPast(probes int) (p past) {
	for i := range p {
		p[i].valid, p[i].ready = newBitSet(probes), newBitSet(probes)
	}
	return p
}

// differs counts a difference of probe i and returns the first, for its details: those that
// follow are most often consequences of it. For them it returns nil.
func (c *comparison) differs(i int, cycle int64, what string) *Mismatch {
	// All are counted, since their number tells a slip in one beat from a design that is off.
	c.result.Mismatches++
	// Described once: a wrong valid makes thousands of them, and each costs a run of the executor.
	if c.first != nil {
		return nil
	}
	c.first, c.probe = &Mismatch{Stream: c.name(i), Cycle: cycle, What: what}, i
	c.first.Writer, c.first.Reader = endsOf(c.design, c.stream(i))
	// By the model's count: after a fault in a handshake the Verilog may be at another beat.
	beats := int64(c.design.Streams[c.stream(i)].Beats)
	sent := c.sent[c.stream(i)]
	c.first.Frame, c.first.Beat = sent/beats, int(sent%beats)
	return c.first
}

// endsOf returns the names of the block or port that writes a stream, and that reads it.
func endsOf(d *hwgen.Design, stream int) (writer, reader string) {
	for _, p := range d.Sources {
		if p.Stream == stream {
			writer = p.Name
		}
	}
	for _, p := range d.Sinks {
		if p.Stream == stream {
			reader = p.Name
		}
	}
	for _, n := range d.Nodes {
		if slices.Contains(n.Out, stream) {
			writer = n.Name()
		}
		if slices.Contains(n.In, stream) {
			reader = n.Name()
		}
	}
	return writer, reader
}

// note keeps what a cycle shows: its handshakes before the first difference, all of the
// stream that differs from then on. rtl is nil where it is not known.
func (c *comparison) note(cycle int64, rtl *verilator.Cycle) {
	switch {
	// The usual case, in every cycle of a run: two short copies.
	case c.first == nil:
		p := &c.past[cycle%before]
		copy(p.valid, c.valid)
		copy(p.ready, c.ready)
	case cycle == c.first.Cycle:
		c.first.Cycles = c.earlier()
		fallthrough
	case cycle <= c.first.Cycle+after:
		c.first.Cycles = append(c.first.Cycles, c.view(cycle, rtl))
	}
}

// earlier returns the cycles before the first difference, in which both sides were the same.
func (c *comparison) earlier() []CycleView {
	// As many as there are: a difference in the first cycles has fewer before it.
	var views [before]CycleView
	sent, n := c.sent[c.stream(c.probe)], 0
	// Backwards: a cycle that passed a beat began with one less.
	for cycle := c.first.Cycle - 1; cycle >= 0 && n < before; cycle-- {
		p := &c.past[cycle%before]
		valid, ready := p.valid.has(c.probe), p.ready.has(c.probe)
		sent -= int64(bit(valid && ready))
		model, rtl := c.shown(valid, ready, c.expected(c.probe, sent)), c.shown(valid, ready, c.expected(c.probe, sent))
		n++
		views[before-n] = CycleView{cycle, model, &rtl}
	}
	return append([]CycleView{}, views[before-n:]...)
}

// view returns what the stream of the first difference shows in this cycle.
func (c *comparison) view(cycle int64, rtl *verilator.Cycle) CycleView {
	i := c.probe
	v := CycleView{Cycle: cycle,
		Model: c.shown(c.valid.has(i), c.ready.has(i), c.expected(i, c.sent[c.stream(i)]))}
	if rtl != nil {
		had := c.shown(rtl.IsValid(i), rtl.IsReady(i), rtl.Data[i])
		v.Verilog = &had
	}
	return v
}

// shown returns what the stream of the first difference shows with these handshakes and data,
// which count only while valid and are nil behind the run's last beat.
func (c *comparison) shown(valid, ready bool, data []byte) Shown {
	s := Shown{Valid: valid, Ready: ready}
	if !valid || data == nil {
		return s
	}
	s.Data = hex(data)
	if e := c.first.Element; e != nil {
		v := c.lanes(c.probe)[e.Lane].value(data)
		s.Element = &v
	}
	return s
}

// expected returns the data of beat n of probe i, nil where there is no such beat.
func (c *comparison) expected(i int, n int64) []byte {
	s := c.design.Streams[c.stream(i)]
	if n >= c.total[c.stream(i)] {
		return nil
	}
	// Not c.expect: that is of the beat that the stream shows now, and this may be an earlier one.
	data := c.v.beat(c.stream(i), n, make([]byte, (s.Bits+7)/8))
	if c.isPort(i) {
		data = port(s.Content, data, n%int64(s.Beats) == int64(s.Beats)-1)
	}
	return data
}

// lanes returns the lanes of probe i.
func (c *comparison) lanes(i int) []lane {
	content := c.design.Streams[c.stream(i)].Content
	if c.isPort(i) {
		return portLanes(content)
	}
	return lanesOf(content)
}

// unknown takes an unknown bit, which ends the run, for a difference in its cycle.
func (c *comparison) unknown(u *verilator.UnknownError) {
	i := slices.Index(StreamNames(c.design), u.Stream)
	// The reader of the trace met it before the visit of this cycle: the model stands before it.
	c.look()
	if m := c.differs(i, int64(u.Cycle), DiffersUnknown); m != nil {
		m.Unknown = u.What
	}
	c.note(int64(u.Cycle), nil)
}

// explain says of the first difference, which is one of data, what differs.
func (c *comparison) explain(m *Mismatch, i int, want, got []byte) {
	lanes := c.lanes(i)
	// Integers are compared, not bytes: an element may begin and end anywhere in a byte.
	for k, l := range lanes {
		expected, had := l.value(want), l.value(got)
		switch {
		case expected == had:
		case m.Element != nil:
			m.Element.LanesWrong++
		default:
			m.Element = &Element{Lane: k, Bit: l.at, Bits: l.part.Bits, Signed: l.part.Signed, LanesWrong: 1,
				Tensor: l.part.Tensor, Index: l.part.Element(m.Beat, l.index), Expected: expected, Had: had}
			c.v.trackDown(m.Element, m.Frame)
		}
	}
	if m.Element != nil {
		return
	}
	// Only the port has bits that are no element's: tlast in the last byte, and padding.
	m.What = DiffersPadding
	if last := len(want) - 1; bytes.Equal(want[:last], got[:last]) {
		m.What = DiffersLast
	}
}

// trackDown fills in where an element of a frame comes from, and what it is computed from.
func (v *values) trackDown(e *Element, frame int64) {
	// A border is computed by nobody.
	if e.Index == hwgen.Outside {
		return
	}
	n := v.design.Network
	shape := n.Input.Shape
	at := layerOf(n, e.Tensor)
	if at >= 0 {
		shape = n.Layers[at].Shape
	}
	classes := shape.C
	if e.Holds == hwgen.HoldsLabel || e.Holds == hwgen.HoldsScore { // one at a position
		shape.C = 1
	}
	e.Row, e.Position = e.Index%shape.C, e.Index/shape.C
	if at >= 0 && v.design.Layers[at].Channels != nil {
		e.Channel = &v.design.Layers[at].Channels[e.Row]
	}
	// Again, for this frame alone: of a run's frames only what streams carry is kept.
	v.exec.Run(v.samples[frame], &v.trace)
	switch e.Holds {
	case hwgen.HoldsOutputs:
		if t := n.Layers[at].Thresholds; t != nil {
			e.Activation = activationOf(t, e.Row, v.trace.Acc[at][e.Index], e.Had)
		}
	case hwgen.HoldsLabel:
		e.Scores = scoresOf(v.trace.Scores[n.OutputOf(at)][e.Position*classes:][:classes], e)
	}
}

// scoresOf returns the scores of the classes that a label names, expected and had. A single
// score tells two classes apart: there it is the one of both.
func scoresOf(scores []int64, e *Element) *Scores {
	if len(scores) == 1 {
		return &Scores{Expected: scores[0]}
	}
	s := &Scores{Expected: scores[e.Expected]}
	// A wrong label may be any number of its bits, more than there are classes.
	if e.Had >= 0 && e.Had < int64(len(scores)) {
		s.Had = &scores[e.Had]
	}
	return s
}

// layerOf returns the index of the layer that computes a tensor, -1 for the network's input.
func layerOf(n *quant.Network, t hwgen.Tensor) int {
	for i := range n.Layers {
		if t.Layer == n.Layers[i].Name {
			return i
		}
	}
	return -1
}

// hex writes little-endian bytes as one number, as a waveform viewer shows it.
func hex(le []byte) string {
	var b bytes.Buffer
	b.WriteString("0x")
	// The highest byte first, leading zeros too: all beats of a stream are as long.
	for i := len(le) - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "%02x", le[i])
	}
	return b.String()
}
