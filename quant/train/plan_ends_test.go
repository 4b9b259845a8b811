package train

import (
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// TestEndsOfTheirOwn: what the first or the last layer says of itself comes
// before what the spec says of ends.
func TestEndsOfTheirOwn(t *testing.T) {
	for _, c := range []struct {
		text string
		want quant.Quantizer
	}{
		{"[8, 8]", quant.Quantizer{Method: quant.Base, WeightBits: 8}},
		{"[{linear: {out: 8, weight_bits: 3}}, 8]", quant.Quantizer{Method: quant.Base, WeightBits: 3}},
		{"[{linear: {out: 8, acc_bits: 14}}, 8]",
			quant.Quantizer{Method: quant.Budget, WeightBits: 8, AccBits: 14}},
		{"[{linear: {out: 8, acc_bits: 15, method: a2q, weight_bits: 5}}, 8]",
			quant.Quantizer{Method: quant.A2Q, WeightBits: 5, AccBits: 15}},
		{"[{linear: {out: 8, acc_bits: 12}}, 8]\nfirst_acc_bits: 20",
			quant.Quantizer{Method: quant.Budget, WeightBits: 8, AccBits: 12}},
		{"[{linear: {out: 8, method: base}}, 8]\nfirst_acc_bits: 20",
			quant.Quantizer{Method: quant.Base, WeightBits: 8}},
		{"[{linear: {out: 8, method: a2q}}, 8]\nfirst_acc_bits: 20",
			quant.Quantizer{Method: quant.A2Q, WeightBits: 8, AccBits: 20}},
		{"[{linear: {out: 8, weight_bits: 4}}, 8]\nfirst_weight_bits: 6",
			quant.Quantizer{Method: quant.Base, WeightBits: 4}},
		{"[{linear: {out: 8, acc_bits: 13}}, 8]\nmethod: base\nweight_bits: 2",
			quant.Quantizer{Method: quant.Base, WeightBits: 8}},
		{"[{depthwise: {kernel: 1, acc_bits: 13}}, 8]\ndepthwise_method: a2q",
			quant.Quantizer{Method: quant.A2Q, WeightBits: 8, AccBits: 13}},
		{"[{conv: {out: 4, kernel: 1, acc_bits: 13, method: a2q+}}, {conv: {out: 4, kernel: 1}}]",
			quant.Quantizer{Method: quant.A2QPlus, WeightBits: 8, AccBits: 13}},
	} {
		text, want := c.text, c.want
		method := "method: budget\n"
		if strings.Contains(text, "\nmethod:") {
			method = ""
		}
		s, err := ParseSpec([]byte(method + "layers: " + text + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := newPlan(s, quant.Shape{H: 2, W: 2, C: 4}, false, 4, true)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want.Rule, want.Input = quant.Shifted, quant.DataType{Bits: 8}
		if got := *p.steps[0].quantiser; got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	s, err := ParseSpec([]byte("layers: [{linear: {out: 8, method: a2q}}, 8]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newPlan(s, quant.Vector(4), true, 4, true); err == nil ||
		!strings.Contains(err.Error(), "layers[0].linear.method: a2q without acc_bits") {
		t.Errorf("a method without acc_bits at the end: error %v", err)
	}
}
