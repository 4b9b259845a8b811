package hwgen

import (
	"errors"
	"fmt"
	"sort"

	"github.com/a2qgen/a2qgen/internal/strict"
	"github.com/a2qgen/a2qgen/quant"
)

// Fold says how much of a layer is computed at once: PE rows, SIMD columns.
// PE divides the layer's outputs, SIMD its inputs.
type Fold struct {
	PE   int `yaml:"pe" json:"pe"`
	SIMD int `yaml:"simd" json:"simd"`
	// AccBits overrides the accumulator width P of the layer; 0 leaves it.
	AccBits int `yaml:"acc,omitempty" json:"acc,omitempty"`
	// FIFO is the depth in beats of the queue before the layer: 0 lets the plan
	// choose, 1 asks for none.
	FIFO int `yaml:"fifo,omitempty" json:"fifo,omitempty"`
}

// Cycles returns NF*SF, the cycles that a layer of that size takes per vector.
func (f Fold) Cycles(in, out int) int { return (out / f.PE) * (in / f.SIMD) }

// Check returns an error where the fold is none of the layer.
func (f Fold) Check(l *quant.Layer) error {
	switch {
	case f.PE < 1 || l.Out%f.PE != 0:
		return fmt.Errorf("hwgen: layer %q: PE is %d, want a divisor of its %d outputs", l.Name, f.PE, l.Out)
	case f.SIMD < 1 || l.In%f.SIMD != 0:
		return fmt.Errorf("hwgen: layer %q: SIMD is %d, want a divisor of its %d inputs", l.Name, f.SIMD, l.In)
	case f.AccBits < 0 || f.AccBits > 64:
		return fmt.Errorf("hwgen: layer %q: acc is %d bits, want 1..64", l.Name, f.AccBits)
	// A queue is kept in LUT RAM, 64 bits per LUT: 2^16 beats of a byte already take 8192.
	case f.FIFO < 0 || f.FIFO > 1<<16:
		return fmt.Errorf("hwgen: layer %q: fifo is %d beats, want 0..65536", l.Name, f.FIFO)
	}
	return nil
}

// Folding maps layer names to folds.
type Folding map[string]Fold

// ParseFolding reads a folding file: YAML, one entry per layer with keys pe, simd
// and, if wanted, acc and fifo. Unknown keys are errors, and so are numbers that are not
// whole. An empty file folds nothing.
func ParseFolding(text []byte) (Folding, error) {
	f := Folding{}
	if err := strict.Decode(text, &f); err != nil && !errors.Is(err, strict.ErrEmpty) {
		return nil, fmt.Errorf("hwgen: folding: want lines such as fc1: {pe: 4, simd: 8}: %w", err)
	}
	return f, nil
}

// Check returns an error where an entry is of a layer that the network does not have.
func (f Folding) Check(n *quant.Network) error {
	known := map[string]bool{}
	for i := range n.Layers {
		known[n.Layers[i].Name] = true
	}
	var unknown []string
	for name := range f {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	// Of several the first by name: maps have no order, and errors must be the same each time.
	sort.Strings(unknown)
	return fmt.Errorf("hwgen: folding: no layer %q in the network", unknown[0])
}
