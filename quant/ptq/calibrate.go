package ptq

import (
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// scales finds the activation quantisers of a graph. Layers whose outputs are
// added, concatenated or passed on share one: they are a part of the partition.
// Sharing is what the hardware needs: sums and concatenations are of integers, which
// must be worth the same.
type scales struct {
	g *graph
	partition
	signed []bool // what a layer gives may be negative
	// seen is what layers that share a scale give, by who stands for them; spreads those of the channels of
	// each layer that has a quantiser.
	seen    map[int]*observed
	spreads [][]spread
}

// partition is a union-find over layers, with the network's input last.
type partition []int

func newPartition(layers int) partition {
	p := make(partition, layers+1)
	for i := range p {
		p[i] = i
	}
	return p
}

// samplesPerLayer bounds the activations of a layer that choose its scale. They are
// taken from each tensor that shares the scale, so a shared scale is chosen from
// more.
const samplesPerLayer = 1 << 16

// newScales joins the layers that share a scale and finds out which give negative
// values. It returns an error where the network's input, whose scale is that of the
// samples, would have to share one with a layer.
func newScales(g *graph, signedInput bool) (*scales, error) {
	n := len(g.Shapes)
	s := &scales{g: g, partition: newPartition(n), signed: make([]bool, n), seen: map[int]*observed{},
		spreads: make([][]spread, n)}
	for i := range g.Layers {
		l := &g.Layers[i]
		s.signed[i] = l.Negative(func(from int) bool {
			return from == quant.Source && signedInput || from != quant.Source && s.signed[from]
		})
		for _, from := range l.From {
			if g.passes(i) {
				s.join(i, from)
			}
			if l.Kind == quant.Add || l.Kind == quant.Concat {
				s.join(l.From[0], from)
			}
		}
	}
	for i := range g.Layers {
		l := &g.Layers[i]
		if (l.Kind == quant.Add || l.Kind == quant.Concat) && s.root(l.From[0]) == s.root(quant.Source) {
			return nil, fmt.Errorf("ptq: layer %q: reads the network's input beside layers, "+
				"whose scale it cannot share: want a layer between", l.Name)
		}
	}
	return s, nil
}

// root returns who stands for the layers of i's part. There are few layers, so chains
// are not shortened.
func (p partition) root(i int) int {
	if i == quant.Source {
		i = len(p) - 1
	}
	for p[i] != i {
		i = p[i]
	}
	return i
}

// join makes one part of those of a and b.
func (p partition) join(a, b int) { p[p.root(a)] = p.root(b) }

// quantises says that layer i needs a quantiser: that it makes new numbers, and is
// not what a classifier ends with. A classifier's outputs are compared with each
// other, in full precision: a quantiser would only make ties.
func (s *scales) quantises(i int) bool {
	return !s.g.passes(i) && (i < len(s.g.Shapes)-1 || s.g.Layers[i].Kind != quant.Linear)
}

// observe takes down what layer i gives: a part of the numbers, and the spread of all.
func (s *scales) observe(i int, t *nn.Tensor) {
	if !s.quantises(i) {
		return
	}
	r := s.root(i)
	if s.seen[r] == nil {
		s.seen[r] = &observed{}
	}
	s.spreads[i] = make([]spread, t.Shape.C)
	for k, v := range t.V {
		s.spreads[i][k%t.Shape.C].add(float64(v))
	}
	for _, of := range s.spreads[i] {
		s.seen[r].spread.merge(of)
	}
	// Every step-th element of the batch, channels last.
	step := len(t.V)/samplesPerLayer + 1
	for step > 1 && t.Shape.C > 1 && (t.Shape.C%step == 0 || step%t.Shape.C == 0) {
		// A step that divides the channels, or is a multiple of them, would meet
		// the same few channels in every position.
		step++
	}
	for k := 0; k < len(t.V); k += step {
		s.seen[r].values = append(s.seen[r].values, float64(t.V[k]))
	}
}

// quantisers returns the quantiser of each layer that needs one, of actBits where
// it feeds layers, by rule, and of 8 where it is the network's output. Layers that share a
// scale get the same quantiser, signed where one of them may be negative; layers
// that pass integers on get none of their own.
func (s *scales) quantisers(actBits int, rule actRule) []*nn.ActQuant {
	signed := map[int]bool{}
	for i := range s.signed {
		signed[s.root(i)] = signed[s.root(i)] || s.signed[i]
	}
	out := s.root(len(s.g.Shapes) - 1)
	made := map[int]*nn.ActQuant{}
	acts := make([]*nn.ActQuant, len(s.g.Shapes))
	for i := range acts {
		r := s.root(i)
		if !s.quantises(i) {
			continue
		}
		if made[r] == nil {
			a, by := &nn.ActQuant{Bits: actBits, Signed: signed[r]}, rule
			if r == out {
				a.Bits, by = outputBits, actRule{by: LeastError}
			}
			if a.Signed {
				// One signed bit has -1 and 0 alone, and no largest value to set
				// the scale by.
				a.Bits = max(a.Bits, 2)
			}
			a.Scale = s.seen[r].scale(by, a.Type())
			made[r] = a
		}
		acts[i] = made[r]
	}
	return acts
}

// outputBits is the width of the outputs of what is no classifier.
const outputBits = 8

// leastError returns the scale of a quantiser of type t that has the least mean
// squared error on v, of those that a fine grid below the largest value has.
// Clipping the tail costs little where few values lie there, and makes the steps of
// all others finer: the best scale lies between the two errors, and has no closed
// form for samples. The grid is widest/hi * k/60. It returns 1 where all values are
// 0.
func leastError(v []float64, t quant.DataType) float32 {
	const steps = 60
	widest := 0.0
	for _, x := range v {
		widest = max(widest, math.Abs(x))
	}
	if widest == 0 {
		return 1
	}
	lo, hi := float64(t.Min()), float64(t.Max())
	best, least := float32(0), math.Inf(1)
	for k := 1; k <= steps; k++ {
		// Rounded to float32 first, as the file holds it: the error is then that of
		// the network that is written.
		s := float32(widest / hi * float64(k) / steps)
		sum, inverse := 0.0, 1/float64(s)
		for _, x := range v {
			e := x - float64(s)*math.RoundToEven(max(lo, min(hi, x*inverse)))
			sum += e * e
		}
		// s is 0 where widest is so small that float32 cannot hold the quotient.
		if sum < least && s > 0 {
			best, least = s, sum
		}
	}
	return best
}

// inputQuantiser returns the quantiser of samples, which reach from lo to hi:
// unsigned where none is negative. It clips nothing: the range is that of all
// samples, and the full range of a signed type is not used at its lower end, so
// that the scale is the same for both signs.
func inputQuantiser(lo, hi float64, bits int) *nn.ActQuant {
	a := &nn.ActQuant{Bits: bits, Signed: lo < 0}
	a.Scale = float32(max(hi, -lo) / float64(a.Type().Max()))
	if !(a.Scale > 0) {
		a.Scale = 1
	}
	return a
}
