package qonnx

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// assembly turns sites into layers. A site whose integers several quantisers
// make becomes a layer and one Requantize layer for each further one. A network
// has one quantiser at the end of each layer, a graph has as many Quant nodes
// behind an accumulator as it has branches.
//
// The order of work is: visit marks what the outputs need, input and site add
// layers in topological order and only note how each ends, the metadata give
// them names, and then finish computes thresholds, so that errors can name
// layers.
type assembly struct {
	im *importer
	// used marks the sites that the outputs depend on. Others are ends that
	// nobody reads: a graph may have them, a network must not.
	used []bool
	// readers lists, by base, the distinct roundings that are read. Pointers
	// tell roundings apart: two Quants of equal parameters are two layers. A
	// nil rounding is a reader of the integers as the base has them.
	readers map[int][]*rounding
	// reads counts the readers of a tap, sites and endings.
	reads map[tap]int
	// endings are how the heads end, in their order.
	endings []*ending
	layers  []quant.Layer
	nodes   []*node
	// ends are the roundings that the layers end in, nil for none.
	ends []*rounding
	// source makes the integers of the samples.
	source *rounding
	// finish sets how each layer ends, once all have names.
	finish []func(l *quant.Layer) error
	// built says which layer gives the integers of a tap.
	built map[tap]int
}

// visit marks what the endings depend on. Sites are in order of evaluation, so that
// one pass from the last to the first reaches everything without a stack.
func (a *assembly) visit() {
	a.used = make([]bool, len(a.im.sites))
	for _, e := range a.endings {
		a.used[e.base] = true
	}
	// Sites read earlier ones only.
	for k := len(a.used) - 1; k >= 0; k-- {
		if !a.used[k] {
			continue
		}
		for _, t := range a.im.sites[k].from {
			a.note(t)
			if t.base >= 0 {
				a.used[t.base] = true
			}
		}
	}
	// Outputs are readers like any others, but of no site.
	for _, e := range a.endings {
		a.note(tap{e.base, e.round})
	}
}

// note adds a tap to the readers of its base, once.
func (a *assembly) note(t tap) {
	a.reads[t]++
	if !slices.Contains(a.readers[t.base], t.round) {
		a.readers[t.base] = append(a.readers[t.base], t.round)
	}
}

// nearest returns the last of the roundings read at base that r is made from,
// or nil. Between r and that one lie Quants that only r reads: they are
// composed with r's own staircase into one, exactly, since both are functions
// of integers.
func (a *assembly) nearest(base int, r *rounding) *rounding {
	for p := r.prior; p != nil; p = p.prior {
		if slices.Contains(a.readers[base], p) {
			return p
		}
	}
	return nil
}

// roots returns the roundings read at base that are made from no other. More
// than one root means that the layer ends without thresholds and one Requantize
// layer follows for each: the accumulators are computed once.
func (a *assembly) roots(base int) []*rounding {
	var out []*rounding
	for _, r := range a.readers[base] {
		if r == nil || a.nearest(base, r) == nil {
			out = append(out, r)
		}
	}
	return out
}

// input returns the network's input quantiser, and adds the layers that
// quantise its integers again.
func (a *assembly) input() (*quant.InputQuantizer, error) {
	// The hardware's input is one stream of one type; two Quants of the raw
	// samples would need both of their integers to come from outside.
	roots := a.roots(fromInput)
	if len(roots) != 1 || roots[0] == nil {
		if len(roots) > 1 && roots[0] != nil && roots[1] != nil {
			return nil, fmt.Errorf("the graph's input is quantised by node %s and by node %s: want one Quant for all",
				roots[0].at.label(), roots[1].at.label())
		}
		return nil, fmt.Errorf("the graph's input is not read as integers")
	}
	r := roots[0]
	a.source = r
	q := &quant.InputQuantizer{
		Type: r.typ, Shape: quant.Vector(a.im.width), Quantize: inputQuantizer(r), Assumed: a.im.pixelStream != nil,
	}
	if g := a.im.image; g != nil {
		q.Shape = g.shape
		// Order is left nil where the sample is already channels last, since
		// nil means identity and saves a permutation per frame in every
		// executor.
		if !slices.IsSortedFunc(g.order, func(x, y int32) int { return int(x - y) }) {
			q.Order = g.order
		}
	}
	// accs of rest are not used for thresholds here: whatever else reads the
	// input is made of r's integers, whose type says their range.
	a.built[tap{fromInput, r}] = quant.Source
	return q, a.rest(fromInput, make([]quant.AccRange, q.Shape.C))
}

// inputQuantizer returns the function of an InputQuantizer. Samples that give
// NaN count as 0, and as -1 where the integers are -1 and +1: NaN is not at least 0.
// The executor has no error to return
// in the middle of a frame; eval reports how many samples lie outside the
// range.
func inputQuantizer(r *rounding) func(i int, v float64) int32 {
	return func(i int, v float64) int32 {
		n := r.ints(i, v)
		if n == notANumber && r.typ.Bipolar {
			n = -1
		} else if n == notANumber {
			n = 0
		}
		return int32(n)
	}
}

// site adds the layers of site i. There are three ways to end: one Quant becomes the
// layer's own thresholds, the scores of a classifier that nobody else reads its own score,
// and in every other case integers leave the layer as they are, and rest and rank add
// what their readers want.
func (a *assembly) site(i int, t *site) error {
	l := t.layer
	for _, from := range t.from {
		l.From = append(l.From, a.built[from])
	}
	if t.flat {
		a.unflatten(&l)
	}
	// After unflatten and with weights in place: the certificate's ranges (MATH
	// 1) are over the integers that are written, not over those of the data
	// types.
	accs := t.ranges(&l)
	roots := a.roots(i)
	here, end := tap{base: i}, func(*quant.Layer) error { return nil }
	if len(roots) == 1 && roots[0] != nil {
		r := roots[0]
		here.round = r
		end = func(l *quant.Layer) error { return a.bisect(l, r, accs, fromRaw(r)) }
	} else if e := a.soleRanking(i); e != nil {
		e.scored = len(a.layers)
		end = func(l *quant.Layer) error { return setScore(l, t, accs, e) }
	}
	a.add(l, t.at, here, end)
	if err := a.rest(i, accs); err != nil {
		return err
	}
	a.rank(i, t, accs)
	return nil
}

// soleRanking returns the ending that ranks the accumulators of base and is their only
// reader, nil for none.
func (a *assembly) soleRanking(base int) *ending {
	if len(a.readers[base]) > 1 || a.reads[tap{base: base}] != 1 {
		return nil
	}
	for _, e := range a.endings {
		if e.base == base && e.ranks() {
			return e
		}
	}
	return nil
}

// rank adds a layer for each ending that ranks the accumulators of base where others read
// them too: it passes them on, and ends in the scores.
func (a *assembly) rank(base int, t *site, accs []quant.AccRange) {
	for _, e := range a.endings {
		if e.base != base || !e.ranks() || e.scored >= 0 {
			continue
		}
		e.scored = len(a.layers)
		l := quant.Layer{Kind: quant.Requantize, From: []int{a.built[tap{base: base}]}, Out: len(accs)}
		a.append(l, t.at, nil, func(l *quant.Layer) error { return setScore(l, t, accs, e) })
	}
}

// layerOf returns the layer that gives what a head shows.
func (a *assembly) layerOf(e *ending) int {
	if e.scored >= 0 {
		return e.scored
	}
	return a.built[tap{e.base, e.round}]
}

// fromRaw returns what makes r of the values of its base. Sums of 16-bit
// operands stay below 2^53 up to 2^22 terms, so that float64 holds each
// accumulator exactly.
func fromRaw(r *rounding) func(c int, acc int64) int64 {
	return func(c int, acc int64) int64 { return r.ints(c, float64(acc)) }
}

// setScore ranks the elements that l gives. single is a head of one
// element, where there is nothing to rank but the sign (signScore).
func setScore(l *quant.Layer, t *site, accs []quant.AccRange, last *ending) error {
	var score *quant.Score
	var err error
	if last.single {
		score, err = signScore(accs[0], last.all, last.steps)
	} else {
		score, err = newScore(accs, last.steps)
	}
	if err != nil {
		return fmt.Errorf("layer %q, node %s: %w", l.Name, t.at.label(), err)
	}
	l.Score = score
	return nil
}

// add appends a layer that comes from node at and gives what tap says. end is
// called once all layers have names, since its errors quote them.
func (a *assembly) add(l quant.Layer, at *node, gives tap, end func(l *quant.Layer) error) {
	a.append(l, at, gives.round, end)
	a.built[gives] = len(a.layers) - 1
}

// append is add of a layer that no site reads.
func (a *assembly) append(l quant.Layer, at *node, round *rounding, end func(l *quant.Layer) error) {
	a.layers, a.nodes, a.ends = append(a.layers, l), append(a.nodes, at), append(a.ends, round)
	a.finish = append(a.finish, end)
}

// rest adds Requantize layers for what is read at base and not built yet. accs
// are the ranges of its channels. A Quant that is made from another's integers
// can only be built once that one is, and readers are in the order in which
// sites were visited: hence the passes, at most one per link of the longest
// chain of Quants.
func (a *assembly) rest(base int, accs []quant.AccRange) error {
	for done := false; !done; {
		done = true
		for _, r := range a.readers[base] {
			if _, ok := a.built[tap{base, r}]; ok {
				continue
			}
			prior := a.nearest(base, r)
			source, ok := a.built[tap{base, prior}]
			if !ok {
				done = false
				continue
			}
			// The chain's parameters are per element of the sample, the layer's
			// per channel of the image: they would have to be permuted and
			// proved equal over positions.
			if base < 0 && a.im.image != nil && r.varies {
				return r.at.errorf("quantises the graph's input again, with parameters that vary, which is not " +
					"supported")
			}
			l := quant.Layer{Kind: quant.Requantize, From: []int{source}, Out: len(accs)}
			a.add(l, r.at, tap{base, r}, func(l *quant.Layer) error { return a.requantize(l, accs, prior, r) })
		}
	}
	return nil
}

// unflatten permutes the weights of a layer that reads the input as a vector to
// the order of the image that others read. A graph may read its input twice,
// once as a vector (a skip to the classifier) and once as an image; the stream
// has one order, channels last, so the vector's weights follow it. im.image is
// final only once the whole graph was evaluated.
func (a *assembly) unflatten(l *quant.Layer) {
	g := a.im.image
	if g == nil {
		return
	}
	weights := make([]int32, len(l.Weights))
	for c := range l.Out {
		row := l.Row(c)
		for i, from := range g.order {
			weights[c*l.In+i] = row[from]
		}
	}
	l.Weights = weights
}

// ranges returns the accumulator range of each channel of a site's layer. With
// weights it is MATH 1's [min, max] of the row. Without, the type's range: the
// site computed that from its operands, and channels do not differ.
func (t *site) ranges(l *quant.Layer) []quant.AccRange {
	out := make([]quant.AccRange, l.Out)
	for c := range out {
		out[c] = quant.AccRange{Min: t.typ.Min(), Max: t.typ.Max()}
		if l.Kind.Weighted() {
			out[c] = l.AccRange(c)
		}
	}
	return out
}

// requantize bisects what makes r of the integers of prior, or of a layer's
// accumulators where that is nil. The domain of the bisection is prior's type,
// not the accumulators: this layer reads prior's integers, of which there are
// few, and never sees an accumulator.
func (a *assembly) requantize(l *quant.Layer, accs []quant.AccRange, prior, r *rounding) error {
	if prior == nil {
		return a.bisect(l, r, accs, fromRaw(r))
	}
	chain := []*rounding{r}
	for p := r.prior; p != prior; p = p.prior {
		chain = append(chain, p)
	}
	again := slices.Repeat([]quant.AccRange{{Min: prior.typ.Min(), Max: prior.typ.Max()}}, len(accs))
	return a.bisect(l, r, again, func(c int, v int64) int64 {
		// From the innermost, next to prior, outwards to r.
		for _, p := range slices.Backward(chain) {
			v = p.again(c, v)
		}
		return v
	})
}

// thresholdFaults returns what is wrong with the thresholds that Quants want of layers, in
// a graph that is refused for something else: they are not built there, and would else be
// the next refusal. Layers have no names yet and go by their node's.
func (im *importer) thresholdFaults() []error {
	var out []error
	a, seen := &assembly{im: im}, map[tap]bool{}
	for _, n := range im.g.nodes {
		s, ok := im.values[n.out[0]].(*stream)
		if !ok || s.q == nil || s.q.round == nil || s.base < 0 || seen[tapOf(s)] {
			continue
		}
		seen[tapOf(s)] = true
		t := im.sites[s.base]
		l := t.layer
		l.Name = t.at.id()
		if err := a.bisect(&l, s.q.round, t.ranges(&l), fromRaw(s.q.round)); err != nil {
			out = append(out, err)
		}
	}
	return out
}

// bisect sets the thresholds of l, which end in r, from a chain over a range of
// every channel. There are 2^bits - 1 thresholds per channel (MATH 6). A chain
// that falls inverts the comparison of its channel; one that does neither is an
// error, which chainError traces to the node that bends it.
func (a *assembly) bisect(
	l *quant.Layer, r *rounding, accs []quant.AccRange, chain func(c int, acc int64) int64,
) error {
	levels := 1<<r.typ.Bits - 1
	if r.typ.Bits > maxBits {
		return r.at.errorf("gives integers of %d bits, want at most %d", r.typ.Bits, maxBits)
	}
	// 65,535 thresholds per channel at 16 bits: a small file could ask for
	// gigabytes.
	if _, err := a.im.left.take([]int{l.Out, levels}); err != nil {
		return r.at.errorf("thresholds: %w", err)
	}
	t := &quant.Thresholds{Output: r.typ, Values: make([]int64, 0, l.Out*levels)}
	for c := range l.Out {
		// The bisection sees an integer that no type holds; users want to read NaN.
		var nan error // the first accumulator without a number
		row, inverted, err := quant.BisectThresholds(accs[c], r.typ, func(acc int64) int64 {
			y := chain(c, acc)
			if y == notANumber && nan == nil {
				nan = fmt.Errorf("accumulator %d gives NaN, want %v", acc, r.typ)
			}
			return y
		})
		if err != nil {
			return chainError(l, r, c, accs[c], cmp.Or(nan, err))
		}
		t.Values = append(t.Values, row...)
		if inverted && t.Inverted == nil {
			t.Inverted = make([]bool, l.Out)
		}
		if inverted {
			t.Inverted[c] = true
		}
	}
	l.Thresholds = t
	return nil
}
