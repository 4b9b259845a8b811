package qonnx

import "github.com/a2qgen/a2qgen/quant/nn"

// convTranspose appends a transposed convolution, whose weights are [in, out, rows, columns]
// (ONNX, ConvTranspose).
func (b *builder) convTranspose(at string, l *nn.Layer, in written) string {
	w := make([]float32, len(l.Weights))
	for i, to := range transposedOrder(l, in.shape.C) {
		w[to] = l.Weights[i]
	}
	shape := []int{in.shape.C, l.Out, l.Window.H, l.Window.W}
	inputs := []string{in.name, b.weights(at, l, 1, shape, w)}
	if l.Bias != nil {
		inputs = append(inputs, b.floats(l.Name+".bias", []int{l.Out}, l.Bias))
	}
	return b.node("ConvTranspose", at+"/ConvTranspose", inputs, append(windowAttrs(l.Window, true),
		intAttr("group", 1), intsAttr("output_padding", 0, 0))...)
}

// transposedOrder returns, for each weight of a transposed convolution in the order of
// nn.Layer, (channel, phase) x (tap, input channel), its place among ONNX's [in, out, rows,
// columns]. in counts the input channels.
func transposedOrder(l *nn.Layer, in int) []int {
	phases, whole := l.Window.Phases(), l.Window.Taps()
	order := make([]int, 0, l.Out*in*whole)
	for c := range l.Out {
		for f := range phases {
			for t := range whole / phases {
				k := l.Window.PhaseTap(f, t)
				for i := range in {
					order = append(order, (i*l.Out+c)*whole+k)
				}
			}
		}
	}
	return order
}
