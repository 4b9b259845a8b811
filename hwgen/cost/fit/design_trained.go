package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
)

// A trained sample is a whole network of layers that differ, drawn as training leaves
// them. Nothing of it is shared with the samples that the model is fitted to: these have
// normal weights, random thresholds, one M and N, and folds that the plan chooses.
//
// Params: layers; inputs, n, signed of the network; outputs<i>, m<i>, a<i>, p<i> (0: as
// wide as it likes), pe<i>, simd<i> of layer i; idle, the percentage of inputs that no
// weight reads; gain, the bits of the scores' gains (0: the same for all); falls, whether
// staircases may fall; shifted; luts, whether memories are kept in LUTs.

// trainedDesign rebuilds the design of a trained sample.
//
// One stream of random numbers draws all contents, layer after layer. A layer without a (bits
// of activations) is a classifier, and the last. It fails where the plan does.
func (t *table) trainedDesign(s block.Sample) (*hwgen.Design, error) {
	p, rng := s.Params, rand.New(rand.NewPCG(s.Seed, 11))
	n := quant.Network{Name: "sample", InputShape: []int{p["inputs"]},
		Input: quant.InputQuantizer{Type: quant.DataType{Bits: p["n"], Signed: p["signed"] == 1}, Quantize: truncated}}
	in, input := p["inputs"], n.Input.Type
	folds := hwgen.Folding{}
	for i := range p["layers"] {
		of := func(key string) int { return p[fmt.Sprint(key, i)] }
		l := quant.Layer{Name: fmt.Sprintf("fc%d", i), In: in, Out: of("outputs"), WeightBits: of("m"),
			AccBits: of("p"), Input: input}
		l.Weights = trainedWeights(rng, &l, p["idle"]*fabric.OneIf(i == 0), p["shifted"] == 1)
		if p["shifted"] == 1 && l.AccBits > 0 {
			l.Start = make([]int64, l.Out)
			for c := range l.Start {
				l.Start[c] = block.LowestStart(&l, c, l.AccBits)
			}
		}
		if bits := of("a"); bits > 0 {
			l.Thresholds = trainedThresholds(rng, &l, quant.DataType{Bits: bits}, p["falls"] == 1)
			input = l.Thresholds.Output
		} else {
			l.Score = trainedScore(rng, &l, p["gain"])
		}
		n.Layers = append(n.Layers, l)
		folds[l.Name] = hwgen.Fold{PE: of("pe"), SIMD: of("simd")}
		if p["luts"] != 1 {
			folds[l.Name] = placed(&l, folds[l.Name])
		}
		in = l.Out
	}
	net, err := quant.NewNetwork(n)
	if err != nil {
		return nil, err
	}
	return plan.Plan(net, hwgen.Options{Family: t.family, Folding: folds, NoBlockRAM: p["luts"] == 1})
}

// truncated is the input quantiser of all samples: areas do not depend on what inputs mean.
func truncated(_ int, v float64) int32 { return int32(v) }

// laplace draws from the two-sided exponential distribution that trained weights are
// close to: most are near 0, a few are large.
func laplace(rng *rand.Rand) float64 {
	return math.Copysign(rng.ExpFloat64(), rng.Float64()-0.5)
}

// trainedWeights draws rows of Laplace weights whose spread differs from input to input,
// the largest of each row on the top code. Where P is given, rows are projected onto the
// budget as A2Q does: all weights move towards 0 by the same amount until the row fits,
// and rounding is towards 0.
func trainedWeights(rng *rand.Rand, l *quant.Layer, idlePercent int, shifted bool) []int32 {
	spread := make([]float64, l.In)
	for i := range spread {
		spread[i] = math.Exp(0.5 * rng.NormFloat64())
		if rng.IntN(100) < idlePercent {
			spread[i] = 0
		}
	}
	l.Weights = make([]int32, l.In*l.Out)
	for c := range l.Out {
		real, most := make([]float64, l.In), 0.0
		for i := range real {
			real[i] = laplace(rng) * spread[i]
			most = max(most, math.Abs(real[i]))
		}
		quantiseRow(l, c, real, math.Ldexp(1, l.WeightBits-1)/max(most, 1e-9), shifted)
	}
	return l.Weights
}

// quantiseRow writes row c of l.Weights: real (In values) times scale, cut as drawRow does.
// Without P (0) the first cut of 0 stands. Rounding is towards 0 here, as A2Q has it, so that
// no weight grows beyond the norm that the projection left.
func quantiseRow(l *quant.Layer, c int, real []float64, scale float64, shifted bool) {
	top := math.Ldexp(1, l.WeightBits-1)
	row := l.Row(c)
	for cut := 0.0; ; cut += top / 64 {
		for i, v := range real {
			w := math.Trunc(math.Copysign(max(math.Abs(v)*scale-cut, 0), v))
			row[i] = int32(max(-top, min(top-1, w)))
		}
		_, startFits := l.ShiftedStart(c, max(1, l.AccBits))
		if l.AccBits == 0 || l.AccRange(c).Bits() <= l.AccBits || shifted && startFits {
			return
		}
	}
}

// trainedThresholds draws staircases of even steps, as a quantiser after a batch
// normalisation has them: three standard deviations of the sums fill the levels, from a
// little below their middle on. Steps beyond the range of the sums are never or always
// taken.
//
// The deviation of a sum is |w| times that of an input, as if inputs were independent and
// uniform over their codes. Values are kept between r.Min-1 (always passed) and r.Max (never),
// so high levels can be one constant: columns of their memories are then equal, or none.
func trainedThresholds(rng *rand.Rand, l *quant.Layer, out quant.DataType, falls bool) *quant.Thresholds {
	t := &quant.Thresholds{Output: out}
	t.Values = make([]int64, l.Out*t.Levels())
	input := (math.Ldexp(1, l.Input.Bits) - 1) / math.Sqrt(12) // deviation of a uniform input
	for c := range l.Out {
		squares := 0.0
		for _, w := range l.Row(c) {
			squares += float64(w) * float64(w)
		}
		deviation := max(1, math.Sqrt(squares)*input)
		r := l.AccRange(c)
		step := 3 * deviation * math.Exp(0.3*rng.NormFloat64()) / float64(t.Levels()+1)
		first := float64(r.Min+r.Max)/2 + 0.5*deviation*rng.NormFloat64() - deviation/2
		for k, row := 0, t.Channel(c); k < len(row); k++ {
			row[k] = max(r.Min-1, min(r.Max, int64(math.Floor(first+step*float64(k)))))
		}
		if falls {
			t.Inverted = append(t.Inverted, rng.IntN(4) == 0)
		}
	}
	return t
}

// trainedScore draws the scores of a classifier whose gains differ by a factor of two.
//
// Gains are 2^(gainBits-2) to just below twice that: gainBits bits with the sign, the top one
// always used. Biases are normal, a tenth of the scores' range their deviation.
func trainedScore(rng *rand.Rand, l *quant.Layer, gainBits int) *quant.Score {
	s := &quant.Score{Gain: make([]int64, l.Out), Bias: make([]int64, l.Out)}
	for c := range l.Out {
		s.Gain[c] = 1
		if gainBits > 0 {
			half := int64(1) << (gainBits - 2)
			s.Gain[c] = half + rng.Int64N(half)
		}
		r := l.AccRange(c)
		s.Bias[c] = int64(0.1 * rng.NormFloat64() * float64(r.Max-r.Min) * float64(s.Gain[c]))
	}
	return s
}
