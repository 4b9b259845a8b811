package hwgen

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Manifest describes an emitted design: what was asked, what was decided. It is
// the file manifest.json of the output directory, and marks it as ours.
type Manifest struct {
	Tool    string          `json:"tool"`
	Version string          `json:"version"`
	Hash    string          `json:"hash"`
	Top     string          `json:"top"`
	Network string          `json:"network"` // file of the network inside the directory
	Options ManifestOptions `json:"options"`
	Files   []string        `json:"files"`
	Layers  []ManifestLayer `json:"layers"`
	Streams []Stream        `json:"streams"`

	IntervalCycles int `json:"interval_cycles"`
	LatencyCycles  int `json:"latency_cycles"`
}

// ManifestOptions are the resolved options: planning again with them gives the
// same design.
type ManifestOptions struct {
	ClockMHz   float64 `json:"clock_mhz"`
	NoBlockRAM bool    `json:"no_block_ram,omitempty"`
	Folding    Folding `json:"folding"`
}

// ManifestLayer is one layer's plan.
type ManifestLayer struct {
	Name       string `json:"name"`
	PE         int    `json:"pe"`
	SIMD       int    `json:"simd"`
	Cycles     int    `json:"cycles"`
	AccBits    int    `json:"acc_bits"`
	AccNeeded  int    `json:"acc_bits_needed"`
	WeightBits int    `json:"weight_bits"`
	// Shifted says that accumulators begin at the values in NAME_start.mem, not at 0.
	Shifted bool `json:"shifted,omitempty"`
}

const (
	manifestFile = "manifest.json"
	networkFile  = "network.onnx"
	toolName     = "a2qgen"
	maxManifest  = 64 << 20 // bytes that are read of one
)

func (d *Design) manifest(files []string) *Manifest {
	m := &Manifest{Tool: toolName, Version: Version, Hash: d.Hash, Top: d.Name, Network: networkFile, Files: files,
		Streams: d.Streams, IntervalCycles: d.IntervalCycles(), LatencyCycles: d.LatencyCycles()}
	m.Options = ManifestOptions{ClockMHz: d.ClockMHz, NoBlockRAM: d.NoBlockRAM, Folding: Folding{}}
	for _, lp := range d.Layers {
		l, f := lp.Layer, lp.Fold
		f.AccBits = lp.AccBits
		m.Options.Folding[l.Name] = f
		m.Layers = append(m.Layers, ManifestLayer{Name: l.Name, PE: f.PE, SIMD: f.SIMD, Cycles: f.Cycles(l.In, l.Out),
			AccBits: lp.AccBits, AccNeeded: lp.NeededBits, WeightBits: l.WeightBits, Shifted: lp.Shifted()})
	}
	return m
}

// Plan returns the options that plan the manifest's design again.
func (m *Manifest) Plan() Options {
	return Options{Name: m.Top, ClockMHz: m.Options.ClockMHz, NoBlockRAM: m.Options.NoBlockRAM, Folding: m.Options.Folding}
}

// ReadManifest reads the manifest of an emitted design.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, manifestFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("hwgen: %s is not a generated design: %w", dir, err)
	}
	defer f.Close()
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
	if m.Tool != toolName || m.Top == "" || m.Network != networkFile {
		return nil, fmt.Errorf("hwgen: %s: not a manifest of a2qgen", path)
	}
	return &m, nil
}

// hash covers the version, every instance with its parameters, and every memory.
func (d *Design) hash() string {
	h := sha256.New()
	fmt.Fprintln(h, Version, d.Name, d.ClockMHz)
	for _, b := range d.Blocks {
		fmt.Fprintln(h, b.Name(), b.Module(), b.Parameters(), b.Output())
		for _, m := range b.Memories() {
			fmt.Fprintln(h, m.File, m.Bits, len(m.Words))
			writeWords(h, m)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func writeWords(w io.Writer, m Memory) {
	for _, word := range m.Words {
		w.Write(word) // a hash never fails
	}
}
