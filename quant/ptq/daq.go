package ptq

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// daqOptions are those of DAQ.
func daqOptions() []Option {
	return append(append(roundingOptions(Inputs), roundingOption(Budget), Option{Name: statistics, Default: "samples",
		Usage: "deviations are those of the calibration samples, or of each image, in software alone",
		Words: []string{"samples", "image", "image-unclipped"}}), actOptions(Sigma)...)
}

// statistics is the option of DAQ that says whose deviations scale activations.
const statistics = "statistics"

// PerImage says that the settings ask for steps of each image, which a file does not have: what Project returns for
// them is to be evaluated by NewPerImage, with these options.
func (s *Settings) PerImage() (o PerImageOptions, is bool) {
	d, err := Define(string(s.Method))
	if err != nil {
		return o, false // who projects says so
	}
	v := d.Resolved(s.Options)
	by := v[statistics]
	return PerImageOptions{v.actRule().offset, by == "image-unclipped"}, strings.HasPrefix(by, "image")
}

// prepareDAQ gives every channel between layers the same deviation: channel c of what a layer gives times f_c, the
// weights of whoever reads it divided by f_c. The float network stays the same function, since what lies between is
// positively homogeneous. Then one step of a Gaussian quantiser serves all channels as if each had its own: that is
// DAQ (arXiv 2012.11230) with the deviations of the calibration samples in the place of each image's, where the
// factors end in the thresholds of the one layer and the weights of the next, and no hardware is added.
//
// What is not the source's: its means, which are taken off signed inputs and added again (here the centre is 0); its
// quantiser of the deviations; and its mid-rise grid of weights, which has no 0, so that a row of n weights spends n
// units of its accumulator's budget at least. Weights are rounded as by any other method.
func prepareDAQ(ctx context.Context, c *Calibration) (*Calibration, error) {
	t := c.g.tied()
	factors := c.evening(t)
	p := &Calibration{g: c.g.clone(), input: c.input, source: c.source, task: c.task, Pairs: c.Pairs, Fused: c.Fused,
		perLayer: map[int]string{}}
	for i := range p.g.Layers {
		l := &p.g.Layers[i]
		if !l.Kind.Weighted() {
			continue
		}
		m := matrixOf(l)
		if from := l.From[0]; from != quant.Source {
			m.Channels, m.Groups = p.g.Shape(from).C, max(l.Groups, 1)
			if f := factors[t.root(from)]; f != nil {
				m.divideColumns(f)
			}
		}
		if f := factors[t.root(i)]; f != nil {
			m.multiplyRows(f)
		} else if c.scales.quantises(i) {
			p.perLayer[i] = t.barred[t.root(i)]
		}
		m.store(l)
	}
	return p, p.observe(ctx)
}

// divideColumns divides the weights of input channel c by f[c].
func (m *Matrix) divideColumns(f []float64) {
	for i := range m.Weights {
		m.Weights[i] /= f[m.channel(i/m.K, i%m.K)]
	}
}

// multiplyRows multiplies row r and its bias by f[r].
func (m *Matrix) multiplyRows(f []float64) {
	for i := range m.Weights {
		m.Weights[i] *= f[i/m.K]
	}
	for r := range m.Bias {
		m.Bias[r] *= f[r]
	}
}

// ties are the outputs of layers whose channels can be scaled together alone, in partition, and why those that cannot
// be scaled cannot, by the root of their part.
type ties struct {
	partition
	barred map[int]string
}

// tied returns the ties of g: pools, sums and whatever else treats channels apart tie what they read to what they
// give, so that operands of a sum have one factor for each channel, and all their readers divide by it. What moves
// channels, or is not homogeneous, bars both.
func (g *graph) tied() *ties {
	t := &ties{newPartition(len(g.Shapes)), map[int]string{}}
	why := map[int]string{quant.Source: "it is tied to the network's input",
		len(g.Shapes) - 1: "it is the network's output"}
	for i := range g.Layers {
		l := &g.Layers[i]
		switch l.Kind {
		case quant.Linear, quant.Conv:
			continue // weights take factors in and put factors out
		case quant.MaxPool, quant.AvgPool, quant.Upsample, quant.Requantize, quant.Add:
			if l.BatchNorm == nil && l.Bias == nil {
				for _, from := range l.From {
					t.join(i, from)
				}
				continue
			}
		}
		for _, at := range append([]int{i}, l.From...) {
			if why[at] == "" {
				why[at] = fmt.Sprintf("it is tied to %s %q", l.Kind, l.Name)
			}
		}
	}
	for at := quant.Source; at < len(g.Shapes); at++ {
		if r := t.root(at); why[at] != "" && t.barred[r] == "" {
			t.barred[r] = why[at]
		}
	}
	return t
}

// evening returns the factors of every part of t that is not barred, by its root: those that give all its channels
// the geometric mean of their deviations, which the tensors of the part that have a quantiser have together. A channel
// without a deviation, dead or constant, keeps its scale.
func (c *Calibration) evening(t *ties) map[int][]float64 {
	spreads, signed := map[int][]spread{}, map[int]bool{}
	for i, of := range c.scales.spreads {
		r := t.root(i)
		if of == nil || t.barred[r] != "" {
			continue
		}
		if spreads[r] == nil {
			spreads[r] = make([]spread, len(of))
		}
		for k := range of {
			spreads[r][k].merge(of[k])
		}
		signed[r] = signed[r] || c.scales.signed[i]
	}
	factors := map[int][]float64{}
	for r, of := range spreads {
		factors[r] = evened(of, signed[r])
	}
	return factors
}

// evened returns what to multiply channels by so that they have the same deviation.
func evened(of []spread, signed bool) []float64 {
	f := make([]float64, len(of))
	logs, live := 0.0, 0
	for k := range of {
		if d := of[k].deviation(signed); d > 0 {
			f[k] = d
			logs, live = logs+math.Log(d), live+1
		}
	}
	for k, d := range f {
		if f[k] = math.Exp(logs/float64(live)) / d; d == 0 {
			f[k] = 1
		}
	}
	return f
}
