package sim

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/verilator"
)

// recorded is a run whose Verilog side is the model's own, cycle by cycle: right in all, so
// that a test may put in one fault and knows what must be found, without any simulator.
type recorded struct {
	model   *Model
	values  *values
	st      *Stimulus
	cycles  []verilator.Cycle
	samples [][]int32
}

// record runs so many drawn frames of d, with pauses of a probability on both sides.
func record(t testing.TB, d *hwgen.Design, frames int, pause float64) *recorded {
	t.Helper()
	m, err := NewModel(d)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	r := &recorded{model: m, values: newValues(d)}
	for range frames {
		r.samples = append(r.samples, quanttest.RandomGraphInput(rng, d.Network))
	}
	if err := r.values.compute(r.samples); err != nil {
		t.Fatal(err)
	}
	if r.st, err = NewStimulus(Pattern{Probability: pause}, Pattern{Probability: pause}, 3); err != nil {
		t.Fatal(err)
	}
	timing, err := m.Run(frames, r.st, tail, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newComparison(m, r.values, r.st, &Result{Frames: frames})
	for range timing.Cycles {
		r.cycles = append(r.cycles, c.asVerilog())
		c.pass()
		c.run.Step()
	}
	return r
}

// asVerilog returns what a simulator would tell of a cycle in which it equals the model.
func (c *comparison) asVerilog() verilator.Cycle {
	c.look()
	probes := len(StreamNames(c.design))
	out := verilator.Cycle{Valid: make([]byte, (probes+7)/8), Ready: make([]byte, (probes+7)/8),
		Data: make([][]byte, probes)}
	for i := range probes {
		s := c.stream(i)
		out.Valid[i/8] |= byte(bit(c.valid.has(i)) << (i % 8))
		out.Ready[i/8] |= byte(bit(c.ready.has(i)) << (i % 8))
		if !c.valid.has(i) {
			continue
		}
		beats := int64(c.design.Streams[s].Beats)
		out.Data[i] = c.v.beat(s, c.sent[s], bytes.Clone(c.expect[s]))
		if c.isPort(i) {
			out.Data[i] = port(c.design.Streams[s].Content, out.Data[i], c.sent[s]%beats == beats-1)
		}
	}
	return out
}

// compare runs the comparison on the recorded cycles.
func (r *recorded) compare(cycles []verilator.Cycle) *comparison {
	c := newComparison(r.model, r.values, r.st, &Result{Frames: len(r.samples)})
	for n := range cycles {
		if c.cycle(n, &cycles[n]) != nil {
			break
		}
	}
	return c
}

// changed returns the recorded cycles with one changed.
func (r *recorded) changed(n int, change func(*verilator.Cycle)) []verilator.Cycle {
	all := slices.Clone(r.cycles)
	c := &all[n]
	c.Valid, c.Ready, c.Data = bytes.Clone(c.Valid), bytes.Clone(c.Ready), slices.Clone(c.Data)
	for i := range c.Data {
		c.Data[i] = bytes.Clone(c.Data[i])
	}
	change(c)
	return all
}

// BenchmarkComparison is what a cycle costs beside the simulator: the model's step and the
// comparison with a Verilog that equals it.
func BenchmarkComparison(b *testing.B) {
	r := record(b, trained(b), 20, 0.3)
	for b.Loop() {
		if c := r.compare(r.cycles); c.result.Mismatches > 0 {
			b.Fatal(c.result.First)
		}
	}
	b.ReportMetric(float64(len(r.cycles)*b.N)/b.Elapsed().Seconds()/1e6, "Mcycles/s")
}
