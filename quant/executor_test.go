package quant_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// naive evaluates a network by the definitions, one int64 product at a time.
func naive(n *quant.Network, x []int32) quant.Trace {
	var tr quant.Trace
	for i := range n.Layers {
		l := &n.Layers[i]
		acc, out := make([]int64, l.Out), make([]int32, l.Out)
		for c := range acc {
			for j, w := range l.Row(c) {
				acc[c] += int64(w) * int64(x[j])
			}
			if l.Thresholds != nil {
				out[c] = int32(staircase(l.Thresholds, c, acc[c]))
			}
		}
		tr.Acc = append(tr.Acc, acc)
		tr.Out = append(tr.Out, out)
		x = out
		if l.Thresholds == nil {
			tr.Out[i] = nil
		}
	}
	for _, o := range n.Outputs {
		scores, label := naiveScores(&n.Layers[o.Layer], tr.Acc[o.Layer], tr.Out[o.Layer], o.Boundary)
		tr.Scores, tr.Label = append(tr.Scores, scores), append(tr.Label, label)
	}
	return tr
}

// naiveScores ranks what a layer gives.
func naiveScores(l *quant.Layer, acc []int64, out []int32, boundary int64) (scores []int64, label int) {
	for c := range acc {
		var score int64
		if l.Score != nil {
			score = acc[c]*l.Score.Gain[c] + l.Score.Bias[c]
		} else {
			score = int64(out[c])
		}
		scores = append(scores, score)
		if score > scores[label] {
			label = c
		}
	}
	if l.Out == 1 && scores[0] > boundary { // two classes
		label = 1
	}
	return scores, label
}

// staircase counts thresholds one by one (MATH 6). Of a sign there is one, between -1
// and +1.
func staircase(t *quant.Thresholds, c int, acc int64) int64 {
	if t.Output.Bipolar {
		if (acc > t.Values[c]) != (t.Inverted != nil && t.Inverted[c]) {
			return 1
		}
		return -1
	}
	n := int64(0)
	for _, v := range t.Channel(c) {
		if acc > v {
			n++
		}
	}
	if t.Inverted != nil && t.Inverted[c] {
		return t.Output.Max() - n
	}
	return t.Output.Min() + n
}

func TestExecutorRandom(t *testing.T) {
	networks := 500
	if testing.Short() {
		networks = 150
	}
	rng := rand.New(rand.NewPCG(6, 1))
	for i := range networks {
		n := quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxSize: 24 + i%40, Signs: i%5 == 0})
		e := quant.NewExecutor(n)
		var tr quant.Trace
		for range 10 {
			x := quanttest.RandomInput(rng, n)
			e.Run(x, &tr)
			want := naive(n, x)
			if !sameTrace(&want, &tr) {
				diff := cmp.Diff(want, tr, cmpopts.IgnoreUnexported(tr), cmpopts.EquateEmpty())
				t.Fatalf("network %d, input %v: (-want +got)\n%s", i, x, diff)
			}
		}
	}
}

func sameTrace(a, b *quant.Trace) bool {
	return slices.Equal(a.Label, b.Label) && slices.EqualFunc(a.Scores, b.Scores, slices.Equal[[]int64]) &&
		slices.EqualFunc(a.Acc, b.Acc, slices.Equal[[]int64]) &&
		slices.EqualFunc(a.Out, b.Out, slices.Equal[[]int32])
}

// dense returns a network of random weights of m bits, inputs of n bits.
func dense(rng *rand.Rand, m, n int, sizes ...int) *quant.Network {
	input := quant.DataType{Bits: n}
	net := quant.Network{Name: "dense", InputShape: sizes[:1], Input: quant.InputQuantizer{
		Type: input, Quantize: func(_ int, v float64) int32 { return int32(v) }}}
	for i, out := range sizes[1:] {
		l := quant.Layer{Name: fmt.Sprintf("fc%d", i), In: sizes[i], Out: out, Input: input, WeightBits: m}
		for range l.In * out {
			l.Weights = append(l.Weights, int32(rng.IntN(1<<m)-1<<(m-1)))
		}
		l.Score = &quant.Score{Gain: make([]int64, out), Bias: make([]int64, out)}
		if i < len(sizes)-2 {
			l.Score = nil
			l.Thresholds = &quant.Thresholds{Output: input}
			for range out {
				for k := range l.Thresholds.Levels() {
					l.Thresholds.Values = append(l.Thresholds.Values, int64(k*l.In))
				}
			}
		} else {
			for c := range l.Score.Gain {
				l.Score.Gain[c] = 1
			}
		}
		net.Layers = append(net.Layers, l)
	}
	built, err := quant.NewNetwork(net)
	if err != nil {
		panic(err)
	}
	return built
}

// TestExecutorWide reaches accumulators of up to 48 bits, one lane per word, and
// drives every channel to both ends of its range.
func TestExecutorWide(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	for _, c := range []struct{ m, n, in int }{{16, 16, 300}, {16, 8, 100}, {8, 8, 100}, {4, 4, 64}, {2, 1, 9},
		{1, 1, 1}} {
		net := dense(rng, c.m, c.n, c.in, 19)
		e := quant.NewExecutor(net)
		var tr quant.Trace
		l := &net.Layers[0]
		for ch := range l.Out {
			r := l.AccRange(ch)
			for sign, want := range map[int]int64{1: r.Max, -1: r.Min} {
				e.Run(l.MaxInput(ch, sign), &tr)
				if got := tr.Acc[0][ch]; got != want {
					t.Errorf("M=%d N=%d: channel %d reaches %d, want %d", c.m, c.n, ch, got, want)
				}
			}
		}
	}
}

func TestExecutorTies(t *testing.T) {
	net := dense(rand.New(rand.NewPCG(8, 1)), 2, 1, 3, 4)
	clear(net.Layers[0].Weights)
	copy(net.Layers[0].Score.Bias, []int64{-1, 5, 5, 0})
	var tr quant.Trace
	quant.NewExecutor(net).Run([]int32{1, 0, 1}, &tr)
	if tr.Label[0] != 1 {
		t.Errorf("label %d of scores %v, want 1", tr.Label[0], tr.Scores[0])
	}
}

func TestExecutorCheck(t *testing.T) {
	e := quant.NewExecutor(dense(rand.New(rand.NewPCG(9, 1)), 2, 2, 3, 4))
	for _, c := range []struct {
		x    []int32
		want string
	}{
		{[]int32{0, 3, 1}, ""},
		{[]int32{0, 4, 1}, `quant: network "dense": input 1 is 4, want UINT2`},
		{[]int32{0, 3, -1}, `quant: network "dense": input 2 is -1, want UINT2`},
		{[]int32{0, 3}, `quant: network "dense": got 2 inputs, want 3`},
	} {
		err := e.Check(c.x)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("Check(%v) = %v, want %q", c.x, err, c.want)
		}
		func() {
			defer func() {
				if (recover() == nil) != (c.want == "") {
					t.Errorf("Run(%v): panics differently from Check", c.x)
				}
			}()
			e.Run(c.x, &quant.Trace{})
		}()
	}
}

// TestScoreOverflow: a 100-term sum of 8-bit products reaches beyond 2^18, so
// gains of 2^45 no longer fit, nor does a bias at the end of int64.
func TestScoreOverflow(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	for _, c := range []struct {
		gain, bias int64
		ok         bool
	}{
		{1 << 40, 0, true}, {1 << 45, 0, false}, {-1 << 45, 0, false}, {math.MinInt64, 0, false},
		{1, math.MaxInt64 - 1<<23, true}, {1, math.MaxInt64, false}, {1, math.MinInt64, false},
		{0, math.MinInt64, true},
	} {
		n := *dense(rng, 8, 8, 100, 2)
		n.Layers[0].Score.Gain[1], n.Layers[0].Score.Bias[1] = c.gain, c.bias
		_, err := quant.NewNetwork(n)
		if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), `layer "fc0": channel 1: score`) {
			t.Errorf("gain %d, bias %d: error %v", c.gain, c.bias, err)
		}
	}
}

func TestExecutorDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	n := dense(rng, 4, 4, 30, 20, 10)
	e := quant.NewExecutor(n)
	x := quanttest.RandomInput(rng, n)
	var tr quant.Trace
	e.Run(x, &tr)
	if a := testing.AllocsPerRun(10, func() { e.Run(x, &tr) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// TestEach: every sample is seen once, with the trace of the naive executor, on whatever core;
// where the context ends, the rest is left out and said to be.
func TestEach(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	n := quanttest.RandomNetwork(rng, quanttest.RandomSpec{AlwaysScore: true})
	inputs, labels := make([][]int32, 333), make([]int, 333)
	for i := range inputs {
		inputs[i], labels[i] = quanttest.RandomInput(rng, n), -1
	}
	load := func(i int, raw []float32) {
		for k, v := range inputs[i] {
			raw[k] = float32(v)
		}
	}
	var last atomic.Int64
	err := quant.NewExecutor(n).Each(t.Context(), len(inputs), load,
		func(i int, tr *quant.Trace) { labels[i] = tr.Label[0] },
		func(done int) {
			if int64(done) <= last.Swap(int64(done)) {
				t.Errorf("progress falls to %d", done)
			}
		})
	if err != nil || last.Load() != 333 {
		t.Errorf("%d of 333 done, %v", last.Load(), err)
	}
	for i, x := range inputs {
		if want := naive(n, x).Label[0]; labels[i] != want {
			t.Errorf("sample %d: label %d, want %d", i, labels[i], want)
		}
	}
	if err := quant.NewExecutor(n).Each(t.Context(), 0, nil, nil, nil); err != nil {
		t.Errorf("no samples: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var seen atomic.Int64
	err = quant.NewExecutor(n).Each(ctx, len(inputs), load, func(int, *quant.Trace) { seen.Add(1); stop() }, nil)
	if !errors.Is(err, context.Canceled) || seen.Load() == 0 || seen.Load() > int64(runtime.GOMAXPROCS(0)) {
		t.Errorf("stopped by the first sample: %d seen, %v", seen.Load(), err)
	}
}

// BenchmarkExecutor reports MACs per second, zeros included, on one core: a
// layer of 784 8-bit inputs and 8-bit weights, and the demo's 4-bit network.
func BenchmarkExecutor(b *testing.B) {
	rng := rand.New(rand.NewPCG(13, 1))
	for _, c := range []struct {
		m, n  int
		sizes []int
	}{{8, 8, []int{784, 64}}, {4, 4, []int{64, 64}}, {4, 4, []int{784, 64, 64, 64, 10}}} {
		b.Run(fmt.Sprintf("w%da%d_%v", c.m, c.n, c.sizes), func(b *testing.B) {
			n := dense(rng, c.m, c.n, c.sizes...)
			e := quant.NewExecutor(n)
			x := make([]int32, n.InputSize())
			for i := range x {
				x[i] = int32(1 + rng.IntN(1<<c.n-1))
			}
			macs := 0
			for i := range n.Layers {
				macs += len(n.Layers[i].Weights)
			}
			var tr quant.Trace
			for b.Loop() {
				e.Run(x, &tr)
			}
			b.ReportMetric(float64(macs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
