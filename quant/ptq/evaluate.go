package ptq

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// tensor holds what a layer gives for some samples, one after the other, channels
// last: real numbers, or integers that are worth scale each. Integers of up to 16
// bits are exact in float32. A batch of samples is evaluated layer by layer, so
// that a layer's weights are turned into integers once for all samples.
type tensor struct {
	shape quant.Shape
	v     []float32
	scale float64 // of integers; 1 for real numbers
	typ   quant.DataType
}

// real says that the tensor holds real numbers.
func (t *tensor) real() bool { return t.typ.Bits == 0 }

// sample returns the elements of sample n.
func (t *tensor) sample(n int) []float32 { return t.v[n*t.shape.Size() : (n+1)*t.shape.Size()] }

func (t *tensor) samples() int { return len(t.v) / t.shape.Size() }

// stage is a layer ready to be evaluated on tensors like in.
type stage struct {
	l     *qonnx.Layer
	shape quant.Shape
	in    []*tensor
	// weights are integers where the layer's are; unit is what one unit of the
	// sum is worth, for each channel.
	weights []float64
	unit    []float64
	// same says that all operands have one scale, so that integers are added up.
	same bool
	gain []float64 // of the batch norm
}

// stage prepares layer i for operands like in. For each output channel c it is to
// compute acc[c] * unit[c]: unit holds the operands' scale where they share one,
// the weights' scale, and 1/taps of a mean pool, so that acc can be an exact sum of
// integers.
func (g *graph) stage(i int, in []*tensor) *stage {
	s := &stage{l: &g.m.Layers[i], shape: g.shapes[i], in: in, same: true}
	for _, t := range in {
		s.same = s.same && t.scale == in[0].scale
	}
	s.unit = make([]float64, s.shape.C)
	for c := range s.unit {
		s.unit[c] = 1
		if s.same {
			s.unit[c] = in[0].scale
		}
	}
	if s.l.Kind.Weighted() {
		s.multiplier()
	}
	if s.l.Kind == quant.AvgPool {
		for c := range s.unit {
			s.unit[c] /= float64(s.l.Window.Taps())
		}
	}
	if s.l.BatchNorm != nil {
		s.gain = normGains(s.l.BatchNorm)
	}
	return s
}

// multiplier sets weights: where they are quantised their integers, so that sums
// are exact in float64. Products of 16-bit integers are below 2^31, so that 2^22 of
// them add up exactly in any order.
func (s *stage) multiplier() {
	l := s.l
	s.weights = make([]float64, len(l.Weights))
	for k, w := range l.Weights {
		s.weights[k] = float64(w)
		if l.WeightBits > 0 {
			s.weights[k] = math.RoundToEven(float64(w) / weightScale(l, k/l.In))
		}
	}
	for c := range s.unit {
		if l.WeightBits > 0 {
			s.unit[c] *= weightScale(l, c)
		}
	}
}

// weightScale returns the scale of row r's weights. A layer has one scale for each
// row, or one for all.
func weightScale(l *qonnx.Layer, r int) float64 { return float64(l.WeightScale[r%len(l.WeightScale)]) }

// normGains returns gamma/sqrt(var+epsilon) of each channel, the factor that batch
// norm applies once its statistics are fixed (ONNX BatchNormalization).
func normGains(b *qonnx.BatchNorm) []float64 {
	gain := make([]float64, len(b.Gamma))
	for c := range gain {
		gain[c] = float64(b.Gamma[c]) / math.Sqrt(float64(b.Var[c])+float64(b.Epsilon))
	}
	return gain
}

// run evaluates the stage on all samples, on all cores. means, unless nil,
// receives the mean of each channel before ReLU and quantiser. The outputs do
// not depend on the number of cores, nor do the means.
func (s *stage) run(means []float64) *tensor {
	n := s.in[0].samples()
	out := &tensor{shape: s.shape, v: make([]float32, n*s.shape.Size()), scale: 1}
	switch {
	case s.l.Act != nil:
		out.scale, out.typ = float64(s.l.Act.Scale), actType(s.l.Act)
	case s.integral():
		out.scale, out.typ = s.in[0].scale, joined(s.in)
	}
	// Sums are kept for each sample and added up in the order of the samples below:
	// the order of float additions is then the same on any number of cores.
	sums := make([][]float64, n)
	forSamples(n, func() func(int) {
		acc, scratch := make([]float64, s.shape.Size()), &scratch{}
		return func(k int) {
			s.accumulate(k, acc, scratch)
			if means != nil {
				sums[k] = make([]float64, s.shape.C)
			}
			s.finish(acc, out.sample(k), sums[k], out.real())
		}
	})
	for _, sum := range sums {
		for c, v := range sum {
			means[c] += v / float64(n*s.shape.Positions())
		}
	}
	return out
}

// integral says that the outputs are integers of the operands, passed on. ReLU and
// batch norm make new numbers, and so do operands of different scales.
func (s *stage) integral() bool {
	for _, t := range s.in {
		if t.real() {
			return false
		}
	}
	switch s.l.Kind {
	case quant.MaxPool, quant.Upsample, quant.PixelShuffle, quant.Concat, quant.Requantize:
		return s.same && s.l.BatchNorm == nil && !s.l.Relu
	}
	return false
}

// joined returns the smallest type with the values of all tensors. An unsigned type
// of N bits needs N+1 as a signed one.
func joined(in []*tensor) quant.DataType {
	t := in[0].typ
	for _, o := range in[1:] {
		bits := func(x quant.DataType) int {
			if !x.Signed && (t.Signed || o.typ.Signed) {
				return x.Bits + 1
			}
			return x.Bits
		}
		t = quant.DataType{Bits: max(bits(t), bits(o.typ)), Signed: t.Signed || o.typ.Signed}
	}
	return t
}

func actType(a *qonnx.ActQuant) quant.DataType { return quant.DataType{Bits: a.Bits, Signed: a.Signed} }

// finish applies bias, batch norm, ReLU and quantiser to the sums of a sample, in
// that order, in float64 as a reader of the file does. sum, unless nil, gains the
// values before ReLU and quantiser, channel by channel; real says that there is no
// quantiser.
func (s *stage) finish(acc []float64, out []float32, sum []float64, real bool) {
	l := s.l
	// Units are those of the operands, so the sums are the outputs.
	if s.integral() && l.Act == nil {
		for i, v := range acc {
			out[i] = float32(v)
		}
		return
	}
	for i, v := range acc {
		c := i % s.shape.C
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
		if !real {
			v = quantised(v, l.Act)
		}
		out[i] = float32(v)
	}
}

// quantised returns the integer of v. It rounds half to even, as QONNX Quant with
// rounding mode ROUND does, after clipping. A narrow range (Quant's attribute
// narrow) leaves out the lowest code of a signed type, and the highest of an
// unsigned one.
func quantised(v float64, a *qonnx.ActQuant) float64 {
	t := actType(a)
	lo, hi := float64(t.Min()), float64(t.Max())
	if a.Narrow && a.Signed {
		lo++
	} else if a.Narrow {
		hi--
	}
	return math.RoundToEven(max(lo, min(hi, v/float64(a.Scale))))
}

// forSamples calls a worker's function for every sample, on all cores. worker is
// called once per goroutine, for memory of its own; which goroutine gets which
// sample is a matter of chance, so what a call writes must be for its sample alone.
func forSamples(n int, worker func() func(k int)) {
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
