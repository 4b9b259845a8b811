package train

import (
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// export returns the network as the QONNX writer takes it: weights as the
// real numbers s*q, which quantise to the same q again.
func (n *net) export(s *Spec, shape []int) *qonnx.Model {
	n.prepare()
	m := &qonnx.Model{
		Name:       s.Name,
		InputShape: shape,
		Input:      &qonnx.ActQuant{Scale: inputScale(s.InputBits), Bits: s.InputBits},
	}
	for i, b := range n.blocks {
		l, q := b.lin, b.lin.q
		d := qonnx.Layer{
			Name: layerName(i), Kind: quant.Linear, In: l.in, Out: l.out,
			Weights: q.wq, WeightScale: q.scales(), WeightBits: q.z.WeightBits,
		}
		if len(l.b.v) > 0 {
			d.Bias = l.b.v
		}
		if q.constrained() {
			d.AccBits = q.z.AccBits
		}
		if b.norm != nil {
			d.BatchNorm = &qonnx.BatchNorm{Gamma: b.norm.gamma.v, Beta: b.norm.beta.v, Mean: b.norm.mean, Var: b.norm.variance, Epsilon: normEpsilon}
			d.Relu = true
			d.Act = &qonnx.ActQuant{Scale: b.act.scale(), Bits: s.ActBits}
		}
		m.Layers = append(m.Layers, d)
	}
	return m
}

// inputShape returns the shape of a sample as the network declares it: an
// image of one channel gets its channel axis, channels first.
func inputShape(sample []int) []int {
	if len(sample) == 2 {
		return []int{1, sample[0], sample[1]}
	}
	return append([]int(nil), sample...)
}
