package nn

import (
	"errors"
	"fmt"
	"math"
	"regexp"

	"github.com/a2qgen/a2qgen/quant"
)

// MaxBits bounds the integers of weights and activations.
const MaxBits = 16

// maxElements bounds those of a sample, as quant does those of a tensor.
const maxElements = 1 << 26

// namePattern is what a layer may be called.
var namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// LegalName says that a layer may have this name. Names become those of Verilog
// modules and of files, so they are identifiers.
func LegalName(name string) bool { return namePattern.MatchString(name) }

// Graph is a model that has been checked, with what follows from how its layers hang
// together.
type Graph struct {
	// Model has the layers of the model that the graph was made of, in a list of its own,
	// and all of them with a kind and with what they read.
	*Model
	// Sample is the shape of a sample, channels last; Shapes are those of the layers'
	// outputs.
	Sample quant.Shape
	Shapes []quant.Shape
	// Readers lists which layers read each layer.
	Readers [][]int
}

// Graph checks m: that each layer reads earlier ones, that sizes fit, and that
// parameters are finite. What passes can be evaluated, written to a file and, if it is
// quantised, read back as integers. The error names the layer.
func (m *Model) Graph() (*Graph, error) {
	n := len(m.Layers)
	if n == 0 {
		return nil, errors.New("has no layers")
	}
	if err := m.checkSample(); err != nil {
		return nil, err
	}
	c := *m
	c.Layers = append([]Layer(nil), m.Layers...)
	g := &Graph{Model: &c, Sample: SampleShape(m.InputShape), Shapes: make([]quant.Shape, n),
		Readers: make([][]int, n)}
	if m.Input != nil {
		if err := m.Input.check(); err != nil {
			return nil, fmt.Errorf("input: %w", err)
		}
	}
	names, ints := map[string]bool{}, make([]bool, n)
	for i := range c.Layers {
		l := &c.Layers[i]
		if !LegalName(l.Name) || names[l.Name] {
			return nil, fmt.Errorf("layer %d: name %.100q is a duplicate or not a name of letters, digits and _",
				i, l.Name)
		}
		names[l.Name] = true
		if err := g.connect(i, ints); err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Name, err)
		}
	}
	return g, nil
}

// checkSample bounds the size of a sample.
func (m *Model) checkSample() error {
	size := 1
	for _, d := range m.InputShape {
		if d < 1 || d > maxElements/size {
			size = 0
			break
		}
		size *= d
	}
	if size == 0 || len(m.InputShape) == 0 {
		return fmt.Errorf("input shape %v is not legal: want sizes of at least 1, %d elements at most",
			m.InputShape, maxElements)
	}
	return nil
}

// connect checks layer i, computes its shape, and whether it gives integers. Integers
// are what layers that sum must read: those of an Act, or those that a pool, Concat
// and the like pass on unchanged; or, for an Add, the sums of layers with weights.
func (g *Graph) connect(i int, ints []bool) error {
	l := &g.Layers[i]
	l.Kind, l.From = l.Kind.OrLinear(), quant.Operands(l.From, i)
	var in []quant.Shape
	whole := true
	for _, from := range l.From {
		if from < quant.Source || from >= i {
			return fmt.Errorf("reads layer %d, want an earlier one", from)
		}
		in = append(in, g.Shape(from))
		if from == quant.Source {
			whole = whole && g.Input != nil
			continue
		}
		g.Readers[from] = append(g.Readers[from], i)
		if whole = whole && ints[from]; g.Input != nil && !ints[from] && l.adds() && !g.branch(i, from) {
			return fmt.Errorf("reads layer %q, which has no activation quantiser but is not the last layer",
				g.Layers[from].Name)
		}
	}
	var err error
	if g.Shapes[i], err = l.OutputShape(in...); err != nil {
		return err
	}
	ints[i] = l.Act != nil || whole && !l.Kind.Weighted() && l.BatchNorm == nil
	return l.check(g.Input != nil, g.Shapes[i].C)
}

// branch says that layer i adds up the sums of products of layer from, as they are: a part of a layer that
// has several, whose accumulators the hardware adds.
func (g *Graph) branch(i, from int) bool {
	l, read := &g.Layers[i], &g.Layers[from]
	return l.Kind == quant.Add && read.Kind.OrLinear().Weighted() && !read.Relu && read.BatchNorm == nil
}

// adds says that the layer adds up what it reads.
func (l *Layer) adds() bool {
	return l.Kind.Weighted() || l.Kind == quant.Add || l.Kind == quant.AvgPool
}

// Shape returns the shape of a layer's outputs, or of the input where i is
// quant.Source.
func (g *Graph) Shape(i int) quant.Shape {
	if i == quant.Source {
		return g.Sample
	}
	return g.Shapes[i]
}

// Roles returns the role of each layer.
func (g *Graph) Roles() []quant.Role {
	from, kinds := make([][]int, len(g.Layers)), make([]quant.Kind, len(g.Layers))
	for i := range g.Layers {
		from[i], kinds[i] = g.Layers[i].From, g.Layers[i].Kind
	}
	return quant.Roles(from, kinds)
}

// check returns an error unless a file can hold the quantiser.
func (a *ActQuant) check() error {
	switch {
	case !positiveFinite(a.Scale):
		return fmt.Errorf("activation scale is %v, want a positive number", a.Scale)
	case a.Bits < 1 || a.Bits > MaxBits:
		return fmt.Errorf("activations have %d bits, want 1..%d", a.Bits, MaxBits)
	case a.Type().Bipolar && a.Narrow:
		return errors.New("activations of -1 and +1 are narrow, want both")
	}
	return nil
}

// positiveFinite is what scales must be: NaN is not above 0.
func positiveFinite(v float32) bool { return v > 0 && finite(float64(v)) }

// check checks the layer's parameters, for outputs of that many channels. A
// bias without weights would be a batch norm's shift.
func (l *Layer) check(quantised bool, channels int) error {
	if !l.Kind.OrLinear().Weighted() {
		if l.Weights != nil || l.Bias != nil || l.AccBits != 0 || l.Shifted || l.WeightBits != 0 {
			return fmt.Errorf("has weights, biases or an accumulator width, want none on kind %s", l.Kind)
		}
	} else if err := l.checkWeighted(quantised); err != nil {
		return err
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
	case l.Out < 1 || l.In < 1 || l.In*l.Rows() != len(l.Weights):
		return fmt.Errorf("has %d weights, want %d x %d, at least 1", len(l.Weights), l.Rows(), l.In)
	case l.WeightBits == 0 && quantised:
		return fmt.Errorf("weights have 0 bits, want 2..%d in a quantised model", MaxBits)
	case l.WeightBits != 0 && len(l.WeightScale) != 1 && len(l.WeightScale) != l.Out:
		return fmt.Errorf("has %d weight scales, want 1 or %d", len(l.WeightScale), l.Out)
	case l.WeightBits != 0 && (l.WeightBits < 2 || l.WeightBits > MaxBits):
		return fmt.Errorf("weights have %d bits, want 2..%d", l.WeightBits, MaxBits)
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
	if !(b.Epsilon >= 0) {
		return fmt.Errorf("batch-norm epsilon is %v, want at least 0", b.Epsilon)
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
	for i, w := range l.Weights {
		if !finite(float64(w)) {
			return fmt.Errorf("channel %d: weight %d is %v", i/l.In, i%l.In, w)
		}
	}
	if l.WeightBits == 0 {
		return nil
	}
	most := float64(int(1)<<(l.WeightBits-1) - 1)
	for _, s := range l.WeightScale {
		if !positiveFinite(s) {
			return fmt.Errorf("weight scale is %v, want a positive number", s)
		}
	}
	for i, w := range l.Weights {
		c := i / l.In
		q := float64(w) / l.Scale(c)
		// Scale times integer in float32 divides back to within 2^-23 of the
		// integer, relative: 0.01 is ample up to 16 bits, and far from the 0.5
		// of a weight that was not quantised.
		n := math.RoundToEven(q)
		switch {
		case math.Abs(n) > most:
			return fmt.Errorf("channel %d: weight %d is %v scales, want at most %v in %d bits", c, i%l.In, q, most,
				l.WeightBits)
		case math.Abs(q-n) > 0.01:
			return fmt.Errorf("channel %d: weight %d is %v scales, want an integer", c, i%l.In, q)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
