package qonnx

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// Metadata of a model that a2qgen writes and reads.
const (
	// metaNames lists the layers' names, separated by commas.
	metaNames = "a2qgen.layer_names"
	// metaAccBits, followed by a layer's name, declares its accumulator width.
	metaAccBits = "a2qgen.acc_bits."
)

// network builds the integer network from the layers found.
func (im *importer) network(name string, shape []int, final *stream) (*quant.Network, error) {
	names, err := im.layerNames()
	if err != nil {
		return nil, err
	}
	first := im.layers[0].source.q
	n := quant.Network{
		Name:       name,
		InputShape: shape,
		Input:      quant.InputQuantizer{Type: first.typ, Quantize: inputQuantizer(first)},
		Layers:     make([]quant.Layer, len(im.layers)),
	}
	for i, l := range im.layers {
		n.Layers[i] = quant.Layer{
			Name: names[i], In: l.in, Out: l.out, Input: l.input, WeightBits: l.bits, Weights: l.weights,
		}
		layer := &n.Layers[i]
		if i+1 < len(im.layers) {
			err = im.setThresholds(layer, l, im.layers[i+1].source.q, im.layers[i+1].source)
		} else {
			err = im.finish(layer, l, final)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := im.setAccBits(n.Layers); err != nil {
		return nil, err
	}
	return quant.NewNetwork(n)
}

// inputQuantizer returns the function of an InputQuantizer. Samples that give
// NaN count as 0, or what is nearest to 0.
func inputQuantizer(q *quantised) func(i int, v float64) int32 {
	return func(i int, v float64) int32 {
		n := q.ints(i, v)
		if n == notANumber {
			n = 0
		}
		return int32(n)
	}
}

// finish ends the last layer in thresholds, if its chain ends in a Quant, or
// in scores.
func (im *importer) finish(layer *quant.Layer, l *linear, final *stream) error {
	q := final.q
	if q == nil {
		steps := trim(final.steps)
		if last := &steps[len(steps)-1]; last.q != nil {
			q = last.q
			final = &stream{steps: steps, at: last.at}
		}
		if q == nil {
			score, err := newScore(layer, steps)
			if err != nil {
				return fmt.Errorf("layer %q, node %s: %w", layer.Name, l.at.label(), err)
			}
			layer.Score = score
			return nil
		}
	}
	if q.scale.each != nil || q.offset.each != nil || q.scale.all <= 0 {
		return final.at.errorf("the outputs of the last layer have scales or offsets per channel, or a negative scale, so the largest integer is not the largest output")
	}
	return im.setThresholds(layer, l, q, final)
}

// setThresholds bisects the chain that makes q of the layer's accumulators. s
// is the stream that q belongs to.
func (im *importer) setThresholds(layer *quant.Layer, l *linear, q *quantised, s *stream) error {
	levels := 1<<q.typ.Bits - 1
	if _, err := im.left.take([]int{l.out, levels}); err != nil {
		return l.at.errorf("thresholds: %w", err)
	}
	t := &quant.Thresholds{Output: q.typ, Values: make([]int64, 0, l.out*levels)}
	for c := range l.out {
		row, inverted, err := quant.BisectThresholds(layer.AccRange(c), q.typ, func(acc int64) int64 {
			return q.ints(c, float64(acc))
		})
		if err != nil {
			return chainError(layer, s, c, err)
		}
		t.Values = append(t.Values, row...)
		if inverted && t.Inverted == nil {
			t.Inverted = make([]bool, l.out)
		}
		if inverted {
			t.Inverted[c] = true
		}
	}
	layer.Thresholds = t
	return nil
}

// chainError says which node makes the chain of channel c fail: the first
// after which values are not monotone in the accumulator or not numbers.
func chainError(layer *quant.Layer, s *stream, c int, cause error) error {
	at := s.at
	for k := 1; k <= len(s.steps); k++ {
		if !monotone(s.steps[:k], c, layer.AccRange(c)) {
			at = s.steps[k-1].at
			break
		}
	}
	return at.errorf("layer %q: channel %d: wants a monotone function of the accumulator: %w", layer.Name, c, unprefixed(cause))
}

// unprefixed drops the package's name from an error that is to be wrapped.
func unprefixed(err error) error {
	if text, ok := strings.CutPrefix(err.Error(), "quant: "); ok {
		return errors.New(text)
	}
	return err
}

// monotone samples the chain over r and says whether it rises or falls
// throughout.
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

var layerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// layerNames returns a name for every layer.
func (im *importer) layerNames() ([]string, error) {
	list, given := im.g.meta[metaNames]
	if !given {
		names := make([]string, len(im.layers))
		for i := range names {
			names[i] = fmt.Sprintf("fc%d", i+1)
		}
		return names, nil
	}
	names := strings.Split(list, ",")
	if len(names) != len(im.layers) {
		return nil, fmt.Errorf("metadata %s: names %d layers, the graph has %d", metaNames, len(names), len(im.layers))
	}
	for i, name := range names {
		if !layerName.MatchString(name) || slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("metadata %s: %s is a duplicate or not a name of letters, digits and _", metaNames, show(name))
		}
	}
	return names, nil
}

// setAccBits takes over the declared accumulator widths.
func (im *importer) setAccBits(layers []quant.Layer) error {
	for _, key := range slices.Sorted(maps.Keys(im.g.meta)) {
		name, ok := strings.CutPrefix(key, metaAccBits)
		if !ok {
			continue
		}
		i := slices.IndexFunc(layers, func(l quant.Layer) bool { return l.Name == name })
		if i < 0 {
			i = slices.IndexFunc(im.layers, func(l *linear) bool { return l.at.name == name })
		}
		if i < 0 {
			return fmt.Errorf("metadata %s: there is no such layer", show(key))
		}
		p, err := strconv.Atoi(im.g.meta[key])
		if err != nil || p < 1 || p > 64 {
			return fmt.Errorf("metadata %s: is %s, want a width from 1 to 64", show(key), show(im.g.meta[key]))
		}
		layers[i].AccBits = p
	}
	return nil
}
