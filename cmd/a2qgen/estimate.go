package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

const estimateHelp = `Estimates what a design costs for each accumulator width P: LUT, FF, block RAM (in
the family's blocks: 36 kbit in xc7, 18 in ecp5) and DSP slices, from formulas fitted
to synthesis results, whose error is printed. P holds for the layers that declare one
(for the hidden ones, neither first nor last, where none does); --acc own leaves each
layer its own. A P below what the weights need is marked UNSAFE. --yosys synthesises
every safe design too, and prints what it takes beside the estimate.

` + foldingHelp + ` A generated directory keeps its own
folding, clock and (where there are formulas for it) family unless they are given, and
its network's input. A rate that is out of reach is said, with the layer that limits it and
what could be reached.

` + foldingOutHelp + `

` + inputHelp + `

Example:
   a2qgen estimate net.onnx --acc 8:32 --fps 100000
   a2qgen estimate net.onnx --acc 8,12 --fps 190000 --unit tap --yosys
   a2qgen estimate build/net --acc own --yosys --json`

// estimateCommand takes a network, or a design with what was decided for it.
func estimateCommand() *cli.Command {
	// --board is no flag here: an estimate is not refused for being too large, and
	// --family alone decides which formulas apply.
	flags := append([]cli.Flag{
		&cli.StringFlag{Name: "acc", Value: "8:32", Usage: "accumulator widths: `P`, FROM:TO, a list with commas, or own"},
		&cli.StringFlag{Name: "family", DefaultText: "the directory's, or " + study.DefaultFamily,
			Usage: "FPGA family `NAME`: " + strings.Join(cost.Families(), ", ")},
		&cli.BoolFlag{Name: "yosys", DisableDefaultText: true, Usage: "synthesise too, and compare"},
		foldingOutFlag(),
	}, append(foldingFlags(), inputFlags()...)...)
	return &cli.Command{
		Name: "estimate", Usage: "estimate LUT and FF for each accumulator width",
		UsageText: "a2qgen estimate NET.onnx|DIR [--acc 8:32] [--yosys] [--family NAME] [--fps F] [--clock MHZ]\n" +
			"   [--unit UNIT] [--block-luts N] [--folding FILE] [--fold LAYER=PE,SIMD]... [--folding-out FILE]\n" +
			"   [--input TYPE[:FRACTION]] [--input-range LO:HI] [--input-scale F] [--input-zero Z] [--json]",
		Description: estimateHelp,
		Flags:       append(flags, jsonFlag()),
		Action:      estimateAction,
	}
}

// estimateAction checks all that the line alone decides before it reads a file: then the
// exit status of a wrong line does not depend on which files are there.
func estimateAction(c *cli.Context) error {
	path, err := oneArgument(c, "NET.onnx or DIR")
	if err != nil {
		return err
	}
	widths := []int{0} // the layers' own
	if acc := c.String("acc"); acc != ownWidths {
		if widths, err = parseWidths(acc); err != nil {
			return usagef("estimate: %w", err)
		}
	}
	chosen, err := chosenFolding(c)
	if err != nil {
		return err
	}
	// The type of the samples decides the width of the first layer's inputs, and so its cost.
	told, err := inputTold(c)
	if err != nil {
		return err
	}
	net, o, left, err := estimateSource(path, told, chosen, widths[0] == 0)
	if err != nil {
		return err
	}
	// One call for all widths: they must share a folding, or their prices could not be compared.
	prices, err := study.PriceWidths(net, o, estimateFamily(c.String("family"), o.Family), widths)
	con := newConsole(c)
	if err == nil && c.Bool("yosys") {
		err = prices.Synthesise(c.Context, con.progress())
	}
	if err != nil {
		return err
	}
	doc := &estimateReport{Prices: prices}
	d := prices.Rows[0].Design
	if doc.Reach, err = plan.ReachOf(d, o); err != nil {
		return err
	}
	unsaid, err := writeFolding(c.String(foldingOut), d, net, d.Folding())
	doc.Warnings = append(left, unsaid...)
	con.warn(doc.Warnings)
	return con.result(doc, err)
}

// estimateFamily returns the family whose formulas estimate: the one asked for, else that of a
// generated directory, or the one that serves it, as far as there are formulas.
func estimateFamily(asked string, own boards.Family) string {
	switch served := string(own.CheckedAs()); {
	case asked != "":
		return asked
	// A directory of a family without formulas can be estimated all the same, by those of another,
	// which the report names.
	case slices.Contains(cost.Families(), served):
		return served
	}
	return study.DefaultFamily
}

// estimateSource reads a network file, or the network, folding and clock of a generated
// directory, which the options override. told is for files only: a directory's network has
// its input's quantiser and size. Layer by layer: a fold given by hand wins; else --fps clears the
// directory's folds, as they were chosen for another rate; else they stay. ownWidths leaves a
// directory the accumulators that it was built with.
func estimateSource(
	path string, told qonnx.Told, chosen foldingChoice, ownWidths bool,
) (*quant.Network, hwgen.Options, []string, error) {
	o := chosen.Options
	// A path that is not there is read as a file: the reader's message names it.
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		// Nothing is decided yet for a file: folding and clock are those of the options.
		file, err := qonnx.ReadFile(path, told)
		if err != nil {
			return nil, o, nil, err
		}
		o, left, err := chosen.of(file.Network)
		return file.Network, o, left, err
	}
	if told != (qonnx.Told{}) {
		return nil, o, nil, usagef("estimate: %s is a generated design, whose input is settled: "+
			"leave out --input, --input-range, --input-scale, --input-zero and --input-size", path)
	}
	d, err := readDesign(path)
	if err != nil {
		return nil, o, nil, err
	}
	o, left, err := chosen.of(d.Given)
	if err != nil {
		return nil, o, nil, err
	}
	// The directory's plan is the base and the flags lie over it, as they would have been
	// given to generate: what is estimated is this very design at another P.
	own := d.manifest.Plan()
	// The clock scales what is printed per second, and with --fps the folds.
	if o.ClockMHz != 0 {
		own.ClockMHz = o.ClockMHz
	}
	// The given folds come first, those of no layer too: the plan refuses them by name, as it
	// does for a file.
	folding, constrained := hwgen.Folding{}, d.Network.Constrained()
	maps.Copy(folding, o.Folding)
	for i, l := range d.Layers {
		if _, given := folding[l.Layer.Name]; given {
			continue
		}
		// A copy: the manifest's own stays what was read.
		f := own.Folding[l.Layer.Name]
		// Layers without a target keep the width that they were built with.
		if constrained[i] && !ownWidths {
			f.AccBits = 0 // --acc decides
		}
		if o.FPS != 0 {
			// --fps decides, the unit too: another may be cheaper at this rate.
			f = hwgen.Fold{AccBits: f.AccBits, FIFO: f.FIFO}
		}
		folding[l.Layer.Name] = f
	}
	// The manifest has the fold of every layer; where PE and SIMD were cleared above, the
	// plan chooses them anew for FPS.
	own.Folding, own.FPS = folding, o.FPS
	return d.Given, own, left, nil
}

// maxWidth is the widest accumulator. Beyond 64 bits neither the executor nor the
// simulation's checks could follow the sums in machine integers.
const maxWidth = 64

// ownWidths, of --acc, are the widths that the layers declare, or were built with.
const ownWidths = "own"

// parseWidths parses accumulator widths: "12", "8:32", "8,12,16:20". The order is the
// user's, and so are repetitions. The list is bounded, so that "1:64,1:64,..." ends.
func parseWidths(text string) ([]int, error) {
	// One error for all that can be wrong: what was typed beside what is understood.
	fail := fmt.Errorf("--acc is %q, want P, FROM:TO or a list of them, 1..%d", text, maxWidth)
	var widths []int
	for _, part := range strings.Split(text, ",") {
		from, to, isRange := strings.Cut(part, ":")
		lo, err := strconv.Atoi(from)
		if err != nil {
			return nil, fail
		}
		hi := lo
		if isRange {
			if hi, err = strconv.Atoi(to); err != nil {
				return nil, fail
			}
		}
		// A falling range is refused, not read as empty or turned round.
		if lo < 1 || hi < lo || hi > maxWidth || len(widths) > maxWidth {
			return nil, fail
		}
		for p := lo; p <= hi; p++ {
			widths = append(widths, p)
		}
	}
	return widths, nil
}
