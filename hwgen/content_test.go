package hwgen

import "testing"

// TestElement: a part's elements are those that its loops visit, lane after lane.
func TestElement(t *testing.T) {
	p := Part{Lanes: 2, Order: []Loop{{2, 0}, {3, 4}, {2, 1}}} // twice over: 0 1 4 5 8 9
	want := []int{0, 1, 4, 5, 8, 9, 0, 1, 4, 5, 8, 9}
	if p.Elements() != len(want) || (Content{p}).Beats() != 6 {
		t.Fatalf("%d elements in %d beats, want %d in 6", p.Elements(), Content{p}.Beats(), len(want))
	}
	for i, e := range want {
		if got := p.Element(i/2, i%2); got != e {
			t.Errorf("beat %d, lane %d: element %d, want %d", i/2, i%2, got, e)
		}
	}
}

// TestSame: loops that visit the same elements are the same, other steps, lanes or tensors
// are not.
func TestSame(t *testing.T) {
	a := InOrder(Tensor{"fc1", HoldsOutputs}, 12, 4, false, 2)
	split := a
	split.Order = []Loop{{1, 7}, {3, 4}, {4, 1}}
	if !(Content{a}).Same(Content{split}) {
		t.Error("a nest that goes on where its inner loop ends is another content")
	}
	for name, change := range map[string]func(*Part){
		"step":   func(p *Part) { p.Order = []Loop{{3, 1}, {4, 3}} },
		"replay": func(p *Part) { p.Order = []Loop{{2, 0}, {12, 1}} },
		"lanes":  func(p *Part) { p.Lanes = 3 },
		"bits":   func(p *Part) { p.Bits = 5 },
		"sign":   func(p *Part) { p.Signed = true },
		"layer":  func(p *Part) { p.Layer = "fc2" },
		"holds":  func(p *Part) { p.Holds = HoldsAccumulators },
	} {
		b := a
		change(&b)
		if (Content{a}).Same(Content{b}) {
			t.Errorf("another %s is the same content", name)
		}
	}
}
