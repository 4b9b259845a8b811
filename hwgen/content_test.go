package hwgen

import (
	"math/rand/v2"
	"testing"
)

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

// TestAllElements: the elements one after the other are those of each lane of each beat, of random nests of loops
// with and without a border.
func TestAllElements(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		p := Part{Lanes: 1 + rng.IntN(4)}
		for range rng.IntN(5) {
			p.Order = append(p.Order, Loop{1 + rng.IntN(4), rng.IntN(20)})
		}
		p.Order = append(p.Order, Loop{p.Lanes, rng.IntN(3)})
		if seed%3 == 0 {
			p.Border = &Border{H: 50, W: 1 + rng.IntN(5), C: 1 + rng.IntN(3), Top: rng.IntN(3), Left: rng.IntN(3)}
		}
		all := p.All()
		if len(all) != p.Elements() {
			t.Fatalf("seed %d: %d elements, want %d", seed, len(all), p.Elements())
		}
		for i, got := range all {
			if want := p.Element(i/p.Lanes, i%p.Lanes); got != want {
				t.Fatalf("seed %d: %+v: element %d is %d, want %d", seed, p, i, got, want)
			}
		}
	}
}
