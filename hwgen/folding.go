package hwgen

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	"gopkg.in/yaml.v3"

	"github.com/a2qgen/a2qgen/internal/strict"
	"github.com/a2qgen/a2qgen/quant"
)

// Fold says how a layer is built: by which unit, how much at once, where its memories lie. In
// a plan every field is set; in a folding file what is left out is chosen.
type Fold struct {
	// Unit is the kind of block that computes the layer: the name of its module.
	Unit string `yaml:"unit,omitempty" json:"unit,omitempty"`
	// PE rows and SIMD columns are computed at once: PE divides the layer's outputs, SIMD its
	// inputs, or is the operands of a sum.
	PE   int `yaml:"pe" json:"pe"`
	SIMD int `yaml:"simd" json:"simd"`
	// Lanes is how many taps of each row a tap unit does at once. SIMD is then the elements that come at
	// once: of a vector a divisor of Lanes, of an image a power of two that divides its channels. Other
	// units have none.
	Lanes int `yaml:"lanes,omitempty" json:"lanes,omitempty"`
	// Order is how the elements of a tap unit's input are dealt to its banks; empty is Natural.
	Order Order `yaml:"order,omitempty" json:"order,omitempty"`
	// Window says how the positions of a window come to a dense unit; empty lets the plan choose, and
	// is all that a layer has of which they can come in one way alone.
	Window Window `yaml:"window,omitempty" json:"window,omitempty"`
	// AccBits overrides the accumulator width P of the layer; 0 leaves it.
	AccBits int `yaml:"acc,omitempty" json:"acc,omitempty"`
	// FIFO are the depths in beats of the queues before the layer, one for each stream that it
	// reads: 0 lets the plan choose, 1 asks for none.
	FIFO Depths `yaml:"fifo,omitempty" json:"fifo,omitempty"`
	// Weights, Replay and Thresholds say where weights (the schedule of a tap unit), replay buffer
	// (its copies of the vector) and thresholds are kept.
	Weights    Place `yaml:"weights,omitempty" json:"weights,omitempty"`
	Replay     Place `yaml:"replay,omitempty" json:"replay,omitempty"`
	Thresholds Place `yaml:"thresholds,omitempty" json:"thresholds,omitempty"`
}

// Place says where a memory is kept; empty lets the plan choose.
type Place string

// The places there are.
const (
	InLUTs     Place = "lut"
	InBlockRAM Place = "block"
)

func (p Place) check(l *quant.Layer, what string) error {
	if p == "" || p == InLUTs || p == InBlockRAM {
		return nil
	}
	return fmt.Errorf("hwgen: layer %q: %s is %q, want %s or %s", l.Name, what, p, InLUTs, InBlockRAM)
}

// Window says how many positions of a window come at once.
type Window string

// The ways there are.
const (
	Serial   Window = "serial"   // one after the other
	Parallel Window = "parallel" // those of a row of the window, or of all rows, at once
)

func (w Window) check(l *quant.Layer) error {
	if w == "" || w == Serial || w == Parallel {
		return nil
	}
	return fmt.Errorf("hwgen: layer %q: window is %q, want %s or %s", l.Name, w, Serial, Parallel)
}

// Order says in which order the elements of a vector come.
type Order string

// The orders there are.
const (
	Natural  Order = "natural"  // as the network has them
	Arranged Order = "arranged" // so that the reader's taps take few steps: taps.Arrange
)

func (o Order) check(l *quant.Layer) error {
	if o == "" || o == Natural || o == Arranged {
		return nil
	}
	return fmt.Errorf("hwgen: layer %q: order is %q, want %s or %s", l.Name, o, Natural, Arranged)
}

// Cycles returns NF*SF, the cycles that a layer of that size takes per vector.
func (f Fold) Cycles(in, out int) int { return (out / f.PE) * (in / f.SIMD) }

// RowsAtOnce returns how many rows of a layer can be computed at once: all of those that read the same
// inputs, or, where each channel has a row of its own, all.
func RowsAtOnce(l *quant.Layer) int {
	if l.Depthwise() && l.Out == l.Groups {
		return l.Out
	}
	return l.Out / max(1, l.Groups)
}

// Channels returns how many channels of a layer are read at once, each by a row of its own; 1 where all
// rows at once read the same.
func (f Fold) Channels(l *quant.Layer) int {
	if l.Depthwise() && l.Out == l.Groups {
		return f.PE
	}
	return 1
}

// AtOnce returns how many positions of a window a beat of a dense unit is of, if all of their channels
// that a row reads are in it: those of a row of the window, or of all; 0 where it is of others or of one.
func (f Fold) AtOnce(l *quant.Layer) int {
	w := l.Window.Normal()
	if l.Kind != quant.Conv || w.Taps() == 1 {
		return 0
	}
	switch channels := l.In / w.Taps(); f.SIMD {
	case l.In:
		return w.Taps()
	case channels * w.W:
		if w.W > 1 {
			return w.W
		}
	}
	return 0
}

// Check returns an error where the fold is none of the layer.
func (f Fold) Check(l *quant.Layer) error {
	outputs := l.Out
	if l.Kind == quant.PixelShuffle && l.Out == 1 {
		_, outputs = l.Block() // of one channel the positions of a row leave at once
	}
	switch {
	case f.PE < 1 || outputs%f.PE != 0:
		return fmt.Errorf("hwgen: layer %q: PE is %d, want a divisor of its %d outputs", l.Name, f.PE, outputs)
	case l.Kind == quant.Add && f.SIMD != l.In:
		return fmt.Errorf("hwgen: layer %q: SIMD is %d, want %d: all operands of a sum are added at once", l.Name,
			f.SIMD, l.In)
	case f.SIMD < 1 || l.In%f.SIMD != 0:
		return fmt.Errorf("hwgen: layer %q: SIMD is %d, want a divisor of its %d inputs", l.Name, f.SIMD, l.In)
	case f.AccBits < 0 || f.AccBits > 64:
		return fmt.Errorf("hwgen: layer %q: acc is %d bits, want 1..64", l.Name, f.AccBits)
	case l.Groups > 1 && RowsAtOnce(l)%f.PE != 0:
		return fmt.Errorf("hwgen: layer %q: PE is %d, want a divisor of the %d outputs of each of its %d groups", l.Name,
			f.PE, l.Out/l.Groups, l.Groups)
	case !l.Kind.Weighted() && f.Weights != "":
		// Not ignored: who places a memory believes that there is one.
		return fmt.Errorf("hwgen: layer %q: weights is %q, want none for a layer of kind %s", l.Name, f.Weights, l.Kind)
	case f.Replay != "" && !l.Kind.Weighted() && !l.Kind.Images():
		return fmt.Errorf("hwgen: layer %q: replay is %q, want none for a layer of kind %s", l.Name, f.Replay, l.Kind)
	case f.Window != "" && l.Kind != quant.Conv:
		return fmt.Errorf("hwgen: layer %q: window is %q, want none for a layer of kind %s", l.Name, f.Window, l.Kind)
	case f.Window == Parallel && f.AtOnce(l) == 0:
		return fmt.Errorf("hwgen: layer %q: window is %q with SIMD %d: it wants all channels of a row of its window, or "+
			"of all its rows", l.Name, f.Window, f.SIMD)
	case len(f.FIFO) > max(1, len(l.From)):
		return fmt.Errorf("hwgen: layer %q: fifo has %d depths, want one for each of %d streams", l.Name, len(f.FIFO),
			len(l.From))
	}
	for _, depth := range f.FIFO {
		// A queue is kept in LUT RAM, 64 bits per LUT: 2^16 beats of a byte already take 8192.
		if depth < 0 || depth > MaxFIFO {
			return fmt.Errorf("hwgen: layer %q: fifo is %d beats, want 0..%d", l.Name, depth, MaxFIFO)
		}
	}
	return errors.Join(f.Weights.check(l, "weights"), f.Replay.check(l, "replay"),
		f.Thresholds.check(l, "thresholds"), f.Order.check(l), f.Window.check(l))
}

// MaxFIFO is the deepest queue, in beats.
const MaxFIFO = 1 << 16

// Depths are depths of queues in beats. In files a single one is written as a number.
type Depths []int

// Of returns the depth of queue i, 0 where none is given.
func (d Depths) Of(i int) int {
	if i < len(d) {
		return d[i]
	}
	return 0
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Depths) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.SequenceNode {
		return strict.Value(node, "fifo", (*[]int)(d))
	}
	var one int
	if err := strict.Value(node, "fifo", &one); err != nil {
		return err
	}
	*d = Depths{one}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (d Depths) MarshalJSON() ([]byte, error) {
	if len(d) == 1 {
		return json.Marshal(d[0])
	}
	return json.Marshal([]int(d))
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Depths) UnmarshalJSON(data []byte) error {
	var one int
	if json.Unmarshal(data, &one) == nil {
		*d = Depths{one}
		return nil
	}
	return json.Unmarshal(data, (*[]int)(d))
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
