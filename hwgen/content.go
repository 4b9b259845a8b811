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
// leaves Order, a replay puts a loop of step 0 around what comes again.
type Part struct {
	Tensor
	Bits   int  `json:"bits"`
	Signed bool `json:"signed"`
	Lanes  int  `json:"lanes"`
	// Order are the loops over the tensor's elements, the innermost last; where there is a Border
	// over those of the tensor with that around it.
	Order  []Loop  `json:"order"`
	Border *Border `json:"border,omitempty"`
}

// InOrder is the part that brings the count elements of t one after the other.
func InOrder(t Tensor, count, bits int, signed bool, lanes int) Part {
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

// Element returns the index, in the tensor, of the element in a lane of a beat of a frame, Outside
// for one of the border.
func (p Part) Element(beat, lane int) int {
	// A mixed-radix number: the innermost loop is its lowest digit.
	at, index := beat*p.Lanes+lane, 0
	for _, l := range slices.Backward(p.Order) {
		index += at % l.Count * l.Step
		at /= l.Count
	}
	if p.Border != nil {
		return p.Border.element(index)
	}
	return index
}

// All returns what Element does of each lane of each beat of a frame, one after the other: without a division
// per loop and element, which is most of the time that it takes to lay out a design's streams.
func (p Part) All() []int {
	all, turns, at := make([]int, p.Elements()), make([]int, len(p.Order)), 0
	for i := range all {
		if all[i] = at; p.Border != nil {
			all[i] = p.Border.element(at)
		}
		for k, l := range slices.Backward(p.Order) {
			at += l.Step
			if turns[k]++; turns[k] < l.Count {
				break
			}
			// The loop begins again, and the one around it takes a step.
			at, turns[k] = at-l.Count*l.Step, 0
		}
	}
	return all
}

// Beats returns the beats of a frame, Bits the bits of a beat. Beats is 0 where the parts
// do not agree, or a part's elements do not fill its last beat.
func (c Content) Beats() int {
	beats := 0
	for i, p := range c {
		// Parts travel side by side, so all must end with the same beat.
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

// PortBits returns the width of tdata at a port of the design that carries the content: a beat
// of one part is filled up to whole bytes with zeros, of several each is, a signed one with its
// sign.
func (c Content) PortBits() int {
	if len(c) == 1 {
		return WholeBytes(c.Bits())
	}
	bits := 0
	for _, p := range c {
		bits += WholeBytes(p.Lanes * p.Bits)
	}
	return bits
}

// WholeBytes rounds up to bytes: AXI4-Stream's tdata is a whole number of them.
func WholeBytes(bits int) int { return (bits + 7) / 8 * 8 }

// Replayed returns c with each length beats, one after the other, brought times times over. These
// are whole turns of some loop.
func (c Content) Replayed(length, times int) Content {
	return c.Each(func(p *Part) {
		outer, inner := cut(p.Order, length*p.Lanes)
		p.Order = slices.Concat(outer, []Loop{{times, 0}}, inner)
	})
}

// cut cuts a nest of loops in two, the second of which brings so many elements.
func cut(order []Loop, elements int) (outer, inner []Loop) {
	at := len(order)
	for at > 0 && elements >= order[at-1].Count {
		at--
		elements /= order[at].Count
	}
	if elements <= 1 {
		return order[:at], order[at:]
	}
	// In the middle of a loop: some of its turns, and so many times those.
	l := order[at-1]
	outer = append(slices.Clone(order[:at-1]), Loop{l.Count / elements, l.Step * elements})
	return outer, append([]Loop{{elements, l.Step}}, order[at:]...)
}

// InLanes returns c with the same elements in the same order, lanes side by side.
func (c Content) InLanes(lanes int) Content { return c.Each(func(p *Part) { p.Lanes = lanes }) }

// Each returns c with every part changed.
func (c Content) Each(change func(*Part)) Content {
	// Streams share contents: a block's change must not reach the one before it.
	c = slices.Clone(c)
	for i := range c {
		change(&c[i])
	}
	return c
}

// OfWidth returns in where a beat of it has width bits, else nothing.
func OfWidth(in Content, width int) Content {
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

// Same says whether two contents are the same in every bit of every beat.
func (c Content) Same(d Content) bool {
	return slices.EqualFunc(c, d, func(p, q Part) bool {
		return p.Tensor == q.Tensor && p.Bits == q.Bits && p.Signed == q.Signed && p.Lanes == q.Lanes &&
			slices.Equal(plain(p.Order), plain(q.Order)) &&
			(p.Border == q.Border || p.Border != nil && q.Border != nil && *p.Border == *q.Border)
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
		if p.Border != nil {
			text += fmt.Sprintf(" with %+v", *p.Border)
		}
	}
	return text
}
