package train

import (
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// refCNN is the reference CNN: 7.5 M multiplications a sample of 28x28.
const refCNN = `layers:
  - conv: {out: 32, kernel: 3, pad: 1}
  - conv: {out: 32, kernel: 3, stride: 2, pad: 1}
  - conv: {out: 64, kernel: 3, pad: 1}
  - conv: {out: 64, kernel: 3, stride: 2, pad: 1}
`

// benchmarkStep times whole steps, gather to update, and reports samples/s.
func benchmarkStep(b *testing.B, s *Spec, quantised bool) {
	set := blobs(2048, 784, 10, 1)
	set.Shape = []int{28, 28}
	r, err := newRun(s, set, nil, Options{})
	if err != nil {
		b.Fatal(err)
	}
	if quantised {
		r.epoch = s.Float.Epochs
		if err := r.turn(); err != nil {
			b.Fatal(err)
		}
	}
	r.shuffle()
	step := func(i int) {
		at := i * s.Batch % len(r.order)
		r.step(r.order[at:at+s.Batch], 1e-3)
	}
	step(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		step(i)
	}
	b.ReportMetric(float64(b.N)*float64(s.Batch)/b.Elapsed().Seconds(), "samples/s")
}

// benchmarkMethods runs every method at 12 bits, and float.
func benchmarkMethods(b *testing.B, spec string) {
	s, err := ParseSpec([]byte(spec))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("float", func(b *testing.B) { benchmarkStep(b, s, false) })
	for _, m := range []quant.Method{quant.Base, quant.WN, quant.A2Q, quant.A2QPlus, quant.Budget} {
		s := *s
		s.Method, s.AccBits = m, 12
		b.Run(string(m), func(b *testing.B) { benchmarkStep(b, &s, true) })
	}
}

// BenchmarkMLP trains 784-256-256-256-10 in batches of 128, BenchmarkCNN the
// reference CNN.
func BenchmarkMLP(b *testing.B) { benchmarkMethods(b, "layers: [256, 256, 256]") }
func BenchmarkCNN(b *testing.B) { benchmarkMethods(b, refCNN) }
