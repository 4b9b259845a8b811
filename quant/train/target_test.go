package train

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// TestWithTaps: linear layers under budget that have no taps are asked for and get their own, also
// those of branches, whose specs the plan copies, and the layer to the classes; the spec given stays.
func TestWithTaps(t *testing.T) {
	text := "method: budget\nacc_bits: 8\nlast_acc_bits: 10\n" +
		"layers: [12, {residual: {body: [12, 12]}}, {linear: {out: 8, taps: {lanes: 2, cap: 2}}}, " +
		"{linear: {out: 6, method: a2q}}]"
	s, err := ParseSpec([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	before := show(s)
	var asked []string
	got, err := s.WithTaps(smallSet(), func(l Target) quant.Taps {
		asked = append(asked, fmt.Sprintf("%s %dx%d P=%d %d units", l.Name, l.Out, l.In, l.Quantizer.AccBits, l.Units()))
		if l.Name == "fc2" {
			return quant.Taps{}
		}
		return quant.Taps{Lanes: len(asked), Cap: 1}
	})
	if err != nil {
		t.Fatal(err)
	}
	// 255/15 units of P=8 and N=4; the sum is unsigned, as its ReLU is behind it. fc1 has no target, fc4 its
	// own taps, fc5 another method.
	want := []string{"fc2 12x12 P=8 17 units", "fc3 12x12 P=8 17 units", "fc6 4x6 P=10 68 units"}
	if !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if show(s) != before {
		t.Errorf("the spec was changed: %s", show(s))
	}
	body := got.Layers[1].Body
	if body[0].Taps.Any() || body[1].Taps != (quant.Taps{Lanes: 2, Cap: 1}) ||
		got.LastTaps != (quant.Taps{Lanes: 3, Cap: 1}) {
		t.Errorf("taps %+v, %+v and %+v, want none, 2 lanes and 3 lanes", body[0].Taps, body[1].Taps, got.LastTaps)
	}
	// A bound that the layer cannot have is refused by the name of its field.
	_, err = s.WithTaps(smallSet(), func(Target) quant.Taps { return quant.Taps{Cap: 3} })
	if err == nil || !strings.Contains(err.Error(), "taps: cap is 3 without lanes") {
		t.Errorf("a cap without lanes: error %v", err)
	}
}

// TestEndTargets: P of the ends is set by overrides, and 0 takes their taps too.
func TestEndTargets(t *testing.T) {
	zero, wide := 0, 13
	s, err := tapped().With(Overrides{FirstAccBits: &zero, LastAccBits: &wide})
	if err != nil {
		t.Fatal(err)
	}
	if s.FirstAccBits != 0 || s.FirstTaps.Any() || s.LastAccBits != 13 || s.LastTaps != (quant.Taps{Units: 5}) {
		t.Errorf("ends P=%d, taps %v and P=%d, taps %v", s.FirstAccBits, s.FirstTaps, s.LastAccBits, s.LastTaps)
	}
	base := quant.Base
	if _, err := small().With(Overrides{Method: &base, LastAccBits: &wide}); err == nil ||
		!strings.Contains(err.Error(), "last_acc_bits is 13, want 0 with method base") {
		t.Errorf("a target under base: error %v", err)
	}
}
