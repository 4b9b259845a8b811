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
	"Dropout":   moveIdentity,
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
	"MatMul": opMatMul,
	"Gemm":   opGemm,
	"Conv":   onLines(opConv, 2),

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
	"Pad":               opPad,

	// What keeps the order of all elements and mixes them may end a classifier:
	// hardware ranks scores instead.
	"Softmax":    opSoftmax,
	"LogSoftmax": opSoftmax,
	"ArgMax":     opArgMax,
	"TopK":       opTopK,
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

// ranked returns the ranking of input 0 over the axes from..to, which must hold
// all its elements. Softmax at each position of an image (segmentation) ranks
// many vectors; the network has one label per frame.
func (im *importer) ranked(n *node, from, to int) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *ranking:
		return v, nil
	case *stream:
		dims := v.dims()
		if from < 0 || from >= len(dims) {
			return nil, n.errorf("works on axis %d of shape %v", from, dims)
		}
		if size := product(dims[from:min(to, len(dims))]); size != product(dims) {
			return nil, n.errorf("works on axis %d of shape %v, want the axis of all elements: there is no layer "+
				"that ranks %d at each of %d positions; end the graph before it, its outputs are then what it "+
				"ranks", from, dims, size, product(dims)/size)
		}
		// Softmax and LogSoftmax keep the order of all elements: exp rises, and
		// the sum that divides is the same for all.
		return &ranking{s: v, shape: dims, by: n, elem: v.elem}, nil
	}
	return nil, n.errorf("wants an input that depends on the network's")
}

// rankOf returns the number of axes of input 0, 0 where that is unknown. An
// operand that fails gives its error where it is evaluated in earnest.
func (im *importer) rankOf(n *node) int {
	if v, err := im.operand(n, 0); err == nil {
		return len(v.dims())
	}
	return 0
}

// opSoftmax takes one axis, or before opset 13 all axes from one on. (ONNX:
// Softmax-1 and -11 flatten to two axes at axis, default 1; Softmax-13 works on
// axis alone, default -1.)
func opSoftmax(im *importer, n *node) (value, error) {
	rank := im.rankOf(n)
	if im.g.opset < 13 {
		return im.ranked(n, n.fromEnd("axis", 1, rank), rank)
	}
	axis := n.fromEnd("axis", -1, rank)
	return im.ranked(n, axis, axis+1)
}

// opArgMax ends a classifier: a2qgen's label select takes its place. Of equal
// scores the first is the label, in ONNX and in hardware alike.
func opArgMax(im *importer, n *node) (value, error) {
	if n.int("select_last_index", 0) != 0 {
		return nil, n.errorf("selects the last index among equals, want the first")
	}
	return im.picked(n, n.fromEnd("axis", 0, im.rankOf(n)), n.int("keepdims", 1) != 0)
}

// opTopK evaluates TopK of the one largest. k is an attribute before opset 10,
// an input since then. Its outputs are values and indices (evaluate).
func opTopK(im *importer, n *node) (value, error) {
	k := n.int("k", 0)
	if n.has(1) {
		v, err := im.oneNumber(n, 1)
		if err != nil {
			return nil, err
		}
		k = int64(v)
	}
	if k != 1 || n.int("largest", 1) == 0 {
		return nil, n.errorf("picks %d outputs, want the 1 largest", k)
	}
	return im.picked(n, n.fromEnd("axis", -1, im.rankOf(n)), true)
}

// picked returns the ranking behind the choice of one element of an axis.
// ArgMax gives INT64 (ONNX, ArgMax); keep says that the axis stays, of size 1.
func (im *importer) picked(n *node, axis int, keep bool) (value, error) {
	v, err := im.ranked(n, axis, axis+1)
	if err != nil {
		return nil, err
	}
	r := *v.(*ranking)
	if axis < 0 || axis >= len(r.shape) {
		return nil, n.errorf("works on axis %d of shape %v", axis, r.shape)
	}
	shape := slices.Clone(r.shape)
	shape[axis] = 1
	if !keep {
		shape = slices.Delete(shape, axis, axis+1)
	}
	r.shape, r.label, r.elem = shape, true, typeInt64
	return &r, nil
}
