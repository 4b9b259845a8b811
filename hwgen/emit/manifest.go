package emit

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
)

// Manifest describes an emitted design: what was asked, what was decided. It is
// the file manifest.json of the output directory, and marks it as ours.
type Manifest struct {
	// Tool and Version say who wrote the directory. Only the former decides whether it is ours.
	Tool    string          `json:"tool"`
	Version string          `json:"version"`
	Hash    string          `json:"hash"`
	Top     string          `json:"top"`
	Network string          `json:"network"` // file of the network inside the directory
	Options ManifestOptions `json:"options"`
	Files   []string        `json:"files"`
	// Sums are the SHA-256 of the files, the manifest's own aside, in hexadecimal: what
	// differs from them was edited.
	Sums    map[string]string `json:"sums,omitempty"`
	Layers  []ManifestLayer   `json:"layers"`
	Streams []hwgen.Stream    `json:"streams"`
	// Memories are the .mem files: the layers' integers can be read from them with this
	// alone.
	Memories []ManifestMemory `json:"memories"`

	// Interface says how the design is fed and read.
	Interface Interface `json:"interface"`

	IntervalCycles int `json:"interval_cycles"`
	LatencyCycles  int `json:"latency_cycles"`
}

// ManifestOptions are the resolved options: planning again with them gives the
// same design.
type ManifestOptions struct {
	ClockMHz   float64 `json:"clock_mhz"`
	NoBlockRAM bool    `json:"no_block_ram,omitempty"`
	// BlockLUTs is what a block of RAM counted for, which says where queues lie.
	BlockLUTs int `json:"block_luts,omitempty"`
	// Pixels says that the outputs are 8-bit pixels.
	Pixels bool `json:"pixels,omitempty"`
	// Family is the FPGA family that the Verilog's memory attributes are for.
	Family  boards.Family `json:"family"`
	Folding hwgen.Folding `json:"folding"`
}

// ManifestLayer is one layer's plan.
type ManifestLayer struct {
	Name   string `json:"name"`
	Unit   string `json:"unit"`
	PE     int    `json:"pe"`
	SIMD   int    `json:"simd"`
	Lanes  int    `json:"lanes,omitempty"` // of a PE of a tap unit
	Cycles int    `json:"cycles"`
	// Channels are the network's rows in the order in which the layer has them; none where that is
	// the network's.
	Channels   []int `json:"channels,omitempty"`
	AccBits    int   `json:"acc_bits"`
	AccNeeded  int   `json:"acc_bits_needed"`
	WeightBits int   `json:"weight_bits"`
	// Inputs and outputs are numbers of so many bits, in two's complement where signed;
	// there are no output bits where the accumulators themselves leave.
	InputBits    int  `json:"input_bits"`
	InputSigned  bool `json:"input_signed"`
	OutputBits   int  `json:"output_bits,omitempty"`
	OutputSigned bool `json:"output_signed,omitempty"`
	// Shifted says that accumulators begin at the values in NAME_start.mem, not at 0.
	Shifted bool `json:"shifted,omitempty"`
}

// ManifestMemory is one .mem file: Words words of WordBits bits, each of Fields fields of
// field_bits bits.
type ManifestMemory struct {
	File     string `json:"file"` // in the output directory
	Words    int    `json:"words"`
	WordBits int    `json:"word_bits"`
	Fields   int    `json:"fields"`
	hwgen.Layout
}

const (
	manifestFile = "manifest.json"
	networkFile  = "network.onnx"
	toolName     = "a2qgen"
	maxManifest  = 64 << 20 // bytes that are read of one
)

// newManifest describes d, which the files hold.
func newManifest(d *hwgen.Design, files []string) *Manifest {
	m := &Manifest{Tool: toolName, Version: d.Version, Hash: d.Hash, Top: d.Name, Network: networkFile, Files: files,
		Streams: d.Streams, Interface: NewInterface(d), IntervalCycles: d.IntervalCycles(),
		LatencyCycles: d.LatencyCycles()}
	m.Options = ManifestOptions{ClockMHz: d.ClockMHz, NoBlockRAM: d.NoBlockRAM, BlockLUTs: d.BlockLUTs,
		Pixels: d.Pixels, Family: d.Family, Folding: d.Decided()}
	// The resolved fold and P of every layer: planning again must not depend on what the tool
	// would choose today.
	for i, lp := range d.Layers {
		l, f := lp.Layer, lp.Fold
		layer := ManifestLayer{Name: l.Name, Unit: f.Unit, PE: f.PE, SIMD: f.SIMD, Lanes: f.Lanes,
			Cycles: d.LayerCycles(i), Channels: lp.Channels, AccBits: lp.AccBits, AccNeeded: lp.NeededBits,
			WeightBits: l.WeightBits, Shifted: lp.Shifted(), InputBits: l.Input.Bits,
			InputSigned: l.Input.Signed}
		// Without thresholds the accumulators leave, whose width is acc_bits.
		if t := l.Thresholds; t != nil {
			layer.OutputBits, layer.OutputSigned = t.Output.Bits, t.Output.Signed
		}
		m.Layers = append(m.Layers, layer)
	}
	// Layouts too: who checks weights in the files needs no knowledge of folds.
	for _, mem := range d.Memories() {
		m.Memories = append(m.Memories, ManifestMemory{File: "rtl/" + mem.File, Words: len(mem.Words),
			WordBits: mem.Bits, Fields: mem.Bits / mem.Layout.FieldBits, Layout: mem.Layout})
	}
	return m
}

// Plan returns the options that plan the manifest's design again.
func (m *Manifest) Plan() hwgen.Options {
	// No frame rate and no accumulators: what was chosen by them stands in the folding.
	return hwgen.Options{Name: m.Top, ClockMHz: m.Options.ClockMHz, NoBlockRAM: m.Options.NoBlockRAM,
		BlockLUTs: m.Options.BlockLUTs, Pixels: m.Options.Pixels,
		Family: m.Options.Family, Folding: m.Options.Folding}
}

// ReadManifest reads the manifest of an emitted design.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, manifestFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("hwgen: %s is not a generated design: %w", dir, err)
	}
	defer f.Close()
	// Bounded: a directory may hold anything under that name.
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("hwgen: %s is not a generated design: %w", dir, err)
	case len(data) > maxManifest:
		return nil, fmt.Errorf("hwgen: %s: larger than %d bytes: not a manifest of a2qgen", path, maxManifest)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("hwgen: %s: %w", path, err)
	}
	// Many tools write a manifest.json. This check is what allows a directory to be replaced,
	// so it must not take another tool's for ours.
	if m.Tool != toolName || m.Top == "" || m.Network != networkFile {
		return nil, fmt.Errorf("hwgen: %s: not a manifest of a2qgen", path)
	}
	return &m, nil
}
