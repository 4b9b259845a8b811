package train

import (
	"fmt"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Limits of layers in a spec.
const (
	maxList   = 256 // layers of one list
	maxKernel = 64  // of kernels, strides and dilations
	maxFactor = 16
)

// layers checks a list of layers by itself; how they fit together depends on
// the data: see newPlan.
func (c *checker) layers(s *Spec, path string, l Layers, least int) {
	c.length(path, len(l), least)
	for i := range l {
		c.layer(s, fmt.Sprintf("%s[%d]", path, i), &l[i])
	}
}

// length checks that a list has at least so many elements.
func (c *checker) length(path string, n, least int) {
	had := fmt.Sprintf("a list of %d", n)
	if n == 0 {
		had = "an empty list"
	}
	c.that(n >= least && n <= maxList, path, had, fmt.Sprintf("%d..%d elements", least, maxList))
}

// layer checks the fields that the kind of l has. Other fields cannot be set in
// YAML; set in Go they count for nothing.
func (c *checker) layer(s *Spec, path string, l *LayerSpec) {
	if _, ok := layerFields[l.Kind]; !ok {
		c.that(false, path, l.Kind, "a kind of layer")
		return
	}
	if l.isZeroButOut() && l.Kind == LinearLayer {
		c.between(path, l.Out, 1, maxWidth) // written as a bare number
		return
	}
	path += "." + l.Kind
	if l.Name != "" {
		c.that(nn.LegalName(l.Name), path+".name", l.Name, "a letter, then letters, digits and _, up to 64")
	}
	switch l.Kind {
	case LinearLayer:
		c.between(path+".out", l.Out, 1, maxWidth)
	case ConvLayer:
		c.between(path+".out", l.Out, 1, maxWidth)
		// A divisor of the input channels too, which newPlan knows.
		c.between(path+".groups", l.Groups, 1, maxWidth)
		c.that(l.Groups < 1 || l.Out%l.Groups == 0, path+".groups", l.Groups,
			fmt.Sprintf("a divisor of out, %d", l.Out))
		c.window(path, l)
		c.sides(path+".dilation", l.Dilation, 1, Both(maxKernel))
	case ConvTransposeLayer:
		c.between(path+".out", l.Out, 1, maxWidth)
		c.window(path, l)
		for i, kernel := range l.Kernel {
			c.that(l.Stride[i] < 1 || kernel%l.Stride[i] == 0, side(path+".kernel", l.Kernel, i), kernel,
				fmt.Sprintf("a multiple of the stride, %d: then all phases of the output have as many taps", l.Stride[i]))
		}
	case DepthwiseLayer:
		c.window(path, l)
		c.sides(path+".dilation", l.Dilation, 1, Both(maxKernel))
	case MaxPoolLayer, AvgPoolLayer:
		c.window(path, l)
	case UpsampleLayer, PixelShuffleLayer:
		c.between(path+".factor", l.Factor, 2, maxFactor)
	case ResidualLayer:
		c.layers(s, path+".body", l.Body, 1)
		c.layers(s, path+".shortcut", l.Shortcut, 0)
	case ConcatLayer:
		c.length(path+".branches", len(l.Branches), 2)
		for i, b := range l.Branches {
			c.layers(s, fmt.Sprintf("%s.branches[%d]", path, i), b, 0)
		}
	}
	c.overrides(s, path, l)
}

// window checks a kernel and its pads: a window must not lie in the padding alone.
// A pad of (kernel-1)*dilation leaves one tap on the input.
func (c *checker) window(path string, l *LayerSpec) {
	c.sides(path+".kernel", l.Kernel, 1, Both(maxKernel))
	c.sides(path+".stride", l.Stride, 1, Both(maxKernel))
	var most Sides
	for i := range most {
		most[i] = max(l.Kernel[i]-1, 0) * max(l.Dilation[i], 1)
	}
	c.sides(path+".pad", l.Pad, 0, most)
}

// sides checks both sides of a window.
func (c *checker) sides(path string, v Sides, least int, most Sides) {
	for i, n := range v {
		c.between(side(path, v, i), n, least, most[i])
	}
}

// side names a side of v: v itself where both are the same, as a spec has them then.
func side(path string, v Sides, i int) string {
	if v[0] == v[1] {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

// overrides checks what a layer sets instead of the spec. 0 and "" set nothing.
// Whether P suffices for the layer's inputs is known only in the plan: checkTarget.
func (c *checker) overrides(s *Spec, path string, l *LayerSpec) {
	if l.WeightBits != 0 {
		c.between(path+".weight_bits", l.WeightBits, 2, 8)
	}
	if l.ActBits != 0 {
		c.between(path+".act_bits", l.ActBits, 1, 8)
	}
	if l.Method != "" {
		_, err := quant.ParseMethod(string(l.Method))
		c.that(err == nil, path+".method", l.Method, methods)
	}
	if l.AccBits != 0 {
		c.between(path+".acc_bits", l.AccBits, 1, 32)
	}
	c.taps(path+".taps", l.Taps, s)
}

// isZeroButOut says that l is what a bare number gives.
func (l *LayerSpec) isZeroButOut() bool {
	rest := *l
	rest.Kind, rest.Out = "", 0
	return rest.isZero()
}

// methods names the methods that a spec may ask for.
const methods = "base, wn, a2q, a2q+, budget or dq"
