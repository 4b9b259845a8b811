package sim

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// design plans a random network under a random fold.
func design(t *testing.T, seed uint64) *hwgen.Design {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	n := quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxSize: 60})
	f := hwgen.Folding{}
	for i := range n.Layers {
		l := &n.Layers[i]
		pick := func(size int) int {
			for {
				if d := 1 + rng.IntN(size); size%d == 0 {
					return d
				}
			}
		}
		f[l.Name] = hwgen.Fold{PE: pick(l.Out), SIMD: pick(l.In)}
	}
	d, err := hwgen.Plan(n, hwgen.Options{Folding: f})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestClosedFormulas: without pauses the model has the latency and the interval
// that hwgen prints.
func TestClosedFormulas(t *testing.T) {
	for seed := range uint64(400) {
		d := design(t, seed)
		m, err := NewModel(d)
		if err != nil {
			t.Fatal(err)
		}
		st, _ := NewStimulus(Pattern{}, Pattern{}, 0)
		timing, err := m.Run(12, st, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if timing.Latency() != int64(d.LatencyCycles()) || timing.Interval() != int64(d.IntervalCycles()) {
			t.Errorf("seed %d: latency %d, want %d; interval %d, want %d", seed,
				timing.Latency(), d.LatencyCycles(), timing.Interval(), d.IntervalCycles())
			for _, b := range d.Blocks {
				t.Log(b.Name(), b.Parameters(), b.Cycles())
			}
		}
	}
}

// TestOrderDoesNotMatter: blocks may be stepped in any order.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(40) {
		d := design(t, seed)
		st, _ := NewStimulus(Pattern{Probability: 0.3}, Pattern{Probability: 0.5}, seed)
		var want []Signals
		for shuffle := range 3 {
			m, _ := NewModel(d)
			if shuffle > 0 {
				m.order = rand.New(rand.NewPCG(seed, uint64(shuffle))).Perm(len(m.blocks))
			}
			var got []Signals
			if _, err := m.Run(3, st, 5, func(_ int64, s Signals) error { got = append(got, s); return nil }); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if len(got) != len(want) {
				t.Fatalf("seed %d: %d cycles, want %d", seed, len(got), len(want))
			}
			for c := range got {
				if got[c] != want[c] {
					t.Fatalf("seed %d, cycle %d: %+v, want %+v", seed, c, got[c], want[c])
				}
			}
		}
	}
}

// TestFastForward: skipping what repeats changes no cycle.
func TestFastForward(t *testing.T) {
	for seed := range uint64(200) {
		d := design(t, seed)
		m, _ := NewModel(d)
		st, _ := NewStimulus(Pattern{}, Pattern{}, 0)
		const frames = 40
		slow, err := m.Run(frames, st, 3, func(int64, Signals) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		fast, err := m.Run(frames, st, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(slow, fast) {
			t.Fatalf("seed %d: %+v, want %+v", seed, fast, slow)
		}
	}
}
