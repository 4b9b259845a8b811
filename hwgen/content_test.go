package hwgen

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant/quanttest"
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
	a := inOrder(Tensor{"fc1", HoldsOutputs}, 12, 4, false, 2)
	split := a
	split.Order = []Loop{{1, 7}, {3, 4}, {4, 1}}
	if !(Content{a}).same(Content{split}) {
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
		if (Content{a}).same(Content{b}) {
			t.Errorf("another %s is the same content", name)
		}
	}
}

// TestVerify: a plan whose streams do not carry what its blocks read is refused by name.
func TestVerify(t *testing.T) {
	plan := func() *Design {
		n := quanttest.RandomNetwork(rand.New(rand.NewPCG(3, 1)), quanttest.RandomSpec{MaxSize: 20})
		d, err := Plan(n, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if err := plan().verify(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Stream){
		"order": func(s *Stream) {
			s.Content = Content{s.Content[0]}.each(func(p *Part) { p.Order = []Loop{{p.Elements(), 2}} })
		},
		"tensor": func(s *Stream) { s.Content = s.Content.each(func(p *Part) { p.Layer = "other" }) },
		"width":  func(s *Stream) { s.Bits++ },
		"beats":  func(s *Stream) { s.Beats++ },
	} {
		d := plan()
		last := len(d.Streams) - 2
		spoil(&d.Streams[last])
		if err := d.verify(); err == nil || !strings.Contains(err.Error(), d.Streams[last].Name) {
			t.Errorf("%s: got %v, want an error with stream %q", name, err, d.Streams[last].Name)
		}
	}
}
