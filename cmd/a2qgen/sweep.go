package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

const sweepHelp = `Trains the network of a spec with several methods at several accumulator widths and
seeds, scores every result with the integer executor on the test samples, and writes
mean and spread as a table and a plot. base knows no accumulator and runs once per seed.
budget/split and budget/shifted name the rule of the budget method.

--fps F (at --clock MHZ, or --folding FILE) adds the LUT of each design by estimate, and a
plot of accuracy over LUT; for networks that have Verilog. --lut N,N adds networks whose
layers have P and M of their own, within N LUT and up to the largest --acc.

The output directory gets results.json, results.csv, results.md, results.svg, and a file
for each run in runs/. Runs that are there with the same spec, data and program are not trained
again: a sweep that was stopped goes on where it was. The float phase of a seed is
trained once.

Example:
   a2qgen sweep examples/fmnist-mlp-256.yaml --acc 6:16 --seeds 3 --out build/sweep
   a2qgen sweep examples/fmnist-cnn.yaml --acc 8,10,12 --methods a2q+,budget/shifted
   a2qgen sweep examples/fmnist-mlp-256.yaml --methods budget/shifted --acc 6:10 --fps 100000 --lut 26900,27800`

// sweepCommand is how the tables of docs/results and the README were made: a command
// line that repeats them is part of what it writes.
func sweepCommand() *cli.Command {
	return &cli.Command{
		Name: "sweep", Usage: "accuracy of methods over accumulator widths and seeds",
		UsageText: "a2qgen sweep SPEC.yaml [--acc 6:16] [--methods base,a2q,a2q+,budget/shifted] [--seeds 3]\n" +
			"   [--data DIR] [--out DIR] [--weights M] [--acts N] [--epochs E] [--seed S]\n" +
			"   [--lut N,N] [--fps F] [--clock MHZ] [--folding FILE] [--fold LAYER=PE,SIMD]... [--json]",
		Description: sweepHelp,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "acc", Value: "6:16", Usage: "accumulator widths `P`: 12, 8:16 or a list"},
			// The default compares A2Q, A2Q+ and the exact budget with the unlimited base.
			&cli.StringFlag{Name: "methods", Value: "base,a2q,a2q+,budget/shifted", Usage: "`LIST` of methods"},
			&cli.IntFlag{Name: "seeds", Value: 3, Usage: "train with `N` seeds each, from --seed on"},
			&cli.StringFlag{Name: "data", Usage: "`DIR` of the data set, IMAGES,LABELS, or drawn"},
			&cli.StringFlag{Name: "out", Value: filepath.Join("build", "sweep"), Usage: "`DIR` to write"},
			&cli.IntFlag{Name: "weights", DefaultText: "the spec's",
				Usage: "weight width `M` of the hidden layers, bits"},
			&cli.IntFlag{Name: "acts", DefaultText: "the spec's", Usage: "activation width `N`, bits"},
			&cli.IntFlag{Name: "epochs", DefaultText: "the spec's",
				Usage: "`E` epochs in all, the first half of them in floating point"},
			&cli.Uint64Flag{Name: "seed", DefaultText: "the spec's", Usage: "`S` is the first seed"},
			&cli.StringSliceFlag{Name: "lut",
				Usage: "choose P and M of each layer for at most `N` LUT; a list with commas, or repeated"},
			jsonFlag(),
		}, foldingFlags()...),
		Action: sweepAction,
	}
}

// sweepAction plans, runs and prints; the files are written by run as it goes.
func sweepAction(c *cli.Context) error {
	path, err := oneArgument(c, "SPEC.yaml")
	if err != nil {
		return err
	}
	s, err := newSweep(c, path)
	if err != nil {
		return err
	}
	doc, err := s.run(c.Context)
	if err != nil {
		return err
	}
	return s.con.result(doc, doc.print)
}

// sweepRuns is the folder of the runs in the output directory. It also marks a folder as a
// sweep's (openFolder).
const sweepRuns = "runs"

// sweep is a sweep under way. What can be refused without training is refused by newSweep.
type sweep struct {
	con  *console
	out  string
	spec *train.Spec
	sets dataSets
	// cells times seeds are the runs, in this order: a cell is complete over all seeds
	// before the next begins, so that what a stopped sweep reports has a spread.
	cells []sweepCell
	seeds []uint64
	// title is the command line that repeats the sweep.
	title string
	// fingerprint identifies program and samples.
	fingerprint string
	// hardware is set where designs are to be estimated, with folding.
	hardware bool
	folding  hwgen.Options
	luts     []int // of --lut
}

// sweepCell is a method at a width, or within so many LUT, trained once per seed. The spec
// has all but the seed.
type sweepCell struct {
	method string // "base", "a2q+", "budget/shifted", ...
	sweepLimit
	spec *train.Spec
}

// sweepLimit is the accumulator width of all layers under the method, or the LUT that
// bound each layer's own; neither for base. With LUT, acc is the most that a layer may
// get.
type sweepLimit struct{ acc, lut int }

// String is the head of the limit's column.
func (l sweepLimit) String() string {
	if l.lut > 0 {
		return fmt.Sprintf("%d LUT", l.lut)
	}
	return fmt.Sprintf("P=%d", l.acc)
}

// newSweep reads spec, flags and data and makes the output folder. It plans every cell
// and, where LUT are wanted, the hardware, before the first training.
func newSweep(c *cli.Context, path string) (*sweep, error) {
	s := &sweep{con: newConsole(c), out: c.String("out")}
	spec, err := train.LoadSpec(path)
	if err != nil {
		return nil, err
	}
	own := overrides(c)
	own.AccBits = nil // --acc is a list here
	if s.spec, err = spec.With(own); err != nil {
		return nil, usageError{err} // the spec by itself is right
	}
	if c.IsSet("data") {
		s.spec.Data = c.String("data")
	}
	if err := checkPaths(c, specInputs(s.spec)...); err != nil {
		return nil, err
	}
	widths, err := parseWidths(c.String("acc"))
	if err != nil {
		return nil, usagef("sweep: %w", err)
	}
	for i := range c.Int("seeds") {
		s.seeds = append(s.seeds, s.spec.Seed+uint64(i))
	}
	s.title = sweepTitle(c, path)
	if err := s.estimates(c); err != nil {
		return nil, err
	}
	if err := s.plan(strings.Split(c.String("methods"), ","), widths, s.luts); err != nil {
		return nil, err
	}
	if s.sets, err = openSpecData(s.spec); err != nil {
		return nil, err
	}
	// Hashed once: reading all samples for every run would take longer than its identity
	// is worth.
	if s.fingerprint, err = train.Fingerprint(s.spec, s.sets.train, s.sets.test); err != nil {
		return nil, err
	}
	if s.hardware {
		if err := checkFolding(s.spec, s.sets, s.folding); err != nil {
			return nil, err
		}
	}
	// What the samples rule out, the first run would find in a folder of the sweep's.
	if err := train.Check(s.spec, s.sets.train, s.sets.test); err != nil {
		return nil, err
	}
	// Last: a sweep that is refused leaves no folder.
	return s, openFolder("sweep", s.out, sweepRuns)
}

// estimates reads the flags that ask for LUT. Without them no design is planned, so that
// convolutional specs can be swept too.
func (s *sweep) estimates(c *cli.Context) (err error) {
	s.hardware = foldingIsSet(c) || c.IsSet("lut")
	if !s.hardware {
		return nil
	}
	if s.luts, err = parseLUTs(c.StringSlice("lut")); err != nil {
		return err
	}
	if err := hasHardware(s.spec); err != nil {
		return usagef("sweep: to estimate LUT %w", err)
	}
	s.folding, err = foldingOptions(c)
	return err
}

// parseLUTs reads the lists of --lut, which may be given more than once. A list in one
// flag is as --acc has it; repeated flags come from scripts.
func parseLUTs(lists []string) ([]int, error) {
	var luts []int
	for _, list := range lists {
		for _, text := range strings.Split(list, ",") {
			// LUT of a whole design: a limit below what the smallest widths take is found
			// when the float phase has ended.
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return nil, usagef("sweep: --lut is %s, want N or a list of them with commas, at least 1", list)
			}
			luts = append(luts, n)
		}
	}
	return luts, nil
}

// sweepTitle is the command that repeats the sweep, whatever the machine. --out and --data
// are left out: they are of the machine. Flags stand in a fixed order, and the same sweep
// has the same title.
func sweepTitle(c *cli.Context, path string) string {
	line := "a2qgen sweep " + filepath.ToSlash(path)
	for _, name := range []string{"acc", "methods", "seeds", "weights", "acts", "epochs", "seed",
		"fps", "clock", "folding"} {
		if c.IsSet(name) {
			line += fmt.Sprintf(" --%s %v", name, c.Value(name))
		}
	}
	for _, n := range c.StringSlice("lut") {
		line += " --lut " + n
	}
	for _, f := range c.StringSlice("fold") {
		line += " --fold " + f
	}
	return line
}

// plan lists the cells and checks every spec before the first run. base has no
// accumulator: the widths do not apply, and it is one cell whatever they are.
func (s *sweep) plan(methods []string, widths, luts []int) error {
	// Sorted and without repetitions, so that a cell cannot be trained twice.
	slices.Sort(widths)
	var limits []sweepLimit
	for _, p := range slices.Compact(widths) {
		limits = append(limits, sweepLimit{acc: p})
	}
	slices.Sort(luts)
	for _, n := range slices.Compact(luts) {
		// Within a LUT limit widths are chosen from the least up to the largest that was
		// asked for.
		limits = append(limits, sweepLimit{acc: slices.Max(widths), lut: n})
	}
	for _, text := range methods {
		own := train.Overrides{}
		if err := setMethod(&own, text); err != nil {
			return usagef("sweep: --methods: %w", err)
		}
		each := limits
		// One cell without any limit.
		if *own.Method == quant.Base {
			each = []sweepLimit{{}}
		}
		// The loop's l is a new variable each time, so its address may be kept in the
		// overrides.
		for _, l := range each {
			if l.acc > 0 {
				own.AccBits = &l.acc
			}
			spec, err := s.spec.With(own)
			if err != nil {
				return usagef("sweep: method %s at %v: %w", text, l, err)
			}
			s.cells = append(s.cells, sweepCell{method: text, sweepLimit: l, spec: spec})
		}
	}
	return nil
}

// setMethod sets the method, and the rule where text is METHOD/RULE.
func setMethod(o *train.Overrides, text string) error {
	name, rule, ruled := strings.Cut(text, "/")
	method, err := quant.ParseMethod(name)
	if err != nil {
		return err
	}
	o.Method = &method
	if !ruled {
		return nil
	}
	// A2Q and A2Q+ start their accumulators at 0, and have no choice.
	if method != quant.Budget {
		return fmt.Errorf("%s names a rule, want budget/%s: budget alone has rules", text, rule)
	}
	r, err := quant.ParseRule(rule)
	o.Rule = &r
	return err
}
