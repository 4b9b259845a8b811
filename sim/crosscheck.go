package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/sim/cycle"
	"github.com/a2qgen/a2qgen/verilator"
)

// Options of a cross-check. The zero value compares on Verilator without pauses.
type Options struct {
	Simulator verilator.Simulator
	// Gap pauses the source and Stall the sink. Where either is set, long pauses of each
	// side alone come with it, sized by the design (see Pace).
	Gap, Stall Pattern
	Seed       uint64
	// VCD is a file for waves, CacheDir keeps compiled benches; both may be empty.
	VCD, CacheDir string
	// NoTrace only times both sides: nothing is compared or dumped.
	NoTrace bool
	// FirstOnly ends the run at the first difference, once the cycles after it are seen.
	FirstOnly bool
	// Dumps write what streams carry, up to where the run ends.
	Dumps []Dump
	// Outputs, unless nil, is called at the end of each frame of each output port, counted from 0,
	// with the elements that left the Verilog there, in the order of the network's output, channels
	// last; of an output that ranks classes, the labels. They are valid until it returns.
	Outputs func(port, frame int, values []int32)
}

// Result of a cross-check.
type Result struct {
	// Frames that were compared.
	Frames        int   `json:"frames_compared"`
	BeatsCompared int64 `json:"beats_compared"`
	Mismatches    int64 `json:"mismatches"`
	// CyclesModel and CyclesRTL count up to the last output beat, each by its own.
	CyclesModel int64 `json:"cycles_model"`
	CyclesRTL   int64 `json:"cycles_rtl"`
	// PortTiming is that of the last output port to end a frame, Outputs are those of each.
	PortTiming
	Outputs      []Output `json:"outputs"`
	ModelSeconds float64  `json:"model_seconds"`
	RTLSeconds   float64  `json:"rtl_seconds"`
	BuildSeconds float64  `json:"build_seconds"`
	// First describes the first difference in one line, Mismatch in full; empty where there
	// is none.
	First    string    `json:"first_mismatch,omitempty"`
	Mismatch *Mismatch `json:"mismatch,omitempty"`
	// Labels are the predicted classes, one per frame, of each output of the network.
	Labels [][]int `json:"-"`
	// Streams says what happened on each stream; there are none without a trace.
	Streams  []StreamUse `json:"streams,omitempty"`
	Pressure Pressure    `json:"pressure"`
	// Warnings say what the run did not try.
	Warnings []string `json:"warnings"`
}

// Output is an output port of the design.
type Output struct {
	// Port is its prefix in the Verilog, Name that of the graph's output where the design has
	// several.
	Port string `json:"port"`
	Name string `json:"name,omitempty"`
	PortTiming
}

// PortTiming is when frames end at a port.
type PortTiming struct {
	// IntervalCycles lie between the ends of the last two frames; none where there was one frame.
	IntervalCycles *int64 `json:"interval_cycles"`
	// LatencyCycles are those from the first input beat to the end of the first frame.
	LatencyCycles int64 `json:"latency_cycles"`
}

// newPortTiming is of a run of so many frames.
func newPortTiming(interval, latency int64, frames int) PortTiming {
	p := PortTiming{LatencyCycles: latency}
	if frames > 1 {
		p.IntervalCycles = &interval
	}
	return p
}

// outputsOf returns the output ports of d with what a run of so many frames took there.
func outputsOf(d *hwgen.Design, timing *cycle.Timing, frames int) []Output {
	all := make([]Output, len(d.Sinks))
	for i, p := range d.Sinks {
		all[i] = Output{Port: p.Name, PortTiming: newPortTiming(timing.SinkInterval(i), timing.SinkLatency(i), frames)}
		// Of a layer alone the ports are none of the network's.
		if len(d.Sinks) == len(d.Network.Outputs) && len(d.Sinks) > 1 {
			all[i].Name = d.Network.Outputs[i].Name
		}
	}
	return all
}

// errDiffers ends a run at its first difference. One value, never wrapped: bin.Run hands a
// visitor's error back as it is.
var errDiffers = errors.New("sim: model and Verilog differ")

// tail is how many cycles are compared after the last output beat: long enough for a beat too
// many to leave the design. A replay or queue that repeats its last beat would otherwise pass,
// since every expected one has come.
const tail = 16

// CrossCheck runs samples (integer input vectors) through the cycle model and
// through the Verilog in dir, and compares valid, ready and data of every stream in
// every cycle. A mismatch is a result, not an error. A check of the design that stops the run
// is one that wraps a verilator.CheckError; the result then tells what came before it.
func CrossCheck(ctx context.Context, d *hwgen.Design, dir string, samples [][]int32, o Options) (*Result, error) {
	if o.Simulator == "" {
		o.Simulator = verilator.Verilator
	}
	// The build is cached by content: a design whose memories alone changed is not compiled
	// again, since simulators read those at run time.
	bin, err := verilator.Build(ctx, Bench(d, dir), o.Simulator, o.VCD != "", o.CacheDir)
	if err != nil {
		return nil, err
	}
	return Compare(ctx, d, bin, samples, o)
}

// Compare is CrossCheck on a bench that is built already; o.Simulator is not used.
func Compare(ctx context.Context, d *hwgen.Design, bin *verilator.Binary, samples [][]int32, o Options) (
	*Result, error) {
	// The model needs the end of a first frame for its latency.
	if len(samples) == 0 {
		return nil, fmt.Errorf("sim: no frames to simulate")
	}
	m, err := NewModel(d)
	if err != nil {
		return nil, err
	}
	// Both sides take one stimulus, drawn before either runs: were it drawn by what the
	// Verilog does, a fault could choose its own test.
	st, pace, err := pacedStimulus(m, len(samples), o)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	// Values first, then timing: control does not depend on data, so neither needs the
	// other, and frames are computed once however many cycles they take.
	v := newValues(d)
	if err := v.compute(samples); err != nil {
		return nil, err
	}
	// This run only says how many cycles to simulate. It may skip by arithmetic; the one
	// that is compared, in comparison.cycle, steps through every cycle.
	timing, err := m.Run(len(samples), st, tail, nil)
	if err != nil {
		return nil, err
	}
	r := &Result{Frames: len(samples), CyclesModel: timing.FrameEnds[len(samples)-1] + 1,
		PortTiming: newPortTiming(timing.Interval(), timing.Latency(), len(samples)),
		Outputs:    outputsOf(d, timing, len(samples)), ModelSeconds: time.Since(start).Seconds(),
		BuildSeconds: bin.BuildSeconds, Labels: v.labels, Pressure: Pressure{Holds: pace.Holds}, Warnings: []string{}}
	return r, r.compare(ctx, m, v, st, bin, int(timing.Cycles), o)
}

// Bench describes the emitted bench of d in dir to the simulators.
func Bench(d *hwgen.Design, dir string) verilator.Bench {
	b := verilator.Bench{Dir: dir, Hash: d.Hash, Sinks: len(d.Sinks)}
	for _, p := range d.Sources {
		s := d.Streams[p.Stream]
		b.Sources = append(b.Sources, verilator.Source{Bits: s.Content.PortBits(), FrameBeats: s.Beats})
	}
	// In the order of the bench's probes, the output ports last.
	for _, p := range emit.Probes(d) {
		b.Streams = append(b.Streams, verilator.Stream{Name: p.Name, Bits: p.Bits})
	}
	return b
}

// compare runs model and Verilog side by side.
func (r *Result) compare(ctx context.Context, m *Model, v *values, st *Stimulus, bin *verilator.Binary, cycles int,
	o Options) error {
	stim := verilator.Stimulus{Cycles: cycles, Pauses: st.pauses()}
	for _, p := range m.design.Sources {
		stim.Beats = append(stim.Beats, v.input(p.Stream))
	}
	cmp := newComparison(m, v, st, r)
	// A search over many faults needs to know only that each shows.
	cmp.firstOnly = o.FirstOnly
	for _, d := range o.Dumps {
		dump, err := cmp.newDumper(d)
		if err != nil {
			return err
		}
		cmp.dumps = append(cmp.dumps, dump)
	}
	if o.Outputs != nil {
		for port := range m.design.Sinks {
			cmp.outputs = append(cmp.outputs, cmp.newFrameOutputs(port, o.Outputs))
		}
	}
	res, err := bin.Run(ctx, stim, verilator.RunOptions{VCD: o.VCD, NoTrace: o.NoTrace}, cmp.cycle)
	// Without a trace the simulator only tells how many cycles it ran.
	if o.NoTrace {
		r.CyclesRTL, r.RTLSeconds = int64(res.Cycles), res.Seconds
		return err
	}
	r.RTLSeconds = res.Seconds
	return r.settle(cmp, err)
}

// settle takes over what a run found that ended with err. Where a check of the design stopped
// it, what was compared until then leads to the cause.
func (r *Result) settle(cmp *comparison, err error) error {
	// A register without a reset, or a memory that was not read, shows as an unknown bit in
	// Icarus: a difference like any other, though no value can be compared with it.
	if unknown := new(verilator.UnknownError); errors.As(err, &unknown) {
		cmp.unknown(unknown)
		err = nil
	}
	if errors.Is(err, errDiffers) {
		err = nil
	}
	stopped := errors.As(err, new(*verilator.CheckError))
	if err != nil && !stopped {
		return err
	}
	if r.Mismatch = cmp.first; cmp.first != nil {
		r.First = cmp.first.String()
	}
	r.CyclesRTL = cmp.lastOut + 1
	r.Streams, r.Pressure.Full, r.Pressure.Dry = cmp.use(), cmp.usage.pressure.Full, cmp.usage.pressure.Dry
	if !stopped { // else it could not reach everything
		r.Warnings = append(append(r.Warnings, r.warnings()...), r.constant()...)
	}
	return errors.Join(cmp.endDumps(), err)
}

// comparison walks the model along the trace of a simulator.
type comparison struct {
	run    *cycle.Run
	design *hwgen.Design
	v      *values
	result *Result
	sent   []int64  // beats that have passed on each stream
	total  []int64  // beats that will have passed
	expect [][]byte // data of the beat that each stream shows next
	known  bitSet   // streams whose expect is up to date
	usage  usage
	// valid and ready are what the model shows in this cycle: bit i for stream i, and after
	// them one for each output port, which shows what the stream does that it empties. ports has
	// the bits of those.
	valid, ready, ports bitSet

	past  past
	first *Mismatch // nil before the first difference
	probe int       // that it is of
	dumps []*dumper
	// outputs are of each output port; none where nobody wants them.
	outputs []*frameOutputs

	firstOnly bool
	lastOut   int64 // cycle of the last output beat that the RTL gave, -1 for none
}

func newComparison(m *Model, v *values, st *Stimulus, r *Result) *comparison {
	c := &comparison{run: m.engine.Start(r.Frames, st.pauses()), design: m.design, v: v, result: r, lastOut: -1}
	streams := m.design.Streams
	// Ports are compared apart from their streams: their padding and tlast are their own.
	probes := len(streams) + len(m.design.Sinks)
	c.valid, c.ready, c.known, c.ports = newBitSet(probes), newBitSet(probes), newBitSet(probes), newBitSet(probes)
	for i := range m.design.Sinks {
		c.ports.set(len(streams)+i, true)
	}
	c.past = newPast(probes)
	c.sent, c.usage = make([]int64, len(streams)), newUsage(len(streams), probes, m.design.Sources[0].Stream)
	for _, s := range streams {
		c.expect = append(c.expect, make([]byte, (s.Bits+7)/8))
		c.total = append(c.total, int64(s.Beats)*int64(r.Frames))
	}
	return c
}

// cycle compares one cycle of the RTL with the model, and steps that.
func (c *comparison) cycle(n int, rtl *verilator.Cycle) error {
	c.look()
	// Words of 64 streams at once: in nearly every cycle all handshakes agree, and one
	// exclusive or says so.
	for w := range c.valid {
		valid, ready := wordOf(rtl.Valid, w), wordOf(rtl.Ready, w)
		each(w, (c.valid[w]^valid)|(c.ready[w]^ready), func(i int) { c.differs(i, int64(n), DiffersHandshake) })
		if valid&ready&c.ports[w] != 0 {
			c.lastOut = int64(n)
		}
		// Data counts while it is offered, taken or not: AXI4-Stream wants it stable until then.
		// Where only one side is valid the handshake has been reported already.
		for both := c.valid[w] & valid; both != 0; both &= both - 1 {
			i := w<<6 + bits.TrailingZeros64(both)
			c.data(int64(n), i, rtl.Data[i])
		}
	}
	c.note(int64(n), rtl)
	if c.dumps != nil {
		c.dump(int64(n), rtl)
	}
	for _, o := range c.outputs {
		o.cycle(rtl)
	}
	c.pass()
	// The model goes on by its own handshakes, not the Verilog's: after a first difference
	// the two stay apart, and the rest of the differences are consequences.
	c.run.Step()
	if c.firstOnly && c.first != nil && int64(n) >= c.first.Cycle+after {
		return errDiffers
	}
	return nil
}

// look takes what the model shows in this cycle.
func (c *comparison) look() {
	c.run.Handshakes(c.valid, c.ready)
	// Ports are wires only: they show their streams' handshakes in the same cycle.
	for i, p := range c.design.Sinks {
		c.valid.set(len(c.sent)+i, c.valid.has(p.Stream))
		c.ready.set(len(c.sent)+i, c.ready.has(p.Stream))
	}
}

// pass counts the beats that pass in this cycle, and what keeps the others.
func (c *comparison) pass() {
	c.usage.cycle(c.valid, c.ready)
	for w := range c.valid {
		fired := c.valid[w] & c.ready[w] &^ c.ports[w]
		// The next beat of the stream has other data.
		c.known[w] &^= fired
		c.result.BeatsCompared += int64(bits.OnesCount64(fired))
		for ; fired != 0; fired &= fired - 1 {
			i := w<<6 + bits.TrailingZeros64(fired)
			c.sent[i]++
			c.usage.open.set(i, c.sent[i] < c.total[i])
		}
	}
}

// data compares the data of probe i, which is a stream or, after them, an output port.
func (c *comparison) data(cycle int64, i int, got []byte) {
	probe := i
	i = c.stream(i)
	s := c.design.Streams[i]
	// Not an index error in v.beat: there is no frame to look into.
	if c.sent[i] >= c.total[i] {
		return // a beat too many: the handshakes have told
	}
	// A stalled beat shows for many cycles: its data are looked up once.
	if !c.known.has(i) {
		c.v.beat(i, c.sent[i], c.expect[i])
		c.known.set(i, true)
	}
	beat, want := c.sent[i]%int64(s.Beats), c.expect[i]
	if c.isPort(probe) {
		want = port(s.Content, want, beat == int64(s.Beats)-1)
	}
	// Both are padded to whole bytes with zeros by their writers.
	if !bytes.Equal(want, got) {
		if m := c.differs(probe, cycle, DiffersData); m != nil {
			c.explain(m, probe, want, got)
		}
	}
}

// name returns the name of probe i, stream the stream that it shows.
func (c *comparison) name(i int) string {
	if c.isPort(i) {
		return c.design.Sinks[i-len(c.sent)].Name
	}
	return c.design.Streams[i].Name
}

func (c *comparison) stream(i int) int {
	if c.isPort(i) {
		return c.design.Sinks[i-len(c.sent)].Stream
	}
	return i
}

// isPort says whether probe i is an output port.
func (c *comparison) isPort(i int) bool { return i >= len(c.sent) }
