// Package blocktest is the test that every kind of hardware block passes: the block stands
// alone between the ports of a design, and its control machine, its Verilog on a simulator and
// the contents that it says it carries are compared in every cycle.
//
// A kind brings how legal blocks are drawn, some that stay, and the faults that its Verilog must
// not be able to hide (Kind). What is compared, under which pauses, and when a fault counts as
// caught is the same for all kinds.
package blocktest

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Case is a block and what leads into it.
type Case struct {
	// Name says what is tried, where the case stays; drawn ones have their seed for a name.
	Name  string
	Block hwgen.Block
	// Network computes the tensors that the streams carry.
	Network *quant.Network
	// Inputs is what the block's inputs carry, in the order of its ports.
	Inputs []hwgen.Content
	// Latency is the cycles from the first input beat to the end of the first frame, both counted,
	// without pauses: the closed formula of the module's header. The interval is Block.Cycles.
	Latency int
	// Turns says that inputs take turns: one is asked for a beat in a part of the cycles alone.
	Turns bool
	// Traits says of each thing that cases of this kind should be, and should not be, whether
	// this one is.
	Traits map[string]bool
}

// Named returns c with a name.
func (c Case) Named(name string) Case {
	c.Name = name
	return c
}

// design returns the design of the block alone: a source before each input, a sink behind each
// output. Its timing is what the engine says.
func (c *Case) design() (*hwgen.Design, error) {
	// A whole design, not a bench of its own: templates, model and cross-check are the product's.
	d := &hwgen.Design{Name: "alone", Network: c.Network, ClockMHz: 100}
	for i := range c.Network.Layers {
		l := &c.Network.Layers[i]
		// Only the texts of the headers read folds and widths of layers: no block is made of them.
		d.Layers = append(d.Layers, hwgen.LayerPlan{Layer: l, Fold: hwgen.Fold{PE: 1, SIMD: 1}})
	}
	var in []int
	// A port for each, so that every input can pause by itself.
	for i, content := range c.Inputs {
		in = append(in, i)
		d.Streams = append(d.Streams, hwgen.Stream{Name: fmt.Sprint("source", i), Bits: content.Bits(),
			Beats: content.Beats(), Content: content})
		d.Sources = append(d.Sources, hwgen.Port{Name: fmt.Sprintf("s%d_axis", i), Stream: i})
	}
	for i, stream := range d.Add(c.Block, in...) {
		d.Sinks = append(d.Sinks, hwgen.Port{Name: fmt.Sprintf("m%d_axis", i), Stream: stream})
	}
	// A case that feeds the block what it does not read is a fault of the test.
	if err := d.Verify(); err != nil {
		return nil, err
	}
	e, err := cycle.New(d.Graph())
	if err != nil {
		return nil, err
	}
	d.Timing, err = e.Steady(steadyCycles)
	return d, err
}

// steadyCycles is how long the engine may take to repeat itself: far more than a frame of any
// drawn block.
const steadyCycles = 1 << 20

// errStill ends a run in which nothing moves any more.
var errStill = errors.New("blocktest: nothing moves")

// holds returns how many frames the block alone takes in while no output beat is taken, the
// last in part: what a run needs so that its sinks can block the sources.
func holds(d *hwgen.Design) (int, error) {
	e, err := cycle.New(d.Graph())
	if err != nil {
		return 0, err
	}
	// By running it: what a block holds is nothing that it says of itself.
	source, beats, moved := d.Sources[0].Stream, 0, int64(0)
	blocked := func(int64) (gaps, stalls uint64) { return 0, ^uint64(0) }
	const frames = 1 << 20 // more than any block holds: the run ends when all stands still
	_, err = e.Run(frames, blocked, 0, func(r *cycle.Run) error {
		if r.Moves() {
			moved = r.Cycle
		} else if r.Cycle-moved > d.Timing.Latency { // a beat inside shows within it
			return errStill
		}
		// Of the first source: a block that joins takes as many frames of each.
		beats += int(cycle.Bit(r.Fired(source)))
		return nil
	})
	if !errors.Is(err, errStill) {
		return 0, fmt.Errorf("blocktest: %s never stands still: %w", d.Nodes[0].Name(), err)
	}
	// Rounded up: a part of a frame has to be fed as a whole one.
	return (beats + d.Source().Beats - 1) / d.Source().Beats, nil
}

// Vector returns the smallest network that reads size integers of type t, for streams that
// carry nothing but inputs: one layer of zeros.
func Vector(size int, t quant.DataType) *quant.Network {
	return mustNetwork(t, quant.Layer{Name: "zeros", In: size, Out: 1, Input: t, WeightBits: 1,
		Weights: make([]int32, size), Score: &quant.Score{Gain: []int64{1}, Bias: []int64{0}}})
}

// Alone returns the network of a layer alone.
func Alone(l quant.Layer) *quant.Network { return mustNetwork(l.Input, l) }

// OverImage returns the network of a layer alone that reads an image of shape in, whose elements are of
// type input; the error is quant.NewNetwork's.
func OverImage(input quant.DataType, in quant.Shape, l quant.Layer) (*quant.Network, error) {
	return quant.NewNetwork(quant.Network{Name: "alone", Layers: []quant.Layer{l}, Input: quant.InputQuantizer{
		Type: input, Shape: in, Quantize: func(_ int, v float64) int32 { return int32(v) }}})
}

// mustNetwork panics where a test has drawn what is no network.
func mustNetwork(input quant.DataType, layers ...quant.Layer) *quant.Network {
	n, err := quant.NewNetwork(quant.Network{Name: "alone", InputShape: []int{layers[0].In}, Layers: layers,
		Input: quant.InputQuantizer{Type: input, Quantize: func(_ int, v float64) int32 { return int32(v) }}})
	if err != nil {
		// No error to return: cases stand in package variables, before any test runs.
		panic("blocktest: " + err.Error())
	}
	return n
}

// DrawWords draws what a block that only moves data may read: beats of lanes words of bits bits,
// and the network that has them. Words come in order, by columns of a matrix, or some of them
// again and again, so that a block that takes a beat for its neighbour shows.
func DrawWords(rng *rand.Rand, beats, lanes, bits int) (*quant.Network, hwgen.Content) {
	count := beats * lanes
	// Any shape of the matrix, a single row or column among them.
	rows := Divisor(rng, count)
	t := quant.DataType{Bits: bits, Signed: rng.IntN(2) == 0}
	part := hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, count, bits, t.Signed, lanes)
	switch rng.IntN(4) {
	case 0:
		part.Order = hwgen.Nest(count/rows, 1, rows, count/rows)
	case 1:
		count /= rows
		part.Order = hwgen.Nest(rows, 0, count, 1)
	}
	return Vector(count, t), hwgen.Content{part}
}

// Stairs returns thresholds for l that are spread over the middle of each channel's range; every
// third channel falls.
func Stairs(l *quant.Layer, out quant.DataType) *quant.Thresholds {
	// Falling channels among rising ones: an inversion that is taken from the next channel shows.
	t := &quant.Thresholds{Output: out, Inverted: make([]bool, l.Out)}
	levels := int64(t.Levels())
	for c := range l.Out {
		r := l.AccRange(c)
		// The quarters at both ends stay free, in which sums of drawn inputs seldom fall.
		for k := range levels {
			t.Values = append(t.Values, r.Min+(r.Max-r.Min)*(levels+2*k)/(4*levels))
		}
		t.Inverted[c] = c%3 == 1
	}
	return t
}

// Divisor draws a divisor of n.
func Divisor(rng *rand.Rand, n int) int {
	for {
		if d := 1 + rng.IntN(n); n%d == 0 {
			return d
		}
	}
}
