package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

// trainHelp names every form of the command once, with the reason to use it; what each flag takes
// stands beside the flag. So it is with the help of the other commands.
const trainHelp = `Trains the network of a YAML spec in floating point, then with its quantisers, and
writes it as QONNX. The flags override the spec. The result is imported again and
scored with the integer executor; the bound of every accumulator is recomputed from
the integers in the file.

--data is a folder laid out like MNIST, a pair IMAGES,LABELS, "mnist" for what make mnist
has downloaded, or "drawn" for digits that a2qgen draws itself, the default where Debian's dataset-fashion-mnist is not
installed. After every epoch OUT.ckpt is written; --resume goes on from it, after
Ctrl-C too, to the very result of a run that was never stopped. Beside OUT stand
loss, accuracy and speed of every epoch, as OUT.metrics.csv and OUT.metrics.svg
(OUT without its ending).

--layout nhwc reads arrays of images that have their channels last; layout: and shape: in
the spec do so too, and make images of rows. Samples are values of 0..1, unsigned bytes
divided by 255; --input-range LO:HI, or input_range: [lo, hi], takes others, such as
standardised features. Whatever cannot be trained, exported or
written is refused before the first epoch.

--seeds 3 trains with three seeds, from the spec's on, into net.s1.onnx, net.s2.onnx
and so on, and reports mean and spread. --cache keeps float phases: runs that differ
only in what comes after them, such as --acc or --method, share one.

A spec with super: {factor: 2} cuts samples for super-resolution out of the images
in the folder --data, PNG or JPEG.

Methods: base (round to nearest, no bound); wn (arXiv 2301.13376), a2q (2308.13504), a2q+
(2401.10432), bounds on norms; budget (ours), the nearest integers that fit; dq, DQ-style, a
reconstruction after the abstract of arXiv 2012.13762 alone: integers that move by levels,
where the accumulator has room, so that it cannot overflow at any step of training either.
--act-scale weighted is its other half: activation scales of least error, each channel's by
1/variance.

--start takes weights, biases and batch norm from an ONNX file, such as PyTorch
exports from a checkpoint: its layers with weights must be the spec's, in order.
With float: {epochs: 0} in the spec, training goes straight to the quantisers.

--float-out keeps the network that the float phase ends with, which project takes.

--fps F, with method budget or dq, bounds the taps of each layer that a tap unit may build, so that
the unit keeps up with F frames per second whatever the weights are: --unit dense does
without. The first and the last layer get a budget too, where the spec gives them none;
--first-acc 0 and --last-acc 0 leave them as they are. What each layer got is printed.

--lut N gives each layer an accumulator width P, a weight width M, taps and a unit of its
own, P and M up to those of the spec: after the float phase it measures what each layer
loses with each, estimates the LUT of the design, folded for --fps at --clock or by
--folding, and takes what loses least within N LUT.

Example:
   a2qgen train examples/fmnist-mlp.yaml --out net.onnx
   a2qgen train examples/fmnist-mlp.yaml --out p10.onnx --method a2q+ --acc 10 --epochs 8
   a2qgen train examples/fmnist-mlp.yaml --method budget --rule split --seeds 3
   a2qgen train examples/fmnist-mlp-256.yaml --method dq --acc 8 --act-scale weighted
   a2qgen train examples/fmnist-mlp-256.yaml --method budget --acc 8 --fps 190000
   a2qgen train examples/fmnist-mlp-256.yaml --method budget --acc 10 --lut 1200 --fps 190000`

// trainCommand has flags for what is varied most; all else is in the spec, so that a
// network can be trained again from one file.
func trainCommand() *cli.Command {
	return &cli.Command{
		Name: "train", Usage: "train a network whose accumulators cannot overflow",
		UsageText: "a2qgen train SPEC.yaml [--data DIR] [--test-images DIR] [--layout nchw|nhwc]\n" +
			"   [--input-range LO:HI] [--out net.onnx] [--method NAME] [--rule split|shifted] [--acc P] [--first-acc P]\n" +
			"   [--last-acc P] [--taps LANES,CAP[,UNITS]]\n" +
			"   [--weights M] [--acts N] [--act-scale NAME] [--epochs E] [--seed S] [--seeds K]\n" +
			"   [--start FILE.onnx] [--cache DIR] [--float-out FILE.onnx] [--resume]\n" +
			"   [--lut N] [--fps F] [--clock MHZ] [--unit UNIT] [--block-luts N]\n" +
			"   [--folding FILE] [--fold LAYER=PE,SIMD]... [--json]",
		Description: trainHelp,
		// What is not set is the spec's (given), so most flags show no default of their own.
		Flags: slices.Concat(specFlags(), []cli.Flag{
			&cli.StringFlag{Name: "layout", DefaultText: "the spec's",
				Usage: "`LAYOUT` of images in the files: nchw or nhwc (channels last)"},
			&cli.StringFlag{Name: "input-range", DefaultText: "the spec's", Usage: "the network's input holds `LO:HI`"},
			&cli.StringFlag{Name: "out", Value: "net.onnx", Usage: "`FILE` to write"},
			// Names are checked with the spec, of which they become a part.
			&cli.StringFlag{Name: "method",
				Usage: "`NAME` of the quantiser of the hidden layers: base, wn, a2q, a2q+, budget or dq"},
			&cli.StringFlag{Name: "rule",
				Usage: "`NAME` of the rule of budget and dq: split (accumulators start at 0) or shifted"},
			&cli.IntFlag{Name: "acc", DefaultText: "the spec's",
				Usage: "accumulator width `P` of the hidden layers, bits"},
			&cli.StringFlag{Name: "taps", DefaultText: "the spec's", Usage: tapsUsage},
			&cli.IntFlag{Name: "first-acc", DefaultText: "the spec's, or as --fps or --lut make it",
				Usage: "accumulator width `P` of the first layer, bits; 0 for no limit"},
			&cli.IntFlag{Name: "last-acc", DefaultText: "the spec's, or as --fps or --lut make it",
				Usage: "accumulator width `P` of the last layer, bits; 0 for no limit"},
			&cli.IntFlag{Name: "seeds", Value: 1, Usage: "train with `K` seeds, the spec's and those after it"},
			&cli.StringFlag{Name: "start", Usage: "ONNX `FILE` whose weights and batch norm to start from"},
			// A float network of its own: project starts from it, at any P, without
			// training.
			&cli.StringFlag{Name: "float-out", Usage: "ONNX `FILE` for the network at the end of the float phase"},
			&cli.StringFlag{Name: "cache", Usage: "`DIR` that keeps float phases for later runs"},
			&cli.BoolFlag{Name: "resume", DisableDefaultText: true, Usage: "go on from the checkpoint OUT.ckpt"},
			jsonFlag(),
		}, lutFlags()),
		Action: trainAction,
	}
}

// tapsUsage is that of train and project.
const tapsUsage = "units that the hidden rows may have in each of so many banks of inputs, " +
	"and in all: `LANES,CAP[,UNITS]`"

// specFlags override a spec, in train and in sweep.
func specFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "data", Usage: "`DIR` of the data set, IMAGES,LABELS, mnist or drawn"},
		&cli.StringFlag{Name: "test-images", DefaultText: "a sixth of --data",
			Usage: "`DIR` of images to test super-resolution with; all of --data are trained on then"},
		&cli.IntFlag{Name: "weights", DefaultText: "the spec's", Usage: "weight width `M` of the hidden layers, bits"},
		&cli.IntFlag{Name: "acts", DefaultText: "the spec's", Usage: "activation width `N`, bits"},
		&cli.StringFlag{Name: "act-scale", DefaultText: "the spec's", Usage: "how the scales of activations are found: " +
			"`NAME` learned (by gradient), weighted (least error, each channel's by 1/variance) or pooled"},
		// One number, since a user who wants it shorter wants both phases shorter.
		&cli.IntFlag{Name: "epochs", DefaultText: "the spec's",
			Usage: "`E` epochs in all, the first half of them in floating point"},
		&cli.Uint64Flag{Name: "seed", DefaultText: "the spec's",
			Usage: "`S`, the first seed, fixes weights and order of samples"},
	}
}

// The order is that of the cost of being wrong: spec and flags, paths, folding, data, the
// hardware, and only then hours of training.
func trainAction(c *cli.Context) error {
	path, err := oneArgument(c, "SPEC.yaml")
	if err != nil {
		return err
	}
	spec, err := loadSpec(c, path, overrides(c))
	if err != nil {
		return err
	}
	// Asked of the spec, not of --method: it may name the method itself, or per layer.
	if c.IsSet("rule") && !spec.Ruled() {
		return usagef("train: --rule is %s with method %s, want budget or dq, which alone have rules",
			spec.Rule, spec.Method)
	}
	seeds := c.Int("seeds")
	// A file that cannot be written is found now, not when hours of training have ended.
	if err := checkTrainPaths(c, spec); err != nil {
		return err
	}
	chosen, err := lutAllocation(c, spec)
	if err != nil {
		return err
	}
	rate, err := rateOf(c, spec)
	if err != nil {
		return err
	}
	// The samples are opened once; every seed trains on the same.
	sets, err := study.OpenSpec(spec)
	if err != nil {
		return err
	}
	o := train.Options{Out: c.String("out"), FloatOut: c.String("float-out"),
		Resume: c.Bool("resume"), FloatCache: c.String("cache"),
		Allocate: chosen.Allocator()}
	// train.Run would find out when the float phase has ended.
	if cache := c.String("cache"); cache != "" {
		if err := makeFolder(cache); err != nil {
			return fmt.Errorf("train: --cache: %w", err)
		}
	}
	con := newConsole(c)
	spec, bounds, err := fitRate(con, rate, spec, sets)
	if err != nil {
		return err
	}
	for _, o := range foldings(chosen, rate) {
		if err := study.CheckFolding(spec, sets, o); err != nil {
			return err
		}
	}
	if seeds > 1 {
		// A report of its own: of many seeds the spread is wanted, not each certificate.
		doc, err := trainSeeds(c.Context, con, spec, sets, o, seeds)
		return con.result(doc, err)
	}
	// With several seeds there is no --lut: widths are chosen for one network.
	doc, err := trainNetwork(c.Context, con, spec, sets, o)
	if err == nil {
		doc.Bounds = bounds
	}
	if err == nil && chosen != nil {
		// Priced again, for the trained weights: the choice was made on those of the float phase.
		doc.Allocation, err = chosen, chosen.PriceTrained(doc.Network)
	}
	return con.result(doc, err)
}

// checkTrainPaths is checkPaths with what the spec says: which files it reads, and the
// first seed, after which the networks are called where there are some. Where the networks
// of several seeds go is known only with the spec's first seed.
func checkTrainPaths(c *cli.Context, spec *train.Spec) error {
	// Names with a seed in them: OUT itself is not written.
	if n := c.Int("seeds"); n > 1 {
		if c.IsSet("float-out") {
			return usagef("train: --float-out writes one network, --seeds asks for %d", n)
		}
		return checkOutputs(c, seedOutputs(c, spec.Seed, n), specInputs(spec)...)
	}
	return checkPaths(c, specInputs(spec)...)
}

// loadSpec reads the spec at path and lays own and --data over it.
func loadSpec(c *cli.Context, path string, own train.Overrides) (*train.Spec, error) {
	// An error of the file alone is no usage error: the line may be right.
	spec, err := train.LoadSpec(path)
	if err != nil {
		return nil, err
	}
	// With checks the whole spec again: each value may be right and their combination not.
	if spec, err = spec.With(own); err != nil {
		return nil, usageError{err} // the spec by itself is right
	}
	if c.IsSet("data") {
		spec.Data = c.String("data")
	}
	if c.IsSet("test-images") {
		if spec.Super.Factor == 0 {
			return nil, usagef("%s: --test-images is %s, but %s has no super.factor", c.Command.Name,
				c.String("test-images"), path)
		}
		spec.Super.Test = c.String("test-images")
	}
	return spec, nil
}

// overrides returns what the flags change in a spec.
func overrides(c *cli.Context) train.Overrides {
	o := train.Overrides{
		Method:       given(c, "method", quant.Method(c.String("method"))),
		Rule:         given(c, "rule", quant.Rule(c.String("rule"))),
		FirstAccBits: given(c, "first-acc", c.Int("first-acc")), LastAccBits: given(c, "last-acc", c.Int("last-acc")),
		AccBits: given(c, "acc", c.Int("acc")), WeightBits: given(c, "weights", c.Int("weights")),
		ActBits: given(c, "acts", c.Int("acts")), ActScale: given(c, "act-scale", c.String("act-scale")),
		Epochs: given(c, "epochs", c.Int("epochs")),
		Layout: given(c, "layout", c.String("layout")), Start: given(c, "start", c.String("start")),
		Seed: given(c, "seed", c.Uint64("seed")),
	}
	if lo, hi, err := parseRange(c.String("input-range")); err == nil { // its rule has seen to the rest
		o.InputRange = []float64{lo, hi}
	}
	if t, err := quant.ParseTaps(c.String("taps")); err == nil { // as above
		o.Taps = &t
	}
	return o
}

// given returns the value of a flag, nil where it is not set: its default must not stand for
// a value.
func given[T any](c *cli.Context, name string, value T) *T {
	if !c.IsSet(name) {
		return nil
	}
	return &value
}

// trainNetwork trains a network and shows how it goes.
func trainNetwork(
	ctx context.Context, con *console, spec *train.Spec, sets study.Sets, o train.Options,
) (*trainReport, error) {
	trainer, w := newTrainer(con, sets)
	done, err := trainer.Train(ctx, spec, o)
	if err != nil {
		return nil, w.advise(err)
	}
	return newTrainReport(done), nil
}

// trainSeeds trains spec with n seeds, from its own on.
func trainSeeds(
	ctx context.Context, con *console, spec *train.Spec, sets study.Sets, o train.Options, n int,
) (*seedsReport, error) {
	trainer, w := newTrainer(con, sets)
	doc, err := trainer.Seeds(ctx, spec, o, n)
	if err != nil {
		return nil, w.advise(err)
	}
	// Each has the files of its own epochs, beside its own network.
	for _, r := range doc.Runs {
		newTrainReport(r)
	}
	return &seedsReport{doc}, nil
}

// newTrainReport reports a training with the files that prepare kept of its epochs.
func newTrainReport(t *study.Trained) *trainReport {
	// Only names: the files were written epoch by epoch, so that a stopped run has them too.
	t.Metrics = newMetricFiles(t.Out, t.Spec.Task).paths()
	return &trainReport{t}
}
