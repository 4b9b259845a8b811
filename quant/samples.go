package quant

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// Apply turns a raw, flattened sample into integers: x[i] = Quantize(e,
// sample[e]) with e = Order[i], or i where there is no order. Panics if the
// lengths differ.
func (q *InputQuantizer) Apply(sample []float32, x []int32) {
	if len(sample) != len(x) {
		panic(fmt.Sprintf("quant: sample of %d elements, want %d", len(sample), len(x)))
	}
	if q.Order == nil {
		for i, v := range sample {
			x[i] = q.Quantize(i, float64(v))
		}
		return
	}
	for i, e := range q.Order {
		x[i] = q.Quantize(int(e), float64(sample[e]))
	}
}

// Each runs samples 0..n-1 on all cores. load writes sample i, InputSize elements, to raw,
// and see gets its trace, which is valid until it returns; both are called from several
// goroutines at once. progress, unless nil, is called now and then, by one goroutine at a
// time, with the number of samples done so far. The error is ctx's: where it ended, some
// samples are missing.
func (e *Executor) Each(ctx context.Context, n int, load func(i int, raw []float32), see func(i int, tr *Trace),
	progress func(done int)) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	// Samples between two synchronisations: many, where there are many, and few enough that
	// the workers end together.
	chunk := min(max(n/(16*max(workers, 1)), 1), 64)
	var (
		mu         sync.Mutex
		wg         sync.WaitGroup
		next, done int
	)
	// take returns the next chunk, and counts the one just finished.
	take := func(finished int) (lo, hi int) {
		mu.Lock()
		defer mu.Unlock()
		if done += finished; finished > 0 && progress != nil {
			progress(done)
		}
		lo, next = next, min(next+chunk, n)
		return lo, next
	}
	for range workers {
		wg.Go(func() {
			// Where there are fewer samples than cores, these share the layers of a sample.
			tr := Trace{scratch: scratch{workers: runtime.GOMAXPROCS(0) / workers}}
			raw, x := make([]float32, e.net.InputSize()), make([]int32, e.net.InputSize())
			for lo, hi := take(0); lo < hi; lo, hi = take(hi - lo) {
				for i := lo; i < hi; i++ {
					if ctx.Err() != nil {
						return
					}
					load(i, raw)
					e.net.Input.Apply(raw, x)
					e.Run(x, &tr)
					see(i, &tr)
				}
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}
