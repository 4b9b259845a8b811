package qonnx

import (
	"fmt"
	"maps"
	"slices"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// Every operator lists the attributes that it knows. One that it does not know may
// change what the operator computes: reading on would be a guess.

// attribute is what an operator wants of one of its attributes.
type attribute struct {
	typ int32 // of ONNX's AttributeProto.AttributeType
	// only are the values that are computed; nil where the operator checks them
	// itself, or where none changes the result.
	only []any
}

// types of attributes that are read but never written. (onnx.proto.)
const (
	attrTensor = 4
	attrFloats = 6
)

var (
	aFloat  = attribute{typ: attrFloat}
	aInt    = attribute{typ: attrInt}
	aString = attribute{typ: attrString}
	aTensor = attribute{typ: attrTensor}
	aFloats = attribute{typ: attrFloats}
	aInts   = attribute{typ: attrInts}
)

// of returns an attribute of a type for which only some values are computed.
func (a attribute) of(values ...any) attribute {
	a.only = values
	return a
}

// attributes are those of an operator, by name.
type attributes map[string]attribute

// with returns the attributes of a and b.
func (a attributes) with(b attributes) attributes {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// Attributes that several operators have.
var (
	axisOnly  = attributes{"axis": aInt}
	alphaOnly = attributes{"alpha": aFloat}
	windows   = attributes{"auto_pad": aString, "kernel_shape": aInts, "pads": aInts, "strides": aInts,
		"dilations": aInts}
	reductionsOver = attributes{"axes": aInts, "keepdims": aInt, "noop_with_empty_axes": aInt}
	// Up to opset 6 the second input broadcasts from an axis on, if broadcast is 1
	// (oldBroadcast).
	oldBroadcasts = attributes{"axis": aInt, "broadcast": aInt}
	quants        = attributes{"signed": aInt, "narrow": aInt, "rounding_mode": aString}
)

// knownAttributes are those of ONNX's operators, of all opsets (an operator that is
// not here has none), and of QONNX's. TestAttributesOfONNX holds them to ONNX's own
// list. What is known and not read has no say in the result: momentum is of training,
// storage_order of MaxPool's indices, sorted of more than one output, seed of a
// Dropout that drops; cubic_coeff_a, antialias and extrapolation_value are of modes
// that are refused; round_mode is of a float8 that is refused.
var knownAttributes = map[string]attributes{
	"Dropout":   {"ratio": aFloat, "is_test": aInt, "seed": aInt},
	"Reshape":   {"shape": aInts, "allowzero": aInt},
	"Flatten":   axisOnly,
	"Squeeze":   {"axes": aInts},
	"Unsqueeze": {"axes": aInts},
	"Transpose": {"perm": aInts},

	// sparse_value and strings are missing on purpose: checkAttributes then names them.
	"Constant": {"value": aTensor, "value_float": aFloat, "value_int": aInt, "value_floats": aFloats,
		"value_ints": aInts},
	"ConstantOfShape": {"value": aTensor},
	"Shape":           {"start": aInt, "end": aInt},
	"Gather":          axisOnly,
	"Slice":           {"starts": aInts, "ends": aInts, "axes": aInts},
	"Split":           {"axis": aInt, "split": aInts, "num_outputs": aInt},
	"Concat":          axisOnly,

	"Clip":     {"min": aFloat, "max": aFloat},
	"Cast":     {"to": aInt, "saturate": aInt, "round_mode": aString},
	"CastLike": {"saturate": aInt, "round_mode": aString},
	// spatial=0 has parameters per element, of all axes but the first.
	"BatchNormalization": {"epsilon": aFloat, "momentum": aFloat, "is_test": aInt, "spatial": aInt.of(int64(1)),
		"training_mode": aInt},

	"Gemm": {"alpha": aFloat, "beta": aFloat, "transA": aInt, "transB": aInt, "broadcast": aInt},
	"Conv": windows.with(attributes{"group": aInt}),

	"MaxPool":       windows.with(attributes{"ceil_mode": aInt, "storage_order": aInt}),
	"AveragePool":   windows.with(attributes{"ceil_mode": aInt, "count_include_pad": aInt}),
	"ReduceMean":    reductionsOver,
	"ReduceMax":     reductionsOver,
	"ReduceSum":     reductionsOver,
	"ConvTranspose": windows.with(attributes{"group": aInt, "output_padding": aInts, "output_shape": aInts}),
	"SpaceToDepth":  {"blocksize": aInt, "mode": aString.of("DCR", "CRD")},
	"DepthToSpace":  {"blocksize": aInt, "mode": aString.of("DCR", "CRD")},
	// Pad-1 called its pads paddings, which is refused.
	"Pad": {"mode": aString, "pads": aInts, "value": aFloat},
	// Upsample-1 had a factor for each axis, height_scale and width_scale: refused.
	"Upsample": {"mode": aString, "scales": aFloats},
	// exclude_outside gives other weights to what lies beyond the edge.
	"Resize": {"mode": aString, "nearest_mode": aString, "coordinate_transformation_mode": aString, "axes": aInts,
		"keep_aspect_ratio_policy": aString, "exclude_outside": aInt.of(int64(0)), "cubic_coeff_a": aFloat,
		"antialias": aInt, "extrapolation_value": aFloat},

	"Softmax":    axisOnly,
	"LogSoftmax": axisOnly,
	"Hardmax":    axisOnly,
	"ArgMax":     {"axis": aInt, "keepdims": aInt, "select_last_index": aInt},
	"TopK":       {"axis": aInt, "k": aInt, "largest": aInt, "sorted": aInt},

	// The two forms of its page; which one decides thresholds.
	"Gelu":            {"approximate": aString.of("none", "tanh")},
	"LeakyRelu":       alphaOnly,
	"Elu":             alphaOnly,
	"Celu":            alphaOnly,
	"ThresholdedRelu": alphaOnly,
	"Selu":            {"alpha": aFloat, "gamma": aFloat},
	"HardSigmoid":     {"alpha": aFloat, "beta": aFloat},

	"Add":     oldBroadcasts,
	"Sub":     oldBroadcasts,
	"Mul":     oldBroadcasts,
	"Div":     oldBroadcasts,
	"Pow":     oldBroadcasts,
	"Equal":   oldBroadcasts,
	"Less":    oldBroadcasts,
	"Greater": oldBroadcasts,
	"Mod":     {"fmod": aInt},

	"Quant":          quants,
	"IntQuant":       quants,
	"Trunc":          quants,
	"MultiThreshold": {"out_scale": aFloat, "out_bias": aFloat, "out_dtype": aString, "data_layout": aString},
}

// castsByName is the opset before which Cast's attribute to was a name.
const castsByName = 6

// checkAttributes returns an error unless n has only attributes that its operator
// knows, of the type and the values that it knows.
func (n *node) checkAttributes() error {
	// In the order of their names, so that an error is the same each time.
	for _, name := range slices.Sorted(maps.Keys(n.attrs)) {
		// Of opsets 1 to 5: it says what memory may be overwritten.
		if name == "consumed_inputs" {
			continue
		}
		want, ok := knownAttributes[n.op][name]
		if !ok {
			return n.errorf("has an attribute %s, which may change what it computes and is not supported", show(name))
		}
		if n.op == "Cast" && name == "to" && n.opset < castsByName {
			continue
		}
		if err := n.checkAttribute(n.attrs[name], want); err != nil {
			return err
		}
	}
	return nil
}

// checkAttribute returns an error unless a is as wanted. Attributes of another type
// would read as 0; IR version 1 has no types.
func (n *node) checkAttribute(a *onnxpb.AttributeProto, want attribute) error {
	if typ := a.GetType(); typ != 0 && typ != want.typ {
		return n.errorf("attribute %s is of type %d of ONNX's AttributeType, want %d", show(a.GetName()), typ, want.typ)
	}
	if want.only == nil {
		return nil
	}
	is := any(a.GetI())
	if want.typ == attrString {
		is = string(a.GetS())
	}
	if !slices.Contains(want.only, is) {
		return n.errorf("attribute %s is %s, want one of %v", show(a.GetName()), showValue(is), want.only)
	}
	return nil
}

// showValue shows the value of an attribute.
func showValue(v any) string {
	if s, ok := v.(string); ok {
		return show(s)
	}
	return fmt.Sprint(v)
}
