package train

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// TestChoose compares with every choice there is.
func TestChoose(t *testing.T) {
	rng := rand.New(rand.NewPCG(60, 1))
	for range 2000 {
		w, cost := &Widths{}, [][]int{}
		for range 1 + rng.IntN(4) {
			var c []int
			var l []float64
			for range 1 + rng.IntN(4) {
				c, l = append(c, rng.IntN(10)), append(l, float64(rng.IntN(12)))
			}
			cost, w.Loss = append(cost, c), append(w.Loss, l)
		}
		limit := rng.IntN(25)
		best, possible := 0.0, false
		forEachChoice(cost, func(choice []int) {
			spent, loss := sums(cost, w.Loss, choice)
			if spent <= limit && (!possible || loss < best) {
				best, possible = loss, true
			}
		})
		got, err := w.Choose(cost, limit)
		if !possible {
			if err == nil {
				t.Fatalf("%v at most %d: chose %v, want an error", cost, limit, got)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if spent, loss := sums(cost, w.Loss, got); spent > limit || loss != best {
			t.Fatalf("costs %v, losses %v, at most %d: chose %v for %d, loss %g, want %g",
				cost, w.Loss, limit, got, spent, loss, best)
		}
	}
}

// TestChooseHugeLimit: a limit beyond the dearest choice is that choice's, in result
// and in memory. The table was as long as the limit: 10^9 took 7.9 GB, 10^11 a panic.
func TestChooseHugeLimit(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 1))
	for range 200 {
		w, cost, most := &Widths{}, [][]int{}, 0
		for range 1 + rng.IntN(4) {
			var c []int
			var l []float64
			for range 1 + rng.IntN(6) {
				c, l = append(c, rng.IntN(1000)), append(l, float64(rng.IntN(12)))
			}
			cost, w.Loss, most = append(cost, c), append(w.Loss, l), most+slices.Max(c)
		}
		want, err := w.Choose(cost, most)
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{most + 1, 1e9, 1e11, math.MaxInt} {
			got, err := w.Choose(cost, limit)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("costs %v, losses %v, at most %d: chose %v, %v, want %v as at %d",
					cost, w.Loss, limit, got, err, want, most)
			}
		}
	}
}

// TestChooseMemory: three layers of at most 1,000 LUT take a table of 3,001 columns:
// 8 bytes per loss, twice, and 8 per choice, in each layer: below 300 kB.
func TestChooseMemory(t *testing.T) {
	cost := [][]int{{0, 1000}, {0, 1000}, {0, 1000}}
	w := &Widths{Loss: [][]float64{{1, 0}, {1, 0}, {1, 0}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := w.Choose(cost, 1e11); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 300e3 {
		t.Errorf("Choose takes %d bytes for a limit of 1e11, want at most 300,000", got)
	}
}

func forEachChoice(cost [][]int, do func(choice []int)) {
	choice := make([]int, len(cost))
	var walk func(i int)
	walk = func(i int) {
		if i == len(cost) {
			do(choice)
			return
		}
		for choice[i] = range cost[i] {
			walk(i + 1)
		}
	}
	walk(0)
}

func sums(cost [][]int, loss [][]float64, choice []int) (spent int, sum float64) {
	for i, k := range choice {
		spent += cost[i][k]
		sum += loss[i][k]
	}
	return spent, sum
}

// TestCandidates: every P that holds a weight, with each bound on taps, and with each M that it
// can fill. With 4-bit inputs 4 bits hold one unit, 5 two and 6 four (quant.BudgetShifted); weights
// of 2 bits are up to 1, of 3 up to 3.
func TestCandidates(t *testing.T) {
	wide, narrow := quant.Taps{Lanes: 2, Cap: 2}, quant.Taps{Lanes: 3, Cap: 1}
	var none quant.Taps
	for _, c := range []struct {
		own   quant.Taps
		bound func(Target) []quant.Taps
		want  []Width
	}{
		{none, nil, []Width{{4, 2, none}, {5, 2, none}, {5, 3, none}, {6, 2, none}, {6, 3, none}, {6, 4, none}}},
		// A bank of one unit holds no weight of more than one.
		{narrow, nil, []Width{{4, 2, narrow}, {5, 2, narrow}, {6, 2, narrow}}},
		// The spec's own come before the allocator's.
		{narrow, func(Target) []quant.Taps { return []quant.Taps{wide} },
			[]Width{{4, 2, narrow}, {5, 2, narrow}, {6, 2, narrow}}},
		// Two units are the most of a weight then: 3 bits, and those alone.
		{none, func(Target) []quant.Taps { return []quant.Taps{wide} },
			[]Width{{4, 2, wide}, {5, 3, wide}, {6, 3, wide}}},
		{none, func(l Target) []quant.Taps {
			if l.In != 20 || l.Out != 7 || l.Name != "fc2" {
				t.Errorf("asked for %+v, want fc2, 7 rows of 20", l)
			}
			if l.Units() < 4 {
				return []quant.Taps{wide}
			}
			return []quant.Taps{wide, none}
		}, []Width{{4, 2, wide}, {5, 3, wide}, {6, 3, wide}, {6, 2, none}, {6, 3, none}, {6, 4, none}}},
	} {
		st := &step{Layer: nn.Layer{Name: "fc2", Kind: quant.Linear, In: 20}, out: quant.Shape{C: 7},
			quantiser: &quant.Quantizer{Method: quant.Budget, Rule: quant.Shifted, Input: quant.DataType{Bits: 4},
				AccBits: 6, WeightBits: 4, Taps: c.own}}
		if got := candidates(st, c.bound); !slices.Equal(got, c.want) {
			t.Errorf("own taps %v: candidates %v, want %v", c.own, got, c.want)
		}
		if z := st.quantiser; z.AccBits != 6 || z.Taps != c.own {
			t.Errorf("left the layer at P=%d, taps %v", z.AccBits, z.Taps)
		}
	}
}

// TestAllocatedTaps: the network keeps the bound that was chosen, and so does a run that was stopped.
func TestAllocatedTaps(t *testing.T) {
	s := small()
	s.Method, s.Rule = quant.Budget, quant.Shifted
	bound := quant.Taps{Lanes: 4, Cap: 1}
	within := func() *Allocator {
		a := chooser(7, 0, 0)
		a.Taps = func(Target) []quant.Taps { return []quant.Taps{bound} }
		return a
	}
	out := filepath.Join(t.TempDir(), "net.onnx")
	_, want := mustRun(t, s, Options{Allocate: within()})
	ctx, stop := context.WithCancel(context.Background())
	if _, err := Run(ctx, s, smallSet(), nil, Options{Out: out, Allocate: within(), Progress: func(e Event) {
		if e.Phase == QATPhase && e.Epoch == 2 {
			stop()
		}
	}}); err == nil {
		t.Fatal("was not stopped")
	}
	if _, got := mustRun(t, s, Options{Out: out, Resume: true, Allocate: within()}); !bytes.Equal(got, want) {
		t.Error("the resumed run gives another network")
	}
	net, err := qonnx.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 2; i++ {
		if l := &net.Layers[i]; l.BankPeak(4) != 1 {
			t.Errorf("layer %s has %d units in a bank, want 1", l.Name, l.BankPeak(4))
		}
	}
}

// chooser returns an allocator that takes the given candidate of each layer,
// counted from the last.
func chooser(limit int, below ...int) *Allocator {
	return &Allocator{Limit: limit, Choose: func(w *Widths) ([]int, error) {
		var out []int
		for i, c := range w.Candidates {
			out = append(out, len(c)-1-below[i])
		}
		return out, nil
	}}
}

// TestMeasure: the loss of a candidate is that of its layer alone, all others at
// their last, with the statistics of the batches.
func TestMeasure(t *testing.T) {
	s := small()
	s.Method, s.Rule = quant.Budget, quant.Shifted
	mustRun(t, s, Options{Allocate: &Allocator{Limit: 1, Choose: func(w *Widths) ([]int, error) {
		chosen := make([]int, len(w.Candidates))
		for i, c := range w.Candidates {
			chosen[i] = len(c) - 1
			if z := w.nodes[i].step.quantiser; (Width{z.AccBits, z.WeightBits, z.Taps}) != c[len(c)-1] {
				t.Errorf("layer %s was left at P=%d, M=%d", w.Layers[i], z.AccBits, z.WeightBits)
			}
		}
		full := trainingLoss(w.run)
		for i, c := range w.Candidates {
			for k := range c {
				w.set(i, k)
				if got, want := w.Loss[i][k], trainingLoss(w.run)-full; math.Abs(got-want) > 1e-6 {
					t.Errorf("layer %s, %+v: loss rises by %g, want %g", w.Layers[i], c[k], got, want)
				}
			}
			w.set(i, len(c)-1)
		}
		return chosen, nil
	}}})
}

// trainingLoss is the mean loss over all samples in batches as they come. A last batch
// of one sits out, as in training: by its own statistics it has no values but 0.
func trainingLoss(r *run) float64 {
	r.net.prepare()
	sum, n := 0.0, r.train.n
	if n%r.spec.Batch == 1 {
		n--
	}
	for at := 0; at < n; at += r.spec.Batch {
		rows := r.train.gatherRange(at, min(at+r.spec.Batch, n), r.net.x)
		loss, _ := crossEntropy(r.net.forward(rows, 0), r.train.labels[at:],
			make([]float32, rows*r.width), rows, r.width)
		sum += loss * float64(rows)
	}
	return sum / float64(n)
}

// TestMeasureUnderDistillation: the loss that widths are chosen by is that on the labels,
// also where QAT will have a teacher, which is not asked. (It was, with a temperature of
// 0: logits divided by 0, and a loss that was right only as no NaN is above 0.)
func TestMeasureUnderDistillation(t *testing.T) {
	s, measured := small(), false
	s.Method, s.Rule, s.Distil = quant.Budget, quant.Shifted, Distil{Weight: 0.5, Temperature: 3}
	mustRun(t, s, Options{Allocate: &Allocator{Limit: 1, Choose: func(w *Widths) ([]int, error) {
		measured = true
		kept := w.run.teacher
		if kept == nil {
			t.Fatal("QAT has no teacher")
		}
		// One without outputs: to ask it is to panic.
		w.run.teacher = &teacher{}
		got, want := w.run.calibrationLoss(), trainingLoss(w.run)
		w.run.teacher = kept
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("loss %g, want %g", got, want)
		}
		return []int{0, 0}, nil
	}}})
	if !measured {
		t.Error("nothing was measured")
	}
}

// TestBatches: the batches of an epoch, and of what is measured before. By definition:
// full ones and what is left, unless that is a single sample.
func TestBatches(t *testing.T) {
	for _, c := range []struct{ n, size, want int }{
		{2, 2, 1}, {3, 2, 1}, {4, 2, 2}, {32, 32, 1}, {33, 32, 1}, {34, 32, 2}, {64, 32, 2}, {321, 32, 10}, {2, 128, 1},
	} {
		if got := batches(c.n, c.size); got != c.want {
			t.Errorf("%d samples in batches of %d: %d, want %d", c.n, c.size, got, c.want)
		}
	}
}

// TestAllocate: the network has the widths that were chosen; where these are the
// spec's it is the one that training gives without.
func TestAllocate(t *testing.T) {
	s := small()
	s.Method, s.Rule = quant.Budget, quant.Shifted
	_, plain := mustRun(t, s, Options{})
	if _, same := mustRun(t, s, Options{Allocate: chooser(1, 0, 0)}); !bytes.Equal(plain, same) {
		t.Error("the spec's own widths give another network")
	}
	out := filepath.Join(t.TempDir(), "net.onnx")
	mustRun(t, s, Options{Out: out, Allocate: chooser(1, 4, 6)})
	net, err := qonnx.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	// 10 bits have weights of 2, 3 and 4 bits, so do 9 and 8.
	for i, want := range []Width{{AccBits: 9, WeightBits: 3}, {AccBits: 8, WeightBits: 4}} {
		l := &net.Layers[1+i]
		if l.AccBits != want.AccBits || l.WeightBits > want.WeightBits {
			t.Errorf("layer %s has P=%d, M=%d, want %+v", l.Name, l.AccBits, l.WeightBits, want)
		}
		if err := l.Certify(want.AccBits); err != nil {
			t.Error(err)
		}
	}
}

// TestWidthsMeasure: narrower accumulators lose more, and what is measured leaves
// no trace.
func TestWidthsMeasure(t *testing.T) {
	s := small()
	s.Method, s.Rule = quant.Budget, quant.Shifted
	mustRun(t, s, Options{Allocate: &Allocator{Limit: 1, Choose: func(w *Widths) ([]int, error) {
		if !slices.Equal(w.Layers, []string{"fc2", "fc3"}) {
			t.Errorf("layers %v", w.Layers)
		}
		for i, loss := range w.Loss {
			if last := len(loss) - 1; loss[last] != 0 || !(loss[0] > 0.01) {
				t.Errorf("layer %s: losses %v, want 0 at the end and more at the start", w.Layers[i], loss)
			}
		}
		m := w.Model(3)
		for i, c := range w.Candidates {
			l, want := m.Layers[1+i], c[len(c)-4]
			if l.AccBits != want.AccBits || l.WeightBits != want.WeightBits {
				t.Errorf("model: layer %s has P=%d, M=%d, want %+v", l.Name, l.AccBits, l.WeightBits, want)
			}
		}
		return w.Choose([][]int{make([]int, len(w.Loss[0])), make([]int, len(w.Loss[1]))}, 0)
	}}})
	s.Method = quant.Base
	if _, err := Run(context.Background(), s, smallSet(), nil, Options{Allocate: chooser(1)}); err == nil ||
		!strings.Contains(err.Error(), "no layer is under a method") {
		t.Errorf("base: %v", err)
	}
}

// TestAllocateResumes: a run that was stopped keeps its widths, and is not
// continued under another limit.
func TestAllocateResumes(t *testing.T) {
	s := small()
	s.Method, s.Rule = quant.Budget, quant.Shifted
	_, want := mustRun(t, s, Options{Allocate: chooser(7, 2, 5)})
	out := filepath.Join(t.TempDir(), "net.onnx")
	ctx, stop := context.WithCancel(context.Background())
	_, err := Run(ctx, s, smallSet(), nil, Options{Out: out, Allocate: chooser(7, 2, 5), Progress: func(e Event) {
		if e.Phase == QATPhase && e.Epoch == 2 {
			stop()
		}
	}})
	if err == nil {
		t.Fatal("was not stopped")
	}
	for _, a := range []*Allocator{nil, chooser(8, 2, 5)} {
		_, err := Run(context.Background(), s, smallSet(), nil, Options{Out: out, Resume: true, Allocate: a})
		if err == nil || !strings.Contains(err.Error(), "chosen for a limit of 7") {
			t.Errorf("resumed under another limit: %v", err)
		}
	}
	fails := &Allocator{Limit: 7, Choose: func(*Widths) ([]int, error) {
		t.Error("chose again")
		return nil, context.Canceled
	}}
	if _, got := mustRun(t, s, Options{Out: out, Resume: true, Allocate: fails}); !bytes.Equal(got, want) {
		t.Error("the resumed run gives another network")
	}
}
