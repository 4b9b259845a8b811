//go:build unix

package train

import (
	"syscall"
	"testing"
	"time"

	"github.com/a2qgen/a2qgen/examples"
	"github.com/a2qgen/a2qgen/quant"
)

// refCNN is the reference CNN: 7.5 M multiplications per sample of 28x28.
const refCNN = `layers:
  - conv: {out: 32, kernel: 3, pad: 1}
  - conv: {out: 32, kernel: 3, stride: 2, pad: 1}
  - conv: {out: 64, kernel: 3, pad: 1}
  - conv: {out: 64, kernel: 3, stride: 2, pad: 1}
`

// mobileNet has the layers of examples/fmnist-mobilenet.yaml.
const mobileNet = `layers:
  - conv: {out: 16, kernel: 3, pad: 1}
  - depthwise: {kernel: 3, stride: 2, pad: 1}
  - conv: {out: 32, kernel: 1}
  - depthwise: {kernel: 3, pad: 1}
  - conv: {out: 64, kernel: 1}
  - depthwise: {kernel: 3, stride: 2, pad: 1}
  - conv: {out: 128, kernel: 1}
  - depthwise: {kernel: 3, pad: 1}
  - conv: {out: 128, kernel: 1}
  - global_avgpool: {act_bits: 8}
`

// cpuTime returns the processor time that the program has used, over all
// cores. It is steadier than the time passed on a machine with other work.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchmarkStep times whole steps, gather to update, and reports samples/s and
// the processor time of a step.
func benchmarkStep(b *testing.B, s *Spec, shape []int, quantised bool) {
	size := 1
	for _, n := range shape {
		size *= n
	}
	set := blobs(2048, size, 10, 1)
	set.Shape = shape
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
	from := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		step(i)
	}
	b.ReportMetric((cpuTime(b)-from).Seconds()*1e3/float64(b.N), "cpu-ms/step")
	b.ReportMetric(float64(b.N)*float64(s.Batch)/b.Elapsed().Seconds(), "samples/s")
}

// benchmarkMethods runs every method at 12 bits, and float.
func benchmarkMethods(b *testing.B, spec string, shape ...int) {
	s, err := ParseSpec([]byte(spec))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("float", func(b *testing.B) { benchmarkStep(b, s, shape, false) })
	for _, m := range []quant.Method{quant.Base, quant.WN, quant.A2Q, quant.A2QPlus, quant.Budget, quant.DQ} {
		s := *s
		s.Method, s.AccBits = m, 12
		b.Run(string(m), func(b *testing.B) { benchmarkStep(b, &s, shape, true) })
	}
}

// BenchmarkMLP trains 784-256-256-256-10 in batches of 128, BenchmarkCNN the
// reference CNN, BenchmarkMobileNet a network of depthwise and 1x1 layers, BenchmarkResNet8 that of
// examples/cifar10-resnet8.yaml on images of random numbers, moved as the example says.
func BenchmarkMLP(b *testing.B)       { benchmarkMethods(b, "layers: [256, 256, 256]", 28, 28) }
func BenchmarkCNN(b *testing.B)       { benchmarkMethods(b, refCNN, 28, 28) }
func BenchmarkMobileNet(b *testing.B) { benchmarkMethods(b, mobileNet, 28, 28) }
func BenchmarkResNet8(b *testing.B) {
	text, err := examples.Specs.ReadFile("cifar10-resnet8.yaml")
	if err != nil {
		b.Fatal(err)
	}
	benchmarkMethods(b, string(text), 3, 32, 32)
}
