package hwgen

import (
	"fmt"
	"slices"
)

// Tensor is an array of integers that the network computes for every frame.
type Tensor struct {
	// Layer is the name of the layer that computes it; empty for the network's input.
	Layer string `json:"layer"`
	// Holds says which of the layer's arrays it is: HoldsInputs and so on.
	Holds string `json:"holds"`
}

// What tensors hold.
const (
	HoldsInputs       = "inputs"       // of the network: integers of its input quantiser
	HoldsOutputs      = "outputs"      // of a layer, behind its thresholds
	HoldsAccumulators = "accumulators" // of a layer without thresholds
	HoldsLabel        = "label"        // the index of the largest score: one element
	HoldsScore        = "score"        // the largest score: one element
)

// Content says what a stream carries: which element of which tensor each lane of each beat
// is. A beat is its parts side by side, the first in the low bits.
type Content []Part

// Part is Lanes elements of Bits bits side by side in every beat, lane 0 in the low bits.
// The lanes of beat 0, then of beat 1 and so on, are the elements as the nest of loops Order
// visits them (as the fields of a memory are, see Layout): a converter changes Lanes and
// leaves Order, a replay puts a loop of step 0 around it.
type Part struct {
	Tensor
	Bits   int  `json:"bits"`
	Signed bool `json:"signed"`
	Lanes  int  `json:"lanes"`
	// Order are the loops over the tensor's elements, the innermost last.
	Order []Loop `json:"order"`
}

// inOrder is the part that brings the count elements of t one after the other.
func inOrder(t Tensor, count, bits int, signed bool, lanes int) Part {
	return Part{Tensor: t, Bits: bits, Signed: signed, Lanes: lanes, Order: []Loop{{count, 1}}}
}

// Elements returns how many elements the part brings in a frame.
func (p Part) Elements() int {
	n := 1
	for _, l := range p.Order {
		n *= l.Count
	}
	return n
}

// Element returns the index, in the tensor, of the element in a lane of a beat of a frame.
func (p Part) Element(beat, lane int) int {
	at, index := beat*p.Lanes+lane, 0
	for _, l := range slices.Backward(p.Order) {
		index += at % l.Count * l.Step
		at /= l.Count
	}
	return index
}

// Beats returns the beats of a frame, Bits the bits of a beat. Beats is 0 where the parts
// do not agree, or a part's elements do not fill its last beat.
func (c Content) Beats() int {
	beats := 0
	for i, p := range c {
		n := p.Elements() / p.Lanes
		if n*p.Lanes != p.Elements() || i > 0 && n != beats {
			return 0
		}
		beats = n
	}
	return beats
}

// Bits implements what Beats says.
func (c Content) Bits() int {
	bits := 0
	for _, p := range c {
		bits += p.Lanes * p.Bits
	}
	return bits
}

// replayed returns c with every frame brought times times over.
func (c Content) replayed(times int) Content {
	return c.each(func(p *Part) { p.Order = slices.Insert(slices.Clone(p.Order), 0, Loop{times, 0}) })
}

// inLanes returns c with the same elements in the same order, lanes side by side.
func (c Content) inLanes(lanes int) Content { return c.each(func(p *Part) { p.Lanes = lanes }) }

func (c Content) each(change func(*Part)) Content {
	c = slices.Clone(c)
	for i := range c {
		change(&c[i])
	}
	return c
}

// ofWidth returns in where a beat of it has width bits, else nothing.
func ofWidth(in Content, width int) Content {
	if in.Bits() != width {
		return nil
	}
	return in
}

// plain returns loops that visit the same elements with as few loops as there can be: none
// of count 1, and none that goes on where the one inside it ends.
func plain(order []Loop) []Loop {
	var out []Loop
	for _, l := range order {
		last := len(out) - 1
		switch {
		case l.Count == 1:
		case last >= 0 && out[last].Step == l.Count*l.Step:
			out[last] = Loop{out[last].Count * l.Count, l.Step}
		default:
			out = append(out, l)
		}
	}
	return out
}

// same says whether two contents are the same in every bit of every beat.
func (c Content) same(d Content) bool {
	return slices.EqualFunc(c, d, func(p, q Part) bool {
		return p.Tensor == q.Tensor && p.Bits == q.Bits && p.Signed == q.Signed && p.Lanes == q.Lanes &&
			slices.Equal(plain(p.Order), plain(q.Order))
	})
}

// String describes the content for errors.
func (c Content) String() string {
	text := ""
	for i, p := range c {
		if i > 0 {
			text += " + "
		}
		sign := ""
		if p.Signed {
			sign = " signed"
		}
		from := p.Layer
		if from == "" {
			from = "network"
		}
		text += fmt.Sprintf("%d of %s of %s, %d bits%s, loops %v", p.Lanes, p.Holds, from, p.Bits, sign, plain(p.Order))
	}
	return text
}

// verify checks that each block gets what it says it reads, as wide as its ports are, and
// that every stream carries a whole number of beats.
func (d *Design) verify() error {
	for i, s := range d.Streams {
		if c := s.Content; c.Bits() != s.Bits || c.Beats() != s.Beats {
			return fmt.Errorf("hwgen: stream %q: is %d bits and %d beats a frame, its content %d and %d (%v)",
				s.Name, s.Bits, s.Beats, c.Bits(), c.Beats(), c)
		}
		if i == len(d.Blocks) {
			return nil
		}
		if want := d.Blocks[i].Reads(s.Content); !want.same(s.Content) {
			return fmt.Errorf("hwgen: block %q reads %v, its stream %q carries %v", d.Blocks[i].Name(), want, s.Name, s.Content)
		}
	}
	return nil
}
