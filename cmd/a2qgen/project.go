package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/ptq"
)

var projectHelp = `Quantises a float network without training, so that no accumulator of the hidden
layers can overflow P bits: batch norm is folded into the weights, weights are
equalised from layer to layer, activation scales chosen on samples of --data's
training part, then layer after layer turned into integers that fit. The first and
the last layer get 8-bit weights and no limit. The file is imported again, certified
and scored on the test part with the integer executor.

--method says how integers are chosen, and --set changes an option of the method:

` + methodsHelp() + `

--rule shifted lets budget begin accumulators at a constant of their channel. --tile T gives every T inputs an
accumulator of P bits of their own; a wider one adds those up. --taps LANES,CAP[,UNITS]
bounds the units of weight that a row may have in each of LANES banks of its inputs
(input i lies in bank i mod LANES), and in all: a unit that reads an input per bank and
cycle then takes CAP cycles per row.

--table 10:16 projects by several methods, without a limit and at every P, of one network
or several, such as those of some seeds, and prints the accuracies; --results PREFIX writes
them to PREFIX.csv and PREFIX.md. --methods LIST names the methods, with a rule behind / and
options behind +, as in axe,budget/shifted,oac+rounding=budget+damping=0.1; --fps adds the LUTs that each
accelerator takes at a rate, by estimate.

Networks that turn images into images are scored by their PSNR: --spec names a training spec whose samples have
targets, as for super-resolution, and --images a folder of whole pictures to score on in place of its test part, as
eval does. Steps of each image (daq+statistics=image) are in no file: --table alone has their scores.

--repair takes an integer network (QONNX, of any origin) instead and takes units off
the weights of every layer that needs more than P bits, those whose loss costs least;
the first and the last layer stay unless --layer names them. With --taps it takes what
rows and banks have too much as well; without --acc widths stay. Without --data all inputs
count alike.

` + inputHelp + `

Example:
   a2qgen train examples/fmnist-mlp-256.yaml --float-out float.onnx
   a2qgen project float.onnx --acc 10 --rule shifted --out p10.onnx
   a2qgen project float.onnx --table 10:16
   a2qgen project espcn-float.onnx --spec examples/espcn-x3.yaml --data t91 --images set5 --table 8:16 --methods axe,daq
   a2qgen project net.onnx --repair --acc 12 --out net12.onnx
   a2qgen project net.onnx --repair --taps 8,2 --layer fc2 --out lanes.onnx`

// projectCommand is post-training quantisation (PTQ) in three forms: one network, a table
// over methods and widths, and the repair of a network that is integer already. They share
// the accumulator rules and the data, hence one command.
func projectCommand() *cli.Command {
	return &cli.Command{
		Name: "project", Usage: "quantise a float network without training, or repair an integer one",
		UsageText: "a2qgen project FLOAT.onnx --acc P [--data DIR] [--scale F] [--layout nchw|nhwc] " +
			"[--out net.onnx]\n" +
			"   [--method NAME] [--set OPTION=VALUE]... [--rule split|shifted] [--weights M] [--acts N]\n   " +
			"[--tile T | --taps LANES,CAP[,UNITS]] [--samples S] [--equalize=false] [--json]\n" +
			"   a2qgen project FLOAT.onnx... --table FROM:TO [--methods LIST] [--fps F] [--results PREFIX]\n" +
			"   [--spec SPEC.yaml] [--images DIR] [--json]\n" +
			"   a2qgen project NET.onnx --repair [--acc P] [--taps LANES,CAP[,UNITS]] [--data DIR] [--layer NAME] " +
			"[--input TYPE[:FRACTION]]\n   [--input-range LO:HI] [--input-scale F] [--input-zero Z] [--out net.onnx] [--json]",
		Description: projectHelp,
		Flags: append([]cli.Flag{
			// Any part of the data that resembles what the network will see calibrates;
			// labels only score.
			&cli.StringFlag{Name: "data", Usage: "`DIR` of the data set, IMAGES,LABELS, mnist or drawn"},
			&cli.StringFlag{Name: "spec", Usage: "training `SPEC.yaml` whose samples to take, those of super-resolution too"},
			&cli.StringFlag{Name: "images", Usage: "score on the pictures of `DIR`, as eval --images does"},
			scaleFlag(), layoutFlag(),
			&cli.StringFlag{Name: "out", Value: "net.onnx", Usage: "`FILE` to write"},
			&cli.IntFlag{Name: "acc", DefaultText: "none", Usage: "accumulator width `P` of the hidden layers, bits"},
			&cli.StringFlag{Name: "method", Value: string(ptq.Budget),
				Usage: "`NAME` of the method: " + strings.Join(ptq.MethodNames(), ", ")},
			&cli.StringSliceFlag{Name: "set", Usage: "set an option of the method, may be repeated: `OPTION=VALUE`"},
			&cli.StringFlag{Name: "rule", Value: string(quant.Split),
				Usage: "`NAME` of the rule of budget: split (accumulators start at 0) or shifted"},
			&cli.StringFlag{Name: "taps", DefaultText: "none", Usage: tapsUsage},
			// W4A4 with ends of 8 bits is what the tables in docs/ptq.md compare.
			&cli.IntFlag{Name: "weights", Value: 4, Usage: "weight width `M` of the hidden layers, bits"},
			&cli.IntFlag{Name: "acts", Value: 4, Usage: "activation width `N`, bits"},
			&cli.IntFlag{Name: "input-bits", Value: 8, Usage: "width of the network's input, bits"},
			&cli.IntFlag{Name: "first-weights", Value: 8, Usage: "weight width of the first layer, bits"},
			&cli.IntFlag{Name: "last-weights", Value: 8, Usage: "weight width of the last layer, bits"},
			&cli.IntFlag{Name: "tile", DefaultText: "none",
				Usage: "give every `T` inputs of a row an accumulator of P bits"},
			// GPTQ's Gram matrix of a layer of 784 inputs needs more samples than inputs
			// to have full rank.
			&cli.IntFlag{Name: "samples", Value: 1024, Usage: "calibrate on `S` samples"},
			// Equalising changes no output of the float network, and evens out what 4 bits
			// cannot hold at once: --equalize=false is for comparison.
			&cli.BoolFlag{Name: "equalize", Value: true, Usage: "equalise weights from layer to layer"},
			&cli.StringFlag{Name: "table", Usage: "compare the methods at widths `FROM:TO`"},
			&cli.StringFlag{Name: "methods", DefaultText: strings.Join(study.ProjectionMethods(), ","),
				Usage: "compare the methods of a `LIST`: NAME[/RULE][+OPTION=VALUE]..., with commas between"},
			&cli.Float64Flag{Name: "fps", DefaultText: "no LUTs",
				Usage: "estimate the LUTs of each accelerator of the table at `F` frames per second"},
			&cli.StringFlag{Name: "results", Usage: "write the table to `PREFIX`.csv and .md"},
			&cli.BoolFlag{Name: "repair", DisableDefaultText: true, Usage: "make an integer network fit"},
			&cli.StringSliceFlag{Name: "layer", Usage: "repair only the layer `NAME` (may be repeated)"},
			jsonFlag(),
		}, inputFlags()...),
		Action: projectAction,
	}
}

// projectAction tells the three forms apart: --table may have several networks, so it
// counts its arguments by itself.
func projectAction(c *cli.Context) error {
	if c.IsSet("table") {
		return tableAction(c)
	}
	// One network from here on: each becomes a file, and --out names one.
	path, err := oneArgument(c, "FLOAT.onnx")
	if err != nil {
		return err
	}
	if err := checkProjectFlags(c); err != nil {
		return err
	}
	settings, err := settingsOf(c)
	if err != nil {
		return err
	}
	con := newConsole(c)
	// The float path would refuse an integer network, and the other way round: which is
	// meant is said, not guessed.
	if c.Bool("repair") {
		repair, err := repairOf(c, path)
		if err != nil {
			return err
		}
		done, err := repair.Run(c.Context, con.progress())
		return con.result(&repairReport{done}, err)
	}
	// Opened before it is projected: calibration is the same whatever the method.
	cal, err := calibrationOf(c)
	if err != nil {
		return err
	}
	p, err := study.OpenProjection(c.Context, path, cal, con.progress())
	if err != nil {
		return err
	}
	done, err := p.Project(c.Context, settings, c.String("out"))
	return con.result(&projectReport{done}, err)
}

// checkProjectFlags returns a usage error for flags that are out of range or do not go
// together. Ranges are the rules' (projectRules). A flag that a form would ignore is
// refused: a user who gives it believes that it did something.
func checkProjectFlags(c *cli.Context) error {
	fail := func(format string, args ...any) error { return usagef("project: "+format, args...) }
	table := c.IsSet("table")
	if !table && !c.IsSet("acc") && !(c.Bool("repair") && c.IsSet("taps")) {
		return fail("--acc P is missing; see a2qgen project --help")
	}
	if c.IsSet("tile") && c.IsSet("taps") {
		return fail("--tile does not go with --taps: banks are those of a whole row")
	}
	// What a network that is integer already has settled: its methods, widths and scales.
	// IsSet, not values: these flags have defaults, which nobody has asked for.
	for _, name := range []string{"method", "set", "methods", "fps", "weights", "acts", "input-bits", "first-weights",
		"last-weights",
		"equalize", "tile", "results", "spec", "images"} {
		if c.Bool("repair") && c.IsSet(name) {
			return fail("--%s does not go with --repair", name)
		}
	}
	for name := range inputRules {
		// A float network gets an input quantiser of --input-bits, from its samples.
		if !c.Bool("repair") && c.IsSet(name) {
			return fail("--%s wants --repair", name)
		}
	}
	switch {
	case table && (c.IsSet("acc") || c.IsSet("method") || c.IsSet("set") || c.IsSet("rule") || c.IsSet("out") ||
		c.Bool("repair")):
		return fail("--table goes through methods and widths itself, and writes no network: " +
			"it does not go with --acc, --method, --set, --rule, --out or --repair")
	// The other ways of rounding know one rule, split.
	case c.IsSet("rule") && roundingOf(c) != ptq.Budget:
		return fail("--rule is %s with --method %s, want --method budget, which alone has rules, or --set rounding=budget",
			c.String("rule"), c.String("method"))
	case c.IsSet("results") && !table:
		return fail("--results wants --table")
	case c.IsSet("methods") && !table:
		return fail("--methods wants --table")
	case c.IsSet("fps") && !table:
		return fail("--fps wants --table")
	case c.IsSet("layer") && !c.Bool("repair"):
		return fail("--layer wants --repair")
	}
	return nil
}

// settingsOf reads what Project is told. All widths are bits; Acc.Bits 0 is no limit.
func settingsOf(c *cli.Context) (ptq.Settings, error) {
	values, err := optionsOf(c)
	if err != nil {
		return ptq.Settings{}, usagef("project: %w", err)
	}
	// The names of method and rule have passed their rules, taps too, and the widths their
	// ranges.
	taps, _ := quant.ParseTaps(c.String("taps"))
	return ptq.Settings{
		Method: ptq.Method(c.String("method")), Options: values,
		Acc: ptq.Accumulator{Bits: c.Int("acc"), Rule: quant.Rule(c.String("rule")), Tile: c.Int("tile"),
			Taps: taps},
		WeightBits: c.Int("weights"), ActBits: c.Int("acts"),
		FirstWeightBits: c.Int("first-weights"), LastWeightBits: c.Int("last-weights"),
	}, nil
}

// optionsOf reads --set for the method.
func optionsOf(c *cli.Context) (ptq.Values, error) {
	values := ptq.Values{}
	for _, text := range c.StringSlice("set") {
		name, value, err := study.ParseOption(text)
		if err != nil {
			return nil, fmt.Errorf("--set: %w", err)
		}
		// The last would win silently, and which one was meant cannot be known.
		if _, twice := values[name]; twice {
			return nil, fmt.Errorf("--set gives %s twice", name)
		}
		values[name] = value
	}
	d, err := ptq.Define(c.String("method"))
	if err != nil {
		return nil, err
	}
	return values, d.CheckOptions(values)
}

// roundingOf returns what finds the integers; nothing of flags that are wrong, which is said elsewhere.
func roundingOf(c *cli.Context) ptq.Method {
	values, err := optionsOf(c)
	if err != nil {
		return ""
	}
	d, err := ptq.Define(c.String("method"))
	if err != nil {
		return ""
	}
	return d.Rounding(values)
}

// methodsHelp lists methods with their sources and options.
func methodsHelp() string {
	var b strings.Builder
	methods := ptq.Methods()
	common := slices.Concat(methods[0].Options, ptq.CommonOptions())
	for _, d := range methods {
		fmt.Fprintf(&b, "   %-7s %s\n           (%s; %s)\n", d.Method, d.Summary, d.Source, d.Status)
		for _, o := range d.Options {
			switch shared, is := optionOf(common, o.Name); {
			case !is:
				fmt.Fprintf(&b, "           %s\n", o)
			case shared.Default != o.Default: // what all have is described once, below
				fmt.Fprintf(&b, "           %s=%s\n", o.Name, o.Default)
			}
		}
	}
	b.WriteString("   All methods have, with these values where nothing else stands above:\n")
	for _, o := range common {
		fmt.Fprintf(&b, "           %s\n", o)
	}
	return strings.TrimRight(b.String(), "\n")
}

// optionOf returns the option of that name, if there is one.
func optionOf(options []ptq.Option, name string) (ptq.Option, bool) {
	for _, o := range options {
		if o.Name == name {
			return o, true
		}
	}
	return ptq.Option{}, false
}

// calibrationOf reads how a float network is made ready.
func calibrationOf(c *cli.Context) (study.Calibration, error) {
	// Equalising and input widths belong to the float network: all methods start from one.
	cal := study.Calibration{Source: sampleSourceOf(c), Samples: c.Int("samples"), InputBits: c.Int("input-bits"),
		Equalise: c.Bool("equalize"), Images: c.String("images")}
	var err error
	if c.IsSet("spec") {
		cal.Spec, err = sampleSpec(c, &cal.Source)
	}
	return cal, err
}

// tableAction is project --table.
func tableAction(c *cli.Context) error {
	if err := checkProjectFlags(c); err != nil {
		return err
	}
	// The widths before any file is read: then a wrong line is refused whatever files are there.
	widths, err := parseWidths(c.String("table"))
	if err != nil {
		return usagef("project: --table: %w", err)
	}
	// One network or several: the seeds of a training are compared as one.
	if !c.Args().Present() {
		return usagef("project: FLOAT.onnx is missing; see a2qgen project --help")
	}
	con := newConsole(c)
	settings, err := settingsOf(c)
	if err != nil {
		return err
	}
	contenders := study.Projections()
	if c.IsSet("methods") {
		if contenders, err = study.ParseProjections(c.String("methods")); err != nil {
			return usagef("project: --methods: %w", err)
		}
	}
	cal, err := calibrationOf(c)
	if err != nil {
		return err
	}
	all, err := study.Compare(c.Context, c.Args().Slice(), cal, settings, contenders, widths, c.Float64("fps"),
		con.progress())
	if err != nil {
		return err
	}
	// The files first: a result that is printed and not kept would be lost with the terminal.
	doc := &comparisonReport{all}
	// Without it the table is only printed: a comparison leaves no file that was not asked for.
	if prefix := c.String("results"); prefix != "" {
		err = doc.write(prefix)
	}
	return con.result(doc, err)
}
