package qonnx

import (
	"errors"
	"strings"
)

// Refusal is one cause for which a file is not read.
type Refusal struct {
	// Node and Operator say where; Node is empty where it is no node's fault. A node
	// without a name goes by its first output.
	Node     string `json:"node,omitempty"`
	Operator string `json:"operator,omitempty"`
	// Reason says what was wanted and had, as the error does.
	Reason string `json:"reason"`
	// Remedy says what to change in the export.
	Remedy string `json:"remedy"`
}

// Refusals returns every cause in an error of ReadFile or Decode: all nodes at fault,
// but not those that only depend on one.
func Refusals(err error) []Refusal {
	var all faults
	if !errors.As(err, &all) {
		all = faults{err}
	}
	out := make([]Refusal, len(all))
	for i, cause := range all {
		out[i] = refusalOf(cause)
	}
	return out
}

// refusalOf returns one cause.
func refusalOf(err error) Refusal {
	r := Refusal{Reason: err.Error()}
	var at *nodeError
	var none *unsupported
	switch {
	case errors.As(err, &none):
		r.Node, r.Operator, r.Reason = none.at.id(), clip(none.at.op), none.reason
		if r.Remedy = strings.TrimPrefix(none.change, ": "); r.Remedy != "" {
			return r
		}
	case errors.As(err, &at):
		r.Node, r.Operator, r.Reason = at.at.id(), clip(at.at.op), at.reason.Error()
	}
	r.Remedy = remedyFor(r.Reason)
	return r
}

// id is the name that a user finds the node by: its own or that of its first output.
func (n *node) id() string {
	if n.name == "" && len(n.out) > 0 {
		return clip(n.out[0])
	}
	return clip(n.name)
}

// remedyFor returns what to do about a reason: what the table says or, where it has no
// row for it, what the reason itself wants.
func remedyFor(reason string) string {
	for _, r := range remedies {
		for says := range strings.SplitSeq(r.says, "; ") {
			if matches(reason, says) {
				return r.change
			}
		}
	}
	for _, wish := range []string{"want ", "put ", "end the graph "} {
		if i := strings.LastIndex(reason, wish); i >= 0 {
			return reason[i:]
		}
	}
	return "leave the node out of the network, or end the graph before it"
}

// matches says that text has the parts of pattern, which "..." separates, in their order.
func matches(text, pattern string) bool {
	for part := range strings.SplitSeq(pattern, "...") {
		_, rest, ok := strings.Cut(text, strings.TrimSpace(part))
		if !ok {
			return false
		}
		text = rest
	}
	return true
}

// remedies say what to change in an export for what a reason says: alternatives with "; "
// between them, in each of which "..." stands for anything. The first that matches counts.
// docs/import.md has the same table, which a test compares.
var remedies = []struct{ says, change string }{
	{"the graph's input, is not quantised", "a quantiser, or `--input TYPE:FRACTION`"},
	{"is not quantised: put a Quant node; its data operand is not quantised",
		"put a quantiser (`QuantIdentity`, `QuantReLU`) before the layer"},
	{"adds integers of unrelated scales; all operands need Quant nodes",
		"share one quantiser between the branches (Brevitas: the same `QuantIdentity` on all operands)"},
	{"integers of ... bits, which is too wide", "`bit_width` of at most 16"},
	{"is no ..., and ONNX leaves open; what its type does not hold", "a Clip before the Cast, or a wider type"},
	{"computes in", "export in float32, or Cast to FLOAT before the layer"},
	{"its weights, ... are not quantised",
		"`QuantConv2d`, `QuantLinear`; keep the Quant nodes: do not fold constants into weights"},
	{"has an attribute ..., which may change what it computes; attribute ... is ..., want one of",
		"leave it out, or export without it"},
	{"is in training mode", "`model.eval()` before the export"},
	{"there is no layer that ranks", "end the graph before ArgMax or Softmax; its outputs are the scores"},
	{"ranks a single element", "end the graph before it: the sign of the output is the label, or a Greater's truth"},
	{"unsupported operator QuantizeLinear; unsupported operator DequantizeLinear",
		"`export_qonnx` instead of `export_onnx_qcdq`, or qonnx's `QCDQToQuant`"},
	{"unsupported operator LayerNormalization; unsupported operator Attention; unsupported operator MultiHeadAttention",
		"there is no layer for it: a batch norm in place of a layer norm, convolutions in place of attention"},
	{"unsupported operator LSTM; unsupported operator GRU; unsupported operator RNN",
		"there is no layer with a state: unroll it over a fixed length, or use 1-D convolutions"},
	{"unsupported operator", "leave it out, or write it with operators of the table above"},
	{"the scales of its inputs and weights are not the same along the sum",
		"one activation scale for all channels, scales in a ratio of powers of two, or a scale per channel on depthwise " +
			"layers only"},
	{"varies by position", "parameters per channel, of shape [1, C, 1, 1]"},
	{"divides windows at the edge by fewer taps", "`count_include_pad=True, ceil_mode=False`, or no padding"},
	{"pads with zeros, and ... takes maxima of values that may be below them",
		"quantise (unsigned, as behind a ReLU) before the Pad, or `padding` of the pool itself"},
	{"takes maxima of values that fall", "quantise, then pool"},
	{"resizes axis; interpolates", "`mode=\"nearest\"` and a whole `scale_factor`"},
	{"wants a monotone function of the accumulator",
		"another activation, or one whose inputs stay on a monotone side"},
	{"permutes; gives shape ... in another order", "end the graph before that Transpose or Flatten"},
	{"there is no layer for ... of two tensors; both operands depend on the network's input",
		"a product of two tensors (gate, squeeze-and-excitation, attention) has no layer: leave it out, or make one of " +
			"the two a constant"},
}
