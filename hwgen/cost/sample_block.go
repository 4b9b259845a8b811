package cost

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
	"github.com/a2qgen/a2qgen/quant"
)

// Unit rebuilds the block that a sample stands for. It panics for a design.
//
// InputBits are those of the stream before it, per beat: SIMD inputs of N bits for an MVAU, PE
// accumulators of P bits for a label select. Params are explained where they are drawn
// (hwgen/cost/fit); one that a sample lacks is 0.
func (s Sample) Unit() synth.Unit {
	p := s.Params
	switch s.Kind {
	case KindMVAU:
		l := s.layer()
		m := &hwgen.MVAU{Layer: l, Fold: hwgen.Fold{PE: p["pe"], SIMD: p["simd"]}, AccBits: p["p"],
			ThresholdBits: l.ThresholdBits(p["p"]), BlockROM: p["block"] == 1}
		return synth.Unit{Block: m, InputBits: p["simd"] * p["n"]}
	case KindReplayBuffer:
		return synth.Unit{Block: &hwgen.ReplayBuffer{LayerName: "fc", Width: p["width"], Length: p["length"],
			Repeats: p["repeats"], BlockRAM: p["block"] == 1}, InputBits: p["width"]}
	case KindFIFO:
		return synth.Unit{Block: &hwgen.FIFO{LayerName: "fc", Width: p["width"], Depth: p["depth"],
			Beats: p["depth"]}, InputBits: p["width"]}
	case KindWidthConverter:
		return synth.Unit{Block: &hwgen.WidthConverter{LayerName: "fc", Word: p["word"], In: p["in"], Out: p["out"],
			InBeats: p["out"]}, InputBits: p["word"] * p["in"]}
	case KindLabelSelect:
		return synth.Unit{Block: &hwgen.LabelSelect{Layer: s.layer(), PE: p["pe"], AccBits: p["p"]},
			InputBits: p["pe"] * p["p"]}
	}
	panic(fmt.Sprintf("cost: a sample of kind %q is no block", s.Kind))
}

// lowestStart returns the start value that puts the smallest sum of channel c on
// the lowest code of p bits, or one above where that leaves a code free.
//
// That is quant.Layer.ShiftedStart without its case of a plain accumulator. One above the
// lowest code leaves room for a threshold below every sum in P bits.
func lowestStart(l *quant.Layer, c, p int) int64 {
	r := l.AccRange(c) // before the start value is set
	start := -int64(1)<<(p-1) - r.Min
	if r.Max-r.Min < int64(1)<<p-1 {
		start++
	}
	return start
}

// Design rebuilds the design that a sample of kind design is of: layers of sizes s0,
// s1, ... with m-bit weights and n-bit activations; p bits for the hidden layers.
//
// pe0, simd0, ... fix the fold of a layer; else the plan chooses it for kfps thousand frames
// per second. It fails where the plan does. Samples with a number of layers are trained ones.
func (s Sample) Design() (*hwgen.Design, error) {
	p := s.Params
	if p["layers"] > 0 {
		return s.trainedDesign()
	}
	var sizes []int
	for p[fmt.Sprintf("s%d", len(sizes))] > 0 {
		sizes = append(sizes, p[fmt.Sprintf("s%d", len(sizes))])
	}
	n := quant.Network{Name: "sample", InputShape: sizes[:1],
		Input: quant.InputQuantizer{Type: quant.DataType{Bits: p["n"]},
			Quantize: func(_ int, v float64) int32 { return int32(v) }}}
	last, folds := len(sizes)-2, hwgen.Folding{}
	// A chain: nil reads the layer before, and no kind is linear.
	for i, role := range quant.Roles(make([][]int, last+1), make([]quant.Kind, last+1)) {
		layer := map[string]int{"mw": sizes[i], "mh": sizes[i+1], "m": p["m"], "n": p["n"], "p": p["p"],
			"a": p["n"], "gain": p["gain"]}
		if !role.Hidden() {
			layer["p"] = 2*max(p["m"], p["n"]) + 12 // as wide as it likes
		}
		if i == last {
			layer["a"] = 0
		}
		l := Sample{Seed: s.Seed<<8 + uint64(i), Params: layer}.layer()
		l.Name = fmt.Sprintf("fc%d", i)
		if pe := p[fmt.Sprintf("pe%d", i)]; pe > 0 {
			folds[l.Name] = hwgen.Fold{PE: pe, SIMD: p[fmt.Sprintf("simd%d", i)]}
		}
		n.Layers = append(n.Layers, *l)
	}
	net, err := quant.NewNetwork(n)
	if err != nil {
		return nil, err
	}
	return hwgen.Plan(net, hwgen.Options{FPS: float64(p["kfps"]) * 1000, Folding: folds})
}

// layer draws the layer of a sample: normal weights that use the M bits, shrunk
// towards zero (as training under a budget does) until P bits are enough, from start
// values where the sample is shifted, unless it is of an unsafe P.
func (s Sample) layer() *quant.Layer {
	p := s.Params
	rng := rand.New(rand.NewPCG(s.Seed, 7))
	l := &quant.Layer{Name: "fc", In: p["mw"], Out: p["mh"], WeightBits: p["m"],
		Input: quant.DataType{Bits: p["n"], Signed: p["signed"] == 1}}
	l.Weights = make([]int32, l.In*l.Out)
	for c := range l.Out {
		drawRow(rng, l, c, p)
	}
	if p["shifted"] == 1 {
		l.Start = make([]int64, l.Out)
		for c := range l.Start { // also where 0 would do: the memory is to be seen
			l.Start[c] = lowestStart(l, c, p["p"])
		}
	}
	if p["a"] > 0 {
		l.Thresholds = drawThresholds(rng, l, quant.DataType{Bits: p["a"], Signed: p["asigned"] == 1},
			p["invert"] == 1, p["p"])
		return l
	}
	l.Score = &quant.Score{Gain: make([]int64, l.Out), Bias: make([]int64, l.Out)}
	for c := range l.Out {
		l.Score.Gain[c] = 1
		if p["gain"] > 0 {
			l.Score.Gain[c] = 1 + rng.Int64N(int64(1)<<p["gain"])
		}
		l.Score.Bias[c] = int64(rng.NormFloat64() * math.Ldexp(1, p["p"]+p["gain"]-4))
	}
	return l
}

// drawRow draws row c of l.Weights, In values of M bits.
//
// A deviation of 0.4 of the largest code uses all M bits and clips few. All values move towards
// 0 by the same cut, in steps of 1/64 of that code, until the row's sums fit P bits: with a
// start value (ShiftedStart) where the sample is shifted, by the exact range of the row else.
// It ends, since a row of zeros fits; an unsafe sample's row is not cut at all.
func drawRow(rng *rand.Rand, l *quant.Layer, c int, p map[string]int) {
	top := math.Ldexp(1, l.WeightBits-1)
	real := make([]float64, l.In)
	for i := range real {
		real[i] = rng.NormFloat64() * top / 2.5
	}
	row := l.Weights[c*l.In : (c+1)*l.In]
	for cut := 0.0; ; cut += top / 64 {
		for i, v := range real {
			w := math.Round(math.Copysign(max(math.Abs(v)-cut, 0), v))
			row[i] = int32(max(-top, min(top-1, w)))
		}
		if _, fits := l.ShiftedStart(c,
			p["p"]); p["unsafe"] == 1 || p["shifted"] == 1 && fits || l.AccRange(c).Bits() <= p["p"] {
			return
		}
	}
}

// drawThresholds draws thresholds around the accumulator's usual values: normal, with an eighth
// of the exact range as deviation, a quarter of what lies on either side of its middle.
//
// Values lie in r.Min-1 (always passed) to r.Max (never), and in P bits; channels are sorted,
// as the binary search wants them, and with invert half of them fall.
func drawThresholds(rng *rand.Rand, l *quant.Layer, out quant.DataType, invert bool, p int) *quant.Thresholds {
	t := &quant.Thresholds{Output: out}
	t.Values = make([]int64, l.Out*t.Levels())
	limit := int64(1) << (p - 1)
	for c := range l.Out {
		r, row := l.AccRange(c), t.Channel(c)
		for k := range row {
			v := int64(math.Round(rng.NormFloat64()*float64(r.Max-r.Min)/8 + float64(r.Max+r.Min)/2))
			row[k] = max(r.Min-1, -limit, min(r.Max, limit-1, v))
		}
		slices.Sort(row)
		if invert {
			t.Inverted = append(t.Inverted, rng.IntN(2) == 0)
		}
	}
	return t
}
