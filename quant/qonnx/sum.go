package qonnx

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// maxFactor bounds the ratio of the scales of two numbers that are added.
// Factors multiply integers before the adder: ten bits more are its limit.
const maxFactor = 1 << 10

// opSum adds all its inputs: those that depend on the network's in one layer.
// Constants are folded first and added as one step.
func opSum(im *importer, n *node) (value, error) {
	// All streams at once: of three scales there may be a common measure where the
	// first two would give a sum that is no integer.
	var sum value
	var streams []*stream
	for i := range n.in {
		v, err := im.operand(n, i)
		if err != nil {
			return nil, err
		}
		if s, ok := v.(*stream); ok {
			streams = append(streams, s)
		} else if sum == nil {
			sum = v
		} else if sum, err = im.binary(n, "Add", sum, v); err != nil {
			return nil, err
		}
	}
	if len(streams) == 0 && sum == nil {
		return nil, n.errorf("has no inputs")
	}
	return im.added(n, streams, sum)
}

// added returns the sum of streams and, unless it is nil, a constant.
func (im *importer) added(n *node, streams []*stream, constant value) (value, error) {
	if len(streams) == 0 {
		return constant, nil
	}
	sum := value(streams[0])
	if len(streams) > 1 {
		var err error
		if sum, err = im.addStreams(n, streams); err != nil {
			return nil, err
		}
	}
	if constant == nil {
		return sum, nil
	}
	return im.binary(n, "Add", sum, constant)
}

// opMean adds all its inputs and divides by their number. (ONNX, Mean:
// elementwise over inputs, not a reduction.) The division is a step.
func opMean(im *importer, n *node) (value, error) {
	sum, err := opSum(im, n)
	if err != nil {
		return nil, err
	}
	return im.binary(n, "Div", sum, &tensor{data: []float64{float64(len(n.in))}})
}

// addStreams adds streams of integers: of scales that have a common measure, or
// of any two scales where integers in their place keep the order of all sums.
// Residual networks: Brevitas shares one quantiser between the branches (MATH
// 5), so that the factors are 1; scales of powers of two have others.
func (im *importer) addStreams(n *node, parts []*stream) (value, error) {
	parts, err := im.summands(n, parts)
	if err != nil {
		return nil, err
	}
	if parts, err = im.aligned(n, parts); err != nil {
		return nil, err
	}
	// With a common measure the sum is an integer and goes on as one. Without, it is
	// a number from a list, and only a Quant makes it an integer again.
	if factors, scale, ok := commonScale(parts); ok {
		t := sumSite(im, n, parts, factors)
		offset := param{}
		for _, s := range parts {
			offset = offset.paired(s.q.offset, func(a, b float64) float64 { return a + b })
		}
		return im.integers(t, parts[0].view, scale, offset)
	}
	if len(parts) == 2 {
		if o, ok := im.ordered(parts[0], parts[1]); ok {
			return im.orderedSum(n, parts, o)
		}
	}
	return nil, unrelated(n, parts)
}

// sumSite returns the layer that adds the integers of parts, times factors. The
// range is that of all combinations of operands: branches of one tensor are
// correlated, which is not looked at.
func sumSite(im *importer, n *node, parts []*stream, factors []int64) *site {
	t := &site{at: n, shape: im.shapeOf(parts[0])}
	t.layer = quant.Layer{Kind: quant.Add, In: len(parts)}
	lo, hi := int64(0), int64(0)
	for k, s := range parts {
		t.from = append(t.from, tapOf(s))
		lo += factors[k] * s.q.typ.Min()
		hi += factors[k] * s.q.typ.Max()
	}
	if slices.ContainsFunc(factors, func(f int64) bool { return f != 1 }) {
		t.layer.Factors = factors
	}
	t.typ = rangeType(lo, hi)
	return t
}

// unrelated is the error for integers whose sum is no integer. Scales are
// listed, since whoever mends it wants to see which branch differs.
func unrelated(n *node, parts []*stream) error {
	var scales []string
	for k, s := range parts {
		scales = append(scales, fmt.Sprintf("operand %d %v, %s", k, s.q.typ, s.q.scale))
	}
	// What is lost where one scale serves all: the step of the coarsest is that of the sum.
	coarsest := 0.0
	for _, s := range parts {
		coarsest = max(coarsest, slices.Max(append(s.q.scale.each, s.q.scale.all)))
	}
	return n.errorf("adds integers of unrelated scales (%s): all operands need Quant nodes of one common scale, or "+
		"scales in a ratio of small integers, the same for all channels; two operands of at most %d bits together "+
		"may have any two scales, the same for all channels; requantised to the largest scale, %v, each of the others "+
		"would move by up to %v, and so it is not done unasked",
		strings.Join(scales, "; "), maxPairBits, coarsest, coarsest/2)
}

// String shows the numbers, shortened: a layer may have thousands of channels.
func (p param) String() string {
	if p.each == nil {
		return fmt.Sprintf("scale %v", p.all)
	}
	return fmt.Sprintf("scales %v, ... of %d channels", p.each[:min(2, len(p.each))], len(p.each))
}

// summands returns parts as integers of positive scales. Its error names every
// operand that has none.
func (im *importer) summands(n *node, parts []*stream) ([]*stream, error) {
	out := make([]*stream, len(parts))
	var faults []string
	for k, s := range parts {
		// No early return: whoever mends the export wants to know of all operands.
		if out[k] = im.counted(n, s); out[k] == nil {
			faults = append(faults, fmt.Sprintf("operand %d, from %s, %s", k, s.origin(), s.lack()))
			continue
		}
		out[k] = out[k].upright(n)
		if q := out[k].q; !q.scale.every(func(v float64) bool { return v > 0 }) {
			faults = append(faults, fmt.Sprintf("operand %d, from %s, has %s, want positive ones", k, s.origin(),
				q.scale))
		}
	}
	if faults != nil {
		return nil, n.errorf("%s: all operands need Quant nodes of at most %d bits and one common scale",
			strings.Join(faults, "; "), maxBits)
	}
	return out, nil
}

// lack says why s is no stream of integers that a layer can read. A Quant of too
// many bits and none at all want different changes in the export.
func (s *stream) lack() string {
	if s.wide > 0 {
		return fmt.Sprintf("has integers of %d bits, which is too wide", s.wide)
	}
	return "is not quantised"
}

// origin names the node that made s.
func (s *stream) origin() string {
	if s.at == nil {
		return "the graph's input or a layer"
	}
	return fmt.Sprintf("node %s (%s)", s.at.label(), clip(s.at.op))
}

// counted returns s as integers, if need be those of its layer's accumulators,
// of which its elements must be an affine function; nil where they are none. A
// convolution's output that is added before any Quant: hardware adds
// accumulators.
func (im *importer) counted(n *node, s *stream) *stream {
	if s.q != nil {
		return s
	}
	// Pools of accumulators become layers here: no Quant will come before this reader.
	s, err := im.pooled(n, s)
	if err != nil || s.base < 0 || im.typeOf(s).Bits > maxSumBits {
		return nil
	}
	// The exact gains, to nearest; values come from the chain itself, as the graph
	// computes them.
	scale, offset := make([]float64, s.width), make([]float64, s.width)
	for c := range s.width {
		gain, shift, err := affine(s.steps, c)
		if err != nil {
			return nil
		}
		// commonScale compares these as the exact floats that they now are: of
		// two layers with scales in a whole ratio the products keep it if they
		// round alike, else the sum is refused.
		scale[c], _ = gain.Float64()
		offset[c], _ = shift.Float64()
	}
	out, steps := *s, s.steps
	out.q = &quantised{typ: im.typeOf(s), scale: uniform(scale), offset: uniform(offset), mark: len(steps)}
	out.q.value = func(c int, i int64) float64 { return run(steps, c, float64(i)) }
	return &out
}

// upright returns s with integers of the other sign where all its scales are
// negative. A Sub, or a Neg before an Add.
func (s *stream) upright(n *node) *stream {
	if !s.q.scale.every(func(v float64) bool { return v < 0 }) {
		return s
	}
	// Quantiser and sign are one staircase, which falls: the thresholds of the layer
	// that makes the integers have a flag for that. Where others read them upright,
	// this one becomes a layer of its own.
	q, steps := s.q, s.steps
	// -(-8..7) is -7..8, one bit more.
	typ := rangeType(min(0, -q.typ.Max()), max(0, -q.typ.Min()))
	if q.typ.Bipolar {
		typ = q.typ
	}
	r := &rounding{at: n, typ: typ, steps: steps, varies: differs(steps), prior: q.round}
	negative := func(i int64) int64 {
		if i == notANumber {
			return i
		}
		return -i
	}
	r.ints = func(_ int, v float64) int64 { return negative(toInt(v)) }
	if q.round != nil {
		r.ints = func(c int, v float64) int64 { return negative(q.round.ints(c, v)) }
		r.again = func(_ int, i int64) int64 { return negative(i) }
	}
	out := *s
	out.q = &quantised{
		typ: typ, scale: q.scale.mapped(func(v float64) float64 {
			return -v
		}), offset: q.offset, round: r, mark: len(steps),
		value: func(c int, i int64) float64 { return run(steps[q.mark:], c, q.value(c, -i)) },
	}
	return &out
}

// commonScale returns the factors of the parts and what a unit of their sum is
// worth, for each channel. Channels may have scales of their own, but the same
// ratios. It fails where the ratios are not those of small integers. Ratios are
// taken in rational numbers: 0.1 and 0.2 in FLOAT are exactly 1 to 2, 0.1 and
// 0.3 are not 1 to 3.
func commonScale(parts []*stream) (factors []int64, unit param, ok bool) {
	first := make([]*big.Rat, len(parts))
	for k, s := range parts {
		first[k] = new(big.Rat).SetFloat64(s.q.scale.at(0))
	}
	_, factors = commonMeasure(first)
	if factors == nil || slices.Max(factors) > maxFactor {
		return nil, param{}, false
	}
	// The unit is the common measure: a part's scale is its factor times that.
	by := float64(factors[0])
	unit = parts[0].q.scale.mapped(func(v float64) float64 { return v / by })
	for k, s := range parts[1:] {
		want := big.NewRat(factors[k+1], factors[0])
		for c := range max(len(unit.each), len(s.q.scale.each)) {
			if ratio(s.q, parts[0].q, c).Cmp(want) != 0 {
				return nil, param{}, false
			}
		}
	}
	return factors, unit, true
}

// ratio returns the ratio of the scales of two parts in channel c.
func ratio(a, b *quantised, c int) *big.Rat {
	x, y := new(big.Rat).SetFloat64(a.scale.at(c)), new(big.Rat).SetFloat64(b.scale.at(c))
	return x.Quo(x, y)
}
