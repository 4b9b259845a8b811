package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/examples"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/quant/train"
	"github.com/a2qgen/a2qgen/verilator"
)

const demoHelp = `Trains examples/fmnist-mlp-demo.yaml with hidden accumulators of 8 bits, shows the
certificate, writes the Verilog, and cross-checks it with Verilator on test images, with
and without pauses of source and sink. Then it does the same at other limits and without
one, and prints what each P buys: accuracy, LUT, FF, block RAM and speed. The output
directory gets a folder of each limit, with its network and its Verilog, report.json with
the JSON of each step, report.html with plots, and units.svg, the first of them.

Example:
   a2qgen demo
   a2qgen demo --out build/demo --data drawn --json`

// demoSpec is the spec of the demo, a file of package examples, which the program embeds:
// the demo runs from any folder.
const demoSpec = "fmnist-mlp-demo.yaml"

// demoCommand has few flags on purpose: what it shows is what a first visitor sees, and
// every step is a command of its own for those who want more.
func demoCommand() *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "all of it on " + demoSpec + ", in two minutes",
		UsageText: "a2qgen demo [--out DIR] [--data DIR] [--epochs E] [--frames N] [--json]", Description: demoHelp,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Value: filepath.Join("build", "demo"), Usage: "`DIR` to write"},
			&cli.StringFlag{Name: "data", Usage: "`DIR` of the data set, IMAGES,LABELS, mnist or drawn"},
			&cli.IntFlag{Name: "epochs", DefaultText: "the spec's", Usage: "`E` epochs in all"},
			&cli.IntFlag{Name: "frames", Value: 200, Usage: "simulate `N` frames"},
			jsonFlag(),
		},
		Action: demoAction,
	}
}

// demoAction refuses what it can before the training, then runs. With --json the document
// is printed at the end, in place of the steps' reports.
func demoAction(c *cli.Context) error {
	if err := noArgument(c); err != nil {
		return err
	}
	d := &demo{con: newConsole(c), out: c.String("out"), data: c.String("data"), frames: c.Int("frames")}
	// The same rules as for a2qgen sim, asked before there is a design.
	if err := d.simOptions(0).check(); err != nil {
		return err
	}
	if err := d.prepare(overrides(c)); err != nil {
		return err
	}
	if err := d.run(c.Context); err != nil {
		return err
	}
	if d.con.json {
		return d.con.document(&d.report)
	}
	return nil
}

// demo is a run of the demo. It keeps what later steps need of earlier ones; each step
// also reads its files from the output directory, as the commands by themselves would.
type demo struct {
	// con has the quiet or the moving progress of all steps.
	con *console
	// out is the output directory, data what data.Open takes.
	out, data string
	// frames of each simulation, beside the drawn ones.
	frames int
	// spec is that of the limit that is shown in full; the others derive from it.
	spec   *train.Spec
	shown  *demoRow // and its documents
	sets   study.Sets
	start  time.Time
	report demoReport
}

// Choices of the demo: a small board, a frame rate that suits it, and how often
// source and sink pause, each by itself, in the second simulation.
const (
	// The PYNQ-Z1 is a board that FINN's examples run on too.
	demoBoard  = "pynq-z1"
	demoFPS    = 190000
	demoPause  = 0.3
	demoFloat  = "float"  // folder of the float phase
	demoDesign = "design" // folder of the Verilog, of each limit
)

// prepare reads the spec and finds out before the training whether a later step cannot
// work. The training takes most of the demo's time: a missing compiler is said before it.
func (d *demo) prepare(o train.Overrides) error {
	d.start = time.Now()
	// What verilator.Build needs; make and g++ compile what Verilator translates.
	for _, tool := range []string{"verilator", "make", "g++"} {
		if _, err := exec.LookPath(tool); err != nil {
			return verilator.MissingTool{Tool: tool, Package: tool}
		}
	}
	text, err := examples.Specs.ReadFile(demoSpec)
	if err != nil {
		return err
	}
	// As from a file: the demo is no special case of training.
	spec, err := train.ParseSpec(text)
	if err != nil {
		return fmt.Errorf("%s: %w", demoSpec, err)
	}
	if d.spec, err = spec.With(o); err != nil {
		return err
	}
	if d.data != "" {
		d.spec.Data = d.data
	}
	// From here on d.data is what is used, whichever of flag and spec said it.
	d.data = d.spec.Data
	return nil
}

// path returns the path of a file of the output directory.
func (d *demo) path(names ...string) string {
	return filepath.Join(append([]string{d.out}, names...)...)
}

// run takes all steps, prints each one's report as it comes, and writes the files. The
// order is that of the flow in docs/architecture.md. An error ends the demo: what was
// written so far stays, and a second run overwrites it.
func (d *demo) run(ctx context.Context) error {
	var err error
	if d.sets, err = (study.Source{Data: d.data}).OpenBoth(); err != nil {
		return err
	}
	if err := d.openOut(); err != nil {
		return err
	}
	for _, step := range []struct {
		title string
		do    func(context.Context) (printer, error)
	}{
		// Its float phase is the one that all share.
		{fmt.Sprintf("Training, with hidden accumulators of %d bits", d.spec.AccBits), d.train},
		{"Bounds of the accumulators, from the integers in the file", d.inspect},
		{"Accuracy on the test samples", d.eval},
		{"Verilog", d.generate},
		// The second simulation finds the bench in the cache and takes the frames' time
		// alone.
		{"Cross-check of Verilog and cycle model", d.sim},
		{"Cross-check with pauses of source and sink", d.simStall},
		{"The same at other limits, each trained, generated and cross-checked", d.limits},
	} {
		// The first step that fails ends it: each of the later ones shows what an earlier one made.
		doc, err := step.do(ctx)
		if err != nil {
			return err
		}
		if err := d.show(step.title, doc); err != nil {
			return err
		}
	}
	return d.finish()
}

// openOut makes the output directory. The trainings share a float phase, not that of an
// earlier demo. A phase that an earlier one left would make the training
// look faster than it is.
func (d *demo) openOut() error {
	if err := openFolder("demo", d.out, demoFloat); err != nil {
		return err
	}
	// A design that somebody edited in the demo's folder is not overwritten.
	for _, l := range demoLimits {
		if err := emit.CheckDir(d.path(l.folder(), demoDesign)); err != nil {
			return err
		}
		if err := os.MkdirAll(d.path(l.folder()), 0o777); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(d.path(demoFloat)); err != nil {
		return err
	}
	return os.Mkdir(d.path(demoFloat), 0o777)
}

// show prints the report of a step, unless one document is asked for. Steps print as they
// end: a training of a minute is followed better so.
func (d *demo) show(title string, doc printer) error {
	// The steps are fields of the one document at the end.
	if d.con.json {
		return nil
	}
	return d.con.text(func(w io.Writer) {
		fmt.Fprintf(w, "\n%s\n", title)
		doc.print(w)
	})
}

// keep returns what puts the document of a step in its place in the report.
func keep[T printer](place *T) func(doc T, err error) (printer, error) {
	return func(doc T, err error) (printer, error) {
		// With an error too: nothing reads the report then.
		*place = doc
		return doc, err
	}
}

// train trains under the accumulator limit of the spec.
func (d *demo) train(ctx context.Context) (printer, error) {
	d.report.AccBits = d.spec.AccBits
	d.shown = &demoRow{limit: demoLimit{d.spec.AccBits, d.spec.Taps}}
	return d.shown.train(ctx, d)
}

// inspect prints the certificates: the bounds over all inputs and orders of adding.
func (d *demo) inspect(context.Context) (printer, error) {
	return keep(&d.report.Inspect)(&inspectReport{study.Inspect(d.shown.Train.Network)}, nil)
}

// eval scores with the integer executor on the test samples.
func (d *demo) eval(ctx context.Context) (printer, error) {
	// The network as it was read back from its file, which is what the Verilog is made of.
	net := d.shown.Train.Network
	score, err := study.Accuracy(ctx, net, net.Classifier(), d.sets.Test, d.con.progress())
	return keep(&d.report.Eval)(&evalReport{score}, err)
}

// generate writes the Verilog for the demo's board, and fails where it does not fit.
func (d *demo) generate(context.Context) (printer, error) { return d.shown.generate(d) }

// sim compares with a source and a sink that never pause: the design at full speed, in
// which its interval and latency show.
func (d *demo) sim(ctx context.Context) (printer, error) {
	return keep(&d.report.Sim)(d.crossCheck(ctx, d.shown.limit, d.frames, 0))
}

// simStall compares under back-pressure, which a free-running classifier never meets: it
// gives one beat per frame.
func (d *demo) simStall(ctx context.Context) (printer, error) {
	return keep(&d.shown.Sim)(d.crossCheck(ctx, d.shown.limit, d.frames, demoPause))
}

// crossCheck simulates a limit's design; a difference is an error here. Here alone: a2qgen sim
// prints its report before it fails, the demo has no more to show.
func (d *demo) crossCheck(ctx context.Context, l demoLimit, frames int, pause float64) (*simReport, error) {
	o := d.simOptions(pause)
	o.frames = frames
	doc, err := simulate(ctx, d.con, d.path(l.folder(), demoDesign), o)
	if err != nil {
		return nil, err
	}
	return doc, doc.verdict()
}

// The seed is fixed, so that two runs of the demo on one machine print the same beats.
func (d *demo) simOptions(pause float64) simOptions {
	return simOptions{frames: d.frames, gap: pause, stall: pause, seed: 1, set: d.sets.Test,
		simulator: verilator.Verilator}
}
