package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/ptq"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/train"
	"github.com/a2qgen/a2qgen/verilator"
)

// commandRules are those of a command: of its flags, and of what it reads and writes.
// paths.go applies argument and outputs, rules.go the flags.
type commandRules struct {
	// argument is what the arguments that are no flags name. All arguments of a command
	// are of one kind: networks, a spec or a design.
	argument fileUse
	flags    map[string]rule
	// outputs lists all that the command writes: what its flags name, and what lies
	// beside that. Nil where it only prints.
	outputs func(c *cli.Context) []output
}

// Limits of flags that have no constant elsewhere. Those of a spec's values repeat what
// the spec refuses by itself (quant/train, validate.go): there as a matter of the spec,
// here as one of the command line.
const (
	// The spec bounds each phase by half of it.
	maxEpochs   = 2 * 10000 // of both phases
	maxSpecAcc  = 32        // bits, of a layer that is trained
	maxSpecBits = 8         // of weights and activations that are trained
	// The largest P of which 2^(P-1), a bound of its codes, is an int64.
	maxProjectAcc = 63      // bits, of a layer that is projected
	maxPeriod     = 1 << 20 // cycles
)

// rulesOf are the rules of each command. A command without an entry would have no checks:
// a test goes through all commands.
var rulesOf = map[string]commandRules{
	"train":    {readsFile, with(foldingRules, specRules, trainRules), trainOutputs},
	"sweep":    {readsFile, with(foldingRules, specRules, sweepRules), sweepOutputs},
	"project":  {readsFile, with(sampleRules, inputRules, projectRules), projectOutputs},
	"inspect":  {readsFile, with(inputRules, inspectRules), nil},
	"eval":     {readsFile, with(sampleRules, inputRules, evalRules), pictureOutputs},
	"generate": {readsFile, with(foldingRules, inputRules, generateRules), generateOutputs},
	"sim":      {readsFile, with(sampleRules, simRules), simOutputs},
	"estimate": {readsFile, with(foldingRules, inputRules, estimateRules), foldingOutputs},
	"demo":     {noFile, demoRules, demoOutputs},
	"boards":   {noFile, nil, nil},
}

// with joins rules; a later group's take the place of an earlier one's. A sweep's --acc is
// a list where train's is a number.
func with(groups ...map[string]rule) map[string]rule {
	all := map[string]rule{}
	for _, g := range groups {
		maps.Copy(all, g)
	}
	return all
}

// foldingRules are of foldingFlags. A design gives one frame per cycle at most.
var foldingRules = map[string]rule{
	"fps": positive(hwgen.MaxClockMHz * 1e6), "clock": positive(hwgen.MaxClockMHz), "folding": file(readsFile),
	"unit": oneOf(plan.UnitWords()...), "block-luts": ints(1, 1<<20),
	"fold": texts("LAYER=PE,SIMD, both at least 1", func(s string) error {
		_, _, err := parseFold(s)
		return err
	}, "fc1", "fc1=2", "fc1=2,", "fc1=0,3", "fc1=3,0", "fc1=-1,3", "fc1=2,x", "fc1=1.5,2", "=1,1", "fc1=1,2,3",
		"fc1=99999999999999999999,1"),
}

// specRules are of the flags that override a spec, in train and in sweep. Weights have at
// least 2 bits: a signed integer of 1 bit has no positive value.
var specRules = map[string]rule{
	"data": file(readsData), "test-images": file(readsData), "weights": ints(2, maxSpecBits), "acts": ints(1, maxSpecBits),
	"act-scale": oneOf(train.ActScales()...), "epochs": ints(1, maxEpochs), "seed": seeds(), "seeds": ints(1, maxSeeds),
}

// trainRules: whether --acc suits the inputs' width, and --rule the method, is for the
// spec that they override to say. --lut has no upper end: a limit beyond what the widest
// layers cost is no limit.
var trainRules = map[string]rule{
	"out": file(writesFile), "float-out": file(writesFile), "start": file(readsFile), "cache": file(fillsFolder),
	"method": oneOf(string(quant.Base), string(quant.WN), string(quant.A2Q), string(quant.A2QPlus),
		string(quant.Budget), string(quant.DQ)),
	"rule": ruleNames(), "acc": ints(1, maxSpecAcc), "taps": taps(), "lut": ints(1, math.MaxInt),
	"first-acc": ints(0, maxSpecAcc), "last-acc": ints(0, maxSpecAcc),
	"layout": layouts(), "input-range": ranges(),
}

// sweepRules: --acc, --methods and --lut are lists, of which every part counts. A wrong
// part is found before the first of possibly many trainings.
var sweepRules = map[string]rule{
	"out": file(fillsFolder), "acc": widthLists(maxWidth),
	"fps": positive(hwgen.MaxClockMHz * 1e6),
	"methods": texts("a list with commas of base, wn, a2q, a2q+, budget and dq, these two with /split or /shifted",
		checkMethods, "a3q", "a2q,", ",a2q", "budget/half", "a2q/split", "a2q;base"),
	"lut": texts("N or a list of them with commas, at least 1", func(s string) error {
		_, err := parseLUTs([]string{s})
		return err
	}, "0", "-1", "900,x", "900,", "1.5", "99999999999999999999"),
}

// checkMethods checks the list of sweep --methods. study.SetMethod is what reads the list, so
// that the rule cannot accept what it refuses.
func checkMethods(list string) error {
	for _, name := range strings.Split(list, ",") {
		if err := study.SetMethod(&train.Overrides{}, name); err != nil {
			return err
		}
	}
	return nil
}

// projectRules: projection goes beyond what training can, to 16 bits of weights.
// Activations of 1 bit are a sign or a threshold, as in binary networks.
var projectRules = map[string]rule{
	"out": file(writesFile), "results": file(writesPrefix), "spec": file(readsFile), "images": file(readsData),
	"acc": ints(1, maxProjectAcc), "table": widthLists(maxProjectAcc),
	"method": oneOf(ptq.MethodNames()...), "rule": ruleNames(),
	"set": texts("OPTION=VALUE of the method", func(s string) error {
		_, _, err := study.ParseOption(s)
		return err
	}, "rounding", "=axe", "rounding="),
	"fps": positive(hwgen.MaxClockMHz * 1e6),
	"methods": texts("a list with commas of NAME[/RULE][+OPTION=VALUE]...", func(s string) error {
		_, err := study.ParseProjections(s)
		return err
	}, "nosuch", "axe,", ",axe", "axe/half", "budget/", "axe+", "axe+rounding", "axe+nosuch=1", "oac+damping=-1"),
	"taps": taps(), "weights": ints(2, 16), "acts": ints(1, 16), "input-bits": ints(1, 16),
	"first-weights": ints(2, 16), "last-weights": ints(2, 16),
	"tile": ints(1, 1<<20), "samples": ints(1, 1<<20), "layer": anyText("the name of a layer"),
}

// sampleRules are of what says how samples are read: a negative scale turns them round,
// which a file may call for.
var sampleRules = map[string]rule{
	"data": file(readsData), "layout": layouts(),
	"scale": reals("a finite number other than 0", func(v float64) bool { return v != 0 }, "0", "-0"),
}

// layouts are those of images in files.
func layouts() rule { return oneOf(string(data.NCHW), string(data.NHWC)) }

// inputRules are of inputFlags. Which of them go together is for inputType to say. 16 bits
// are what the importer takes of an input.
var inputRules = map[string]rule{
	"input": texts("INT2..INT16, UINT1..UINT16 or BIPOLAR, and :FRACTION of -32..32 bits", func(s string) error {
		_, err := qonnx.ParseInputType(s)
		return err
	}, "INT1", "INT17", "UINT0", "UINT17", "FLOAT", "int8", "8", "INT8:", "INT8:x", "INT8:33", "INT8:-33", "INT8:1:2",
		":3", "INT8:1.5"),
	"input-range": ranges(), "input-zero": ints(-qonnx.MaxInputZero, qonnx.MaxInputZero),
	"input-scale": positive(maxRange),
	"input-size": texts(fmt.Sprintf("ROWSxCOLS of 1..%d", maxSide), func(s string) error {
		_, _, err := parseSize(s)
		return err
	}, "8", "8x", "x8", "0x8", "8x0", "-1x8", "8x32769", "8x8x8", "8.5x8", "8,8"),
}

// ranges is what parseRange takes.
func ranges() rule {
	return texts("LO:HI, numbers with 0 between them", func(s string) error {
		_, _, err := parseRange(s)
		return err
	}, "1:2", "-2:-1", "-1", "0:0", "0:NaN", "-Inf:1", "x:1", ":", "1:-1")
}

// inspectRules: whether there is such a node, the file says.
var inspectRules = map[string]rule{"explain": anyText("the name of a node")}

// evalRules: --spec stands for --data, and so does --images.
var evalRules = map[string]rule{"spec": file(readsFile), "images": file(readsData), "out": file(fillsFolder),
	"output": anyText("the name of an output")}

// generateRules: whether a design fits on the board is for its estimate to say. --acc goes
// up to what an accumulator may have at all; whether it is enough, the certificate says.
var generateRules = map[string]rule{
	"out": file(fillsFolder), "acc": ints(1, maxWidth), "board": oneOf(boardNames()...), foldingOut: foldingOutRule(),
	"family": oneOf(boards.FamilyNames()...),
}

// pausing is a probability of pauses: beyond 0.9 a simulation is pauses and nothing else.
// At 0.9 on both
// sides a beat takes some 20 cycles: ten until it is offered and ten until it is taken.
var pausing = reals("0..0.9", func(v float64) bool { return v >= 0 && v <= 0.9 }, "-0.1", "0.91")

// simRules are those of the simulation. --period 0 is the default, random pauses.
var simRules = map[string]rule{
	"dump": texts("STREAM or STREAM=FILE", func(s string) error {
		_, err := parseDump(s)
		return err
	}, "=f.csv", "label=", "la/bel", "la bel=f", "1"),
	"vcd": file(writesFile), "out": file(fillsFolder), "frames": ints(1, maxFrames), "drawn": ints(0, maxFrames),
	"period": ints(0, maxPeriod),
	"seed":   seeds(), "gap": pausing, "stall": pausing,
	"simulator": oneOf(string(verilator.Verilator), string(verilator.Icarus)),
	"output":    anyText("the name of an output"),
}

// estimateRules: a width below what the weights need is marked, not refused. A family
// without fitted formulas is refused: a guess would look like an estimate.
var estimateRules = map[string]rule{foldingOut: foldingOutRule(), "acc": widthLists(maxWidth, ownWidths),
	"family": oneOf(cost.Families()...)}

// demoRules are those of the train and sim that it runs. --data may be a file or a pair
// here too: a visitor tries his own.
var demoRules = map[string]rule{
	"out": file(fillsFolder), "data": file(readsData), "epochs": ints(1, maxEpochs), "frames": ints(1, maxFrames),
}

// ruleNames are the rules of budget and dq. split starts accumulators at 0, shifted at
// a constant of their channel.
func ruleNames() rule { return oneOf(string(quant.Split), string(quant.Shifted)) }

// taps is what quant.ParseTaps takes.
func taps() rule {
	return texts("LANES,CAP or LANES,CAP,UNITS, at least 1 and UNITS at most LANES times CAP", func(s string) error {
		_, err := quant.ParseTaps(s)
		return err
	}, "8", "8,", "0,2", "8,0", "8,2,0", "8,2,17", "8,2,9,1", "-8,2", "1.5,2", "257,1", "1,4097", "x,2")
}

// widthLists is what parseWidths takes, up to a largest width. The values outside are the
// first beyond either end, ranges that fall, and lists with an empty part. Words stand for widths of
// their own.
func widthLists(most int, words ...string) rule {
	return texts(fmt.Sprintf("P, FROM:TO or a list of them, 1..%d", most), func(s string) error {
		if slices.Contains(words, s) {
			return nil
		}
		widths, err := parseWidths(s)
		// The widest may stand anywhere: the order is the user's.
		if err == nil && slices.Max(widths) > most {
			err = fmt.Errorf("more than %d", most)
		}
		return err
	}, "0", "-1", fmt.Sprint(most+1), fmt.Sprintf("8:%d", most+1), fmt.Sprintf("%d,8", most+1),
		fmt.Sprintf("8:%d,8", most+1), "8,0", "0,8", "9:8", "32:8", "8:",
		":8", "8,,9", "8,", "8:9:10", "1.5", "x", "NaN")
}

// boardNames are sorted, as boards.List is.
func boardNames() []string {
	var names []string
	for _, b := range boards.List() {
		names = append(names, b.Name)
	}
	return names
}
