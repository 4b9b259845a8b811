package train

import (
	"math"
	"testing"
)

// TestAverage: against the recurrence in float64, with the decay's start by
// hand: 1/10, 2/11, 3/12 before it reaches the 0.25 set.
func TestAverage(t *testing.T) {
	live := [][]float32{{8}, make([]float32, pairMin)}
	a := newAverage(0.25, live)
	want := 8.0
	for n, decay := range []float64{1.0 / 10, 2.0 / 11, 0.25, 0.25, 0.25} {
		live[0][0] = float32(n)
		live[1][pairMin-1] = float32(n)
		a.step(n + 1)
		want = decay*want + (1-decay)*float64(n)
		if got := float64(a.mean[0][0]); math.Abs(got-want) > 1e-5 {
			t.Errorf("after step %d: %g, want %g", n+1, got, want)
		}
	}
	a.swap()
	if got := float64(live[0][0]); math.Abs(got-want) > 1e-5 || a.mean[0][0] != 4 || a.mean[1][pairMin-1] != 4 {
		t.Errorf("after a swap: live %g, average %g, want %g and 4", got, a.mean[0][0], want)
	}
	a.swap()
	if live[0][0] != 4 {
		t.Errorf("after two swaps: live %g, want 4", live[0][0])
	}
	if newAverage(0, live) != nil {
		t.Error("a decay of 0 keeps an average")
	}
}

// TestAverageIsTheResult: the network that a phase ends with has the average's
// weights, those of every epoch's end are the optimiser's.
func TestAverageIsTheResult(t *testing.T) {
	s := small()
	s.Float.Average = 0.9
	r, err := newRun(s, smallSet(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, mean := r.net.params()[0].v, r.avg.mean[0]
	var lastLive, lastMean float32
	r.opts.Progress = func(e Event) {
		if !e.Done {
			lastLive, lastMean = w[0], mean[0]
		}
	}
	for epoch := range 2 {
		if err := r.trainEpoch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if lastLive == lastMean {
			t.Fatal("the average equals the weights")
		}
		want := lastLive
		if epoch == 1 {
			want = lastMean
		}
		if w[0] != want {
			t.Errorf("epoch %d: weight %g, want %g (live %g, average %g)", epoch, w[0], want, lastLive, lastMean)
		}
	}
}

// TestSettle: a phase ends with batch norm's statistics of all samples at its
// last weights, each batch counted alike, and the epochs before do not.
func TestSettle(t *testing.T) {
	s := small()
	s.Batch = 107 // 321 samples make three batches
	r, err := newRun(s, smallSet(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for epoch := range 2 {
		if err := r.trainEpoch(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := r.net.nodes[0].norm
		want := make([]float64, b.f)
		r.net.prepare()
		for at := 0; at < r.train.n; at++ {
			r.train.gatherRange(at, at+1, r.net.x)
			r.net.evaluate(1)
			for c, v := range r.net.nodes[0].pre[:b.f] {
				want[c] += float64(v) / float64(r.train.n)
			}
		}
		far := 0.0
		for c, m := range b.mean {
			far = max(far, math.Abs(float64(m)-want[c]))
		}
		if last := epoch == 1; last != (far < 1e-5) {
			t.Errorf("epoch %d: means are %g from those of the samples", epoch, far)
		}
	}
}
