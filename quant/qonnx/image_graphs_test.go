package qonnx

// imageGraphs are graphs over inputs of shape 4 x 6 x 6 in UINT4 units of 1/4,
// one or two for each operator. Each returns its output.
var imageGraphs = map[string]func(g *net, x string) string{
	"conv": func(g *net, x string) string {
		return g.act(g.op("Relu", in(g.norm(g.conv(x, 4, 3, 3, 1), 3))), 0.5)
	},
	"grouped conv with strides, dilations and uneven pads": func(g *net, x string) string {
		return g.act(g.conv(x, 4, 6, 2, 2, set("strides", 2, 1), set("dilations", 1, 2), set("pads", 0, 2, 1, 1)), 1)
	},
	"depthwise then pointwise": func(g *net, x string) string {
		return g.signed(g.conv(g.act(g.conv(x, 4, 8, 3, 4), 0.5), 8, 5, 1, 1), 1)
	},
	"raw scores of an image": func(g *net, x string) string { return g.norm(g.conv(x, 4, 3, 3, 1), 3) },
	"auto pads": func(g *net, x string) string {
		y := g.op("Conv", in(x, g.weights(3, 4, 3, 3)), stringAttr("auto_pad", "SAME_UPPER"), intsAttr("strides", 2, 2))
		return g.act(g.op("Conv", in(g.act(y, 0.5), g.weights(2, 3, 2, 2)), stringAttr("auto_pad", "SAME_LOWER")), 1)
	},
	"a pad before a conv": func(g *net, x string) string {
		x = g.op("Pad", in(x, g.i64(0, 0, 1, 2, 0, 0, 0, 1)))
		return g.act(g.conv(x, 4, 3, 3, 1, set("pads", 0, 0, 0, 0)), 1)
	},
	"a pad before a quantiser": func(g *net, x string) string {
		y := g.op("Pad", in(g.conv(x, 4, 3, 3, 1), g.i64(0, 0, 1, 1, 0, 0, 1, 1)))
		return g.act(g.conv(g.act(y, 0.5), 3, 2, 3, 1, set("pads", 0, 0, 0, 0)), 1)
	},
	"max pool of integers": func(g *net, x string) string {
		x = g.op("MaxPool", in(x), intsAttr("kernel_shape", 3, 2), intsAttr("strides", 2, 1),
			intsAttr("pads", 1, 0, 1, 1))
		return g.act(g.conv(x, 4, 3, 3, 1), 1)
	},
	"max pool with ceil mode at the end": func(g *net, x string) string {
		return g.op("MaxPool", in(g.act(g.conv(x, 4, 3, 2, 1), 0.5)), intsAttr("kernel_shape", 2, 2),
			intsAttr("strides", 2, 2), intAttr("ceil_mode", 1))
	},
	"max pool before the quantiser": func(g *net, x string) string {
		y := g.op("MaxPool", in(g.norm(g.conv(x, 4, 3, 3, 1), 3)), intsAttr("kernel_shape", 2, 2),
			intsAttr("strides", 2, 2))
		return g.act(g.conv(g.act(g.op("Relu", in(y)), 0.5), 3, 2, 3, 1), 1)
	},
	"max pool before a falling batch norm": func(g *net, x string) string {
		y := g.op("MaxPool", in(g.op("Relu", in(g.conv(x, 4, 3, 3, 1)))), intsAttr("kernel_shape", 2, 2),
			intsAttr("strides", 2, 2))
		return g.signed(g.norm(y, 3), 0.5)
	},
	"average pool": func(g *net, x string) string {
		y := g.op("AveragePool", in(x), intsAttr("kernel_shape", 2, 2), intsAttr("pads", 1, 0, 1, 0),
			intAttr("count_include_pad", 1))
		return g.act(g.conv(g.act(y, 0.25), 4, 3, 3, 1), 1)
	},
	"average pool as Brevitas truncates it": func(g *net, x string) string {
		y := g.op("AveragePool", in(g.act(g.conv(x, 4, 4, 3, 1), 0.5)), intsAttr("kernel_shape", 3, 3))
		y = g.custom("Trunc", in(g.op("Mul", in(y, g.scalar(9))), g.scalar(0.5), g.scalar(0), g.scalar(8), g.scalar(4)))
		return g.act(g.conv(y, 4, 3, 3, 1), 1)
	},
	"average pool as Brevitas 0.12 and later truncate it": func(g *net, x string) string {
		y := g.op("AveragePool", in(g.act(g.conv(x, 4, 4, 3, 1), 0.5)), intsAttr("kernel_shape", 2, 2))
		y = g.custom("Trunc", in(y, g.scalar(0.125), g.scalar(0), g.scalar(6), g.scalar(0.5), g.scalar(3)),
			stringAttr("rounding_mode", "floor"), intAttr("signed", 0))
		return g.act(g.conv(y, 4, 3, 3, 1), 1)
	},
	"integers with a zero point that Trunc rounds": func(g *net, x string) string {
		y := g.op("MaxPool", in(g.signed(g.conv(x, 4, 4, 3, 1), 0.5)), intsAttr("kernel_shape", 2, 2))
		y = g.custom("Trunc", in(y, g.scalar(0.5), g.scalar(4), g.scalar(5), g.scalar(1), g.scalar(3)),
			stringAttr("rounding_mode", "ROUND"), intAttr("signed", 1))
		return g.act(g.conv(y, 4, 3, 1, 1, set("pads", 0, 0, 0, 0)), 1)
	},
	"global average pool and a classifier": func(g *net, x string) string {
		y := g.op("GlobalAveragePool", in(g.act(g.conv(x, 4, 5, 3, 1), 0.5)))
		y = g.act(g.op("Flatten", in(y), intAttr("axis", 1)), 0.137)
		return g.op("Gemm", in(y, g.weights(3, 5)), intAttr("transB", 1))
	},
	"mean of sums without a quantiser": func(g *net, x string) string {
		y := g.op("ReduceMean", in(g.act(g.conv(x, 4, 5, 3, 1), 0.5)), intsAttr("axes", 2, 3))
		return g.op("Gemm", in(g.op("Flatten", in(y)), g.weights(3, 5)), intAttr("transB", 1))
	},
	"residual with a common scale": func(g *net, x string) string {
		a := g.act(g.conv(x, 4, 4, 3, 1), 0.5)
		y := g.op("Add", in(g.act(g.conv(a, 4, 4, 3, 1), 0.25), g.act(a, 0.25)))
		return g.act(g.conv(g.op("Relu", in(g.act(y, 0.5))), 4, 2, 3, 1), 1)
	},
	"residual from the input, scales in a ratio": func(g *net, x string) string {
		y := g.op("Add", in(x, g.signed(g.conv(x, 4, 4, 3, 1), 0.75)))
		return g.signed(y, 0.5)
	},
	"sum of three": func(g *net, x string) string {
		return g.act(g.op("Sum", in(x, g.act(g.conv(x, 4, 4, 3, 1), 0.25),
			g.act(g.conv(x, 4, 4, 1, 1, set("pads", 0, 0, 0, 0)), 0.5))), 0.5)
	},
	"the input quantised again": func(g *net, x string) string {
		return g.signed(g.op("Add", in(g.act(g.conv(x, 4, 4, 3, 1), 0.5), g.act(x, 0.5))), 1)
	},
	"one layer to three quantisers": func(g *net, x string) string {
		a := g.conv(x, 4, 4, 3, 1)
		y := g.op("Add", in(g.act(a, 0.25), g.act(g.norm(a, 4), 0.25)))
		return g.signed(g.op("Add", in(g.act(y, 0.5), g.act(a, 0.5))), 1)
	},
	"concat": func(g *net, x string) string {
		y := g.op("Concat", in(x, g.act(g.conv(x, 4, 3, 3, 1), 0.25), x), intAttr("axis", 1))
		return g.act(g.conv(y, 11, 2, 3, 1), 1)
	},
	"concat of other scales before a quantiser": func(g *net, x string) string {
		y := g.op("Concat", in(g.norm(g.conv(x, 4, 3, 3, 1), 3), x, g.signed(g.conv(x, 4, 2, 3, 1), 0.5)),
			intAttr("axis", 1))
		return g.act(g.conv(g.act(g.norm(y, 9), 0.5), 9, 2, 3, 1), 1)
	},
	"resize": func(g *net, x string) string {
		y := g.op("Resize", in(g.act(g.conv(x, 4, 3, 3, 1), 0.5), "", g.f32([]int{4}, 1, 1, 2, 2)),
			stringAttr("mode", "nearest"),
			stringAttr("coordinate_transformation_mode", "asymmetric"), stringAttr("nearest_mode", "floor"))
		return g.act(g.conv(y, 3, 2, 3, 1), 1)
	},
	"resize of the input, before a quantiser, and twice": func(g *net, x string) string {
		up := func(x string) string {
			return g.op("Resize", in(x, "", g.f32([]int{4}, 1, 1, 2, 2)), stringAttr("mode", "nearest"))
		}
		return g.act(up(up(g.conv(up(x), 4, 2, 3, 1))), 1)
	},
	"resize by expand": func(g *net, x string) string {
		y := g.op("Reshape", in(g.act(g.conv(x, 4, 3, 3, 1), 0.5), g.i64(1, 3, 6, 1, 6, 1)))
		y = g.op("Expand", in(y, g.i64(1, 3, 6, 2, 6, 2)))
		return g.act(g.conv(g.op("Reshape", in(y, g.i64(1, 3, 12, 12))), 3, 2, 3, 1), 1)
	},
	"depth to space, CRD": func(g *net, x string) string {
		y := g.op("DepthToSpace", in(g.norm(g.conv(x, 4, 8, 3, 1), 8)), intAttr("blocksize", 2),
			stringAttr("mode", "CRD"))
		return g.act(g.op("Relu", in(y)), 0.5)
	},
	"depth to space, DCR": func(g *net, x string) string {
		y := g.op("DepthToSpace", in(g.act(g.conv(x, 4, 8, 3, 1), 0.5)), intAttr("blocksize", 2))
		return g.act(g.conv(y, 2, 2, 3, 1), 1)
	},
	"pixel shuffle as PyTorch writes it": func(g *net, x string) string {
		y := g.op("Reshape", in(g.conv(x, 4, 12, 3, 1), g.i64(1, 3, 2, 2, 6, 6)))
		y = g.op("Transpose", in(y), intsAttr("perm", 0, 1, 4, 2, 5, 3))
		y = g.op("Add", in(g.op("Reshape", in(y, g.i64(1, 3, 12, 12))), g.f32([]int{3, 1, 1}, 1, 2, 3)))
		return g.act(y, 0.5)
	},
	"flatten to a linear layer": func(g *net, x string) string {
		y := g.op("Flatten", in(g.act(g.conv(x, 4, 3, 3, 1), 0.5)))
		return g.op("Gemm", in(y, g.weights(5, 108)), intAttr("transB", 1))
	},
	"the input flattened and as an image": func(g *net, x string) string {
		a := g.act(g.op("Gemm", in(g.op("Flatten", in(x)), g.weights(4, 144)), intAttr("transB", 1)), 4)
		b := g.act(g.op("Flatten", in(g.op("GlobalMaxPool", in(g.conv(x, 4, 4, 3, 1))))), 4)
		return g.op("Gemm", in(g.op("Add", in(a, b)), g.weights(3, 4)), intAttr("transB", 1))
	},
	"channels last between transposes": func(g *net, x string) string {
		y := g.op("Transpose", in(g.conv(x, 4, 3, 3, 1)), intsAttr("perm", 0, 2, 3, 1))
		y = g.act(g.op("Add", in(y, g.f32([]int{3}, 1, 2, 3))), 0.5)
		y = g.op("MatMul", in(y, g.transpose(g.weights(5, 3))))
		y = g.op("Transpose", in(g.act(y, 1)), intsAttr("perm", 0, 3, 1, 2))
		return g.act(g.conv(y, 5, 2, 3, 1), 2)
	},
	"scales per channel into a depthwise conv": func(g *net, x string) string {
		x = g.op("Mul", in(x, g.f32([]int{1, 4, 1, 1}, 2, 0.5, 1, -4)))
		return g.act(g.conv(x, 4, 8, 3, 4), 1)
	},
	"an offset into a conv without pads": func(g *net, x string) string {
		x = g.op("Add", in(x, g.f32([]int{4, 1, 1}, 1, -2, 0.5, 0)))
		return g.signed(g.norm(g.conv(x, 4, 3, 3, 1, set("pads", 0, 0, 0, 0)), 3), 1)
	},
	"signed integers through every pool": func(g *net, x string) string {
		a := g.signed(g.norm(g.conv(x, 4, 4, 3, 1), 4), 0.5)
		y := g.op("MaxPool", in(a), intsAttr("kernel_shape", 2, 2), intsAttr("pads", 1, 1, 0, 0))
		y = g.op("Add", in(y, g.op("AveragePool", in(a), intsAttr("kernel_shape", 2, 2), intsAttr("pads", 0, 0, 1, 1),
			intAttr("count_include_pad", 1))))
		return g.signed(y, 0.75)
	},
	"scales per channel along a pool and an add": func(g *net, x string) string {
		s := g.f32([]int{1, 4, 1, 1}, 0.25, 0.5, 0.25, 1)
		a := g.q(g.conv(x, 4, 4, 3, 1), quantOf{scale: s, bits: 4})
		b := g.op("MaxPool", in(g.q(g.conv(x, 4, 4, 3, 1), quantOf{scale: s, bits: 4})), intsAttr("kernel_shape", 3, 3),
			intsAttr("pads", 1, 1, 1, 1))
		return g.act(g.op("Add", in(a, b)), 0.5)
	},
	"two heads of scores": func(g *net, x string) string {
		y := g.act(g.op("Flatten", in(g.op("GlobalMaxPool", in(x)))), 0.25)
		return g.op("Concat", in(g.head(y, 4, 3), g.head(y, 4, 2)), intAttr("axis", 1))
	},
	"a head of scores, one of integers and a gain for both": func(g *net, x string) string {
		y := g.act(g.op("Flatten", in(g.op("GlobalMaxPool", in(x)))), 0.25)
		y = g.op("Concat", in(g.signed(g.head(y, 4, 2), 0.5), g.head(y, 4, 3)), intAttr("axis", 1))
		return g.op("Mul", in(y, g.f32([]int{5}, 1, 2, -1, 0.5, 1)))
	},
	"three heads, two joined before": func(g *net, x string) string {
		y := g.act(g.op("Flatten", in(g.op("GlobalMaxPool", in(x)))), 0.25)
		two := g.op("Concat", in(g.head(y, 4, 2), g.head(y, 4, 2)), intAttr("axis", -1))
		return g.op("Concat", in(two, g.head(y, 4, 1)), intAttr("axis", 1))
	},
	"heads of integers of other scales": func(g *net, x string) string {
		y := g.act(g.op("Flatten", in(g.op("GlobalMaxPool", in(x)))), 0.25)
		return g.op("Concat", in(g.signed(g.head(y, 4, 3), 0.5), g.signed(g.head(y, 4, 2), 0.75)), intAttr("axis", 1))
	},
	"scales per channel at the end": func(g *net, x string) string {
		y := g.act(g.op("Flatten", in(g.op("GlobalMaxPool", in(x)))), 0.25)
		return g.q(g.head(y, 4, 3), quantOf{scale: g.f32([]int{3}, 0.5, 1.5, 0.25), zero: g.f32([]int{3}, 2, 0, -1),
			bits: 4, signed: true})
	},
	"a falling function of integers at the end": func(g *net, x string) string {
		y := g.act(g.op("Flatten", in(g.op("GlobalMaxPool", in(x)))), 0.25)
		return g.op("Mul", in(g.signed(g.head(y, 4, 3), 0.5), g.scalar(-2)))
	},
	"integers of a pool at the end, scales per channel": func(g *net, x string) string {
		y := g.q(g.conv(x, 4, 4, 3, 1), quantOf{scale: g.f32([]int{1, 4, 1, 1}, 0.25, 0.5, 0.25, 1), bits: 4})
		return g.op("Flatten", in(g.op("GlobalAveragePool", in(y))))
	},
	"resize of the axes that the node names": func(g *net, x string) string {
		y := g.op("Resize", in(g.act(g.conv(x, 4, 3, 3, 1), 0.5), "", g.f32([]int{2}, 2, 2)),
			stringAttr("mode", "nearest"), intsAttr("axes", -1, 2))
		return g.act(g.conv(y, 3, 2, 3, 1), 1)
	},
	"resize to sizes of the axes that the node names": func(g *net, x string) string {
		y := g.op("Resize", in(x, "", "", g.i64(18, 18)), stringAttr("mode", "nearest"), intsAttr("axes", 2, 3))
		return g.act(g.conv(y, 4, 2, 3, 1), 1)
	},
	"a pad before a max pool": func(g *net, x string) string {
		y := g.op("Pad", in(g.act(g.conv(x, 4, 3, 3, 1), 0.5), g.i64(0, 0, 1, 0, 0, 0, 0, 1)))
		y = g.op("MaxPool", in(y), intsAttr("kernel_shape", 3, 2), intsAttr("strides", 2, 2),
			intsAttr("pads", 0, 1, 1, 0), intAttr("ceil_mode", 1))
		return g.act(g.conv(y, 3, 2, 3, 1), 1)
	},
	"a pad of values with an offset before a max pool": func(g *net, x string) string {
		x = g.op("Mul", in(x, g.f32([]int{4, 1, 1}, 1, 0.5, 2, 1)))
		y := g.op("Pad", in(g.op("Add", in(x, g.f32([]int{4, 1, 1}, 1, 0, 0.5, 2))), g.i64(0, 0, 1, 1, 0, 0, 1, 1)))
		return g.act(g.op("MaxPool", in(y), intsAttr("kernel_shape", 2, 2)), 0.5)
	},
	"a pad before an average pool": func(g *net, x string) string {
		y := g.op("Pad", in(x, g.i64(0, 0, 1, 0, 0, 0, 0, 1)))
		return g.act(g.op("AveragePool", in(y), intsAttr("kernel_shape", 2, 2)), 0.25)
	},
	"a pad before auto pads": func(g *net, x string) string {
		y := g.op("Pad", in(x, g.i64(0, 0, 0, 1, 0, 0, 1, 0)))
		return g.act(g.op("Conv", in(y, g.weights(3, 4, 3, 3)), stringAttr("auto_pad", "SAME_UPPER"),
			intsAttr("strides", 2, 2)), 1)
	},
	"mean over rows, then columns": func(g *net, x string) string {
		y := g.op("ReduceMean", in(g.act(g.conv(x, 4, 5, 3, 1, set("strides", 1, 2)), 0.5)), intsAttr("axes", 2))
		y = g.op("ReduceMean", in(y), intsAttr("axes", -1))
		return g.op("Gemm", in(g.op("Flatten", in(g.act(y, 0.137))), g.weights(3, 5)), intAttr("transB", 1))
	},
	"mean over columns, then rows, without their axes": func(g *net, x string) string {
		y := g.op("ReduceMean", in(g.act(g.conv(x, 4, 5, 3, 1, set("strides", 1, 2)), 0.5)), intsAttr("axes", 3),
			intAttr("keepdims", 0))
		y = g.op("ReduceMean", in(y), intsAttr("axes", 2), intAttr("keepdims", 0))
		return g.op("Gemm", in(g.act(y, 0.137), g.weights(3, 5)), intAttr("transB", 1))
	},
	"mean over rows, then columns, without their axes": func(g *net, x string) string {
		y := g.op("ReduceMean", in(x), intsAttr("axes", 2), intAttr("keepdims", 0))
		y = g.op("ReduceMean", in(y), intsAttr("axes", 2), intAttr("keepdims", 0))
		return g.op("Gemm", in(g.act(y, 0.137), g.weights(3, 4)), intAttr("transB", 1))
	},
	"mean over rows, then columns, channels last": func(g *net, x string) string {
		y := g.op("Transpose", in(g.act(g.conv(x, 4, 5, 3, 1, set("strides", 1, 2)), 0.5)),
			intsAttr("perm", 0, 2, 3, 1))
		y = g.op("ReduceMean", in(y), intsAttr("axes", 1), intAttr("keepdims", 0))
		y = g.op("ReduceMean", in(y), intsAttr("axes", 1))
		return g.op("Gemm", in(g.op("Flatten", in(g.act(y, 0.137))), g.weights(3, 5)), intAttr("transB", 1))
	},
	"mean over columns of an image resized with its channels last": func(g *net, x string) string {
		y := g.op("Transpose", in(g.act(g.conv(x, 4, 5, 3, 1), 0.5)), intsAttr("perm", 0, 2, 3, 1))
		y = g.op("Resize", in(y, "", g.f32([]int{4}, 1, 2, 2, 1)), stringAttr("mode", "nearest"))
		y = g.op("ReduceMean", in(y), intsAttr("axes", 2))
		return g.act(g.op("Transpose", in(y), intsAttr("perm", 0, 3, 1, 2)), 0.137)
	},
	"mean over rows between convolutions": func(g *net, x string) string {
		y := g.op("ReduceMean", in(g.act(g.conv(x, 4, 4, 3, 1), 0.5)), intsAttr("axes", 2))
		return g.act(g.conv(g.act(y, 0.137), 4, 2, 3, 1), 1)
	},
}
