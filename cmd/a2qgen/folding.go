package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/finn"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
)

const foldingHelp = `The folding (rows PE and columns SIMD computed at once, per layer) is chosen for --fps
at --clock, unless --folding FILE (YAML: layer: {pe: 4, simd: 8}, and unit, lanes, acc,
fifo, window, weights, replay and thresholds where wanted; or FINN's JSON) or --fold set it. --unit says how layers
with weights are built: dense (every weight is multiplied), tap (only those that are not 0
are added up), hardwired (all rows at once, a vector per cycle, by adders that they share),
or auto, which takes the fewest LUTs, by estimate, for each layer. A block of RAM counts as
--block-luts of them.`

// maxFoldingBytes bounds a folding file. Some 30 bytes per layer leave room for tens of
// thousands.
const maxFoldingBytes = 1 << 20

// foldingFlags are the flags that decide the folding of a design. They are the same for
// generate, estimate, train --lut and sweep, so that a folding found with one of them can
// be given to the others. Zero values leave the choice to the plan.
func foldingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.Float64Flag{Name: "fps", DefaultText: fmt.Sprint(hwgen.DefaultFPS),
			Usage: "frames per second to reach: `F`"},
		&cli.Float64Flag{Name: "clock", DefaultText: fmt.Sprintf("the board's, or %d", hwgen.DefaultClockMHz),
			Usage: "clock in `MHZ`"},
		&cli.StringFlag{Name: "unit", Value: plan.Auto, Usage: "how layers are built: `UNIT`, one of " +
			strings.Join(plan.UnitWords(), ", ")},
		&cli.IntFlag{Name: "block-luts", DefaultText: fmt.Sprint(hwgen.DefaultBlockLUTs),
			Usage: "what a block of RAM counts for in these choices, as `N` LUTs: few LUTs are had for little, " +
				"few blocks for much"},
		&cli.StringFlag{Name: "folding", Usage: "folding `FILE` in YAML, or in FINN's JSON"},
		&cli.StringSliceFlag{Name: "fold", Usage: "fold one layer, may be repeated: `LAYER=PE,SIMD`"},
	}
}

// foldingChoice is what foldingFlags choose. A file of FINN's, which counts the nodes of a network, stays a
// text until the network is known.
type foldingChoice struct {
	hwgen.Options
	finn []byte
	path string // of the file
}

// foldingOptions reads foldingFlags for a command whose network is trained by it: which nodes FINN would
// give it is not known.
func foldingOptions(c *cli.Context) (hwgen.Options, error) {
	o, err := chosenFolding(c)
	if err == nil && o.finn != nil {
		err = usagef("%s: --folding %s is a file of FINN's, which generate and estimate read for the network that they "+
			"are given", c.Command.Name, o.path)
	}
	return o.Options, err
}

// of returns the options for a network, and what of a file of FINN's has no counterpart. --fold lies over it.
func (f foldingChoice) of(n *quant.Network) (hwgen.Options, []string, error) {
	if f.finn == nil {
		return f.Options, nil, nil
	}
	folding, left, err := finn.Read(f.finn, n)
	if err != nil {
		return f.Options, nil, fmt.Errorf("%s: %w", f.path, err)
	}
	o := f.Options
	o.Folding = folding
	for name, given := range f.Folding {
		fold := folding[name]
		fold.PE, fold.SIMD, fold.Lanes = given.PE, given.SIMD, 0
		folding[name] = fold
	}
	return o, left, nil
}

// chosenFolding reads foldingFlags. --fold lies over --folding, which lies over what
// --fps gives. Only what contradicts itself whatever the network is an error here.
func chosenFolding(c *cli.Context) (foldingChoice, error) {
	var o foldingChoice
	o.BlockLUTs = c.Int("block-luts")
	o.FPS, o.ClockMHz = c.Float64("fps"), c.Float64("clock")
	if o.Unit = c.String("unit"); !slices.Contains(plan.UnitWords(), o.Unit) {
		return o, usagef("%s: --unit is %q, want one of %s", c.Command.Name, o.Unit, strings.Join(plan.UnitWords(), ", "))
	}
	// A stream takes one vector per cycle at most, and a frame is one vector or more.
	// Without --clock the board's may still come, so nothing is said then.
	if c.IsSet("fps") && c.IsSet("clock") && o.FPS > o.ClockMHz*1e6 {
		return o, usagef("%s: --fps is %v at --clock %v MHz, want at most one frame per cycle (%v)",
			c.Command.Name, o.FPS, o.ClockMHz, o.ClockMHz*1e6)
	}
	var err error
	// The file first, so that a flag can change a single layer of it.
	if path := c.String("folding"); path != "" {
		if err = o.read(path); err != nil {
			return o, err
		}
	}
	set := map[string]bool{}
	for _, text := range c.StringSlice("fold") {
		name, fold, err := parseFold(text)
		if err != nil {
			return o, usagef("%s: %w", c.Command.Name, err)
		}
		// The last would win silently, and which one was meant cannot be known.
		if set[name] {
			return o, usagef("%s: --fold gives layer %s twice", c.Command.Name, name)
		}
		set[name] = true
		if o.Folding == nil {
			o.Folding = hwgen.Folding{}
		}
		f := o.Folding[name] // keep what the file says about acc and fifo
		f.PE, f.SIMD = fold.PE, fold.SIMD
		o.Folding[name] = f
	}
	return o, nil
}

// read reads a folding file: YAML, layer name to pe, simd, acc and fifo, or FINN's JSON. It is
// written by hand, so one beyond maxFoldingBytes is some other file.
func (f *foldingChoice) read(path string) error {
	text, err := foldingText(path)
	if err != nil {
		return err
	}
	if f.path = path; finn.Is(text) {
		f.finn = text
		return nil
	}
	// Strict: a misspelt key would leave its layer to the plan without a word.
	if f.Folding, err = hwgen.ParseFolding(text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// foldingText returns the text of a folding file.
func foldingText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One byte more than allowed is read, to tell a file that is too large from one that
	// ends there.
	text, err := io.ReadAll(io.LimitReader(f, maxFoldingBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFoldingBytes {
		return nil, fmt.Errorf("%s: folding is larger than %d bytes", path, maxFoldingBytes)
	}
	return text, nil
}

// parseFold parses LAYER=PE,SIMD, both at least 1. Whether the layer is there and they
// divide its sizes is for the network to say. acc and fifo of a layer are for the folding
// file: they are rarely wanted.
func parseFold(text string) (string, hwgen.Fold, error) {
	// Half a fold, such as LAYER=PE, is refused: SIMD would be a guess.
	fail := fmt.Errorf("--fold is %q, want LAYER=PE,SIMD, both at least 1", text)
	name, sizes, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return "", hwgen.Fold{}, fail
	}
	// No spaces are cut off: a shell would have split there.
	pe, simd, ok := strings.Cut(sizes, ",")
	if !ok {
		return "", hwgen.Fold{}, fail
	}
	var f hwgen.Fold
	// PE first, then SIMD, as FINN's folding files list them.
	for _, n := range []struct {
		text string
		to   *int
	}{{pe, &f.PE}, {simd, &f.SIMD}} {
		v, err := strconv.Atoi(n.text)
		if err != nil || v < 1 {
			return "", hwgen.Fold{}, fail
		}
		*n.to = v
	}
	return name, f, nil
}
