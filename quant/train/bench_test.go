package train

import "testing"

// benchmarkStep times whole steps, gather to update, of the demo network
// (784-64-64-64-10, batch 128) and reports samples/s.
func benchmarkStep(b *testing.B, quantised bool) {
	s := DefaultSpec()
	s.AccBits = 12
	set := blobs(4096, 784, 10, 1)
	r, err := newRun(s, set, nil, Options{})
	if err != nil {
		b.Fatal(err)
	}
	if quantised {
		r.epoch = s.Float.Epochs
		r.turn()
	}
	r.shuffle()
	step := func(i int) {
		at := i * s.Batch % len(r.order)
		r.step(r.order[at:at+s.Batch], 1e-3)
	}
	step(0)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		step(i)
	}
	b.ReportMetric(float64(b.N)*float64(s.Batch)/b.Elapsed().Seconds(), "samples/s")
}

func BenchmarkFloatStep(b *testing.B) { benchmarkStep(b, false) }
func BenchmarkQATStep(b *testing.B)   { benchmarkStep(b, true) }
