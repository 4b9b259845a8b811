package qonnx

import (
	"errors"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// network builds the integer network from the sites that the heads depend on.
// Names come before thresholds, since chainError quotes them, and after all
// layers, since generated names count them.
func (im *importer) network(name string, shape []int, heads []*head) (*quant.Network, error) {
	a := &assembly{im: im, readers: map[int][]*rounding{}, reads: map[tap]int{}, built: map[tap]int{}}
	for _, h := range heads {
		e, err := im.ending(h)
		if err != nil {
			return nil, err
		}
		a.endings = append(a.endings, e)
	}
	a.visit()
	input, err := a.input()
	if err != nil {
		return nil, err
	}
	n := quant.Network{Name: name, InputShape: shape, Input: *input}
	for i, t := range im.sites {
		if !a.used[i] {
			continue
		}
		if err := a.site(i, t); err != nil {
			return nil, err
		}
	}
	n.Layers = a.layers
	for k, e := range a.endings {
		n.Outputs = append(n.Outputs, quant.Output{Name: printable(heads[k].name), Layer: a.layerOf(e),
			Dequantize: e.real, Boundary: e.boundary})
	}
	if err := im.meta.name(n.Layers, a.nodes); err != nil {
		return nil, err
	}
	var all faults
	for i, end := range a.finish {
		if err := end(&n.Layers[i]); err != nil {
			all = append(all, err)
		}
	}
	if all != nil {
		return nil, all.asError()
	}
	im.made = &made{nodes: a.nodes, ends: a.ends, input: a.source, endings: a.endings}
	return quant.NewNetwork(n)
}

// ending is how the layer of a head ends. real makes the graph's output of the
// integers that leave the network, for Output.Dequantize; it includes steps
// that ranking may leave out.
type ending struct {
	base  int
	round *rounding
	// steps make the outputs that are ranked of the accumulators, where there is
	// no rounding; vector says that they are to be ranked.
	steps  []step
	vector bool
	real   func(c int, v int64) float64
	// all are the steps of which steps are the first, as the graph has them.
	all []step
	// single says that there is one output, and boundary, where it is an integer of
	// a Quant, the largest one that means class 0.
	single   bool
	boundary int64
	// scored is the layer that ends in its scores, -1 for none: the one that computes what is
	// ranked or, where others read that too, one behind it.
	scored int
}

// ranks says that the head ends in scores.
func (e *ending) ranks() bool { return e.vector && e.round == nil }

// ending says how the stream of a head, at the end of the graph, becomes integers. In this
// order: the Quant at the end if there is one, else the one that trim ends in,
// else the accumulators, with a score if the output is a vector of classes.
func (im *importer) ending(h *head) (*ending, error) {
	final := h.s
	b := im.shapeOf(final)
	e := &ending{base: final.base, vector: b.Positions() == 1 || h.ranked, steps: final.steps, all: final.steps,
		single: b.Size() == 1, scored: -1}
	q, all, at := final.q, final.steps, final.at
	if q == nil {
		e.steps = trim(final.steps)
		if k := len(e.steps) - 1; k >= 0 && e.steps[k].q != nil {
			q = e.steps[k].q
			at = e.steps[k].at
		}
	}
	e.real = func(c int, v int64) float64 { return run(all, c, float64(v)) }
	if q == nil {
		return e, nil
	}
	if e.round = q.round; e.round != nil {
		e.real = func(c int, v int64) float64 { return run(all[q.mark:], c, q.value(c, v)) }
	}
	varies := q.scale.each != nil || q.offset.each != nil
	// The largest integer is the largest output only if all have one positive
	// scale and one offset.
	if e.vector && (varies && !e.single || q.scale.at(0) <= 0) {
		return e, im.scoreIntegers(e, at, q, b)
	}
	if e.single && e.round != nil {
		// A Sigmoid before the Quant makes its integers probabilities, one
		// behind it too: levelOf looks at the last step that is not the Quant
		// itself.
		before := all
		if q.mark == len(all) { // nothing follows the Quant
			before = all[:q.mark-1]
		}
		e.boundary = boundary(q.typ, e.real, levelOf(before))
	}
	return e, nil
}

// scoreIntegers makes the network end in scores of integers whose largest need
// not be the largest output, since their scales or offsets are per channel or
// negative. A layer that ends in a Quant gets one behind it for them. The layer
// behind has no thresholds: it passes the integers on, and its score weighs
// them by channel.
func (im *importer) scoreIntegers(e *ending, at *node, q *quantised, b quant.Shape) error {
	e.steps = q.worth(at)
	e.all = e.steps
	if e.round == nil {
		return nil
	}
	s, err := im.add(&site{
		at: at, layer: quant.Layer{Kind: quant.Requantize}, from: []tap{{e.base, e.round}}, shape: b, typ: q.typ,
	}, nil)
	if err != nil {
		return err
	}
	e.base, e.round = s.base, nil
	return nil
}

// chainError says which node makes the chain of channel c fail: the first after
// which values are not monotone in the accumulator or not numbers. Prefixes of
// the chain are tried from the shortest on: BatchNorm, Abs, Quant is the fault
// of Abs, although only the Quant's thresholds fail.
func chainError(layer *quant.Layer, r *rounding, c int, acc quant.AccRange, cause error) error {
	at := r.at
	for k := 1; k <= len(r.steps); k++ {
		if !monotone(r.steps[:k], c, acc) {
			at = r.steps[k-1].at
			break
		}
	}
	return at.errorf("layer %q: channel %d: wants a monotone function of the accumulator: %w%s",
		layer.Name, c, unprefixed(cause), at.castHint())
}

// unprefixed drops a package's name from an error that is to be wrapped.
func unprefixed(err error) error {
	for _, name := range []string{"quant: ", "qonnx: "} {
		if text, ok := strings.CutPrefix(err.Error(), name); ok {
			return errors.New(text)
		}
	}
	return err
}

// monotone samples the chain over r and says whether it rises or falls
// throughout. It samples, since it only words an error: an accumulator of 30
// bits has too many values, and what fails has failed already. Comparisons with
// NaN are false, so that NaN counts as rising and falling.
func monotone(steps []step, c int, r quant.AccRange) bool {
	const samples = 2000
	stride := max(1, (r.Max-r.Min)/samples)
	last := run(steps, c, float64(r.Min))
	rises, falls := false, false
	for acc := r.Min + stride; acc <= r.Max && acc > r.Min; acc += stride {
		v := run(steps, c, float64(acc))
		rises = rises || !(v <= last)
		falls = falls || !(v >= last)
		last = v
	}
	return !(rises && falls)
}
