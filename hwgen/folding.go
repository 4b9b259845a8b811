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

func (f Fold) check(l *quant.Layer) error {
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

// check says which entry names a layer that the network does not have.
func (f Folding) check(n *quant.Network) error {
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

// FoldFor returns the fold of the fewest LUTs, by a rough count, that takes at most cycles
// per vector. Where even full parallelism is too slow, that is what it returns.
func FoldFor(l *quant.Layer, cycles int) Fold {
	best, bestCost := Fold{PE: l.Out, SIMD: l.In}, 0
	p, _ := l.NeededBits()
	for _, pe := range divisors(l.Out) {
		for _, simd := range divisors(l.In) {
			f := Fold{PE: pe, SIMD: simd}
			if f.Cycles(l.In, l.Out) > cycles {
				continue
			}
			// Equal costs keep the first, of fewer PEs: plans must not depend on luck.
			if cost := f.roughCost(l, p); bestCost == 0 || cost < bestCost {
				best, bestCost = f, cost
			}
			break // more lanes only cost more
		}
	}
	return best
}

// roughCost counts the LUTs that depend on the fold, with accumulators of p bits (derived
// from the Verilog; hwgen/cost has the whole of it, and a test compares). A lane of a PE is
// a row of N+2 bits for every two weight bits and an adder of the tree; a PE brings an
// accumulator and a comparator per threshold level, all of P bits, and its share of the
// memories, of which 64 words of a bit are a LUT, and fewer no less; a lane brings its inputs
// to replay buffer and queue, where 32 words of six bits are four LUTs.
func (f Fold) roughCost(l *quant.Layer, p int) int {
	m, n, lanes := l.WeightBits, l.Input.Bits, f.PE*f.SIMD
	nf, words := l.Out/f.PE, f.Cycles(l.In, l.Out)
	cost := lanes*(m+1)/2*(n+2) + (lanes-f.PE)*min(p, m+n+1) + f.PE*p
	if !deserveBlockRAM(words, lanes*m) && words > 1 {
		cost += lanes * m * luts(words)
	}
	if t := l.Thresholds; t != nil {
		for level := range t.Output.Bits {
			cost += f.PE * p * (1 + luts(nf<<level))
		}
	}
	if nf > 1 {
		cost += 2 * 2 * f.SIMD * n / 3 * ((l.In/f.SIMD + 31) / 32)
	}
	return cost
}

// luts returns the LUTs of a bit of a memory of so many words.
func luts(words int) int { return (words + 63) / 64 }

func divisors(n int) []int {
	var d []int
	for i := 1; i <= n; i++ {
		if n%i == 0 {
			d = append(d, i)
		}
	}
	return d
}
