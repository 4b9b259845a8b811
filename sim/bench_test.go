package sim_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

// demoSized is a network of the demo's sizes and widths with drawn weights: timing
// does not depend on their values.
func demoSized() *quant.Network { return demoShaped([]int{784, 64, 64, 64, 10}, 0) }

// demoShaped is a network of the given sizes and the demo's widths. Its weights are
// drawn from -2..2 or, where weight is not 0, all the same.
func demoShaped(sizes []int, weight int32) *quant.Network {
	rng := rand.New(rand.NewPCG(1, 1))
	net := quant.Network{Name: "demo", InputShape: sizes[:1], Input: quant.InputQuantizer{Type: quant.DataType{Bits: 8},
		Quantize: func(_ int, v float64) int32 { return int32(v) }}}
	x := net.Input.Type
	last := len(sizes) - 2
	for i := range sizes[1:] {
		l := quant.Layer{Name: fmt.Sprintf("fc%d", i+1), In: sizes[i], Out: sizes[i+1], Input: x, WeightBits: 4,
			Weights: make([]int32, sizes[i]*sizes[i+1])}
		if i == 0 || i == last {
			l.WeightBits = 8
		}
		for k := range l.Weights {
			l.Weights[k] = int32(rng.IntN(5)) - 2
			if weight != 0 {
				l.Weights[k] = weight
			}
		}
		if i == last {
			l.Score = &quant.Score{Gain: make([]int64, l.Out), Bias: make([]int64, l.Out)}
			for c := range l.Out {
				l.Score.Gain[c] = 1
			}
		} else {
			x = quant.DataType{Bits: 4}
			l.Thresholds = &quant.Thresholds{Output: x}
			for range l.Out {
				for k := range int64(15) {
					l.Thresholds.Values = append(l.Thresholds.Values, k*40-200)
				}
			}
		}
		net.Layers = append(net.Layers, l)
	}
	n, err := quant.NewNetwork(net)
	if err != nil {
		panic(err)
	}
	return n
}

// BenchmarkModelAgainstVerilator reports cycles per second of both on the same run, and
// their ratio, for 200 frames; Verilator without any trace.
func BenchmarkModelAgainstVerilator(b *testing.B) {
	tooltest.Need(b, "verilator")
	n := demoSized()
	o := hwgen.Options{FPS: 100000}
	d, err := plan.Plan(n, o)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(2, 2))
	samples := make([][]int32, 200)
	for i := range samples {
		samples[i] = quanttest.RandomInput(rng, n)
	}
	files, err := emit.Files(d, nil)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir() + "/design"
	if err := emit.WriteDir(dir, files); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		pause float64
	}{{"stall=0", 0}, {"stall=0.3", 0.3}, {"stall=0.7", 0.7}} {
		b.Run(c.name, func(b *testing.B) {
			pause := sim.Pattern{Probability: c.pause}
			bin, err := verilator.Build(context.Background(), sim.Bench(d, dir), verilator.Verilator, false, "")
			if err != nil {
				b.Fatal(err)
			}
			var model, rtl float64
			for b.Loop() {
				r, err := sim.Compare(context.Background(), d, bin, samples,
					sim.Options{Gap: pause, Stall: pause, Seed: 1, NoTrace: true})
				if err != nil {
					b.Fatal(err)
				}
				model += float64(r.CyclesModel) / r.ModelSeconds
				rtl += float64(r.CyclesRTL) / r.RTLSeconds
			}
			b.ReportMetric(model/float64(b.N)/1e6, "Mcycles/s-model")
			b.ReportMetric(rtl/float64(b.N)/1e6, "Mcycles/s-verilator")
			b.ReportMetric(model/rtl, "ratio")
		})
	}
}

func BenchmarkModel(b *testing.B) {
	n := demoSized()
	d, err := plan.Plan(n, hwgen.Options{FPS: 100000})
	if err != nil {
		b.Fatal(err)
	}
	m, err := sim.NewModel(d)
	if err != nil {
		b.Fatal(err)
	}
	for _, pause := range []float64{0, 0.3, 0.7} {
		b.Run("", func(b *testing.B) {
			var cycles int64
			for b.Loop() {
				st, _ := sim.NewStimulus(sim.Pattern{Probability: pause}, sim.Pattern{Probability: pause}, 1)
				t, err := m.Run(200, st, 0, nil)
				if err != nil {
					b.Fatal(err)
				}
				cycles += t.Cycles
			}
			b.ReportMetric(float64(cycles)/b.Elapsed().Seconds()/1e6, "Mcycles/s")
		})
	}
}
