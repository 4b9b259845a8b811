package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/a2qgen/a2qgen/hwgen"
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
	// NoTrace only times both sides: nothing is compared.
	NoTrace bool
	// FirstOnly ends the run at the first difference.
	FirstOnly bool
}

// Result of a cross-check.
type Result struct {
	// Frames that were compared.
	Frames        int   `json:"frames_compared"`
	BeatsCompared int64 `json:"beats_compared"`
	Mismatches    int64 `json:"mismatches"`
	// CyclesModel and CyclesRTL count up to the last output beat, each by its own.
	CyclesModel    int64   `json:"cycles_model"`
	CyclesRTL      int64   `json:"cycles_rtl"`
	IntervalCycles int64   `json:"interval_cycles"`
	LatencyCycles  int64   `json:"latency_cycles"`
	ModelSeconds   float64 `json:"model_seconds"`
	RTLSeconds     float64 `json:"rtl_seconds"`
	BuildSeconds   float64 `json:"build_seconds"`
	// First describes the first difference; empty where there is none.
	First string `json:"first_mismatch,omitempty"`
	// Labels are the predicted classes, one per frame.
	Labels []int `json:"-"`
	// Streams says what happened on each stream; there are none without a trace.
	Streams  []StreamUse `json:"streams,omitempty"`
	Pressure Pressure    `json:"pressure"`
	// Warnings say what the run did not try.
	Warnings []string `json:"warnings"`
}

// errDiffers ends a run at its first difference.
var errDiffers = errors.New("sim: model and Verilog differ")

// tail is how many cycles are compared after the last output beat.
const tail = 16

// CrossCheck runs samples (integer input vectors) through the cycle model and
// through the Verilog in dir, and compares valid, ready and data of every stream in
// every cycle. A mismatch is a result, not an error.
func CrossCheck(ctx context.Context, d *hwgen.Design, dir string, samples [][]int32, o Options) (*Result, error) {
	if o.Simulator == "" {
		o.Simulator = verilator.Verilator
	}
	bin, err := verilator.Build(ctx, Bench(d, dir), o.Simulator, o.VCD != "", o.CacheDir)
	if err != nil {
		return nil, err
	}
	return Compare(ctx, d, bin, samples, o)
}

// Compare is CrossCheck on a bench that is built already; o.Simulator is not used.
func Compare(ctx context.Context, d *hwgen.Design, bin *verilator.Binary, samples [][]int32, o Options) (
	*Result, error) {
	if len(samples) == 0 {
		return nil, fmt.Errorf("sim: no frames to simulate")
	}
	m, err := NewModel(d)
	if err != nil {
		return nil, err
	}
	st, pace, err := pacedStimulus(m, len(samples), o)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	v := newValues(d)
	if err := v.compute(samples); err != nil {
		return nil, err
	}
	timing, err := m.Run(len(samples), st, tail, nil)
	if err != nil {
		return nil, err
	}
	r := &Result{Frames: len(samples), CyclesModel: timing.FrameEnds[len(samples)-1] + 1, LatencyCycles: timing.Latency(),
		IntervalCycles: timing.Interval(), ModelSeconds: time.Since(start).Seconds(),
		BuildSeconds: bin.BuildSeconds, Labels: v.labels, Pressure: Pressure{Holds: pace.Holds}, Warnings: []string{}}
	return r, r.compare(ctx, m, v, st, bin, int(timing.Cycles), o)
}

// Bench describes the emitted bench of d in dir to the simulators.
func Bench(d *hwgen.Design, dir string) verilator.Bench {
	b := verilator.Bench{Dir: dir, Hash: d.Hash, DataBits: d.InputBits(), OutBits: d.OutputBits(),
		FrameBeats: d.Streams[0].Beats}
	for _, p := range d.Probes() {
		b.Streams = append(b.Streams, verilator.Stream{Name: p.Name, Bits: p.Bits, Offset: p.Offset})
		b.ProbeBits += p.Bits
	}
	return b
}

// compare runs model and Verilog side by side.
func (r *Result) compare(ctx context.Context, m *Model, v *values, st *Stimulus, bin *verilator.Binary, cycles int,
	o Options) error {
	stim := verilator.Stimulus{Beats: v.input(), Cycles: cycles, Gap: make([]bool, cycles), Stall: make([]bool, cycles)}
	for c := range cycles {
		stim.Gap[c], stim.Stall[c] = st.At(int64(c))
	}
	cmp := newComparison(m, v, st, r)
	cmp.firstOnly = o.FirstOnly
	res, err := bin.Run(ctx, stim, verilator.RunOptions{VCD: o.VCD, NoTrace: o.NoTrace}, cmp.cycle)
	if unknown := new(verilator.UnknownError); errors.As(err, &unknown) {
		cmp.report(unknown.Stream, int64(unknown.Cycle), unknown.What, "a known value", string(unknown.Bit))
		err = nil
	}
	if err != nil && !errors.Is(err, errDiffers) {
		return err
	}
	r.CyclesRTL, r.RTLSeconds = cmp.lastOut+1, res.Seconds
	if o.NoTrace {
		r.CyclesRTL = int64(res.Cycles)
		return nil
	}
	r.Streams, r.Pressure.Full, r.Pressure.Dry = cmp.use(), cmp.usage.pressure.Full, cmp.usage.pressure.Dry
	r.Warnings = append(append(r.Warnings, r.warnings()...), r.constant()...)
	return nil
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
	// them one for the output port, which shows what the last stream does.
	valid, ready bitSet

	firstOnly bool
	lastOut   int64 // cycle of the last output beat that the RTL gave, -1 for none
}

func newComparison(m *Model, v *values, st *Stimulus, r *Result) *comparison {
	c := &comparison{run: m.engine.Start(r.Frames, st.pauses()), design: m.design, v: v, result: r, lastOut: -1}
	streams := m.design.Streams
	probes := len(streams) + 1
	c.valid, c.ready, c.known = newBitSet(probes), newBitSet(probes), newBitSet(probes)
	c.sent, c.usage = make([]int64, len(streams)), newUsage(len(streams))
	for _, s := range streams {
		c.expect = append(c.expect, make([]byte, (s.Bits+7)/8))
		c.total = append(c.total, int64(s.Beats)*int64(r.Frames))
	}
	return c
}

// cycle compares one cycle of the RTL with the model, and steps that.
func (c *comparison) cycle(n int, rtl *verilator.Cycle) error {
	c.look()
	port := len(c.sent) // of the probes
	for w := range c.valid {
		valid, ready := wordOf(rtl.Valid, w), wordOf(rtl.Ready, w)
		each(w, (c.valid[w]^valid)|(c.ready[w]^ready), func(i int) {
			show := func(v, r uint64) string { return fmt.Sprintf("%d/%d", v>>(i&63)&1, r>>(i&63)&1) }
			c.report(c.name(i), int64(n), "valid/ready", show(c.valid[w], c.ready[w]), show(valid, ready))
		})
		if port>>6 == w && (valid&ready)>>(port&63)&1 != 0 {
			c.lastOut = int64(n)
		}
		for both := c.valid[w] & valid; both != 0; both &= both - 1 {
			i := w<<6 + bits.TrailingZeros64(both)
			c.data(int64(n), i, rtl.Data[i])
		}
	}
	c.pass(port)
	c.run.Step()
	if c.firstOnly && c.result.Mismatches > 0 {
		return errDiffers
	}
	return nil
}

// look takes what the model shows in this cycle.
func (c *comparison) look() {
	c.run.Handshakes(c.valid, c.ready)
	last, port := len(c.sent)-1, len(c.sent)
	c.valid.set(port, c.valid.has(last))
	c.ready.set(port, c.ready.has(last))
}

// pass counts the beats that pass in this cycle, and what keeps the others.
func (c *comparison) pass(port int) {
	c.usage.cycle(c.valid, c.ready)
	for w := range c.valid {
		fired := c.valid[w] & c.ready[w]
		if port>>6 == w {
			fired &^= 1 << (port & 63)
		}
		c.known[w] &^= fired
		c.result.BeatsCompared += int64(bits.OnesCount64(fired))
		for ; fired != 0; fired &= fired - 1 {
			i := w<<6 + bits.TrailingZeros64(fired)
			c.sent[i]++
			c.usage.open.set(i, c.sent[i] < c.total[i])
		}
	}
}

// data compares the data of probe i, which is a stream or, after them, the output port.
func (c *comparison) data(cycle int64, i int, got []byte) {
	probe := c.name(i)
	port := i == len(c.sent)
	if port {
		i--
	}
	s := c.design.Streams[i]
	if c.sent[i] >= c.total[i] {
		return // a beat too many: the handshakes have told
	}
	if !c.known.has(i) {
		c.v.beat(i, c.sent[i], c.expect[i])
		c.known.set(i, true)
	}
	beat, want := c.sent[i]%int64(s.Beats), c.expect[i]
	if port {
		want = c.v.port(want, beat == int64(s.Beats)-1)
	}
	if !bytes.Equal(want, got) {
		what := fmt.Sprintf("data of beat %d of frame %d", beat, c.sent[i]/int64(s.Beats))
		c.report(probe, cycle, what, hex(want), hex(got))
	}
}

// name returns the name of probe i.
func (c *comparison) name(i int) string {
	if i == len(c.sent) {
		return hwgen.OutputPort
	}
	return c.design.Streams[i].Name
}

func (c *comparison) report(stream string, cycle int64, what, want, got string) {
	c.result.Mismatches++
	if c.result.First == "" {
		c.result.First = fmt.Sprintf("stream %q, cycle %d: %s is %s, want %s", stream, cycle, what, got, want)
	}
}

func hex(le []byte) string {
	var b bytes.Buffer
	b.WriteString("0x")
	for i := len(le) - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "%02x", le[i])
	}
	return b.String()
}
