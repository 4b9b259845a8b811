package quanttest

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// TestRandomNetwork checks that the population has what it promises: legal,
// certified, narrow enough, and with every awkward feature in it.
func TestRandomNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for range 400 {
		n := RandomNetwork(rng, RandomSpec{})
		if err := n.Certify(); err != nil {
			t.Fatal(err)
		}
		for i := range n.Layers {
			note(seen, &n.Layers[i])
		}
		e := quant.NewExecutor(n)
		for range 20 {
			if err := e.Check(RandomInput(rng, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, want := range []string{"one input", "one channel", "1-bit weights", "8-bit weights", "signed", "unsigned",
		"undeclared", "exact", "wider", "scores", "last thresholds", "inverted", "never", "always", "wide always"} {
		if seen[want] < 3 {
			t.Errorf("%q seen %d times in 400 networks", want, seen[want])
		}
	}
	if seen["too wide"] > 0 {
		t.Errorf("%d layers need more than 24 bits", seen["too wide"])
	}
}

func note(seen map[string]int, l *quant.Layer) {
	needed, _ := l.NeededBits()
	for name, is := range map[string]bool{
		"one input": l.In == 1, "one channel": l.Out == 1,
		"1-bit weights": l.WeightBits == 1, "8-bit weights": l.WeightBits == 8,
		"signed": l.Input.Signed, "unsigned": !l.Input.Signed,
		"undeclared": l.AccBits == 0, "exact": l.AccBits == needed, "wider": l.AccBits > needed,
		"scores": l.Score != nil, "last thresholds": l.Thresholds != nil, "too wide": needed > 24,
		"inverted":    l.Thresholds != nil && l.Thresholds.Inverted != nil,
		"wide always": l.ThresholdBits(needed) > needed,
	} {
		if is {
			seen[name]++
		}
	}
	if l.Thresholds == nil {
		return
	}
	for c := range l.Out {
		r, row := l.AccRange(c), l.Thresholds.Channel(c)
		if row[0] == r.Min-1 {
			seen["always"]++
		}
		if row[len(row)-1] == r.Max {
			seen["never"]++
		}
	}
}
