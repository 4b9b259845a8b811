package qonnx

import (
	"fmt"
	"slices"
)

// operator evaluates a node on its operands' values. It returns the value of
// the first output. Operands are looked up by name in im.values, so that
// wrappers (typed, onLines, channelsLast) can exchange them.
type operator func(im *importer, n *node) (value, error)

// operators are the standard ones. Wrappers say what all of a group share:
// typed rounds to the element type, onLines takes one spatial axis as well.
// Layers check types themselves (inReals), and what only moves elements needs
// no type.
var operators = map[string]operator{
	"Identity":  moveIdentity,
	"Dropout":   moveDropout,
	"Reshape":   moveReshape,
	"Flatten":   moveFlatten,
	"Squeeze":   moveSqueeze,
	"Unsqueeze": moveUnsqueeze,
	"Transpose": moveTranspose,

	"Constant":        foldConstant,
	"ConstantOfShape": foldConstantOfShape,
	"Shape":           foldShape,
	"Size":            foldSize,
	"Gather":          opGather,
	"Slice":           opSlice,
	"Split":           opSplit,
	"Expand":          foldExpand,
	"Where":           opWhere,
	// Elements pass Concat as they are: it needs one type, and nothing is
	// rounded.
	"Concat": alike(opConcat),

	"Neg":                typed(opNeg),
	"Clip":               typed(opClip),
	"Cast":               opCast,
	"CastLike":           opCastLike,
	"PRelu":              typed(opPRelu),
	"BatchNormalization": opBatchNorm,

	// Weights are not typed: a sum that rounded in FLOAT16 would be no integer
	// sum. The operators refuse it themselves, since a Cast before it is the
	// remedy.
	"MatMul":        opMatMul,
	"Gemm":          opGemm,
	"Conv":          onLines(opConv, 2),
	"ConvTranspose": onLines(opConvTranspose, 2),

	"Sum":               typed(opSum),
	"Mean":              typed(opMean),
	"MaxPool":           onLines(opPool, 1),
	"AveragePool":       onLines(opPool, 1),
	"GlobalMaxPool":     onLines(opGlobalPool, 1),
	"GlobalAveragePool": onLines(opGlobalPool, 1),
	"ReduceMean":        opReduce,
	"ReduceMax":         opReduce,
	"ReduceSum":         opReduce,
	"Resize":            opResize,
	"Upsample":          opResize,
	"DepthToSpace":      opDepthToSpace,
	"SpaceToDepth":      opSpaceToDepth,
	"Pad":               opPad,

	// What keeps the order of all elements and mixes them may end a classifier:
	// hardware ranks scores instead.
	"Softmax":    opRanking,
	"LogSoftmax": opRanking,
	"Hardmax":    opRanking,
	"ArgMax":     opRanking,
	"TopK":       opRanking,
}

// quantOperators are QONNX's own. IntQuant is Quant's newer name in QONNX.
var quantOperators = map[string]operator{
	"Quant":          opQuant,
	"IntQuant":       opQuant,
	"BipolarQuant":   opBipolarQuant,
	"Trunc":          opTrunc,
	"MultiThreshold": opMultiThreshold,
}

// channelsLastOperators are those of QONNX's channels_last domain. QONNX's
// transformation to channels last wraps each of these in Transposes and then
// cancels those between neighbours.
var channelsLastOperators = map[string]operator{
	"Conv":               channelsLast(onLines(opConv, 2), 2), // so are its weights
	"MaxPool":            channelsLast(onLines(opPool, 1), 1),
	"BatchNormalization": channelsLast(opBatchNorm, 1),
}

// operatorOf returns what evaluates n, or nil. unaries and binaries are tables
// of functions, with one operator for each table.
func operatorOf(n *node) operator {
	switch {
	case n.domain == "qonnx.custom_op.channels_last":
		return channelsLastOperators[n.op]
	case quantDomain(n.domain):
		return quantOperators[n.op]
	case !standardDomain(n.domain):
		return nil
	}
	if _, ok := unaries[n.op]; ok {
		return typed(opUnary)
	}
	if _, ok := binaries[n.op]; ok {
		return typed(opBinary)
	}
	return operators[n.op]
}

// channelsLast returns op for a result and operands, the first few, with their
// channels last. Transposes of streams are free, so that the operator itself
// needs no second form.
func channelsLast(op operator, operands int) operator {
	return func(im *importer, n *node) (value, error) {
		first := *n
		first.in = slices.Clone(n.in)
		for i := range operands {
			v, err := im.operand(n, i)
			if err != nil {
				return nil, err
			}
			rank := len(v.dims())
			if rank < 2 {
				return nil, n.errorf("wants an input of at least two axes, has shape %v", v.dims())
			}
			if v, err = im.transposed(n, v, moved(rank, rank-1, 1)); err != nil {
				return nil, err
			}
			// No node can have defined this name, which has an output's in it.
			first.in[i] = fmt.Sprintf("%s, input %d with its channels first", n.out[0], i)
			im.values[first.in[i]] = v
		}
		v, err := op(im, &first)
		if err != nil {
			return nil, err
		}
		return im.transposed(n, v, moved(len(v.dims()), 1, len(v.dims())-1))
	}
}

// moved returns the permutation of axes that moves one of them. E.g. (4, 3, 1)
// is [0 3 1 2], from channels last to channels first.
func moved(rank, from, to int) []int {
	var perm []int
	for i := range rank {
		if i != from {
			perm = append(perm, i)
		}
	}
	return slices.Insert(perm, to, from)
}

// opConcat passes a single input through, folds constants, and joins channels.
// axis may be negative. Constants next to streams would be channels of fixed
// integers, which no layer makes.
func opConcat(im *importer, n *node) (value, error) {
	var parts []*stream
	for i := range n.in {
		v, err := im.operand(n, i)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case *ranking:
			return nil, mixed(n, v)
		case *stream:
			parts = append(parts, v)
		}
		if len(n.in) == 1 {
			return v, nil
		}
	}
	switch len(parts) {
	case 0:
		return foldConcat(im, n)
	case len(n.in):
		return im.concatStreams(n, parts)
	}
	return nil, n.errorf("joins constants with what depends on the network's input")
}

// rankOf returns the number of axes of input 0, 0 where that is unknown. An
// operand that fails gives its error where it is evaluated in earnest.
func (im *importer) rankOf(n *node) int {
	if v, err := im.operand(n, 0); err == nil {
		return len(v.dims())
	}
	return 0
}
