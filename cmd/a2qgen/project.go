package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/renameio/v2/maybe"
	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/ptq"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

const projectHelp = `Quantises a float network without training, so that no accumulator of the hidden
layers can overflow P bits: batch norm is folded into the weights, weights are
equalised from layer to layer, activation scales chosen on samples of --data's
training part, then layer after layer turned into integers that fit. The first and
the last layer get 8-bit weights and no limit. The file is imported again, certified
and scored on the test part with the integer executor.

--method says how integers are chosen: rtn (to nearest, then what fits), ep (the
projection that A2Q+ starts from), axe (GPTQ within the zero-centred budget) or budget
(GPTQ within all integers that fit, then a search). --rule shifted lets budget begin
accumulators at a constant of their channel. --tile T gives every T inputs an
accumulator of P bits of their own; a wider one adds those up.

--table 10:16 projects by every method at every P, of one network or several, such
as those of some seeds, and prints the accuracies; --results PREFIX writes them to
PREFIX.csv and PREFIX.md.

--repair takes an integer network (QONNX, of any origin) instead and takes units off
the weights of every layer that needs more than P bits, those whose loss costs least;
the first and the last layer stay unless --layer names them. Without --data all inputs
count alike.

Example:
   a2qgen train examples/fmnist-mlp-256.yaml --float-out float.onnx
   a2qgen project float.onnx --acc 10 --rule shifted --out p10.onnx
   a2qgen project float.onnx --table 10:16
   a2qgen project net.onnx --repair --acc 12 --out net12.onnx`

// projectCommand is post-training quantisation (PTQ) in three forms: one network, a table
// over methods and widths, and the repair of a network that is integer already. They share
// the accumulator rules and the data, hence one command.
func projectCommand() *cli.Command {
	return &cli.Command{
		Name: "project", Usage: "quantise a float network without training, or repair an integer one",
		UsageText: "a2qgen project FLOAT.onnx --acc P [--data DIR] [--scale F] [--layout nchw|nhwc] " +
			"[--out net.onnx]\n" +
			"   [--method rtn|ep|axe|budget] [--rule split|shifted] [--weights M] [--acts N] [--tile T] " +
			"[--samples S] [--equalize=false] [--json]\n" +
			"   a2qgen project FLOAT.onnx... --table FROM:TO [--results PREFIX] [--json]\n" +
			"   a2qgen project NET.onnx --repair --acc P [--data DIR] [--layer NAME] [--out net.onnx] [--json]",
		Description: projectHelp,
		Flags: []cli.Flag{
			// Any part of the data that resembles what the network will see calibrates;
			// labels only score.
			&cli.StringFlag{Name: "data", Usage: "`DIR` of the data set, IMAGES,LABELS, or drawn"},
			scaleFlag(), layoutFlag(),
			&cli.StringFlag{Name: "out", Value: "net.onnx", Usage: "`FILE` to write"},
			&cli.IntFlag{Name: "acc", DefaultText: "none", Usage: "accumulator width `P` of the hidden layers, bits"},
			&cli.StringFlag{Name: "method", Value: string(ptq.Budget),
				Usage: "`NAME` of the method: rtn, ep, axe or budget"},
			&cli.StringFlag{Name: "rule", Value: string(quant.Split),
				Usage: "`NAME` of the rule of budget: split (accumulators start at 0) or shifted"},
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
			&cli.StringFlag{Name: "results", Usage: "write the table to `PREFIX`.csv and .md"},
			&cli.BoolFlag{Name: "repair", DisableDefaultText: true, Usage: "make an integer network fit"},
			&cli.StringSliceFlag{Name: "layer", Usage: "repair only the layer `NAME` (may be repeated)"},
			jsonFlag(),
		},
		Action: projectAction,
	}
}

// projectAction tells the three forms apart: --table may have several networks, so it
// counts its arguments by itself.
func projectAction(c *cli.Context) error {
	if c.IsSet("table") {
		return tableAction(c)
	}
	path, err := oneArgument(c, "FLOAT.onnx")
	if err != nil {
		return err
	}
	if err := checkProjectFlags(c); err != nil {
		return err
	}
	con := newConsole(c)
	// The float path would refuse an integer network, and the other way round: which is
	// meant is said, not guessed.
	if c.Bool("repair") {
		doc, err := repairNetwork(c, con, path)
		if err != nil {
			return err
		}
		return con.result(doc, doc.print)
	}
	p, err := openProjection(c, path)
	if err != nil {
		return err
	}
	doc, err := p.project(c.Context, con, settingsOf(c), c.String("out"))
	if err != nil {
		return err
	}
	return con.result(doc, doc.print)
}

// checkProjectFlags returns a usage error for flags that are out of range or do not go
// together. Ranges are the rules' (projectRules). A flag that a form would ignore is
// refused: a user who gives it believes that it did something.
func checkProjectFlags(c *cli.Context) error {
	fail := func(format string, args ...any) error { return usagef("project: "+format, args...) }
	table := c.IsSet("table")
	if !table && !c.IsSet("acc") {
		return fail("--acc P is missing; see a2qgen project --help")
	}
	// What a network that is integer already has settled: its methods, widths and scales.
	for _, name := range []string{"method", "weights", "acts", "input-bits", "first-weights", "last-weights",
		"equalize", "tile", "results"} {
		if c.Bool("repair") && c.IsSet(name) {
			return fail("--%s does not go with --repair", name)
		}
	}
	switch {
	case table && (c.IsSet("acc") || c.IsSet("method") || c.IsSet("rule") || c.IsSet("out") || c.Bool("repair")):
		return fail("--table goes through methods and widths itself, and writes no network: " +
			"it does not go with --acc, --method, --rule, --out or --repair")
	// The other methods know one rule, split.
	case c.IsSet("rule") && ptq.Method(c.String("method")) != ptq.Budget:
		return fail("--rule is %s with --method %s, want --method budget, which alone has rules",
			c.String("rule"), c.String("method"))
	case c.IsSet("results") && !table:
		return fail("--results wants --table")
	case c.IsSet("layer") && !c.Bool("repair"):
		return fail("--layer wants --repair")
	}
	return nil
}

// settingsOf reads what Project is told. All widths are bits; Acc.Bits 0 is no limit.
func settingsOf(c *cli.Context) ptq.Settings {
	return ptq.Settings{
		Method:     ptq.Method(c.String("method")),
		Acc:        ptq.Accumulator{Bits: c.Int("acc"), Rule: quant.Rule(c.String("rule")), Tile: c.Int("tile")},
		WeightBits: c.Int("weights"), ActBits: c.Int("acts"),
		FirstWeightBits: c.Int("first-weights"), LastWeightBits: c.Int("last-weights"),
	}
}

// projection is a calibrated float network with its data. A table uses one for all its
// cells.
type projection struct {
	// path is the float network's file, for messages.
	path  string
	model *nn.Model
	sets  dataSets
	// samples that calibrate, at most as many as the training part has.
	samples int
	calib   *ptq.Calibration
	// float is the accuracy of the float network, percent; scored says that
	// there are labels.
	float  float64
	scored bool
}

// openProjection reads a float network and calibrates it. Calibration is the same for all
// methods and widths, so a table does it once per network: batch norm is folded, layers
// are equalised in pairs, and activation ranges are measured on training samples, so that
// the test part stays unseen.
func openProjection(c *cli.Context, path string) (*projection, error) {
	p := &projection{path: path}
	var err error
	if p.model, err = qonnx.ReadModel(path); err != nil {
		return nil, err
	}
	source := sampleSourceOf(c)
	if p.sets, err = source.openBoth(); err != nil {
		return nil, err
	}
	// As the network declares its samples: a set of another shape is refused with both.
	if p.sets, err = p.sets.fit(p.model.InputShape); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// A small set is used whole, without a warning: the report has the number.
	p.samples = min(c.Int("samples"), p.sets.train.Len())
	x := ptq.Samples{Values: spreadSamples(p.sets.train, p.samples)}
	// The input's quantiser must hold all samples, not just those that calibrate.
	x.Low, x.High = valueRange(p.sets.train)
	p.calib, err = ptq.Calibrate(c.Context, p.model, x, c.Int("input-bits"), c.Bool("equalize"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p.scored = p.sets.test.Labels != nil
	if p.scored {
		p.float, err = floatAccuracy(c.Context, p.model, p.sets.test)
	}
	return p, err
}

// spreadSamples returns n samples of set, evenly spread, one after the other. Evenly over
// the set, since many files are sorted by class, and without a seed, so that two runs
// calibrate on the same ones. Values lie as Set.Sample gives them, scaled.
func spreadSamples(set *data.Set, n int) []float32 {
	v := make([]float32, n*set.Size())
	for k := range n {
		set.Sample(k*set.Len()/n, v[k*set.Size():(k+1)*set.Size()])
	}
	return v
}

// valueRange returns bounds on the values of set's samples: those of the format for bytes,
// the smallest and largest there are for floats. 0 is always within: an integer type has a
// code for it. A negative scale turns the range round: 255 is then the low end.
func valueRange(set *data.Set) (lo, hi float64) {
	if set.Bytes != nil {
		end := 255 * set.Scale
		return min(0, end), max(0, end)
	}
	for _, v := range set.Floats {
		lo, hi = min(lo, float64(v)*set.Scale), max(hi, float64(v)*set.Scale)
	}
	return lo, hi
}

// floatAccuracy returns the share of set's samples, percent, to which the float network
// gives its largest output at the label. Batches bound the memory of the activations of
// all layers at once.
func floatAccuracy(ctx context.Context, m *nn.Model, set *data.Set) (float64, error) {
	const batch = 500
	correct := 0
	g, err := m.Graph()
	if err != nil {
		return 0, fmt.Errorf("model %q: %w", m.Name, err)
	}
	for at := 0; at < set.Len(); at += batch {
		part := set.Slice(at, min(at+batch, set.Len()))
		out, err := g.Outputs(ctx, spreadSamples(part, part.Len()))
		if err != nil {
			return 0, err
		}
		classes := len(out) / part.Len()
		// The first batch shows how many outputs there are.
		if err := set.CheckOutputs(classes); err != nil {
			return 0, err
		}
		for k, label := range part.Labels {
			if classOf(out[k*classes:(k+1)*classes]) == int(label) {
				correct++
			}
		}
	}
	return percent(correct, set.Len()), nil
}

// classOf returns the index of the largest output, or whether a single one, a logit, is
// above 0. The first of equal ones, as the integer executor and the hardware decide.
func classOf(out []float64) int {
	best := 0
	for c, v := range out {
		if v > out[best] {
			best = c
		}
	}
	if len(out) == 1 && out[0] > 0 {
		best = 1
	}
	return best
}

// project quantises, imports again, certifies, scores and writes. It judges what a user
// gets: the bytes of the file go through the importer that generate uses, and the bounds are
// recomputed from their integers, so that an error in writing or in the projection's own
// arithmetic cannot certify itself. The file is written last: a projection that fails, or is
// stopped while it is scored, leaves none.
func (p *projection) project(ctx context.Context, con *console, s ptq.Settings, out string) (*projectReport, error) {
	start := time.Now()
	m, layers, err := p.quantise(ctx, con, s)
	if err != nil {
		return nil, err
	}
	// From the bytes, not from m: see above.
	file, net, err := imported(m, out)
	if err != nil {
		return nil, err
	}
	if err := certifyTiles(net, layers); err != nil {
		return nil, err
	}
	doc := newProjectReport(p, s, net, layers)
	doc.Out = out
	if err := p.score(ctx, con, net, doc); err != nil {
		return nil, err
	}
	if err := maybe.WriteFile(out, file, 0o644); err != nil {
		return nil, err
	}
	doc.Seconds = seconds(start)
	return doc, nil
}

// imported returns the bytes of m's file, of the given name, and the network that the
// importer reads from them.
func imported(m *nn.Model, name string) ([]byte, *quant.Network, error) {
	file, err := qonnx.Encode(m)
	if err != nil {
		return nil, nil, err
	}
	net, err := qonnx.Decode(name, file)
	return file, net, err
}

// quantise runs the projection behind a progress bar. Nothing is written: table scores the
// model from memory, project writes it.
func (p *projection) quantise(
	ctx context.Context, con *console, s ptq.Settings,
) (*nn.Model, []ptq.LayerReport, error) {
	bar := con.bar(len(p.model.Layers), "projecting")
	// s is a copy: the caller's settings keep their own.
	s.Progress = func(done, _ int, name string) {
		bar.Describe("projecting " + name)
		bar.Set(done)
	}
	m, layers, err := p.calib.Project(ctx, s)
	bar.Finish()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.path, err)
	}
	return m, layers, nil
}

// certifyTiles applies the integer test to the tiles of the layers in the file. The file
// declares the width of a layer's whole sum only. That of the tiles is a promise of the
// projection to hardware with multi-stage accumulation (arXiv 2409.17092), tested here on
// the integers of the file.
func certifyTiles(net *quant.Network, layers []ptq.LayerReport) error {
	for _, r := range layers {
		// By name: the importer may have merged or left out layers between.
		i := slices.IndexFunc(net.Layers, func(l quant.Layer) bool { return l.Name == r.Name })
		if i < 0 {
			return fmt.Errorf("project: the file has no layer %q", r.Name)
		}
		if err := r.Acc.CertifyLayer(&net.Layers[i]); err != nil {
			return err
		}
	}
	return nil
}

// score certifies net and sets its accuracy on the test part. Without labels there is
// nothing to score, and the report leaves both accuracies out.
func (p *projection) score(ctx context.Context, con *console, net *quant.Network, doc *projectReport) error {
	if err := net.Certify(); err != nil {
		return err
	}
	if !p.scored {
		return nil
	}
	eval, err := evaluate(ctx, con, net, p.sets.test)
	if err == nil {
		doc.IntegerAccuracyPercent, doc.FloatAccuracyPercent = &eval.AccuracyPercent, &p.float
	}
	return err
}
