package hwgen

import (
	"fmt"
	"regexp"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Options says how a network is to be folded. The zero value folds for
// DefaultFPS at DefaultClockMHz with the declared accumulators.
type Options struct {
	// Name of the top module; "accelerator" where empty.
	Name string
	// ClockMHz is the clock, FPS the frames per second to reach at it.
	ClockMHz, FPS float64
	// Folding overrides the fold of layers by name.
	Folding Folding
	// AccBits is P for the layers with an accumulator target (see
	// quant.Network.Constrained); 0 takes each layer's declared P, or the smallest safe
	// one where none is declared. In a layer with start values these follow P (see
	// startAt).
	AccBits int
	// Unsafe allows accumulators that the weights may overflow: for estimates only.
	Unsafe bool
	// NoBlockRAM keeps every memory in LUTs.
	NoBlockRAM bool
	// Family is the FPGA family to write Verilog for; xc7 where empty.
	Family boards.Family
}

// Defaults of Options.
const (
	DefaultClockMHz = 100
	DefaultFPS      = 10000
)

// MaxClockMHz is the fastest clock that a plan takes: no FPGA comes near it.
const MaxClockMHz = 2000

var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// reserved instance names of the top module.
var reserved = map[string]bool{"source": true, "label": true}

// Plan decides blocks, folding, widths and depths for n. It recomputes every
// accumulator certificate from the integers. Errors name layer, wanted and had.
func Plan(n *quant.Network, o Options) (*Design, error) {
	o = o.withDefaults()
	if err := o.check(n); err != nil {
		return nil, err
	}
	// Before any work: an unknown family is a usage error.
	style, err := o.Family.MemoryStyle()
	if err != nil {
		return nil, fmt.Errorf("hwgen: %w", err)
	}
	d := &Design{Name: o.Name, ClockMHz: o.ClockMHz, NoBlockRAM: o.NoBlockRAM, Family: o.Family, Version: Version}
	first := &n.Layers[0]
	layers := make([]quant.Layer, len(n.Layers))
	for i := range n.Layers {
		lp, err := planLayer(n, i, o)
		if err != nil {
			return nil, err
		}
		layers[i] = *lp.Layer
		lp.Layer = &layers[i]
		d.Layers = append(d.Layers, lp)
	}
	// The planned network computes what the given one does, with its own start values: from
	// here on executor, model and memories read this one only.
	d.Network = withLayers(n, layers)
	fold := d.Layers[0].Fold
	d.Streams = []Stream{{Name: "source", Bits: fold.SIMD * first.Input.Bits, Beats: first.In / fold.SIMD,
		Content: Content{inOrder(d.input(0), first.In, first.Input.Bits, first.Input.Signed, fold.SIMD)}}}
	for i := range d.Layers {
		d.addLayer(i, style)
	}
	// Certificates say that sums fit; this says that the right numbers meet in them: a wrong
	// order of beats would pass every width check.
	if err := d.verify(); err != nil {
		return nil, err
	}
	if err := d.measure(); err != nil {
		return nil, err
	}
	return d, nil
}

// measure takes the design's timing from the cycle model: what it prints of latency and
// interval is what the Verilog does, whatever queues were asked for.
func (d *Design) measure() error {
	e, err := cycle.New(d.Graph())
	if err != nil {
		return fmt.Errorf("hwgen: %w", err)
	}
	if d.Timing, err = e.Steady(measuredCycles); err != nil {
		return fmt.Errorf("hwgen: %w", err)
	}
	return nil
}

// measuredCycles is how long the model is given to repeat itself: a second or two.
const measuredCycles = 1 << 24

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "accelerator"
	}
	if o.ClockMHz == 0 {
		o.ClockMHz = DefaultClockMHz
	}
	if o.Family == "" {
		o.Family = boards.XC7
	}
	if o.FPS == 0 {
		o.FPS = DefaultFPS
	}
	return o
}

// cycles returns the clock cycles of a frame at FPS.
func (o Options) cycles() int {
	return int(min(o.ClockMHz*1e6/o.FPS, 1<<62)) // beyond it the conversion is undefined
}

func (o Options) check(n *quant.Network) error {
	switch {
	case !identifier.MatchString(o.Name):
		return fmt.Errorf("hwgen: %q is no Verilog name for the top module", o.Name)
	// Written with not, so that NaN is refused too; it compares false with everything.
	case !(o.ClockMHz > 0 && o.ClockMHz <= MaxClockMHz):
		return fmt.Errorf("hwgen: clock is %v MHz, want more than 0 and at most %d", o.ClockMHz, MaxClockMHz)
	case !(o.FPS > 0 && o.FPS <= o.ClockMHz*1e6):
		return fmt.Errorf("hwgen: fps is %v, want more than 0 and at most one frame per cycle (%v)", o.FPS,
			o.ClockMHz*1e6)
	case o.AccBits < 0 || o.AccBits > 64:
		return fmt.Errorf("hwgen: acc is %d bits, want 1..64", o.AccBits)
	}
	// Names become instances, signals and files: a second one of a name would overwrite them.
	seen := map[string]bool{}
	for i := range n.Layers {
		name := n.Layers[i].Name
		if !identifier.MatchString(name) || reserved[name] || seen[name] {
			return fmt.Errorf("hwgen: layer name %q is not usable as a Verilog name, or not unique", name)
		}
		seen[name] = true
	}
	if err := checkChain(n); err != nil {
		return err
	}
	return o.Folding.check(n)
}

// checkChain returns an error unless n is what hardware is generated for: a chain
// of linear layers, each with thresholds but the last, which may have scores.
func checkChain(n *quant.Network) error {
	for i := range n.Layers { // before all else: another kind explains the rest
		if l := &n.Layers[i]; l.Kind != quant.Linear {
			return fmt.Errorf("hwgen: layer %q: no hardware is generated for layers of kind %s yet, want %s", l.Name,
				l.Kind, quant.Linear)
		}
	}
	for i := range n.Layers {
		l := &n.Layers[i]
		switch {
		case len(l.From) != 1 || l.From[0] != i-1:
			return fmt.Errorf("hwgen: layer %q: reads another layer than the one before; "+
				"hardware is generated for chains only", l.Name)
		case l.Thresholds == nil && l.Score == nil:
			return fmt.Errorf("hwgen: layer %q: has neither thresholds nor scores", l.Name)
		}
	}
	return nil
}

func planLayer(n *quant.Network, i int, o Options) (LayerPlan, error) {
	l := &n.Layers[i]
	f, ok := o.Folding[l.Name]
	// Each layer alone must keep up with the frame rate: a chain is as fast as its slowest.
	chosen := FoldFor(l, o.cycles())
	// An entry may set only P or the queue: the fold is then chosen as without it.
	if !ok || f.PE == 0 && f.SIMD == 0 {
		f.PE, f.SIMD = chosen.PE, chosen.SIMD
	}
	if err := f.check(l); err != nil {
		return LayerPlan{}, err
	}
	needed, worst := neededBits(l)
	lp := LayerPlan{Fold: f, NeededBits: needed, AccBits: declaredBits(l)}
	// The nearest wish wins: the layer's own entry, then the target for all, then what the
	// network declares.
	switch {
	case f.AccBits > 0:
		lp.AccBits = f.AccBits
	case o.AccBits > 0 && n.Constrained()[i]:
		lp.AccBits = o.AccBits
	}
	// Start values, thresholds and biases belong to one P and move with it.
	lp.Layer = startAt(l, lp.AccBits)
	switch {
	case o.Unsafe:
		return lp, nil
	case !lp.Safe():
		return lp, &quant.Overflow{Layer: l.Name, Channel: worst, Needed: needed, Had: lp.AccBits}
	}
	// The certificate is recomputed from the very integers that become memories: a wrong
	// start value above would be found here.
	return lp, lp.Layer.Certify(lp.AccBits)
}

// addLayer appends the blocks of layer i: width converters from the stream before
// it, a queue and a replay buffer where rows are folded, the MVAU, and the label
// selection after the last.
func (d *Design) addLayer(i int, style boards.MemoryStyle) {
	lp := d.Layers[i]
	l, f := lp.Layer, lp.Fold
	// The input port is SIMD wide of itself: the source pads nothing and needs no converter.
	if i > 0 {
		d.addWidthConverters(l, d.Layers[i-1].Fold.PE, f.SIMD)
	}
	width, sf, nf := f.SIMD*l.Input.Bits, l.In/f.SIMD, l.Out/f.PE
	if depth := queueDepth(i, f, sf, nf); depth > 1 {
		d.add(&FIFO{LayerName: l.Name, Width: width, Depth: depth, Beats: sf, Style: style})
	}
	// With one row fold each beat is used once, as it comes.
	if nf > 1 {
		d.add(&ReplayBuffer{LayerName: l.Name, Width: width, Length: sf, Repeats: nf,
			BlockRAM: !d.NoBlockRAM && deserveBlockRAM(sf, width), Style: style})
	}
	// The whole weight matrix: In*Out weights, PE*SIMD of them in a word.
	words, bits := sf*nf, f.PE*f.SIMD*l.WeightBits
	d.add(&MVAU{Layer: l, Input: d.input(i), Fold: f, AccBits: lp.AccBits, ThresholdBits: l.ThresholdBits(lp.AccBits),
		BlockROM: !d.NoBlockRAM && deserveBlockRAM(words, bits), Style: style})
	if l.Score != nil {
		d.add(&LabelSelect{Layer: l, PE: f.PE, AccBits: lp.AccBits})
	}
}

// queueDepth returns the depth in beats of the queue before layer i, below 2 for
// none. While a layer with folded rows replays one vector its buffer takes no
// beat; a queue of one vector lets the layer before it go on (derived: then both
// always have a whole vector to work on, so neither waits). The input of the
// design needs none: its source waits.
func queueDepth(i int, f Fold, sf, nf int) int {
	if f.FIFO > 0 {
		return f.FIFO
	}
	if i == 0 || nf == 1 {
		return 0
	}
	return max(2, sf)
}

// deserveBlockRAM says whether a memory is cheaper in block RAM than in LUTs: from
// 128 words on a LUT memory needs two LUTs and a multiplexer per bit.
func deserveBlockRAM(words, bits int) bool { return words >= 128 && words*bits >= 8192 }

// addWidthConverters joins beats of from words to beats of to words through their
// least common multiple.
func (d *Design) addWidthConverters(l *quant.Layer, from, to int) {
	if from == to {
		return
	}
	wide := from / gcd(from, to) * to
	beats := d.Streams[len(d.Streams)-1].Beats
	if wide != from {
		d.add(&WidthConverter{LayerName: l.Name, Word: l.Input.Bits, In: from, Out: wide, InBeats: beats})
		beats = beats * from / wide
	}
	if wide != to {
		d.add(&WidthConverter{LayerName: l.Name, Word: l.Input.Bits, In: wide, Out: to, InBeats: beats})
	}
}

// input returns the tensor that layer i reads.
func (d *Design) input(i int) Tensor {
	if i == 0 {
		return Tensor{Holds: HoldsInputs}
	}
	return Tensor{d.Layers[i-1].Layer.Name, HoldsOutputs}
}

func (d *Design) add(b Block) {
	in, out := d.Streams[len(d.Streams)-1], b.Output()
	out.Content = b.Carries(in.Content)
	d.Blocks = append(d.Blocks, b)
	d.Streams = append(d.Streams, out)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
