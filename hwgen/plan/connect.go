package plan

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
	labelselect "github.com/a2qgen/a2qgen/hwgen/block/label_select"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	replaybuffer "github.com/a2qgen/a2qgen/hwgen/block/replay_buffer"
	widthconverter "github.com/a2qgen/a2qgen/hwgen/block/width_converter"
	"github.com/a2qgen/a2qgen/quant"
)

// connect makes blocks and streams.
func (p *planner) connect() error {
	p.design = p.empty()
	d := p.design
	first := d.Layers[0].Layer
	fold := d.Layers[0].Fold
	d.Streams = []hwgen.Stream{{Name: "source", Bits: fold.SIMD * first.Input.Bits, Beats: first.In / fold.SIMD,
		Content: hwgen.Content{hwgen.InOrder(p.input(0), first.In, first.Input.Bits, first.Input.Signed, fold.SIMD)}}}
	d.Sources = []hwgen.Port{{Name: "s_axis"}}
	at := 0
	for i := range d.Layers {
		at = p.addLayer(i, at)
	}
	d.Sinks = []hwgen.Port{{Name: "m_axis", Stream: at}}
	return nil
}

// addLayer appends the blocks of layer i: width converters from the stream before
// it, a queue and a replay buffer where rows are folded, the MVAU, and the label
// selection after the last.
func (p *planner) addLayer(i, at int) int {
	d := p.design
	lp := d.Layers[i]
	l, f := lp.Layer, lp.Fold
	// The input port is SIMD wide of itself: the source pads nothing and needs no converter.
	if i > 0 {
		at = p.addWidthConverters(l, d.Layers[i-1].Fold.PE, f.SIMD, at)
	}
	width, sf, nf := f.SIMD*l.Input.Bits, l.In/f.SIMD, l.Out/f.PE
	if depth := queueDepth(i, f, sf, nf); depth > 1 {
		at = d.Add(&fifo.Block{Layer: l.Name, Width: width, Depth: depth, Beats: sf, Style: p.style}, at)[0]
	}
	// With one row fold each beat is used once, as it comes.
	if nf > 1 {
		at = d.Add(&replaybuffer.Block{Layer: l.Name, Width: width, Length: sf, Repeats: nf,
			BlockRAM: !d.NoBlockRAM && deserveBlockRAM(sf, width), Style: p.style}, at)[0]
	}
	// The whole weight matrix: In*Out weights, PE*SIMD of them in a word.
	words, bits := sf*nf, f.PE*f.SIMD*l.WeightBits
	at = d.Add(&mvau.Block{Layer: l, Input: p.input(i), Fold: f, AccBits: lp.AccBits,
		ThresholdBits: l.ThresholdBits(lp.AccBits),
		BlockROM:      !d.NoBlockRAM && deserveBlockRAM(words, bits), Style: p.style}, at)[0]
	if l.Score != nil {
		at = d.Add(&labelselect.Block{Layer: l, PE: f.PE, AccBits: lp.AccBits}, at)[0]
	}
	return at
}

// queueDepth returns the depth in beats of the queue before layer i, below 2 for
// none. While a layer with folded rows replays one vector its buffer takes no
// beat; a queue of one vector lets the layer before it go on (derived: then both
// always have a whole vector to work on, so neither waits). The input of the
// design needs none: its source waits.
func queueDepth(i int, f hwgen.Fold, sf, nf int) int {
	if f.FIFO > 0 {
		return f.FIFO
	}
	if i == 0 || nf == 1 {
		return 0
	}
	return max(2, sf)
}

// addWidthConverters joins beats of from words to beats of to words through their
// least common multiple.
func (p *planner) addWidthConverters(l *quant.Layer, from, to, at int) int {
	if from == to {
		return at
	}
	wide := from / gcd(from, to) * to
	beats := p.design.Streams[at].Beats
	if wide != from {
		at = p.design.Add(&widthconverter.Block{Layer: l.Name, Word: l.Input.Bits, In: from, Out: wide, InBeats: beats}, at)[0]
		beats = beats * from / wide
	}
	if wide != to {
		at = p.design.Add(&widthconverter.Block{Layer: l.Name, Word: l.Input.Bits, In: wide, Out: to, InBeats: beats}, at)[0]
	}
	return at
}

// input returns the tensor that layer i reads.
func (p *planner) input(i int) hwgen.Tensor {
	if i == 0 {
		return hwgen.Tensor{Holds: hwgen.HoldsInputs}
	}
	return hwgen.Tensor{Layer: p.layers[i-1].Layer.Name, Holds: hwgen.HoldsOutputs}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
