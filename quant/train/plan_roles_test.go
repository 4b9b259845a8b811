package train

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// TestRolesOfBranches: which layers have a target does not depend on the order of
// branches. Ends are free, Base of 8 bits, and hidden layers under the spec's budget of
// P=14 (MATH 5, quant.Roles). In the first row b was budget of 14 bits in one order
// and base in the other, while 4-bit activations reach it in both.
func TestRolesOfBranches(t *testing.T) {
	const (
		a, b, c = "{conv: {name: a, out: 4, kernel: 1}}", "{conv: {name: b, out: 4, kernel: 1}}",
			"{conv: {name: c, out: 4, kernel: 1}}"
		pool, hidden = "{maxpool: {kernel: 1}}", "{linear: {name: h, out: 8}}"
	)
	for _, tc := range []struct {
		what, layers, one, other string // %s and %s are the branches
		regress                  bool
		want                     string
	}{
		{"the input joined", "{concat: {branches: [[%s], [%s]]}}, " + b + ", " + hidden, "", a, false,
			"a free, b free, h 14"},
		{"the input added", "{residual: {body: [%s], shortcut: [%s]}}, " + b + ", " + hidden, pool, a, false,
			"a free, b free, h 14"},
		{"no input joined", a + ", {concat: {branches: [[%s], [%s]]}}, " + c, "", b, false, "a free, b 14, c 14"},
		{"no input added", a + ", {residual: {body: [%s], shortcut: [%s]}}, " + c, pool, b, false,
			"a free, b 14, c 14"},
		{"the output a sum", a + ", {residual: {body: [%s], shortcut: [%s]}}", b, c, true, "a free, b free, c free"},
	} {
		for _, order := range [][2]string{{tc.one, tc.other}, {tc.other, tc.one}} {
			layers := fmt.Sprintf(tc.layers, order[0], order[1])
			if got := targets(t, layers, tc.regress); got != tc.want {
				t.Errorf("%s: [%s]: %s, want %s", tc.what, layers, got, tc.want)
			}
		}
	}
}

// targets lists the layers of the spec with weights and their targets, by name, for
// 2 x 2 images of four channels, which are the outputs of a regression too.
func targets(t *testing.T, layers string, regress bool) string {
	t.Helper()
	s, err := ParseSpec([]byte("method: budget\nacc_bits: 14\nlayers: [" + layers + "]\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(s, quant.Shape{H: 2, W: 2, C: 4}, false, 16, !regress)
	if err != nil {
		t.Fatalf("[%s]: %v", layers, err)
	}
	var all []string
	for i := range p.steps {
		switch st := &p.steps[i]; {
		case st.quantiser == nil || st.path == "classifier":
		case *st.quantiser == quant.Quantizer{
			Method: quant.Base, WeightBits: 8, Input: st.quantiser.Input, Rule: quant.Shifted}:
			all = append(all, st.Name+" free")
		default:
			all = append(all, fmt.Sprintf("%s %d", st.Name, st.quantiser.AccBits))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
