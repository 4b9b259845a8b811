package qonnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// shape returns the shape of a sample, channels last: that of an image where it
// has three axes. Samples of other ranks are vectors; only the file keeps their
// shape.
func (m *Model) shape() quant.Shape {
	if len(m.InputShape) == 3 {
		return quant.Shape{H: m.InputShape[1], W: m.InputShape[2], C: m.InputShape[0]}
	}
	return quant.Vector(product(m.InputShape))
}

// reads returns what layer i reads.
func (l *Layer) reads(i int) []int {
	if l.From == nil {
		return []int{i - 1}
	}
	return l.From
}

// check checks the model and returns the shapes of its layers' outputs. What
// passes can be written, and read back by Read if the model is quantised.
// Errors name the layer; NaN is caught here rather than in a file.
func (m *Model) check() ([]quant.Shape, error) {
	if len(m.Layers) == 0 {
		return nil, errors.New("has no layers")
	}
	if size := boundedProduct(m.InputShape); size < 1 || len(m.InputShape) < 1 || len(m.InputShape) >= maxRank {
		return nil, fmt.Errorf("input shape %v is not legal", m.InputShape)
	}
	if m.Input != nil {
		if err := m.Input.check(); err != nil {
			return nil, fmt.Errorf("input: %w", err)
		}
	}
	shapes := make([]quant.Shape, len(m.Layers))
	ints := make([]bool, len(m.Layers))
	for i := range m.Layers {
		l := &m.Layers[i]
		same := func(o Layer) bool { return o.Name == l.Name }
		if !layerName.MatchString(l.Name) || slices.ContainsFunc(m.Layers[:i], same) {
			return nil, fmt.Errorf("layer %d: name %s is a duplicate or not a name of letters, digits and _", i,
				show(l.Name))
		}
		if err := m.checkLayer(i, shapes, ints); err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Name, err)
		}
	}
	return shapes, nil
}

// checkLayer checks layer i, computes its shape, and whether it gives integers.
// Integers are what layers that sum must read: those of an Act, or those that a
// pool, Concat and the like pass on unchanged.
func (m *Model) checkLayer(i int, shapes []quant.Shape, ints []bool) error {
	l := &m.Layers[i]
	var in []quant.Shape
	whole := true
	for _, from := range l.reads(i) {
		switch {
		case from < quant.Source || from >= i:
			return fmt.Errorf("reads layer %d, want an earlier one", from)
		case from == quant.Source:
			in = append(in, m.shape())
			whole = whole && m.Input != nil
		default:
			in = append(in, shapes[from])
			whole = whole && ints[from]
			if m.Input != nil && !ints[from] && l.needsIntegers() {
				return fmt.Errorf("reads layer %q, which has no activation quantiser but is not the last layer",
					m.Layers[from].Name)
			}
		}
	}
	var err error
	if shapes[i], err = l.shape(in); err != nil {
		return err
	}
	ints[i] = l.Act != nil || whole && !l.weighted() && l.BatchNorm == nil
	return l.check(m.Input != nil, shapes[i].C)
}

// weighted says that the layer has weights; an empty kind is Linear.
func (l *Layer) weighted() bool { return l.Kind == "" || l.Kind.Weighted() }

// needsIntegers says that the layer adds up what it reads.
func (l *Layer) needsIntegers() bool {
	return l.weighted() || l.Kind == quant.Add || l.Kind == quant.AvgPool
}

// shape returns the shape of the outputs, as quant.NewNetwork computes it. The
// prefix of that package's errors is cut, since check adds its own.
func (l *Layer) shape(in []quant.Shape) (quant.Shape, error) {
	q := quant.Layer{
		Name: l.Name, Kind: l.Kind, In: l.In, Out: l.Out, Window: l.Window, Groups: l.Groups, Factor: l.Factor,
	}
	out, err := q.OutputShape(in...)
	if err != nil {
		_, text, _ := strings.Cut(err.Error(), fmt.Sprintf("layer %q: ", l.Name))
		return out, errors.New(text)
	}
	return out, nil
}

// check returns an error unless the file can hold the quantiser. One signed bit
// would be bipolar in QONNX: -1 and +1, no two's complement.
func (a *ActQuant) check() error {
	least := 1
	if a.Signed {
		least = 2
	}
	switch {
	case !positiveFinite(a.Scale):
		return fmt.Errorf("activation scale is %v, want a positive number", a.Scale)
	case a.Bits < least || a.Bits > maxBits:
		return fmt.Errorf("activations have %d bits, want %d..%d", a.Bits, least, maxBits)
	}
	return nil
}

// positiveFinite is what scales must be: NaN is not above 0.
func positiveFinite(v float32) bool { return v > 0 && finite(float64(v)) }

// check checks the layer's parameters, for outputs of that many channels. A
// bias without weights would be a batch norm's shift.
func (l *Layer) check(quantised bool, channels int) error {
	if !l.weighted() {
		if l.Weights != nil || l.Bias != nil || l.AccBits != 0 || l.Shifted || l.WeightBits != 0 {
			return fmt.Errorf("has weights, biases or an accumulator width, want none on kind %s", l.Kind)
		}
	} else if err := l.checkWeighted(quantised); err != nil {
		return err
	}
	if l.Kind == quant.AvgPool && (l.Window.DilationH > 1 || l.Window.DilationW > 1) {
		return errors.New("is an average pool with dilation, which ONNX does not have before opset 19")
	}
	if l.Act != nil {
		if err := l.Act.check(); err != nil {
			return err
		}
	}
	return l.checkNorm(channels)
}

// checkWeighted checks what belongs to weights. 63 bits is the most that
// ShiftedStart computes in int64.
func (l *Layer) checkWeighted(quantised bool) error {
	switch {
	case l.Out < 1 || l.In < 1 || boundedProduct([]int{l.In, l.Out}) != len(l.Weights):
		return fmt.Errorf("has %d weights, want %d x %d, at least 1", len(l.Weights), l.Out, l.In)
	case l.WeightBits == 0 && quantised:
		return fmt.Errorf("weights have 0 bits, want 2..%d in a quantised model", maxBits)
	case l.WeightBits != 0 && len(l.WeightScale) != 1 && len(l.WeightScale) != l.Out:
		return fmt.Errorf("has %d weight scales, want 1 or %d", len(l.WeightScale), l.Out)
	case l.WeightBits != 0 && (l.WeightBits < 2 || l.WeightBits > maxBits):
		return fmt.Errorf("weights have %d bits, want 2..%d", l.WeightBits, maxBits)
	case l.AccBits < 0 || l.AccBits > 64:
		return fmt.Errorf("accumulator has %d bits, want 1..64", l.AccBits)
	case l.Shifted && (l.AccBits < 1 || l.AccBits > 63):
		return fmt.Errorf("starts are shifted for an accumulator of %d bits, want 1..63", l.AccBits)
	}
	if l.Bias != nil {
		if err := vector("biases", l.Bias, l.Out); err != nil {
			return err
		}
	}
	return l.checkWeights()
}

// vector checks a parameter of one number per channel.
func vector(what string, v []float32, channels int) error {
	if len(v) != channels {
		return fmt.Errorf("has %d %s, want %d", len(v), what, channels)
	}
	for c, x := range v {
		if !finite(float64(x)) {
			return fmt.Errorf("channel %d: one of the %s is %v", c, what, x)
		}
	}
	return nil
}

// checkNorm checks a batch norm: its divisor must be positive.
func (l *Layer) checkNorm(channels int) error {
	b := l.BatchNorm
	if b == nil {
		return nil
	}
	for _, p := range []struct {
		what string
		v    []float32
	}{{"gains", b.Gamma}, {"shifts", b.Beta}, {"means", b.Mean}, {"variances", b.Var}} {
		if err := vector("batch-norm "+p.what, p.v, channels); err != nil {
			return err
		}
	}
	for c, v := range b.Var {
		if s := float64(v) + float64(b.Epsilon); v < 0 || !(s > 0) || !finite(s) {
			return fmt.Errorf("channel %d: batch-norm variance is %v, want a positive number", c, v)
		}
	}
	return nil
}

// checkWeights checks that each weight is an integer times its scale, up to
// float32 rounding. The smallest integer, -2^(bits-1), is not allowed:
// quantisers are symmetric (MATH 3), and the file says narrow=1.
func (l *Layer) checkWeights() error {
	if l.WeightBits == 0 {
		return vector("weights", l.Weights, l.In*l.Out)
	}
	most := float64(int(1)<<(l.WeightBits-1) - 1)
	for _, s := range l.WeightScale {
		if !positiveFinite(s) {
			return fmt.Errorf("weight scale is %v, want a positive number", s)
		}
	}
	for i, w := range l.Weights {
		c := i / l.In
		q := float64(w) / float64(l.WeightScale[c%len(l.WeightScale)])
		// Scale times integer in float32 divides back to within 2^-23 of the
		// integer, relative: 0.01 is ample up to 16 bits, and far from the 0.5
		// of a weight that was not quantised.
		n := math.RoundToEven(q)
		switch {
		case !finite(float64(w)):
			return fmt.Errorf("channel %d: weight %d is %v", c, i%l.In, w)
		case math.Abs(n) > most:
			return fmt.Errorf("channel %d: weight %d is %v scales, want at most %v in %d bits", c, i%l.In, q, most,
				l.WeightBits)
		case math.Abs(q-n) > 0.01:
			return fmt.Errorf("channel %d: weight %d is %v scales, want an integer", c, i%l.In, q)
		}
	}
	return nil
}
