package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/sim"
)

// simReport is the JSON of sim.
type simReport struct {
	sim.Result
	// Frames is what was asked for: samples of the data set or, without one, drawn.
	Frames int `json:"frames"`
	// DataFrames are samples of the data set, DrawnFrames the others; they were compared
	// alike. DistinctData and DistinctFrames count those that differ, in the data and in all.
	DataFrames     int `json:"data_frames"`
	DrawnFrames    int `json:"drawn_frames"`
	DistinctData   int `json:"distinct_data_frames"`
	DistinctFrames int `json:"distinct_frames"`
	// Correct counts labels that equal the data set's; Total is 0 without labels.
	Correct int `json:"correct"`
	Total   int `json:"total"`
	// Output is the one of several whose labels these are.
	Output string `json:"output,omitempty"`
	// Data is the set's name, or that there is none.
	Data string `json:"data"`
	// Input says what the network's input does to the values of the data set.
	Input *study.InputUse `json:"input,omitempty"`
	// Gap, Stall and Period are as asked for, so that a report can be repeated.
	Gap    float64 `json:"gap"`
	Stall  float64 `json:"stall"`
	Period int     `json:"period,omitempty"`
	// Simulator decides what a pass covers: Icarus alone sees unknown bits.
	Simulator string `json:"simulator"`
	// SpeedRatio is the model's cycles per second over the simulator's. Both without
	// start-up: the build is BuildSeconds.
	SpeedRatio float64 `json:"speed_ratio"`
	// Edited are the files that differ from what the network gives, and Layers what each
	// layer did alone: with --edited only.
	Edited []sim.Difference  `json:"edited,omitempty"`
	Layers []sim.LayerResult `json:"layers,omitempty"`
	// Stopped is what a check of the design said that stopped the run after its first
	// difference.
	Stopped string `json:"stopped,omitempty"`
	// Dumps are the files of --dump.
	Dumps []*streamDump `json:"dumps,omitempty"`

	// drawn describes the drawn frames for people.
	drawn string
}

// newSimReport describes the run of the frames of in; res is nil where it failed. Labels
// are of the data set's frames alone, which come first.
func newSimReport(res *sim.Result, in *frameSet, o simOptions) *simReport {
	doc := &simReport{Frames: o.frames, DataFrames: in.fromSet, DrawnFrames: len(in.samples) - in.fromSet,
		DistinctData: sim.Distinct(in.samples[:in.fromSet]), DistinctFrames: sim.Distinct(in.samples),
		Data: in.name, Total: len(in.labels), Gap: o.gap, Stall: o.stall, Period: o.period,
		Simulator: string(o.simulator), drawn: in.drawn, Dumps: o.dumps}
	if in.input != nil {
		doc.Input = &in.input.Input
	}
	if res == nil {
		return doc
	}
	doc.Result = *res
	if in.output >= 0 && len(in.labels) > 0 {
		doc.Output = res.Outputs[in.output].Name
	}
	// Both kinds are about what a pass is worth: what the frames and what the pauses left out.
	doc.Warnings = append(doc.Warnings, in.warnings()...)
	for i, want := range in.labels {
		if res.Labels[in.output][i] == int(want) {
			doc.Correct++
		}
	}
	// Runs of a few frames may take less than the clock resolves: then there is no ratio.
	if res.ModelSeconds > 0 && res.RTLSeconds > 0 && res.CyclesRTL > 0 {
		doc.SpeedRatio = float64(res.CyclesModel) / res.ModelSeconds / (float64(res.CyclesRTL) / res.RTLSeconds)
	}
	return doc
}

// verdict is an error unless the Verilog equals the model beat for beat. Equal beats in
// unequal cycles are a failure as well: the printed interval and latency are the model's.
func (r *simReport) verdict() error {
	switch {
	case r.Stopped != "":
		return fmt.Errorf("sim: %s; the first of %d mismatches before it: %s", r.Stopped, r.Mismatches, r.First)
	// Before the cycles: a beat that differs is nearer to the cause than their number.
	case r.Mismatches > 0:
		return fmt.Errorf("sim: %d mismatches; first: %s", r.Mismatches, r.First)
	case r.CyclesModel != r.CyclesRTL:
		return fmt.Errorf("sim: the Verilog takes %d cycles, the model %d", r.CyclesRTL, r.CyclesModel)
	}
	for _, l := range r.Layers {
		if l.Mismatches > 0 {
			return fmt.Errorf("sim: layer %q alone: %d mismatches; first: %s", l.Layer, l.Mismatches, l.First)
		}
	}
	return nil
}

// print writes what was compared first; interval and latency only of a run without pauses.
func (r *simReport) print(w io.Writer) {
	r.printInputs(w)
	fmt.Fprintf(w, "compared  %d beats on %s: %d mismatches\n", r.BeatsCompared, r.Simulator, r.Mismatches)
	fmt.Fprintf(w, "cycles    model %d, Verilog %d", r.CyclesModel, r.CyclesRTL)
	if !r.paused() { // else they are those of the pauses
		fmt.Fprintf(w, "; interval %s, latency %d", shownInterval(r.IntervalCycles), r.LatencyCycles)
	}
	fmt.Fprintln(w)
	r.printOutputs(w)
	// Without labels there is nothing to be right about; the comparison stands by itself.
	if r.Total > 0 {
		of := ""
		if r.Output != "" {
			of = fmt.Sprintf(" (output %s)", r.Output)
		}
		fmt.Fprintf(w, "labels    %d of %d right: %.2f %%%s\n", r.Correct, r.Total,
			study.Percent(r.Correct, r.Total), of)
	}
	fmt.Fprintf(w, "time      build %.1f s, Verilog %.2f s, model %.3f s", r.BuildSeconds, r.RTLSeconds, r.ModelSeconds)
	if r.SpeedRatio > 0 { // else one side had no time to measure, or was stopped
		fmt.Fprintf(w, ": the model is %.0f times faster", r.SpeedRatio)
	}
	fmt.Fprintln(w)
	for _, d := range r.Dumps {
		fmt.Fprintf(w, "dumped    %s to %s\n", d.Stream, d.File)
	}
	r.printStreams(w)
	r.printEdited(w)
	for _, text := range r.Warnings {
		fmt.Fprintf(w, "warning   %s\n", text)
	}
	r.printMismatches(w)
}

// shownInterval is an interval for people.
func shownInterval(cycles *int64) string {
	if cycles == nil {
		return "- (one frame alone has none)"
	}
	return fmt.Sprint(*cycles)
}

// printOutputs says when each of several outputs has its first frame.
func (r *simReport) printOutputs(w io.Writer) {
	if len(r.Outputs) < 2 || r.paused() {
		return
	}
	for _, o := range r.Outputs {
		fmt.Fprintf(w, "          %s (output %s): interval %s, latency %d\n", o.Port, o.Name,
			shownInterval(o.IntervalCycles), o.LatencyCycles)
	}
}

// printMismatches shows the first difference, last: it is what the reader came for. Layers
// stand alone only where the whole design shows none; the first of those that differ is shown.
func (r *simReport) printMismatches(w io.Writer) {
	if r.Mismatch != nil {
		printMismatch(w, r.Mismatch)
		return
	}
	for _, l := range r.Layers {
		if l.Mismatch != nil {
			fmt.Fprintf(w, "\nlayer %s alone, where a frame is a vector:", l.Layer)
			printMismatch(w, l.Mismatch)
			return
		}
	}
}

// printInputs says which frames the design has seen: what a pass is worth depends on it.
func (r *simReport) printInputs(w io.Writer) {
	if r.DataFrames > 0 {
		fmt.Fprintf(w, "inputs    %d frames, %d different: %s\n          and ", r.DataFrames, r.DistinctData, r.Data)
	} else {
		fmt.Fprint(w, "inputs    no --data: ")
	}
	fmt.Fprintf(w, "%d frames %s\n", r.DrawnFrames, r.drawn)
	if r.Input != nil {
		fmt.Fprintf(w, "input     %v\n", r.Input)
	}
	if !r.paused() {
		return
	}
	fmt.Fprintf(w, "pauses    gap %g, stall %g%s, and long ones: all blocked for %d cycles, all starved for %d\n",
		r.Gap, r.Stall, r.every(), r.Pressure.Full, r.Pressure.Dry)
}

// paused says that the source or the sink was told to pause.
func (r *simReport) paused() bool { return r.Gap > 0 || r.Stall > 0 }

// every says what the pauses' period is, if they have one.
func (r *simReport) every() string {
	if r.Period == 0 {
		return ""
	}
	return fmt.Sprintf(" of every %d cycles", r.Period)
}

// printStreams shows where beats waited: blocked is valid without ready, starved ready
// without valid, both in cycles; values counts the different ones of the elements.
func (r *simReport) printStreams(w io.Writer) {
	t := table.New(table.Left("stream"), table.Right("beats", "blocked", "starved", "values"))
	for _, s := range r.Streams {
		t.Row(s.Name, s.Beats, s.Blocked, s.Starved, s.Values)
	}
	t.WriteText(w)
}

// printEdited names the changed files, then what each layer was driven to alone: vectors,
// accumulators at an end of their certified range, thresholds with both sides reached of
// all, and classes that won.
func (r *simReport) printEdited(w io.Writer) {
	// Line by line, as a script or a reader looks for one file.
	for _, d := range r.Edited {
		fmt.Fprintf(w, "edited    %v\n", d)
	}
	if len(r.Layers) == 0 {
		return
	}
	t := table.New(table.Left("layer alone"),
		table.Right("vectors", "extremes", "threshold edges", "of", "classes won", "mismatches"))
	for _, l := range r.Layers {
		t.Row(l.Layer, l.Vectors, l.Extremes, l.EdgesReached, l.Edges, l.ClassesWon, l.Mismatches)
	}
	t.WriteText(w)
}

// fileNames lists files in one line, the first few of many. A directory of another design
// would list them all.
func fileNames(list []sim.Difference) string {
	const most = 5
	var names []string
	for i, d := range list {
		if i == most {
			names = append(names, "...")
			break
		}
		names = append(names, d.File)
	}
	return strings.Join(names, ", ")
}
