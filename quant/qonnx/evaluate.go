package qonnx

import (
	"errors"
	"fmt"
	"slices"
)

// instead says what to do about operators that exporters write often. Each is a
// whole way of exporting, whose remedy is not to be guessed from the name.
var instead = map[string]string{
	"QuantizeLinear":   qcdq,
	"DequantizeLinear": qcdq,
	"Im2Col":           ": want the graph before convolutions were lowered to products",
	"FloatQuant":       ": want integer quantisers",
}

const qcdq = ": want Quant nodes, export to QONNX (Brevitas: export_qonnx) or convert QCDQ by qonnx's QCDQToQuant"

// evaluate computes the value of n's outputs. An operator returns the value of
// its first output; Split and TopK, which have more that are used, set the
// others. Other secondary outputs (Dropout's mask, MaxPool's indices, a
// training BatchNormalization's statistics) have no value, and operand refuses
// who reads them.
func (im *importer) evaluate(n *node) error {
	if len(n.out) == 0 {
		return n.errorf("has no output")
	}
	op := operatorOf(n)
	if op == nil {
		domain := "domain " + show(n.domain)
		if n.domain == "" {
			domain = "the empty domain, ONNX's own"
		}
		change := instead[n.op]
		if _, ok := quantOperators[n.op]; ok {
			change = ": want it in domain qonnx.custom_op.general"
		}
		return &unsupported{n, fmt.Sprintf("unsupported operator %s of %s", clip(n.op), domain), change}
	}
	// Before the operator itself, so that none can forget it.
	if err := n.checkAttributes(); err != nil {
		return err
	}
	v, err := op(im, n)
	if err != nil {
		return err
	}
	im.values[n.out[0]] = v
	if r, ok := v.(*ranking); ok && n.op == "TopK" { // its outputs: the scores, the labels
		scores := *r
		scores.label, scores.elem = false, r.s.elem
		im.values[n.out[0]] = &scores
		if len(n.out) > 1 {
			im.values[n.out[1]] = r
		}
	}
	return nil
}

// maxRefusals bounds the faults that an error names. Eight fill a line of a
// terminal many times; a file of an unknown domain would name every node.
const maxRefusals = 8

// evaluateAll computes the value of every node. Its error names each node that is
// at fault, but not those that depend on one.
func (im *importer) evaluateAll() error {
	// Whoever mends an export wants all faults at once, not one for each try. What
	// reads a spoilt tensor might be right once that is mended.
	var all faults
	spoilt := map[string]bool{}
	for _, n := range im.g.nodes {
		var err error
		bad := slices.ContainsFunc(n.in, func(name string) bool { return spoilt[name] })
		if !bad {
			err = im.evaluate(n)
		}
		if err != nil {
			all = append(all, err)
		}
		for _, out := range n.out {
			// The empty name is that of an optional output which is left out.
			spoilt[out] = out != "" && (bad || err != nil)
		}
	}
	// What was understood may be at fault too, in what only its thresholds show.
	if all != nil {
		all = append(all, im.thresholdFaults()...)
	}
	return all.asError()
}

// unsupported is the error of a node whose operator is unknown.
type unsupported struct {
	at     *node
	reason string
	// change is what to do instead, behind a colon, or empty.
	change string
}

// Error names the operator before the node: there may be no name.
func (e *unsupported) Error() string {
	return fmt.Sprintf("%s (node %s)%s", e.reason, e.at.label(), e.change)
}

// faults are errors that were found at once.
type faults []error

// asError returns f as one error: nil where there is none.
func (f faults) asError() error {
	if len(f) < 2 {
		return errors.Join(f...)
	}
	return f
}

// Error joins the errors in one line, as all errors here are: they end up in logs and
// tables.
func (f faults) Error() string {
	text := fmt.Sprintf("%d faults: %v", len(f), f[0])
	for _, err := range f[1:min(len(f), maxRefusals)] {
		text += fmt.Sprintf("; %v", err)
	}
	if more := len(f) - maxRefusals; more > 0 {
		text += fmt.Sprintf("; and %d more, which inspect --why lists", more)
	}
	return text
}

// Unwrap returns the errors.
func (f faults) Unwrap() []error { return f }
