package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/sim"
)

// proveAction is sim --prove-depths.
func proveAction(c *cli.Context, dir string) error {
	// They say how Verilog is simulated, which is not: ignored, they would mislead.
	for _, name := range c.LocalFlagNames() {
		if name != "prove-depths" && name != jsonName {
			return usagef("sim: --prove-depths runs the cycle model alone: leave out --%s", name)
		}
	}
	d, _, err := readEmitted(dir, false)
	if err != nil {
		return err
	}
	proofs, err := sim.ProveDepths(d)
	if err != nil {
		return err
	}
	doc := &depthReport{Depths: proofs}
	if err := newConsole(c).result(doc, nil); err != nil {
		return err
	}
	return doc.verdict()
}

// depthReport is the JSON of sim --prove-depths.
type depthReport struct {
	// Depths are of the queues and line buffers in the order of the stream.
	Depths []sim.DepthProof `json:"depths"`
}

// verdict is an error where a buffer can do with a beat less.
func (r *depthReport) verdict() error {
	more := slices.DeleteFunc(slices.Clone(r.Depths), func(p sim.DepthProof) bool { return p.Least })
	if len(more) == 0 {
		return nil
	}
	p := more[0]
	return fmt.Errorf("sim: %s keeps %d beats, one less keeps the rate; so do %d more of the %d queues and line buffers",
		p.Block, p.Depth, len(more)-1, len(r.Depths))
}

// print writes a line per buffer.
func (r *depthReport) print(w io.Writer) { r.table().WriteText(w) }

// table has what each does with a beat less.
func (r *depthReport) table() *table.Table {
	t := table.New(table.Left("buffer"), table.Right("bits", "places", "depth"), table.Left("tried in"),
		table.Right("overlap", "interval", "a beat less"), table.Left("verdict"))
	for _, p := range r.Depths {
		t.Row(p.Block, p.Bits, p.Built, p.Depth, p.Within, p.Overlap, perFrame(p.Cycles, p.Frames), lessOf(p), verdict(p))
	}
	t.Note("depth: beats that are needed; places: of the memory, the next power of two where that costs nothing")
	t.Note("interval and what a beat less makes of it: cycles per frame in the steady state; overlap: frames under way")
	return t
}

// verdict says what a beat less does.
func verdict(p sim.DepthProof) string {
	switch {
	case p.Locks > 0:
		return "locks"
	case p.Least && p.LessFrames == 0:
		return "least there is"
	case p.Least:
		return "loses rate"
	}
	return "NOT LEAST"
}

// lessOf returns the interval with a beat less.
func lessOf(p sim.DepthProof) string {
	if p.LessFrames == 0 {
		return "-"
	}
	return perFrame(p.LessCycles, p.LessFrames)
}

// perFrame returns cycles per frame, exact as it can be read.
func perFrame(cycles, frames int64) string {
	if cycles%frames == 0 {
		return fmt.Sprint(cycles / frames)
	}
	return fmt.Sprintf("%.3f", float64(cycles)/float64(frames))
}
