package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// inputHelp is part of the help of the commands that take inputFlags.
const inputHelp = `Where the file does not quantise its input, images count as 8-bit pixels, k/255, and all
else is refused. --input INT16:6 says that samples are fixed-point numbers of that type
with so many fraction bits, worth 1/64 a unit; --input INT8 that a unit is worth
--input-scale, 1 by default, and 0 is --input-zero; --input-range LO:HI takes the
smallest scale at which the type (by itself INT8, or UINT8 where LO is 0) holds that
range. --input-size ROWSxCOLS reads a network without linear layers for images of another
size than it was exported with.`

// inputFlags say what the samples of a network are where its file does not. The names
// follow FINN's data types (INT8, UINT4), and the arithmetic that of QONNX's Quant node: k
// = round(v/scale + zero), clipped to the type.
func inputFlags() []cli.Flag {
	return []cli.Flag{
		// The alias is the name that it had before it took fraction bits.
		&cli.StringFlag{Name: "input", Aliases: []string{"input-type"},
			Usage: "`TYPE[:FRACTION]` of the samples, INT16:6 or UINT8 and so on, where the graph has no Quant for them"},
		&cli.StringFlag{Name: "input-range", Usage: "the samples hold `LO:HI`"},
		&cli.Float64Flag{Name: "input-scale", Value: 1, Usage: "what 1 of --input is worth in a sample"},
		&cli.IntFlag{Name: "input-zero", Usage: "what 0 of a sample is in --input"},
		&cli.StringFlag{Name: "input-size", DefaultText: "as the file declares it",
			Usage: "read the network for images of `ROWSxCOLS`"},
	}
}

// inputType returns what the flags say, nil where they say nothing. --input-range alone
// settles type, scale and zero point: the type is 8-bit, signed where LO is below 0, the
// zero point 0, and the scale the least that holds both ends. Unsigned for LO = 0 keeps
// the bit that a sign would waste.
func inputType(c *cli.Context) (*qonnx.InputType, error) {
	// Every pair that would say something twice is refused: silently preferring one of
	// them gives a network that is quietly off by a factor.
	ranged := c.IsSet("input-range")
	for _, name := range []string{"input-scale", "input-zero"} {
		switch {
		case c.IsSet(name) && ranged:
			return nil, usagef("%s: --%s does not go with --input-range, which chooses it", c.Command.Name, name)
		case c.IsSet(name) && !c.IsSet("input"):
			return nil, usagef("%s: --%s wants --input too", c.Command.Name, name)
		}
	}
	if !ranged && !c.IsSet("input") {
		return nil, nil
	}
	fixed := strings.Contains(c.String("input"), ":")
	for _, name := range []string{"input-scale", "input-range"} {
		if fixed && c.IsSet(name) {
			return nil, usagef("%s: --%s does not go with the fraction bits of --input %s", c.Command.Name, name,
				c.String("input"))
		}
	}
	in := &qonnx.InputType{Type: quant.DataType{Bits: 8}}
	lo, hi := 0.0, 0.0
	var err error
	if ranged {
		if lo, hi, err = parseRange(c.String("input-range")); err != nil {
			return nil, err
		}
		// The sign follows from the range unless a type is given, which then has to fit it.
		in.Type.Signed = lo < 0
	}
	if c.IsSet("input") {
		told, err := qonnx.ParseInputType(c.String("input"))
		if err != nil {
			return nil, err
		}
		in.Type, in.Scale = told.Type, told.Scale
	}
	if in.Zero = c.Int("input-zero"); c.IsSet("input-scale") {
		in.Scale = c.Float64("input-scale")
	}
	if lo < 0 && !in.Type.Signed {
		return nil, usagef("%s: --input-range %s has negative values, which %v has not", c.Command.Name,
			c.String("input-range"), in.Type)
	}
	if ranged {
		// As float32, since that is what the Quant node in the file can hold.
		in.Scale = float64(quant.RangeScale(in.Type, lo, hi))
	}
	return in, nil
}

// maxRange bounds the values of samples: squares of them are far from overflowing.
const maxRange = 1e15

// parseRange reads LO:HI, with LO <= 0 <= HI and not both 0: integers are worth a multiple
// of the scale, and 0 is one of them. NaN fails every comparison, so the test is written
// as what must hold.
func parseRange(text string) (lo, hi float64, err error) {
	from, to, ok := strings.Cut(text, ":")
	lo, errLo := strconv.ParseFloat(from, 64)
	hi, errHi := strconv.ParseFloat(to, 64)
	if !ok || errLo != nil || errHi != nil || !(lo <= 0 && lo >= -maxRange && hi >= 0 && hi <= maxRange && hi > lo) {
		return 0, 0, fmt.Errorf("%q, want LO:HI, numbers with 0 between them", text)
	}
	return lo, hi, nil
}

// showRange returns LO:HI, rounded outwards to two digits, with 0 in it. Outwards, so that
// the range that an error suggests holds all values.
func showRange(lo, hi float64) string {
	out := func(v float64) float64 {
		// The logarithm of 0 has no digits.
		if v == 0 {
			return 0
		}
		unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-1)
		return math.Copysign(math.Ceil(math.Abs(v)/unit)*unit, v)
	}
	return fmt.Sprintf("%.3g:%.3g", out(min(lo, 0)), out(max(hi, 0)))
}

// readTold imports the network at path with the type of its samples, as the flags
// say it.
func readTold(c *cli.Context, path string) (*qonnx.File, error) {
	told, err := inputTold(c)
	if err != nil {
		return nil, err
	}
	return qonnx.ReadFile(path, told)
}

// inputTold returns what the flags say of the input.
func inputTold(c *cli.Context) (told qonnx.Told, err error) {
	if told.Type, err = inputType(c); err != nil || !c.IsSet("input-size") {
		return told, err
	}
	told.Rows, told.Cols, err = parseSize(c.String("input-size"))
	return told, err
}

// parseSize reads ROWSxCOLS.
func parseSize(text string) (rows, cols int, err error) {
	down, across, ok := strings.Cut(text, "x")
	rows, errRows := strconv.Atoi(down)
	cols, errCols := strconv.Atoi(across)
	if !ok || errRows != nil || errCols != nil || min(rows, cols) < 1 || max(rows, cols) > maxSide {
		return 0, 0, fmt.Errorf("%q, want ROWSxCOLS of 1..%d", text, maxSide)
	}
	return rows, cols, nil
}

// maxSide bounds the sides of images that --input-size asks for.
const maxSide = 1 << 15

// emitted is the design of a generated directory, planned again from its network and its
// manifest, and the files that it gives. manifest is what the directory said, files what
// it should hold.
type emitted struct {
	*hwgen.Design
	manifest *emit.Manifest
	files    []emit.File
}

// readDesign plans the design in a generated directory again, and refuses a directory
// whose plan is another now. Planning again is how sim and estimate get the model of what
// was written. Of the manifest they take the options alone, not what was decided, so model
// and Verilog cannot drift apart unseen. The hash covers what is emitted, hence changes of
// the templates too.
func readDesign(dir string) (*emitted, error) {
	// Its copy of the network, not the file that it was generated from, which may be gone or changed.
	m, err := emit.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	f, err := qonnx.ReadFile(filepath.Join(dir, m.Network), qonnx.Told{})
	if err != nil {
		return nil, err
	}
	d, err := plan.Plan(f.Network, m.Plan())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	d.Version = m.Version // what another version emitted alike is as good
	files, err := emit.Files(d, f.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if d.Hash != m.Hash {
		return nil, fmt.Errorf("%s was altered, or generated by version %s, which is not this one (%s): "+
			"its network and manifest give design %s, the manifest says %s; generate it again",
			dir, m.Version, emit.Version, d.Hash, m.Hash)
	}
	return &emitted{d, m, files}, nil
}

// outputFlag chooses among several outputs.
func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", DefaultText: "the first that suits the data",
		Usage: "`NAME` of the output, of several, in the file"}
}

// outputNamed returns the output that --output names, without it otherwise.
func outputNamed(c *cli.Context, net *quant.Network, otherwise int) (int, error) {
	if !c.IsSet("output") {
		return otherwise, nil
	}
	return net.OutputNamed(c.String("output"))
}

// scaleFlag and layoutFlag say how samples are read. Commands that train have no --scale:
// a spec fixes how its samples are read, and its networks are to be evaluated alike.
func scaleFlag() cli.Flag {
	return &cli.Float64Flag{Name: "scale", DefaultText: "1/255 for unsigned bytes, else 1",
		Usage: "multiply what is read by `F`"}
}

// NCHW is the order of ONNX and PyTorch, NHWC that of TensorFlow and of most image files.
func layoutFlag() cli.Flag {
	return &cli.StringFlag{Name: "layout", DefaultText: "as the network's",
		Usage: "`LAYOUT` of images in the files: nchw or nhwc (channels last)"}
}

// sampleSourceOf returns what --data, --scale and --layout say, as far as the
// command has them; their rules have been kept.
func sampleSourceOf(c *cli.Context) study.Source {
	return study.Source{Data: c.String("data"), Scale: c.Float64("scale"), Layout: data.Layout(c.String("layout"))}
}
