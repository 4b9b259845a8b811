package sim

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/verilator"
)

// Dump asks a cross-check to write all that a stream, or an output port, carries as CSV: a
// line for each element of each beat that passes, what the model expects beside what the
// Verilog has. docs/simulation.md describes its columns.
type Dump struct {
	Stream string
	To     io.Writer
}

// StreamNames returns the names that a Dump may have, in the design's order.
func StreamNames(d *hwgen.Design) []string {
	// Those of the probes, since these are what a simulator tells of.
	var names []string
	for _, p := range emit.Probes(d) {
		names = append(names, p.Name)
	}
	return names
}

var dumpHead = []string{"frame", "beat", "cycle", "rtl_cycle", "lane", "layer", "holds", "element", "expected", "rtl"}

// dumper writes a Dump while the run goes on. A beat is written once it has passed on both
// sides, so that only those that one side is ahead by are held.
type dumper struct {
	name  string
	probe int
	lanes []lane
	to    *csv.Writer
	next  int64 // beat to write, counted over the run
	// model and rtl are the beats from next on that have passed there: one of them is empty
	// between two cycles.
	model, rtl []passed
}

// passed is when a beat has passed, and its data.
type passed struct {
	cycle int64
	data  []byte
}

// newDumper begins a dump; there is no such stream where probe is -1.
func (c *comparison) newDumper(d Dump) (*dumper, error) {
	names := StreamNames(c.design)
	out := &dumper{name: d.Stream, probe: slices.Index(names, d.Stream), to: csv.NewWriter(d.To)}
	if out.probe < 0 {
		return nil, fmt.Errorf("sim: dump: no stream %q, want one of %s", d.Stream, strings.Join(names, ", "))
	}
	out.lanes = c.lanes(out.probe)
	return out, out.to.Write(dumpHead)
}

// dump notes the beats that pass in this cycle.
func (c *comparison) dump(cycle int64, rtl *verilator.Cycle) {
	for _, d := range c.dumps {
		sent := c.sent[c.stream(d.probe)]
		if c.valid.has(d.probe) && c.ready.has(d.probe) {
			d.model = append(d.model, passed{cycle, c.expected(d.probe, sent)})
		}
		// Cloned: the reader of the trace uses its buffer again.
		if rtl.Fires(d.probe) {
			d.rtl = append(d.rtl, passed{cycle, slices.Clone(rtl.Data[d.probe])})
		}
		for len(d.model) > 0 && len(d.rtl) > 0 {
			c.dumpBeat(d)
		}
	}
}

// endDumps writes the beats that have passed on one side alone.
func (c *comparison) endDumps() error {
	for _, d := range c.dumps {
		for len(d.model) > 0 || len(d.rtl) > 0 {
			c.dumpBeat(d)
		}
		d.to.Flush()
		if err := d.to.Error(); err != nil {
			return fmt.Errorf("sim: dump of stream %q: %w", d.name, err)
		}
	}
	return nil
}

// dumpBeat writes the next beat. Errors of writing stay in the csv.Writer until the end.
func (c *comparison) dumpBeat(d *dumper) {
	var model, rtl *passed
	if len(d.model) > 0 {
		model, d.model = &d.model[0], d.model[1:]
	}
	if len(d.rtl) > 0 {
		rtl, d.rtl = &d.rtl[0], d.rtl[1:]
	}
	beats := int64(c.design.Streams[c.stream(d.probe)].Beats)
	// Of a beat too many too: it has the element that the next frame would have there.
	beat := int(d.next % beats)
	for k, l := range d.lanes {
		d.to.Write([]string{fmt.Sprint(d.next / beats), strconv.Itoa(beat), model.when(), rtl.when(), strconv.Itoa(k),
			l.part.Layer, l.part.Holds, strconv.Itoa(l.part.Element(beat, l.index)), model.element(l), rtl.element(l)})
	}
	d.next++
}

// when returns the beat's cycle, element what it has in a lane; both are empty of a beat that
// has not passed.
func (p *passed) when() string {
	if p == nil {
		return ""
	}
	return strconv.FormatInt(p.cycle, 10)
}

func (p *passed) element(l lane) string {
	if p == nil {
		return ""
	}
	return strconv.FormatInt(l.value(p.data), 10)
}
