package train

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Untrained returns the network of spec for samples like those of set, with drawn
// weights and all its quantisers in place: what a design of it can be planned with
// before any training. Errors are those of spec and set.
func Untrained(spec *Spec, set *data.Set) (*nn.Model, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	r, err := newRun(spec, set, nil, Options{})
	if err != nil {
		return nil, err
	}
	r.net.quantise(r.net.tops(r.train))
	return r.net.export(spec, inputShape(r.sample)), nil
}

// export returns the network as the QONNX writer takes it: weights as the real
// numbers s*q, which quantise to the same q again. The input quantiser is fixed, so
// its scale is the spec's.
func (n *net) export(s *Spec, shape []int) *nn.Model {
	n.prepare()
	m, c := n.exportFloat(s, shape), s.inputCoding()
	m.Input = &nn.ActQuant{Scale: c.scale, Bits: c.typ.Bits, Signed: c.typ.Signed}
	return m
}

// export returns the node's layer, which shares its memory: it is for writing, not
// for keeping beyond the next step.
func (n *node) export(s *Spec) nn.Layer {
	l := n.Layer
	if n.w != nil {
		n.exportWeights(&l, s)
	}
	if b := n.norm; b != nil {
		l.BatchNorm = &nn.BatchNorm{Gamma: b.gamma.v, Beta: b.beta.v, Mean: b.mean,
			Var: b.variance, Epsilon: normEpsilon}
	}
	if n.act != nil && n.act.q != nil {
		p := n.step.act
		l.Act = &nn.ActQuant{Scale: n.act.q.scale(), Bits: p.bits, Signed: p.signed}
	}
	return l
}

// exportWeights sets what l has of weights. AccBits are declared where a method
// guarantees them; Base promises none. Only Budget and DQ have integers for both rules:
// A2Q and A2Q+ are bounds for a start of 0.
func (n *node) exportWeights(l *nn.Layer, s *Spec) {
	w := n.w.parameters()
	q := w.q
	l.Weights = w.matrix()
	if len(w.b.v) > 0 {
		l.Bias = w.b.v
	}
	if q == nil {
		return
	}
	l.WeightScale, l.WeightBits = q.scales(), q.z.WeightBits
	if q.z.Method != quant.Base {
		l.AccBits = q.z.AccBits
	}
	if q.z.Method.Ruled() {
		l.Shifted = q.z.Rule == quant.Shifted
	}
	// Widths were the spec's for training: the file may say what came out.
	if s.shrinks(q.z.Method) {
		l.WeightBits = q.bits()
	}
}

// shrinks says whether the file gets weights of as few bits as they need: what the
// spec says or, where it says nothing, only under budget and dq, whose integers
// at a low P are 0 and +-1 for the most part. Fewer bits make multipliers narrower
// and change no number.
func (s *Spec) shrinks(m quant.Method) bool {
	if s.ShrinkWeights != nil {
		return *s.ShrinkWeights
	}
	return m.Ruled()
}

// bits returns the width that the integers need, symmetric around 0: at least 2.
// Two bits are the least of a signed type that has 1.
func (q *weightQuant) bits() int {
	most := 1.0
	scales := q.scales()
	perScale := len(q.wq) / len(scales)
	for i, w := range q.wq {
		most = max(most, math.Round(math.Abs(float64(w)/float64(scales[i/perScale]))))
	}
	bits := 2
	for float64(int(1)<<(bits-1)-1) < most {
		bits++
	}
	return bits
}
