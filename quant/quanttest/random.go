// Package quanttest draws random integer networks, so that every executor,
// model and simulator is compared on the same, awkward population.
package quanttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// RandomSpec bounds what RandomNetwork draws. A zero field means its default.
type RandomSpec struct {
	// MaxLayers is the largest number of layers; default 3.
	MaxLayers int
	// MaxSize is the largest number of inputs or channels of a layer; default
	// 24.
	MaxSize int
	// MaxWeightBits, MaxInputBits bound the widths of weights and of
	// activations, each at most 8, the default.
	MaxWeightBits, MaxInputBits int
	// Signs makes half of the activations, and of the inputs, quant.Bipolar.
	Signs bool
	// AlwaysScore makes the last layer always end in scores.
	AlwaysScore bool
}

// withDefaults returns s with its zero fields filled in.
func (s RandomSpec) withDefaults() RandomSpec {
	for _, f := range []struct {
		field *int
		value int
	}{{&s.MaxLayers, 3}, {&s.MaxSize, 24}, {&s.MaxWeightBits, 8}, {&s.MaxInputBits, 8}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return s
}

// RandomNetwork draws a small fully connected network within spec. Layer sizes
// favour 1 and primes. Rows are dense, sparse, all zero, or at an extreme of
// the weight range. Thresholds are unordered draws over the accumulator's
// range, sorted, with duplicates, "never"s and "always"es; some channels are
// inverted. Declared accumulators are exactly as wide as needed, up to 4 bits
// wider, or undeclared. The input quantiser rounds to the nearest integer. Each
// of these is a class of faults that was seen or feared: a size of 1 makes
// counters of no bits, a prime allows no folding, an extreme row reaches the
// end of the accumulator, and a "never" is a comparison that must not wrap. Some
// networks give hidden activations too (drawOutputs). rng decides all.
func RandomNetwork(rng *rand.Rand, spec RandomSpec) *quant.Network {
	spec = spec.withDefaults()
	// The order of draws is part of what a seed means: one more in front gives every seed another
	// network, those too that tests keep for a fault they once showed.
	count := 1 + rng.IntN(spec.MaxLayers)
	input := spec.activation(rng)
	net := quant.Network{
		Name:       "random",
		InputShape: []int{randomSize(rng, spec.MaxSize)},
		Input:      roundTo(input),
	}
	size := net.InputShape[0]
	for i := range count {
		l := quant.Layer{
			Name: fmt.Sprintf("fc%d", i), In: size, Out: randomSize(rng, spec.MaxSize),
			Input: input, WeightBits: 1 + rng.IntN(spec.MaxWeightBits),
		}
		randomWeights(rng, &l)
		// Behind the weights, since "exactly as wide as needed" is of them.
		l.AccBits = randomAccBits(rng, &l)
		if i == count-1 && (spec.AlwaysScore || rng.IntN(4) > 0) {
			l.Score = randomScore(rng, &l)
		} else {
			l.Thresholds = randomThresholds(rng, &l, spec.activation(rng))
			// The next layer's input type is what this one gives.
			input = l.Thresholds.Output
		}
		net.Layers = append(net.Layers, l)
		size = l.Out
	}
	drawOutputs(apart(&net), &net, nil)
	n, err := quant.NewNetwork(net)
	if err != nil {
		panic("quanttest: " + err.Error())
	}
	return n
}

// activation draws the type of activations.
func (s *RandomSpec) activation(rng *rand.Rand) quant.DataType {
	// Only where it is asked for: other seeds keep their networks.
	if s.Signs && rng.IntN(2) == 0 {
		return quant.Bipolar
	}
	return randomType(rng, s.MaxInputBits)
}

// RandomInput draws a legal input vector of n: uniform, all at one end of the
// range, mostly zero, or a vector that drives a channel of the first layer to
// an end of its accumulator range. Only for fully connected networks: MaxInput
// is known of their first layer.
func RandomInput(rng *rand.Rand, n *quant.Network) []int32 {
	l := &n.Layers[0]
	lo, hi := l.Input.Min(), l.Input.Max()
	x := make([]int32, l.In)
	switch kind := rng.IntN(8); kind {
	case 0:
		// Ends of the range are where a sum is largest for rows of one sign.
		return slices.Repeat([]int32{int32(lo)}, l.In)
	case 1:
		return slices.Repeat([]int32{int32(hi)}, l.In)
	case 2, 3:
		// kind 2 is the lower end, -1, kind 3 the upper, +1.
		return l.MaxInput(rng.IntN(l.Out), 2*kind-5)
	case 4:
		if l.Input.Bipolar { // has no zeros
			break
		}
		x[rng.IntN(l.In)] = int32(between(rng, lo, hi))
		return x
	}
	for i := range x {
		x[i] = int32(l.Input.Value(between(rng, 0, l.Input.Number(hi))))
	}
	return x
}

// roundTo is an input quantiser of scale 1: integers of a test pass as they
// are.
func roundTo(t quant.DataType) quant.InputQuantizer {
	if t.Bipolar {
		return quant.InputQuantizer{Type: t, Quantize: func(_ int, v float64) int32 {
			return int32(math.Copysign(1, v))
		}}
	}
	lo, hi := float64(t.Min()), float64(t.Max())
	return quant.InputQuantizer{Type: t, Quantize: func(_ int, v float64) int32 {
		return int32(max(lo, min(hi, math.RoundToEven(v))))
	}}
}

// between draws uniformly from lo..hi, both included.
func between(rng *rand.Rand, lo, hi int64) int64 {
	return lo + rng.Int64N(hi-lo+1)
}

// randomType draws 1..maxBits bits, INT1 of -1 and 0 among them.
func randomType(rng *rand.Rand, maxBits int) quant.DataType {
	return quant.DataType{Bits: 1 + rng.IntN(maxBits), Signed: rng.IntN(2) == 0}
}

// awkward sizes: 1, primes, and the powers of two between them.
var awkward = []int{1, 2, 3, 5, 7, 8, 11, 13, 16, 17, 19, 23}

// randomSize draws an awkward size half of the time.
func randomSize(rng *rand.Rand, most int) int {
	if rng.IntN(2) == 0 {
		if n := awkward[rng.IntN(len(awkward))]; n <= most {
			return n
		}
	}
	return 1 + rng.IntN(most)
}

// randomWeights draws rows of one kind each: zero, all at one end of the type
// (the smallest included, which symmetric quantisers never give), sparse or
// dense.
func randomWeights(rng *rand.Rand, l *quant.Layer) {
	t := quant.DataType{Bits: l.WeightBits, Signed: true}
	l.Weights = make([]int32, l.In*l.Out)
	for c := range l.Out {
		kind := rng.IntN(10)
		for i := range l.In {
			w := between(rng, t.Min(), t.Max())
			switch {
			case kind == 0:
				w = 0
			case kind == 1:
				w = t.Max()
			case kind == 2:
				w = t.Min()
			case kind <= 5 && rng.IntN(4) > 0:
				w = 0
			}
			l.Weights[c*l.In+i] = int32(w)
		}
	}
}

// randomAccBits draws a declared width: none, too wide, or exact, where an
// accumulator that loses a bit overflows.
func randomAccBits(rng *rand.Rand, l *quant.Layer) int {
	needed, _ := l.NeededBits()
	switch rng.IntN(4) {
	case 0:
		return 0
	case 1:
		return needed + 1 + rng.IntN(4)
	}
	return needed
}

// randomThresholds draws over the ranges that the certificate gives for each
// channel.
func randomThresholds(rng *rand.Rand, l *quant.Layer, out quant.DataType) *quant.Thresholds {
	return thresholdsOver(rng, out, l.Out, l.AccRange)
}

// thresholdsOver draws thresholds for accumulators in the ranges of channels.
// "Never" is the range's maximum, "always" its minimum less one (MATH 6).
func thresholdsOver(rng *rand.Rand, out quant.DataType, channels int,
	accs func(c int) quant.AccRange) *quant.Thresholds {
	t := &quant.Thresholds{Output: out}
	t.Values = make([]int64, channels*t.Levels())
	invert := rng.IntN(3) == 0
	for c := range channels {
		r := accs(c)
		row := t.Channel(c)
		// A row of nevers: a channel that has died in training.
		constant := rng.IntN(12) == 0
		for k := range row {
			switch draw := rng.IntN(10); {
			case draw == 0 || constant:
				row[k] = r.Max
			case draw == 1:
				row[k] = r.Min - 1
			case draw == 2 && k > 0:
				row[k] = row[k-1]
			case draw <= 6: // near the middle, where sums usually fall
				row[k] = between(rng, r.Min/4, r.Max/4)
			default:
				row[k] = between(rng, r.Min-1, r.Max)
			}
		}
		// Staircases rise; duplicates are steps over two levels at once.
		slices.Sort(row)
		if invert {
			t.Inverted = append(t.Inverted, rng.IntN(2) == 0)
		}
	}
	return t
}

// randomScore draws gains and biases; equal gains with small biases make ties,
// of which the first class must win.
func randomScore(rng *rand.Rand, l *quant.Layer) *quant.Score {
	s := &quant.Score{Gain: make([]int64, l.Out), Bias: make([]int64, l.Out), Exact: true}
	// Half of the networks have no gains, as those with one scale for all classes: other hardware.
	gains, biases := rng.IntN(2) == 0, rng.IntN(3) > 0
	for c := range l.Out {
		s.Gain[c] = 1
		if gains {
			s.Gain[c] = between(rng, -64, 255)
			s.Exact = false
		}
		if biases {
			s.Bias[c] = between(rng, -500, 500)
		}
	}
	return s
}
