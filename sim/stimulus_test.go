package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// pauses are the probabilities of gaps and stalls that the tests of long pauses try: each
// side alone, both, hardly any and nearly all.
var pauses = [][2]float64{{0, 0.3}, {0.3, 0}, {0.3, 0.3}, {0.01, 0.01}, {0.9, 0.9}}

// design plans a random network under a random fold.
func design(t *testing.T, seed uint64) *hwgen.Design {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	n := quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxSize: 60})
	f := hwgen.Folding{}
	for i := range n.Layers {
		l := &n.Layers[i]
		f[l.Name] = hwgen.Fold{PE: divisor(rng, l.Out), SIMD: divisor(rng, l.In),
			FIFO: hwgen.Depths{rng.IntN(2) * rng.IntN(9)}}
	}
	d, err := plan.Plan(n, hwgen.Options{Folding: f})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// divisor draws a divisor of n.
func divisor(rng *rand.Rand, n int) int {
	for {
		if d := 1 + rng.IntN(n); n%d == 0 {
			return d
		}
	}
}

// Bits of a cycle of one source and the first sink in Stimulus.bits.
const gapBit, stallBit = 1, 2

// runUsage runs frames through the model and returns what happened on its streams.
func runUsage(t *testing.T, m *Model, st *Stimulus, frames int) *usage {
	t.Helper()
	c := newComparison(m, nil, st, &Result{Frames: frames})
	_, err := m.Run(frames, st, 0, func(r *cycle.Run) error {
		r.Handshakes(c.valid, c.ready)
		c.pass()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return &c.usage
}

// TestLongPauses: whatever the probabilities, every stream of every design is blocked and
// starved, all of them at once, and the two long pauses are there with the other side free.
func TestLongPauses(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		d := design(t, seed)
		m, err := NewModel(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pauses {
			o := Options{Gap: Pattern{Probability: p[0]}, Stall: Pattern{Probability: p[1]}, Seed: seed}
			// Frames to reach both long pauses with, and to fill the design after them.
			pace, err := paceOf(m)
			if err != nil {
				t.Fatal(err)
			}
			frames := len(d.Sinks)*20 + (3+len(d.Sinks))*pace.Holds
			st, _, err := pacedStimulus(m, frames, o)
			if err != nil {
				t.Fatal(err)
			}
			checkPauses(t, fmt.Sprintf("seed %d, pauses %v", seed, p), runUsage(t, m, st, frames), st)
		}
	}
}

func checkPauses(t *testing.T, what string, u *usage, st *Stimulus) {
	t.Helper()
	for i := 0; u.all.has(i); i++ {
		if blocked, starved := u.counts(i); blocked == 0 || starved == 0 {
			t.Errorf("%s: stream %d is blocked for %d cycles and starved for %d", what, i, blocked, starved)
		}
	}
	if u.pressure.Full == 0 || u.pressure.Dry == 0 {
		t.Errorf("%s: all streams blocked in %d cycles, all starved in %d", what, u.pressure.Full, u.pressure.Dry)
	}
	// The stalls of all sinks lie above the gap of the one source.
	if got := longest(st.bits, stallBit*byte(1<<st.sinks-1)); got < st.pace.Fill {
		t.Errorf("%s: the longest stall with a free source takes %d cycles, want %d", what, got, st.pace.Fill)
	}
	if got := longest(st.bits, gapBit); got < st.pace.Drain {
		t.Errorf("%s: the longest gap with a free sink takes %d cycles, want %d", what, got, st.pace.Drain)
	}
}

// longest returns the length of the longest run of a byte.
func longest(all []byte, b byte) int64 {
	var best, n int64
	for _, v := range all {
		if n++; v != b {
			n = 0
		}
		best = max(best, n)
	}
	return best
}

// TestStimulusSeed: a seed gives the same cycles, another one others.
func TestStimulusSeed(t *testing.T) {
	m, err := NewModel(design(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	draw := func(seed uint64) []byte {
		st, _, err := pacedStimulus(m, 100, Options{Gap: Pattern{Probability: 0.2}, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		st.At(5000)
		return st.bits
	}
	if diff := cmp.Diff(draw(1), draw(1)); diff != "" {
		t.Errorf("seed 1 twice: %s", diff)
	}
	if slices.Equal(draw(1), draw(2)) {
		t.Error("seeds 1 and 2 give the same cycles")
	}
}

// TestPeriod: of every period the source pauses in the first part, the sink in the last.
func TestPeriod(t *testing.T) {
	st, err := NewStimulus(Pattern{Probability: 0.5, Period: 5}, Pattern{Probability: 0.2, Period: 5}, 1)
	if err != nil {
		t.Fatal(err)
	}
	st.At(9)
	// floor(5*0.5) = 2 gaps, floor(5*0.2) = 1 stall.
	period := []byte{gapBit, gapBit, 0, 0, stallBit}
	if want := append(slices.Clone(period), period...); !slices.Equal(st.bits, want) {
		t.Errorf("got %v, want %v", st.bits, want)
	}
}

// TestBitCounter compares with 64 plain counters.
func TestBitCounter(t *testing.T) {
	var b bitCounter
	var want [64]int64
	word := uint64(1)
	for range 5000 {
		word = word*6364136223846793005 + 1442695040888963407 // Knuth's MMIX generator
		b.add(word)
		for i := range want {
			want[i] += int64(word >> i & 1)
		}
	}
	for i, n := range want {
		if b.count(i) != n {
			t.Errorf("bit %d: counted %d, want %d", i, b.count(i), n)
		}
	}
}

// TestSinksPauseAlone: of several sinks each pauses by its own draws, begins its periods at its own time, and has
// a long pause in which the others, and the source, do not.
func TestSinksPauseAlone(t *testing.T) {
	n := *quanttest.Drawn(2, 6, 4, 3)
	n.Outputs = []quant.Output{{Name: "logits", Layer: 1}, {Name: "hidden", Layer: 0}, {Name: "again", Layer: 0}}
	checked, err := quant.NewNetwork(n)
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.Plan(checked, hwgen.Options{FPS: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModel(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, period := range []int{0, 9} {
		st, pace, err := pacedStimulus(m, 400, Options{Stall: Pattern{0.4, period}, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		u := runUsage(t, m, st, 400)
		if u.pressure.Full == 0 || u.pressure.Dry == 0 {
			t.Errorf("period %d: blocked in %d cycles, starved in %d", period, u.pressure.Full, u.pressure.Dry)
		}
		for k := range d.Sinks {
			if got := longest(st.bits, stallBit<<k); got < pace.Fill {
				t.Errorf("period %d: sink %d alone is blocked for %d cycles, want %d", period, k, got, pace.Fill)
			}
			differ := 0
			for _, b := range st.bits {
				differ += int(b>>(k+1)&1 ^ b>>((k+1)%3+1)&1)
			}
			if differ < len(st.bits)/4 {
				t.Errorf("period %d: sinks %d and %d differ in %d of %d cycles", period, k, (k+1)%3, differ, len(st.bits))
			}
		}
	}
}

// TestUnreadOutput: who never reads one output stops the others, some beats later, and they go on once it is read;
// docs/hardware.md says so.
func TestUnreadOutput(t *testing.T) {
	for seed := range uint64(60) {
		d := drawnDesign(t, seed)
		if len(d.Sinks) == 1 {
			continue
		}
		m, err := NewModel(d)
		if err != nil {
			t.Fatal(err)
		}
		pace, err := paceOf(m)
		if err != nil {
			t.Fatal(err)
		}
		for unread := range d.Sinks {
			const frames = 40
			late := 100 * pace.Fill
			taken := make([]int, len(d.Sinks)) // beats before it is read
			timing, err := m.engine.Run(frames, func(c int64) (gaps, stalls uint64) {
				if c < late {
					stalls = 1 << unread
				}
				return 0, stalls
			}, 0, func(r *cycle.Run) error {
				for k, p := range d.Sinks {
					taken[k] += int(bit(r.Fired(p.Stream) && r.Cycle < late))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for k, got := range taken {
				if most := (pace.Holds + 1) * d.Sink(k).Beats; got > most || k == unread && got > 0 {
					t.Errorf("seed %d: output %d gave %d beats while output %d was not read, want at most %d", seed, k, got,
						unread, most)
				}
			}
			if len(timing.FrameEnds) != frames {
				t.Errorf("seed %d: %d frames", seed, len(timing.FrameEnds))
			}
		}
	}
}
