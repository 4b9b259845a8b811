package quant

import (
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

// Classify writes the label that the network gives to samples(i) to labels[i],
// for every i, on all cores. samples is called from several goroutines; it
// returns InputSize elements, and they are read before the same goroutine's
// next call. progress, unless nil, is called now and then, by one goroutine at
// a time, with the number of samples done so far.
func (e *Executor) Classify(samples func(i int) []float32, labels []int, progress func(done int)) {
	const chunk = 64 // samples between two synchronisations
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
		lo, next = next, min(next+chunk, len(labels))
		return lo, next
	}
	for range min(runtime.GOMAXPROCS(0), (len(labels)+chunk-1)/chunk) {
		wg.Go(func() {
			var tr Trace
			x := make([]int32, e.net.InputSize())
			for lo, hi := take(0); lo < hi; lo, hi = take(hi - lo) {
				for i := lo; i < hi; i++ {
					e.net.Input.Apply(samples(i), x)
					e.Run(x, &tr)
					labels[i] = tr.Label
				}
			}
		})
	}
	wg.Wait()
}

// Accuracy returns how many of the samples the network labels right. See
// Executor.Classify for samples and progress.
func (n *Network) Accuracy(samples func(i int) []float32, labels []uint8, progress func(done int)) (correct int) {
	got := make([]int, len(labels))
	NewExecutor(n).Classify(samples, got, progress)
	for i, want := range labels {
		if got[i] == int(want) {
			correct++
		}
	}
	return correct
}
