package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

const simHelp = `Runs frames through the generated Verilog and through the cycle model, and compares
valid, ready and data of every stream in every cycle. Before that, the network in the
directory is imported, planned and emitted again: a directory that is not what comes out,
byte for byte, is refused with the first line that differs.

Frames are test samples of --data, multiplied by --scale as eval does, and drawn inputs
beside them (--drawn N says how many, for frames that take long): all inputs at either end
of their type, uniform ones, ones that drive a channel of the first layer to an end of its
range. Without --data all frames are drawn: which data a network was made for, its file
does not say.

--gap is the probability, per cycle, that the source pauses, --stall that the sink does;
with --period N the source pauses in the first N*gap of every N cycles and the sink in the
last N*stall instead. With either of them the run also has long pauses of each side alone,
in which the design fills up to its source and runs dry, and stretches in which one side
has half the design's speed. The table counts the cycles in which a stream was blocked
(valid, not ready) and starved (ready, not valid).

--data may also be a picture of the network's input size. --out writes what the Verilog
gives for the samples of --data to DIR, as pictures: the design must give pixels
(generate --pixels), and --input-size of generate makes it one for the picture's size.

Of a design with several outputs each pauses by itself, and has long pauses of its own. Labels
are those of the first output that is no image, pictures those of the first that has pixels;
--output NAME, the name in the network's file, chooses another of either.

--edited simulates a directory that was changed on purpose: it names the files, and after
the frames it drives each layer alone, with the directory's modules, parameters and
memories, to both certified extremes of every channel and to both sides of every
threshold. docs/simulation.md says what that finds. Network and manifest must be as
generated.

--prove-depths runs no Verilog: it takes a beat from each queue and each line buffer, one after
the other, and runs the cycle model until it repeats itself, frames overlapping. Each has to
lose rate or to lock. Exit status 1 if one does not.

Of the first difference the report names stream, cycle, frame, beat and lane, and of data
the layer and row, the expected value with its accumulator and thresholds, and what the
Verilog had; with the five cycles of that stream around it. --dump STREAM saves all that a
stream carries to STREAM.csv, or to FILE as STREAM=FILE: a line per element of each beat,
expected and had side by side. It may be repeated; m_axis is the output port, m_NAME those of
several.
docs/simulation.md, "Debugging a mismatch", shows how to go on from there.
Exit status 1 if a single beat or cycle differs.

Example:
   a2qgen sim build/net --frames 200 --data /usr/share/datasets/fashion-mnist
   a2qgen sim build/net --gap 0.3 --stall 0.3
   a2qgen sim build/net --prove-depths
   a2qgen sim build/net --edited
   a2qgen sim build/net --edited --dump fc1_mvau --dump label=scores.csv
   a2qgen sim build/net --frames 2 --vcd waves.vcd --simulator icarus
   a2qgen sim build/espcn --frames 1 --data small.png --out pictures`

// maxFrames bounds the memory of a simulation. Inputs and expected outputs of all frames
// are held at once, integers of 32 bits each.
const maxFrames = 1 << 20

// simCommand is the product's own test bench for a user's design; CI and the demo call it
// with pauses.
func simCommand() *cli.Command {
	return &cli.Command{
		Name: "sim", Usage: "cross-check a generated design cycle by cycle",
		UsageText: "a2qgen sim DIR [--frames N] [--drawn N] [--data DIR] [--scale F] [--layout L] " +
			"[--gap 0..0.9]\n   [--stall 0..0.9] [--period N] [--seed S] [--edited] [--vcd FILE] [--out DIR] " +
			"[--output NAME]\n   [--dump STREAM[=FILE]]...    [--simulator verilator|icarus] [--json]\n" +
			"a2qgen sim DIR --prove-depths [--json]",
		Description: simHelp,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "frames", Value: 100,
				Usage: "simulate `N` frames, and some drawn ones beside those of --data"},
			&cli.IntFlag{Name: "drawn", DefaultText: "a tenth of N, at least 8",
				Usage: "draw `N` frames beside those of --data"},
			&cli.StringFlag{Name: "data", DefaultText: "drawn inputs",
				Usage: "`DIR` of a data set, FILE, IMAGES,LABELS, or a picture"},
			&cli.StringFlag{Name: "out", Usage: "`DIR` to write the pictures to that the Verilog gives for --data"},
			outputFlag(), scaleFlag(), layoutFlag(),
			&cli.Float64Flag{Name: "gap", DefaultText: "0", Usage: "`PROBABILITY` of a pause of the source, 0..0.9"},
			&cli.Float64Flag{Name: "stall", DefaultText: "0", Usage: "`PROBABILITY` of a pause of the sink, 0..0.9"},
			&cli.IntFlag{Name: "period", DefaultText: "random pauses",
				Usage: "pause periodically, every `N` cycles, not at random"},
			// A fixed default: a failure in CI can be repeated from its command line
			// alone.
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "`S` of the pauses and of drawn inputs"},
			&cli.BoolFlag{Name: "edited", DisableDefaultText: true,
				Usage: "simulate a directory that was changed, and each layer alone"},
			&cli.BoolFlag{Name: "prove-depths", DisableDefaultText: true,
				Usage: "show that no queue and no line buffer can do with a beat less"},
			&cli.StringFlag{Name: "vcd", Usage: "`FILE` to write waves to"},
			&cli.StringSliceFlag{Name: "dump",
				Usage: "save what `STREAM` carries to STREAM.csv, or to FILE as STREAM=FILE; repeatable"},
			// Verilator is faster once it has compiled; Icarus starts at once, and knows x and z.
			&cli.StringFlag{Name: "simulator", Value: string(verilator.Verilator),
				Usage: "`NAME`: verilator or icarus"},
			jsonFlag(),
		},
		Action: simAction,
	}
}

// simOptions are the flags of sim. They are a type of their own, without cli, so that demo
// can simulate samples that it has open already.
type simOptions struct {
	// frames of the data set, or drawn ones where there is none; period in cycles, 0 for
	// pauses at random.
	frames, period int
	// drawn counts the frames to draw beside those of the data set; nil for the usual number.
	drawn *int
	// gap and stall are probabilities per cycle, 0..0.9, or with period parts of it.
	gap, stall float64
	// seed of pauses and drawn frames: the same seed repeats a run cycle by cycle.
	seed   uint64
	vcd    string
	dumps  []*streamDump
	out    pictureFolder
	output string       // of several, in the file's words; empty for the usual ones
	source study.Source // none where its data is empty
	set    *data.Set    // samples that are open already, instead of source
	// edited permits a directory that differs from what its network gives.
	edited    bool
	simulator verilator.Simulator
}

// The report is printed before the verdict: a user who gets exit status 1 wants to see the
// streams and the first difference.
func simAction(c *cli.Context) error {
	dir, err := oneArgument(c, "DIR")
	if err != nil {
		return err
	}
	if c.Bool("prove-depths") {
		return proveAction(c, dir)
	}
	// Read once, here: what follows knows no flags.
	o := simOptions{frames: c.Int("frames"), period: c.Int("period"), gap: c.Float64("gap"), stall: c.Float64("stall"),
		seed: c.Uint64("seed"), source: sampleSourceOf(c), edited: c.Bool("edited"),
		vcd: c.String("vcd"), dumps: dumpsOf(c), out: pictureFolder(c.String("out")), output: c.String("output"),
		simulator: verilator.Simulator(c.String("simulator"))}
	if c.IsSet("drawn") {
		o.drawn = new(c.Int("drawn"))
	}
	if err := o.check(); err != nil {
		return err
	}
	// They would be ignored, and the user would believe in a scaled run.
	for _, name := range []string{"scale", "layout", "out", "output", "drawn"} {
		if c.IsSet(name) && o.source.Data == "" {
			return usagef("sim: --%s is %v without --data: drawn inputs have none", name, c.Value(name))
		}
	}
	con := newConsole(c)
	doc, err := simulate(c.Context, con, dir, o)
	if err != nil {
		return err
	}
	if err := con.result(doc, nil); err != nil {
		return err
	}
	// The exit status is for scripts, and for CI: equal or not.
	return doc.verdict()
}

// check finds options that contradict each other; ranges are the rules' (simRules). It is
// a method of the options since demo checks them before its training.
func (o simOptions) check() error {
	if o.period > 0 && o.gap == 0 && o.stall == 0 {
		return usagef("sim: --period is %d without pauses, want --gap or --stall too, "+
			"the parts of each period that pause",
			o.period)
	}
	return nil
}

// simulate cross-checks the design in dir. The model is planned from the network in the
// directory, the Verilog is the directory's files: two independent ways from the same
// integers. A mismatch is no error of this function but part of the report (verdict).
func simulate(ctx context.Context, con *console, dir string, o simOptions) (*simReport, error) {
	// Before the frames: a directory that is refused needs no data.
	d, edits, err := readEmitted(dir, o.edited)
	if err != nil {
		return nil, err
	}
	// The files are opened before the run, so that a folder that is missing costs no simulation.
	dumps, err := openDumps(d, o.dumps)
	if err != nil {
		return nil, err
	}
	// After keepDumps there is nothing left to discard.
	defer discardDumps(o.dumps)
	in, err := frames(d.Network, o)
	if err != nil {
		return nil, err
	}
	pictures, err := o.pictures(d, in)
	if err != nil {
		return nil, err
	}
	if in.input != nil {
		con.warn(in.input.Warnings())
	}
	// One set of options for the frames and for each layer alone: same seed, same pauses.
	so := sim.Options{Simulator: o.simulator, Seed: o.seed, VCD: o.vcd, Dumps: dumps,
		// Gap and stall have one period but draw by themselves: with one pattern for both
		// ends a sink is never ready while the source rests, and nothing is ever blocked.
		Gap:   sim.Pattern{Probability: o.gap, Period: o.period},
		Stall: sim.Pattern{Probability: o.stall, Period: o.period}}
	// Said before, since compiling can take longer than the frames do.
	con.note("simulating %d frames with %s; the first time, its compilation takes a while",
		len(in.samples), o.simulator)
	so.Outputs = pictures.take
	res, err := sim.CrossCheck(ctx, d, dir, in.samples, so)
	err = errors.Join(err, pictures.err)
	doc := newSimReport(res, in, o)
	// In the report, so that a run of a changed directory can never be taken for one that was not.
	doc.Edited = edits
	// A check of the design that stops the run is a finding, like a difference: what streams
	// carried until then leads to its cause, and so does a difference that came before it.
	stopped := errors.As(err, new(*verilator.CheckError))
	if err == nil || stopped {
		if err := keepDumps(o.dumps); err != nil {
			return nil, err
		}
	}
	if stopped && res.Mismatch != nil {
		doc.Stopped, err = err.Error(), nil
	}
	// Layers alone take a bench each to build, and cannot say more than a mismatch does.
	if err == nil && o.edited && res.Mismatches == 0 { // else there is a place to look at already
		con.note("simulating the layers alone, one after the other: %d", len(d.Layers))
		doc.Layers, err = sim.CheckLayers(ctx, d, dir, so)
	}
	// Asked first: a simulator that was killed by the stop fails with a message of its
	// own, which would mislead.
	if ctx.Err() != nil {
		return nil, fmt.Errorf("sim: stopped: %w", ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	return doc, nil
}

// readEmitted plans and emits the design in a directory again and compares the files. Any
// difference is an error unless the directory may be edited: then they are returned.
// Behaviour alone would not find a changed file that no frame shows.
func readEmitted(dir string, edited bool) (*hwgen.Design, []sim.Difference, error) {
	// From the network, not from the Verilog: what is there is compared with what it should be.
	d, err := readDesign(dir)
	if err != nil {
		return nil, nil, err
	}
	found, err := sim.Differences(dir, d.files)
	if err != nil || edited || len(found) == 0 {
		return d.Design, found, err
	}
	// The first difference with its line; of the others names are enough.
	more := ""
	if len(found) > 1 {
		more = fmt.Sprintf(", and %d more files (%s)", len(found)-1, fileNames(found[1:]))
	}
	return nil, nil, fmt.Errorf("sim: %s is not what its network gives: %v%s; "+
		"generate it again, or simulate it as it is with --edited", dir, found[0], more)
}
