package nn

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/a2qgen/a2qgen/quant"
)

// stage is a layer ready to be evaluated on tensors like in.
type stage struct {
	*Op
	l  *Layer
	in []*Tensor
	// weights are integers where the layer's are; unit is what one unit of the
	// sum is worth, for each channel.
	weights Weights[float64]
	unit    []float64
	// same says that all operands have one scale, so that integers are added up.
	same bool
	gain []float64 // of the batch norm
}

// stage prepares layer i for operands like in. For each output channel c it is to
// compute acc[c] * unit[c]: unit holds the operands' scale where they share one,
// the weights' scale, and 1/taps of a mean pool, so that acc can be an exact sum of
// integers.
func (g *Graph) stage(i int, in []*Tensor) *stage {
	s := &stage{Op: g.Op(i), l: &g.Layers[i], in: in, same: true}
	for _, t := range in {
		s.same = s.same && t.Scale == in[0].Scale
	}
	s.unit = make([]float64, s.Out.C)
	for c := range s.unit {
		s.unit[c] = 1
		if s.same {
			s.unit[c] = in[0].Scale
		}
		if s.Kind == quant.AvgPool {
			s.unit[c] /= float64(s.Taps())
		}
	}
	if s.Kind.Weighted() {
		s.multiplier()
	}
	if s.l.BatchNorm != nil {
		s.gain = s.l.BatchNorm.Gains()
	}
	return s
}

// multiplier sets weights: where they are quantised their integers, so that sums
// are exact in float64. Products of 16-bit integers are below 2^31, so that 2^22 of
// them add up exactly in any order.
func (s *stage) multiplier() {
	l := s.l
	w := make([]float64, len(l.Weights))
	for k, v := range l.Weights {
		w[k] = float64(v)
		if l.WeightBits > 0 {
			w[k] = math.RoundToEven(float64(v) / l.Scale(k/l.In))
		}
	}
	s.weights.Matrix = w
	if s.Form == Channelwise {
		s.weights.Matrix = make([]float64, len(w))
		Transpose(s.weights.Matrix, w, l.Out, l.In)
	}
	for c := range s.unit {
		if l.WeightBits > 0 {
			s.unit[c] *= l.Scale(c * l.Rows() / l.Out)
		}
	}
}

// span returns the number of samples that are evaluated at a time: at most as many as a
// block of a matrix product has rows, and so few that their operands and outputs fill
// no more than the windows of a convolution may.
func (s *stage) span() int {
	numbers := s.Out.Size()
	for _, t := range s.in {
		numbers += t.Shape.Size()
	}
	return s.Span(max(1, min(gonumBlock, spanNumbers/numbers)))
}

// Run evaluates layer i on all samples of in, on all cores. means, unless nil,
// receives the mean of each channel before ReLU and quantiser. The outputs do
// not depend on the number of cores, nor do the means.
func (g *Graph) Run(i int, in []*Tensor, means []float64) *Tensor {
	s, n := g.stage(i, in), in[0].Samples()
	out := &Tensor{Shape: s.Out, V: make([]float32, n*s.Out.Size()), Scale: 1}
	switch {
	case s.l.Act != nil:
		out.Scale, out.Type = float64(s.l.Act.Scale), s.l.Act.Type()
	case s.integral():
		out.Scale, out.Type = in[0].Scale, in[0].Type
		for _, t := range in[1:] {
			out.Type = out.Type.Union(t.Type)
		}
	}
	// Sums are kept for each sample and added up in the order of the samples below:
	// the order of float additions is then the same on any number of cores.
	sums := make([][]float64, n)
	span := s.span()
	Each((n+span-1)/span, func() func(int) {
		w := s.worker(span)
		return func(k int) {
			lo, hi := k*span, min((k+1)*span, n)
			acc := w.sums(lo, hi)
			for j := lo; j < hi; j++ {
				if means != nil {
					sums[j] = make([]float64, s.Out.C)
				}
				s.finish(acc[(j-lo)*s.Out.Size():][:s.Out.Size()], out.Of(j, j+1), sums[j])
			}
		}
	})
	for _, sum := range sums {
		for c, v := range sum {
			means[c] += v / float64(n*s.Out.Positions())
		}
	}
	return out
}

// worker is a stage with memory of one goroutine.
type worker struct {
	*stage
	x    [][]float64
	acc  []float64
	work *Work[float64]
}

// worker returns one for spans of so many samples.
func (s *stage) worker(span int) *worker {
	w := &worker{stage: s, acc: make([]float64, span*s.Out.Size()), work: NewWork[float64](s.Op, span)}
	if s.Kind == quant.MaxPool {
		w.work.From = make([]int32, span*s.Out.Size())
	}
	for _, t := range s.in {
		w.x = append(w.x, make([]float64, span*t.Shape.Size()))
	}
	return w
}

// sums returns the sums of samples lo to hi in units: integers, exact in float64,
// where the operands are of one scale.
func (w *worker) sums(lo, hi int) []float64 {
	x := make([][]float64, len(w.in))
	for k, t := range w.in {
		v := t.Of(lo, hi)
		x[k] = w.x[k][:len(v)]
		scale := 1.0
		if !w.same {
			scale = t.Scale
		}
		for i, v := range v {
			x[k][i] = scale * float64(v)
		}
	}
	acc := w.acc[:(hi-lo)*w.Out.Size()]
	Forward(w.Op, x, w.weights, acc, w.work)
	return acc
}

// integral says that the outputs are integers of the operands, passed on. ReLU and
// batch norm make new numbers, and so do operands of different scales.
func (s *stage) integral() bool {
	for _, t := range s.in {
		if t.Real() {
			return false
		}
	}
	return s.same && !s.l.adds() && s.l.BatchNorm == nil && !s.l.Relu
}

// finish applies bias, batch norm, ReLU and quantiser to the sums of a sample, in
// that order, in float64 as a reader of the file does. sum, unless nil, gains the
// values before ReLU and quantiser, channel by channel.
func (s *stage) finish(acc []float64, out []float32, sum []float64) {
	l := s.l
	// Units are those of the operands, so the sums are the outputs.
	if s.integral() && l.Act == nil {
		for i, v := range acc {
			out[i] = float32(v)
		}
		return
	}
	for i, v := range acc {
		c := i % s.Out.C
		v *= s.unit[c]
		if l.Bias != nil {
			v += float64(l.Bias[c])
		}
		if b := l.BatchNorm; b != nil {
			v = (v-float64(b.Mean[c]))*s.gain[c] + float64(b.Beta[c])
		}
		if sum != nil {
			sum[c] += v
		}
		if l.Relu {
			v = max(v, 0)
		}
		if l.Act != nil {
			v = l.Act.Integer(v)
		}
		out[i] = float32(v)
	}
}

// Each calls a worker's function for every one of n, on all cores. worker is called
// once per goroutine, for memory of its own. They are handed out one by one, since
// their cost differs; which goroutine gets which is a matter of chance, so what a call
// writes must be for its own alone.
func Each(n int, worker func() func(k int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			do := worker()
			for k := next.Add(1) - 1; k < int64(n); k = next.Add(1) - 1 {
				do(int(k))
			}
		})
	}
	wg.Wait()
}
