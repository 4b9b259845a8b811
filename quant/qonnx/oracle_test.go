package qonnx

import (
	"math"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// array is a tensor of the oracle, row-major.
type array struct {
	shape []int
	data  []float64
}

func newArray(shape ...int) *array {
	return &array{shape: shape, data: make([]float64, product(shape))}
}

// offset returns the position of an element, broadcast where a size is 1.
func (a *array) offset(at []int) int {
	at = at[len(at)-len(a.shape):]
	pos := 0
	for i, size := range a.shape {
		k := at[i]
		if size == 1 {
			k = 0
		}
		pos = pos*size + k
	}
	return pos
}

// get is 0 outside.
func (a *array) get(at ...int) float64 {
	for i, k := range at {
		if k < 0 || k >= a.shape[i] {
			return 0
		}
	}
	return a.data[a.offset(at)]
}

// fill sets every element to f of where it is.
func (a *array) fill(f func(at []int) float64) *array {
	at := make([]int, len(a.shape))
	for i := range a.data {
		rest := i
		for k := len(at) - 1; k >= 0; k-- {
			at[k] = rest % a.shape[k]
			rest /= a.shape[k]
		}
		a.data[i] = f(at)
	}
	return a
}

// elementwise returns f of broadcast arrays.
func elementwise(f func(v []float64) float64, in ...*array) *array {
	shape := in[0].shape
	for _, a := range in[1:] {
		shape, _ = broadcast(shape, a.shape)
	}
	v := make([]float64, len(in))
	return newArray(slices.Clone(shape)...).fill(func(at []int) float64 {
		for i, a := range in {
			v[i] = a.data[a.offset(at)]
		}
		return f(v)
	})
}

// evaluateFile runs an ONNX file node by node in float64, as ONNX and QONNX
// define the operators, and returns its outputs by name. It is independent of the
// importer but for the decoding of tensors.
func evaluateFile(data []byte, x *array) map[string]*array {
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		panic(err)
	}
	g, err := newGraph(&m)
	if err != nil {
		panic(err)
	}
	values := map[string]*array{g.input: x}
	for name, t := range g.inits {
		values[name] = decoded(t)
	}
	for _, n := range g.nodes {
		in := make([]*array, len(n.in))
		for i, name := range n.in {
			in[i] = values[name]
		}
		if n.op == "Split" {
			splitNode(n, in, values)
			continue
		}
		values[n.out[0]] = compute(n, in)
	}
	outputs := map[string]*array{}
	for _, name := range g.outputs {
		outputs[name] = values[name]
	}
	return outputs
}

func decoded(p *onnxpb.TensorProto) *array {
	t, err := (&importer{left: maxElements}).decodeTensor(p)
	if err != nil {
		panic(err)
	}
	return &array{t.shape, t.data}
}

func compute(n *node, in []*array) *array {
	switch n.op {
	case "Constant":
		return decoded(n.attrs["value"].GetT())
	case "Identity":
		return in[0]
	case "Quant":
		return quantNode(n, in)
	case "BipolarQuant":
		return elementwise(func(v []float64) float64 {
			if v[0] >= 0 {
				return v[1]
			}
			return -v[1]
		}, in...)
	case "Trunc":
		if len(in) == 6 {
			return truncNode(n, in)
		}
		return elementwise(func(v []float64) float64 {
			return (math.Floor(math.RoundToEven(v[0]/v[1]+v[2])/math.Exp2(v[3]-v[4])) - v[2]) * v[1]
		}, in...)
	case "Add", "Sum":
		return elementwise(func(v []float64) float64 {
			sum := 0.0
			for _, x := range v {
				sum += x
			}
			return sum
		}, in...)
	case "Mul":
		return elementwise(func(v []float64) float64 { return v[0] * v[1] }, in...)
	case "Sub":
		return elementwise(func(v []float64) float64 { return v[0] - v[1] }, in...)
	case "Mean":
		return elementwise(func(v []float64) float64 {
			sum := 0.0
			for _, x := range v {
				sum += x
			}
			return sum / float64(len(v))
		}, in...)
	case "Max":
		return elementwise(slices.Max[[]float64], in...)
	case "Min":
		return elementwise(slices.Min[[]float64], in...)
	case "Neg":
		return elementwise(func(v []float64) float64 { return -v[0] }, in...)
	case "Div":
		return elementwise(func(v []float64) float64 { return v[0] / v[1] }, in...)
	case "Sigmoid":
		return elementwise(func(v []float64) float64 { return 1 / (1 + math.Exp(-v[0])) }, in...)
	case "Erf":
		return elementwise(func(v []float64) float64 { return math.Erf(v[0]) }, in...)
	case "Relu":
		return elementwise(func(v []float64) float64 { return max(v[0], 0) }, in...)
	case "BatchNormalization":
		return batchNormNode(n, in)
	case "Conv":
		return convNode(n, in)
	case "ConvTranspose":
		return convTransposeNode(n, in)
	case "MatMul", "Gemm":
		return productNode(n, in)
	case "ReduceMean", "ReduceSum", "ReduceMax":
		return reduceNode(n, in[0])
	case "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool":
		return poolNode(n, in)
	}
	return moveNode(n, in)
}

func quantNode(n *node, in []*array) *array {
	signed, narrow := n.int("signed", 1) != 0, n.int("narrow", 0) != 0
	return elementwise(func(v []float64) float64 {
		lo, hi := 0.0, math.Exp2(v[3])-1
		switch {
		case signed:
			lo, hi = -math.Exp2(v[3]-1), math.Exp2(v[3]-1)-1
			if narrow {
				lo++
			}
		case narrow:
			hi--
		}
		q := math.RoundToEven(v[0]/v[1] + v[2])
		return (max(lo, min(hi, q)) - v[2]) * v[1]
	}, in...)
}

func batchNormNode(n *node, in []*array) *array {
	x, epsilon := in[0], n.float("epsilon", 1e-5)
	return newArray(x.shape...).fill(func(at []int) float64 {
		c := at[1]
		return (x.get(at...)-in[3].data[c])/math.Sqrt(in[4].data[c]+epsilon)*in[1].data[c] + in[2].data[c]
	})
}

// intsOf returns a list attribute.
func intsOf(n *node, name string, otherwise ...int) []int {
	list := n.attrs[name].GetInts()
	if list == nil {
		return otherwise
	}
	var out []int
	for _, v := range list {
		out = append(out, int(v))
	}
	return out
}

// frame is the geometry of a window.
type frame struct{ kernel, stride, dilation, pads, out []int }

func frameOf(n *node, x *array, kernel []int) frame {
	f := frame{
		kernel: kernel, stride: intsOf(n, "strides", 1, 1), dilation: intsOf(n, "dilations", 1, 1),
		pads: slices.Clone(intsOf(n, "pads", 0, 0, 0, 0)), out: make([]int, 2),
	}
	for i := range 2 {
		size, reach := x.shape[2+i], f.dilation[i]*(kernel[i]-1)+1
		switch n.string("auto_pad", "NOTSET") {
		case "SAME_UPPER", "SAME_LOWER":
			f.out[i] = (size + f.stride[i] - 1) / f.stride[i]
			total := max(0, (f.out[i]-1)*f.stride[i]+reach-size)
			f.pads[i] = total / 2
			if n.string("auto_pad", "") == "SAME_LOWER" {
				f.pads[i] = total - total/2
			}
			continue
		}
		room := size + f.pads[i] + f.pads[2+i] - reach
		f.out[i] = room/f.stride[i] + 1
		if n.int("ceil_mode", 0) != 0 && room%f.stride[i] != 0 && f.out[i]*f.stride[i] < size+f.pads[i] {
			f.out[i]++
		}
	}
	return f
}

// taps calls visit for each tap of the window at (y, x).
func (f frame) taps(y, x int, visit func(ky, kx, iy, ix int)) {
	for ky := range f.kernel[0] {
		for kx := range f.kernel[1] {
			visit(ky, kx, y*f.stride[0]-f.pads[0]+ky*f.dilation[0], x*f.stride[1]-f.pads[1]+kx*f.dilation[1])
		}
	}
}

func convNode(n *node, in []*array) *array {
	x, w := in[0], in[1]
	groups := int(n.int("group", 1))
	f := frameOf(n, x, w.shape[2:])
	return newArray(1, w.shape[0], f.out[0], f.out[1]).fill(func(at []int) float64 {
		sum := 0.0
		first := at[1] / (w.shape[0] / groups) * w.shape[1]
		for c := range w.shape[1] {
			f.taps(at[2], at[3], func(ky, kx, iy, ix int) {
				if w := w.get(at[1], c, ky, kx); w != 0 {
					sum += w * x.get(0, first+c, iy, ix)
				}
			})
		}
		if len(in) > 2 {
			sum += in[2].data[at[1]]
		}
		return sum
	})
}

// convTransposeNode adds every input times every weight to the output that ONNX says: its
// position is i*stride + k*dilation - pad.
func convTransposeNode(n *node, in []*array) *array {
	x, w := in[0], in[1]
	groups := int(n.int("group", 1))
	stride, dilation := intsOf(n, "strides", 1, 1), intsOf(n, "dilations", 1, 1)
	pads, extra, size := intsOf(n, "pads", 0, 0, 0, 0), intsOf(n, "output_padding", 0, 0), intsOf(n, "output_shape")
	out := make([]int, 2)
	for i := range out {
		full := stride[i]*(x.shape[2+i]-1) + dilation[i]*(w.shape[2+i]-1) + 1 + extra[i]
		if out[i] = full - pads[i] - pads[2+i]; size != nil {
			out[i] = size[i]
			pads[i] = full - size[i] - (full-size[i])/2
		}
	}
	y := newArray(1, w.shape[1]*groups, out[0], out[1])
	newArray(x.shape[1], x.shape[2], x.shape[3], w.shape[1]*w.shape[2]*w.shape[3]).fill(func(at []int) float64 {
		c, k := at[3]/(w.shape[2]*w.shape[3]), at[3]%(w.shape[2]*w.shape[3])
		oy := at[1]*stride[0] + k/w.shape[3]*dilation[0] - pads[0]
		ox := at[2]*stride[1] + k%w.shape[3]*dilation[1] - pads[1]
		if oy >= 0 && oy < out[0] && ox >= 0 && ox < out[1] {
			channel := at[0]/(x.shape[1]/groups)*w.shape[1] + c
			y.data[(channel*out[0]+oy)*out[1]+ox] += x.get(0, at[0], at[1], at[2]) *
				w.get(at[0], c, k/w.shape[3], k%w.shape[3])
		}
		return 0
	})
	if len(in) > 2 {
		return elementwise(func(v []float64) float64 { return v[0] + v[1] }, y,
			&array{[]int{1, len(in[2].data), 1, 1}, in[2].data})
	}
	return y
}

func productNode(n *node, in []*array) *array {
	a, b := in[0], in[1]
	if n.int("transB", 0) != 0 {
		b = transposeArray(b, []int{1, 0})
	}
	k := b.shape[0]
	shape := append(slices.Clone(a.shape[:len(a.shape)-1]), b.shape[1])
	out := newArray(shape...)
	for i := range out.data {
		row, col := i/b.shape[1], i%b.shape[1]
		for j := range k {
			out.data[i] += a.data[row*k+j] * b.data[j*b.shape[1]+col]
		}
		if len(in) > 2 {
			out.data[i] += in[2].data[col]
		}
	}
	return out
}

func poolNode(n *node, in []*array) *array {
	x := in[0]
	f := frame{kernel: x.shape[2:], stride: []int{1, 1}, dilation: []int{1, 1}, pads: []int{0, 0, 0, 0},
		out: []int{1, 1}}
	if k := intsOf(n, "kernel_shape"); k != nil {
		f = frameOf(n, x, k)
	}
	return newArray(1, x.shape[1], f.out[0], f.out[1]).fill(func(at []int) float64 {
		sum, most := 0.0, math.Inf(-1)
		f.taps(at[2], at[3], func(_, _, iy, ix int) {
			sum += x.get(0, at[1], iy, ix)
			if iy >= 0 && ix >= 0 && iy < x.shape[2] && ix < x.shape[3] {
				most = max(most, x.get(0, at[1], iy, ix))
			}
		})
		if n.op == "MaxPool" || n.op == "GlobalMaxPool" {
			return most
		}
		return sum / float64(f.kernel[0]*f.kernel[1])
	})
}

func reduceNode(n *node, x *array) *array {
	shape, count := slices.Clone(x.shape), 1
	var kept []int
	axes := intsOf(n, "axes")
	for i := range shape {
		reduced := slices.Contains(axes, i) || slices.Contains(axes, i-len(shape))
		if reduced {
			count *= shape[i]
			shape[i] = 1
		}
		if !reduced || n.int("keepdims", 1) != 0 {
			kept = append(kept, shape[i])
		}
	}
	if n.op == "ReduceSum" {
		count = 1
	}
	out, most := newArray(shape...), newArray(shape...).fill(func([]int) float64 { return math.Inf(-1) })
	newArray(x.shape...).fill(func(at []int) float64 {
		pos := out.offset(at)
		out.data[pos] += x.get(at...) / float64(count)
		most.data[pos] = max(most.data[pos], x.get(at...))
		return 0
	})
	if n.op == "ReduceMax" {
		out = most
	}
	return &array{kept, out.data}
}

func transposeArray(x *array, perm []int) *array {
	shape, from := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i] = x.shape[p]
	}
	return newArray(shape...).fill(func(at []int) float64 {
		for i, p := range perm {
			from[p] = at[i]
		}
		return x.get(from...)
	})
}

// truncNode is version 2 of Trunc, QONNX's trunc_v2.
func truncNode(n *node, in []*array) *array {
	round := roundings[strings.ToUpper(n.string("rounding_mode", "FLOOR"))]
	return elementwise(func(v []float64) float64 {
		scale, zero, out, bits := v[1], v[2], v[4], v[5]
		by := math.Exp2(math.RoundToEven(math.Log2(out / scale)))
		lo, hi := 0.0, math.Exp2(bits)-1
		if n.int("signed", 1) != 0 {
			lo, hi = -math.Exp2(bits-1), math.Exp2(bits-1)-1
		}
		y := max(lo, min(hi, math.RoundToEven(v[0]/scale+zero)/by))
		return (round(y) - zero/by) * out
	}, in...)
}
