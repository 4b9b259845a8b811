package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
)

const sweepHelp = `Trains the network of a spec with several methods at several accumulator widths and
seeds, scores every result with the integer executor on the test samples, and writes
mean and spread as a table and a plot. base knows no accumulator and runs once per seed.
budget/split, dq/shifted and so on name the rule of budget and dq.

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
			"   [--data DIR] [--test-images DIR] [--out DIR] [--weights M] [--acts N] [--act-scale NAME] [--epochs E]\n" +
			"   [--seed S] [--lut N,N] [--fps F] [--clock MHZ] [--unit UNIT] [--block-luts N] [--folding FILE]\n" +
			"   [--fold LAYER=PE,SIMD]... [--json]",
		Description: sweepHelp,
		Flags: slices.Concat(specFlags(), []cli.Flag{
			&cli.StringFlag{Name: "acc", Value: "6:16", Usage: "accumulator widths `P`: 12, 8:16 or a list"},
			// The default compares A2Q, A2Q+ and the exact budget with the unlimited base.
			&cli.StringFlag{Name: "methods", Value: "base,a2q,a2q+,budget/shifted", Usage: "`LIST` of methods"},
			&cli.IntFlag{Name: "seeds", Value: 3, Usage: "train with `N` seeds each, from --seed on"},
			&cli.StringFlag{Name: "out", Value: filepath.Join("build", "sweep"), Usage: "`DIR` to write"},
			&cli.StringSliceFlag{Name: "lut",
				Usage: "choose P and M of each layer for at most `N` LUT; a list with commas, or repeated"},
			jsonFlag(),
		}, foldingFlags()),
		Action: sweepAction,
	}
}

// sweepAction plans, runs and prints; the files are written after every cell.
func sweepAction(c *cli.Context) error {
	path, err := oneArgument(c, "SPEC.yaml")
	if err != nil {
		return err
	}
	con := newConsole(c)
	s, err := newSweep(c, con, path)
	if err != nil {
		return err
	}
	// With an error too there is what was trained until then, in the folder.
	doc, err := s.Run(c.Context)
	return con.result(&sweepReport{doc}, err)
}

// newSweep reads spec, flags and data and makes the output folder. It plans every cell
// and, where LUT are wanted, the hardware, before the first training.
func newSweep(c *cli.Context, con *console, path string) (*study.Sweep, error) {
	// What train takes for one network holds for every cell of the sweep.
	own := overrides(c)
	own.AccBits = nil // --acc is a list here
	spec, err := loadSpec(c, path, own)
	if err != nil {
		return nil, err
	}
	if err := checkPaths(c, specInputs(spec)...); err != nil {
		return nil, err
	}
	// A line per epoch of hundreds of runs would bury the line per run.
	// Warnings and the sweep's own lines stay on con.
	quiet := *con
	quiet.quiet = true
	trainer, _ := newTrainer(&quiet, study.Sets{})
	s := &study.Sweep{Spec: spec, Command: sweepTitle(c, path), Methods: strings.Split(c.String("methods"), ","),
		Seeds: c.Int("seeds"), Out: c.String("out"), Trainer: *trainer, Progress: con.progress()}
	// After every cell: a sweep takes hours, and its first rows are wanted before its last.
	s.After = func(doc *study.SweepReport) error { return (&sweepReport{doc}).write(s.Out) }
	if s.Widths, err = parseWidths(c.String("acc")); err != nil {
		return nil, usagef("sweep: %w", err)
	}
	// Before Plan, which makes cells of the limits that this reads.
	if err := sweepHardware(c, s); err != nil {
		return nil, err
	}
	if err := s.Plan(); err != nil {
		return nil, usagef("sweep: %w", err)
	}
	// Data behind flags and plan: it is the slowest to read.
	if err := s.Open(); err != nil {
		return nil, err
	}
	// Last: a sweep that is refused leaves no folder.
	return s, openFolder("sweep", s.Out, study.RunsFolder)
}

// sweepHardware reads the flags that ask for LUT. Without them no design is planned, so that
// convolutional specs can be swept too.
func sweepHardware(c *cli.Context, s *study.Sweep) (err error) {
	if !foldingIsSet(c) && !c.IsSet("lut") {
		return nil
	}
	if s.LUTs, err = parseLUTs(c.StringSlice("lut")); err != nil {
		return err
	}
	// Told now, and not when the first trained network is to be priced.
	if err := study.HasVerilog(s.Spec); err != nil {
		return usagef("sweep: to estimate LUT %w", err)
	}
	folding, err := foldingOptions(c)
	s.Folding = &folding
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
	for _, name := range []string{"acc", "methods", "seeds", "weights", "acts", "act-scale", "epochs", "seed",
		"fps", "clock", "unit", "block-luts", "folding"} {
		if c.IsSet(name) {
			line += fmt.Sprintf(" --%s %v", name, c.Value(name))
		}
	}
	// Repeated, as each was given: a list in one flag stays one.
	for _, n := range c.StringSlice("lut") {
		line += " --lut " + n
	}
	for _, f := range c.StringSlice("fold") {
		line += " --fold " + f
	}
	return line
}
