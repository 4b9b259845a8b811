package gradient

import (
	"context"
	"fmt"
	"sync"

	"github.com/a2qgen/a2qgen/quant/nn"
)

// Span is what a worker gets: a tape on which samples Low, Low+1, ... have gone forward and back.
type Span[T nn.Float] struct {
	*Tape[T]
	Low int
}

// spanElements bounds what a tape holds: 2^22 numbers, 16 MiB of float32, for each core.
const spanElements = 1 << 22

// Worker is what a goroutine does with the spans that it gets.
type Worker[T nn.Float] struct {
	// Do is called for a span, while other goroutines work on others.
	Do func(Span[T])
	// Add, unless nil, is called after Do, for one span at a time and in the order of the spans: what is
	// added up there does not depend on the number of cores.
	Add func()
}

// Pass says what goes through which layers.
type Pass struct {
	Graph *nn.Graph
	// First is the first layer that is run; Live has what those before it gave for all samples
	// (nn.Graph.WalkLive).
	First int
	Live  *nn.Live
	Loss  Loss
	// Through asks for the gradients to the sums of all layers with weights from First on, not of First alone.
	Through bool
	// Samples are the first so many; 0 is all.
	Samples int
}

// Each takes samples through the layers of a pass, forward and back, and has a worker of each goroutine look at them,
// span by span. It returns the mean loss.
//
// Memory is that of a span on each core: values, sums and gradients of the layers from First on, three
// numbers per element of their outputs, and the windows of one layer; spanElements of them, or those of a
// single sample.
func Each[T nn.Float](ctx context.Context, p Pass, worker func() Worker[T]) (float64, error) {
	g, samples := p.Graph, p.Live.Of(p.Graph.Layers[p.First].From[0]).Samples()
	if err := p.Loss.Check(samples, g.Shapes[len(g.Layers)-1]); err != nil {
		return 0, err
	}
	if p.Samples > 0 {
		samples = min(samples, p.Samples)
	}
	span := spanOf(g, p.First, samples)
	losses, turns := make([]float64, samples), newTurns()
	nn.Each((samples+span-1)/span, func() func(int) {
		t, w := newTape[T](g, p.First, span, p.Through), worker()
		return func(k int) {
			if ctx.Err() == nil {
				lo, hi := k*span, min((k+1)*span, samples)
				t.load(p.Live, lo, hi)
				t.grade(p.Loss, lo, t.forward(), losses)
				t.backward()
				w.Do(Span[T]{t, lo})
			}
			turns.take(k, func() {
				if w.Add != nil && ctx.Err() == nil {
					w.Add()
				}
			})
		}
	})
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("gradient: stopped: %w", err)
	}
	mean := 0.0
	for _, l := range losses {
		mean += l / float64(samples)
	}
	return mean, nil
}

// turns lets goroutines do something one after the other, in the order of numbers that are handed out in
// order: whoever waits does so for numbers that others are at work on.
type turns struct {
	next int
	cond *sync.Cond
}

func newTurns() *turns { return &turns{cond: sync.NewCond(&sync.Mutex{})} }

// take calls do when all numbers below k have had their turn.
func (t *turns) take(k int, do func()) {
	t.cond.L.Lock()
	defer t.cond.L.Unlock()
	for t.next != k {
		t.cond.Wait()
	}
	do()
	t.next++
	t.cond.Broadcast()
}

// spanOf returns the samples of a span.
func spanOf(g *nn.Graph, first, samples int) int {
	numbers := 0
	for i := first; i < len(g.Layers); i++ {
		numbers += 3 * g.Shapes[i].Size()
		if op := g.Op(i); op.Form == nn.Columns || op.Form == nn.Phased {
			numbers += op.Terms * op.Out.Positions()
		}
	}
	return max(1, min(64, samples, spanElements/numbers))
}

// grade sets the gradient of the last layer's outputs, and the losses of the span's samples.
func (t *Tape[T]) grade(loss Loss, lo int, y []T, losses []float64) {
	last := len(t.nodes) - 1
	out := t.g.Shapes[last]
	real, g := make([]float64, out.Size()), make([]float64, out.Size())
	for s := range t.n {
		for i := range real {
			real[i] = float64(y[s*len(real)+i])
		}
		losses[lo+s] = loss.Gradient(lo+s, out, real, g)
		for i, v := range g {
			t.nodes[last].dOut[s*len(g)+i] = T(v)
		}
	}
}
