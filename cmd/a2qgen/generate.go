package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

const generateHelp = `Plans a network as streaming hardware and writes Verilog, memory files, a bench, the
network and a manifest to a directory. Every accumulator is certified again from the
integers that are written: a layer whose weights need more than P bits is refused.
--acc sets P of the layers that declare one (of the hidden ones, neither first nor last,
where none does); without it every layer keeps its own.

` + foldingHelp + ` A rate that is out of reach is
said, with the layer that limits it and what could be reached. ` + `--board takes the board's clock and
refuses a design that is larger than its part. --family says whose words for memories the
Verilog carries where no board does; what a design takes is estimated for xc7 and ecp5. The
directory is replaced whole; one with anything in it that was not generated is left alone,
and so is a design with a file that was edited since, by the sums in its manifest, unless
--overwrite says that the edits may go.

` + foldingOutHelp + `

` + inputHelp + `

Example:
   a2qgen generate net.onnx --out build/net --fps 100000 --clock 100
   a2qgen generate net.onnx --out build/net --board pynq-z1 --fold fc1=8,28`

// generateCommand has no --unsafe: a design whose accumulators can overflow is never
// emitted, whatever the flags.
func generateCommand() *cli.Command {
	flags := append([]cli.Flag{
		&cli.StringFlag{Name: "out", Usage: "`DIR` to write"},
		&cli.StringFlag{Name: "board", Usage: "`NAME` of the board to fit (a2qgen boards lists them)"},
		&cli.StringFlag{Name: "family", DefaultText: "the board's, or " + study.DefaultFamily,
			Usage: "FPGA family `NAME`: " + strings.Join(boards.FamilyNames(), ", ")},
		&cli.IntFlag{Name: "acc", DefaultText: "each layer's own", Usage: "accumulator width `P`, bits"},
		&cli.BoolFlag{Name: "pixels", DisableDefaultText: true,
			Usage: "give the outputs of an image-to-image network as 8-bit pixels, 255 times the real ones"},
		&cli.BoolFlag{Name: "overwrite", DisableDefaultText: true, Usage: "replace a design whose files were edited"},
		foldingOutFlag(),
	}, append(foldingFlags(), inputFlags()...)...)
	return &cli.Command{
		Name: "generate", Usage: "write a network as Verilog",
		UsageText: "a2qgen generate NET.onnx --out DIR [--board B] [--family NAME] [--fps F] [--clock MHZ]\n" +
			"   [--unit UNIT] [--block-luts N] [--folding FILE] [--fold LAYER=PE,SIMD]... [--folding-out FILE]\n" +
			"   [--acc P] [--pixels] [--overwrite] [--input TYPE[:FRACTION]] [--input-range LO:HI]\n" +
			"   [--input-scale F] [--input-zero Z] [--json]",
		Description: generateHelp,
		Flags:       append(flags, jsonFlag()),
		Action:      generateAction,
	}
}

// generateAction collects the flags; all that reads or writes files is generateFile, which
// demo shares.
func generateAction(c *cli.Context) error {
	path, err := oneArgument(c, "NET.onnx")
	if err != nil {
		return err
	}
	// No default: a folder that is replaced whole has to be named.
	out := c.String("out")
	if out == "" {
		return usagef("generate: --out DIR is missing; see a2qgen generate --help")
	}
	o, err := chosenFolding(c)
	if err != nil {
		return err
	}
	// Not set it is 0, which leaves every layer its own.
	o.AccBits, o.Pixels = c.Int("acc"), c.Bool("pixels")
	o.Family = boards.Family(c.String("family"))
	// For files that do not say what their samples are (see inputHelp).
	told, err := inputTold(c)
	if err != nil {
		return err
	}
	doc, err := generateFile(path, told, designDir{out, c.Bool("overwrite"), c.String(foldingOut)}, c.String("board"), o)
	con := newConsole(c)
	if err == nil {
		con.warn(doc.Warnings)
	}
	return con.result(doc, err)
}

// designDir is the directory that a design goes to.
type designDir struct {
	path string
	// overwrite says that the edits of a design in it may go.
	overwrite bool
	// folding is a file for the folding, beside it; none where it is empty.
	folding string
}

// check returns an error where write would refuse the directory. It comes before planning,
// which takes seconds for a large network; write checks again, as the directory may have
// changed meanwhile.
func (d designDir) check() error {
	if d.overwrite {
		return emit.CheckOverwrite(d.path)
	}
	// The library does not know the flag that helps; this is where it is added.
	err := emit.CheckDir(d.path)
	if errors.As(err, new(*emit.EditedError)) {
		return fmt.Errorf("%w; --overwrite lets the edits go", err)
	}
	return err
}

// write replaces the directory by files, in one step as far as the file system can.
func (d designDir) write(files []emit.File) error {
	if d.overwrite {
		return emit.OverwriteDir(d.path, files)
	}
	return emit.WriteDir(d.path, files)
}

// generateFile generates the network at path, with what is told of its samples beside its
// file, into a directory. The copy there says it, so that sim and
// estimate plan the same network again.
func generateFile(
	path string, told qonnx.Told, out designDir, board string, chosen foldingChoice,
) (*generateReport, error) {
	start := time.Now()
	// Cheap refusals first: directory, board, family; then the network; then its plan.
	if err := out.check(); err != nil {
		return nil, err
	}
	b, err := boardNamed(board)
	if err != nil {
		return nil, err
	}
	o := &chosen.Options
	if b != nil {
		// The board's clock is only the default: its PLLs make others. Its family is a
		// fact.
		if o.ClockMHz == 0 {
			o.ClockMHz = b.Clock.TargetMHz
		}
		// No file could make these agree: wrong usage, not a failure.
		if o.Family != "" && o.Family != b.Family {
			return nil, usagef("generate: --family is %s, but board %s is of family %s", o.Family, b.Name, b.Family)
		}
		o.Family, o.Blocks = b.Family, b.Resources.Blocks()
	}
	read, err := qonnx.ReadFile(path, told)
	if err != nil {
		return nil, err
	}
	options, left, err := chosen.of(read.Network)
	if err != nil {
		return nil, err
	}
	d, err := plan.Plan(read.Network, options)
	if err != nil {
		return nil, err
	}
	var used *cost.Report
	if b != nil {
		// Refused before anything is written: a directory that exists is one that fits.
		if used, err = fits(b, d); err != nil {
			return nil, err
		}
	}
	// The bytes that were read go into the directory, not the network written anew: what
	// was certified is what is kept.
	files, err := emit.Files(d, read.Data)
	if err != nil {
		return nil, err
	}
	if err := out.write(files); err != nil {
		return nil, err
	}
	unsaid, err := writeFolding(out.folding, d, read.Network, d.Decided())
	if err != nil {
		return nil, err
	}
	doc := newGenerateReport(d, files)
	doc.Warnings = append(left, unsaid...)
	if doc.Reach, err = plan.ReachOf(d, options); err != nil {
		return nil, err
	}
	// The report is of the design, these are of the run.
	doc.Out, doc.Seconds = out.path, study.Seconds(start)
	if b != nil {
		doc.Board, doc.Resources = b, &used.Total
	}
	return doc, nil
}

// generateReport is the JSON of generate. The manifest in the directory says the same of
// the design, and how to feed it.
type generateReport struct {
	// Top is the top module's name, Out the directory.
	Top string `json:"top"`
	Out string `json:"out"`
	// Hash identifies all that is emitted but the version and the network's file.
	Hash string `json:"hash"`
	// Files are the paths in the directory, sorted.
	Files []string `json:"files"`
	// FPS = ClockMHz * 1e6 / IntervalCycles, frames per second where nothing pauses.
	ClockMHz float64 `json:"clock_mhz"`
	FPS      float64 `json:"fps"`
	// Family decides the memory attributes in the Verilog.
	Family string `json:"family"`
	// IntervalCycles lie between two frames in the steady state, LatencyCycles between the
	// first beat in and the last beat out of one, both counted; nothing pauses in either.
	IntervalCycles int `json:"interval_cycles"`
	LatencyCycles  int `json:"latency_cycles"`
	// Layers are in order of the stream.
	Layers []foldReport `json:"layers"`
	// Seconds is what planning, certifying and writing took.
	Seconds float64 `json:"seconds"`
	// Input is what the design reads.
	Input study.Input `json:"input"`
	// Reach says what keeps the design from the rate, where it does not have it.
	Reach *plan.Reach `json:"out_of_reach,omitempty"`
	// Warnings say what of a file of FINN's, read or written, has no counterpart.
	Warnings []string `json:"warnings,omitempty"`
	// Outputs are in the file's order.
	Outputs []outputReport `json:"outputs"`
	// Board and Resources, an estimate of what it uses of them, are there with --board.
	Board     *boards.Board     `json:"board,omitempty"`
	Resources *boards.Resources `json:"resources,omitempty"`
}

// outputReport says where an output of the network leaves.
type outputReport struct {
	// Name is the graph's, Port the prefix of the signals.
	Name string `json:"name"`
	Port string `json:"port"`
	// LatencyCycles are the design's to the last output beat of the first frame here.
	LatencyCycles int `json:"latency_cycles"`
	// Decision says how an output of one element tells two classes apart; empty for others.
	Decision string `json:"decision,omitempty"`
}

// foldReport says how a layer is folded and how wide its accumulators are. A layer of PE =
// Out and SIMD = In is not folded: one vector per cycle.
type foldReport struct {
	// PE rows and SIMD columns are computed in one cycle: Cycles = Out/PE * In/SIMD per
	// frame. In a tap unit Lanes taps of PE rows are, and SIMD elements come in.
	Name   string `json:"name"`
	Unit   string `json:"unit"`
	PE     int    `json:"pe"`
	SIMD   int    `json:"simd"`
	Lanes  int    `json:"lanes,omitempty"`
	Cycles int    `json:"cycles"`
	// AccBits is the width that was built, AccBitsNeeded the least safe one.
	AccBits       int `json:"acc_bits"`
	AccBitsNeeded int `json:"acc_bits_needed"`
	// Offers are what the units that could build the layer were priced at.
	Offers []hwgen.Offer `json:"offers,omitempty"`
}

// newGenerateReport describes the design d that files hold.
func newGenerateReport(d *hwgen.Design, files []emit.File) *generateReport {
	r := &generateReport{Input: study.NewInput(&d.Given.Input), Top: d.Name, Hash: d.Hash, Family: string(d.Family),
		ClockMHz: d.ClockMHz, FPS: d.FramesPerSecond(),
		IntervalCycles: d.IntervalCycles(), LatencyCycles: d.LatencyCycles()}
	for k, o := range d.Network.Outputs {
		r.Outputs = append(r.Outputs, outputReport{o.Name, d.Sinks[k].Name, d.OutputLatency(k), decision(d.Network, k)})
	}
	for _, f := range files {
		r.Files = append(r.Files, f.Path)
	}
	// The order of emission is no promise; a sorted list can be compared.
	slices.Sort(r.Files)
	for i, l := range d.Layers {
		r.Layers = append(r.Layers, foldReport{Name: l.Layer.Name, Unit: l.Fold.Unit, PE: l.Fold.PE, SIMD: l.Fold.SIMD,
			Lanes: l.Fold.Lanes, Cycles: d.LayerCycles(i), AccBits: l.AccBits, AccBitsNeeded: l.NeededBits,
			Offers: l.Offers})
	}
	return r
}

// decision says how output k of a network tells two classes apart if it has a single element: a
// label where there are scores; one that ends in thresholds gives its integer alone. A consumer of
// the stream must know it: with one element there is no index to read.
func decision(n *quant.Network, k int) string {
	l := n.OutputLayer(k)
	switch {
	case l.Shape.C != 1 || l.Score == nil && l.Shape.Size() != 1:
		return ""
	// Score 0 is class 0: the label's comparison is strict, as the executor's.
	case l.Score != nil:
		return "one score for two classes: the label is 1 where it is above 0"
	}
	return fmt.Sprintf("one integer and no label: class 1 is where it is above %d", n.Outputs[k].Boundary)
}

// print writes the design, its speed, what it reads and gives, and its folding.
func (r *generateReport) print(w io.Writer) {
	fmt.Fprintf(w, "design    %s in %s: %d files, hash %s\n", r.Top, r.Out, len(r.Files), r.Hash)
	fmt.Fprintf(w, "speed     %d cycles per frame, %.0f frames/s at %g MHz, latency %d cycles\n",
		r.IntervalCycles, r.FPS, r.ClockMHz, r.LatencyCycles)
	printReach(w, r.Reach)
	fmt.Fprintf(w, "input     %v\n", &r.Input)
	for _, o := range r.Outputs {
		o.print(w, len(r.Outputs) > 1)
	}
	if b, u := r.Board, r.Resources; b != nil {
		fmt.Fprintf(w, "board     %s (%s): fits by estimate: %d of %d LUT, %d of %d FF, %g of %g %s\n",
			b.Name, b.Part, u.LUT, b.Resources.LUT, u.FF, b.Resources.FF, u.Blocks(), b.Resources.Blocks(),
			b.Family.BlockName())
	}
	r.table().WriteText(w)
	fmt.Fprintf(w, "files     rtl/%s.v is the top; rtl/*.v modules, rtl/*.mem memories, bench/bench.v, manifest.json\n",
		r.Top)
}

// print writes what there is to say of an output: of several its port and latency too.
func (o *outputReport) print(w io.Writer, several bool) {
	switch {
	case several && o.Decision != "":
		fmt.Fprintf(w, "output    %s at %s, latency %d cycles: %s\n", o.Name, o.Port, o.LatencyCycles, o.Decision)
	case several:
		fmt.Fprintf(w, "output    %s at %s, latency %d cycles\n", o.Name, o.Port, o.LatencyCycles)
	case o.Decision != "":
		fmt.Fprintf(w, "output    %s\n", o.Decision)
	}
}

// printReach writes what keeps a design from the rate, if something does.
func printReach(w io.Writer, r *plan.Reach) {
	if r == nil {
		return
	}
	what := "rate"
	for _, line := range r.Lines() {
		fmt.Fprintf(w, "%-9s %s\n", what, line)
		what = ""
	}
}

// table says per layer how many rows (PE) and columns (SIMD) are computed at once, and the
// cycles per frame that follow. The slowest layer's are the interval, where nothing between
// layers is slower: the table shows which one to fold less.
//
// Where units were chosen, a column of each says what it would cost.
func (r *generateReport) table() *table.Table {
	offered := r.offered()
	var units []string
	for _, word := range offered {
		units = append(units, word+" LUT")
	}
	t := table.New(table.Left("layer", "unit"), table.Right("PE", "SIMD", "lanes", "cycles", "P", "needs"),
		table.Right(units...))
	for _, l := range r.Layers {
		cells := []any{l.Name, l.Unit, l.PE, l.SIMD, orDash(l.Lanes), l.Cycles, l.AccBits, l.AccBitsNeeded}
		for _, word := range offered {
			cells = append(cells, orDash(l.offer(word)))
		}
		t.Row(cells...)
	}
	if offered != nil {
		t.Note("what each unit would cost by estimate, beside block RAM; - where it was not asked")
	}
	return t
}

// offered returns the words of all units that some layer was offered, in the order of the choice.
func (r *generateReport) offered() []string {
	var words []string
	for _, word := range plan.UnitWords() {
		if slices.ContainsFunc(r.Layers, func(l foldReport) bool { return l.offer(word) > 0 }) {
			words = append(words, word)
		}
	}
	return words
}

// offer returns the LUTs that a unit was priced at, 0 where it was not.
func (l *foldReport) offer(word string) int {
	for _, o := range l.Offers {
		if o.Unit == word {
			return o.LUT
		}
	}
	return 0
}

// orDash returns a count, or a dash for none.
func orDash(n int) any {
	if n == 0 {
		return "-"
	}
	return n
}
