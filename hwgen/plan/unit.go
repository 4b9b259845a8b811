package plan

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/add"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	replaybuffer "github.com/a2qgen/a2qgen/hwgen/block/replay_buffer"
	"github.com/a2qgen/a2qgen/quant"
)

// unit is a way to build a layer: streams of activations in, one of accumulators or
// thresholded activations out. How it computes is its own affair.
type unit struct {
	// name is that of the module that computes.
	name string
	// kind of layers that it builds.
	kind quant.Kind
	// fits returns an error where it cannot build a layer of the kind.
	fits func(l *quant.Layer) error
	// fold chooses how much is computed at once.
	fold func(p *planner, l *quant.Layer) (hwgen.Fold, error)
	// lanes is how many elements of each stream it reads per beat.
	lanes func(f hwgen.Fold) int
	// waits says that it may be unable to take beats for long although it works: a queue
	// before it can raise the rate.
	waits func(l *quant.Layer, f hwgen.Fold) bool
	// build appends its blocks for layer i to a design, which read the streams in, and returns
	// the stream that leaves.
	build func(b *builder, i int, in []int) int
}

// units are all units, the usual one of a kind first.
var units = []unit{
	{name: "mvau", kind: quant.Linear, fits: fitsMVAU, fold: foldMVAU,
		lanes: func(f hwgen.Fold) int { return f.SIMD }, waits: foldsRows, build: buildMVAU},
	{name: "hardwired", kind: quant.Linear, fits: fitsHardwired, fold: foldHardwired,
		lanes: func(f hwgen.Fold) int { return f.SIMD }, waits: never, build: buildHardwired},
	{name: "add", kind: quant.Add, fits: fitsAdd, fold: foldAdd,
		lanes: func(f hwgen.Fold) int { return f.PE }, waits: joins, build: buildAdd},
	{name: "add", kind: quant.Requantize, fits: fitsAdd, fold: foldAdd,
		lanes: func(f hwgen.Fold) int { return f.PE }, waits: joins, build: buildAdd},
}

// unitFor returns the unit of a name for a layer, or the usual one where the name is empty.
func unitFor(l *quant.Layer, name string) (*unit, error) {
	// Of the kind only, so that the error offers what could be asked for.
	var names []string
	for i := range units {
		if units[i].kind != l.Kind {
			continue
		}
		if name == "" || name == units[i].name {
			return &units[i], units[i].fits(l)
		}
		names = append(names, units[i].name)
	}
	if names == nil {
		return nil, fmt.Errorf("hwgen: layer %q: no hardware is generated for layers of kind %s yet, "+
			"only for %s, %s and %s", l.Name, l.Kind, quant.Linear, quant.Add, quant.Requantize)
	}
	return nil, fmt.Errorf("hwgen: layer %q: no unit %q for layers of kind %s, want one of %q",
		l.Name, name, l.Kind, names)
}

func fitsMVAU(*quant.Layer) error { return nil }

// foldsRows says that a vector is read several times.
func foldsRows(l *quant.Layer, f hwgen.Fold) bool { return l.Out > f.PE }

// buildMVAU appends a replay buffer where rows are folded, and the MVAU.
func buildMVAU(b *builder, i int, in []int) int {
	lp, at := b.d.Layers[i], in[0]
	l, f := lp.Layer, lp.Fold
	x := b.d.Streams[at].Content[0]
	if t := (quant.DataType{Bits: x.Bits, Signed: x.Signed}); t != l.Input {
		// Accumulators come in P bits, whatever of them the numbers need: the certificate stands.
		wide := *l
		wide.Input = t
		l = &wide
	}
	// Its words are as wide as what comes, so it has the widened layer's.
	if r := replayOf(l, f, b.style); r != nil {
		at = b.d.Add(r, at)[0]
	}
	return b.d.Add(mvauOf(l, x.Tensor, f, lp.AccBits, b.style), at)[0]
}

// replayOf returns the replay buffer of a layer, nil where there is one row fold: then each beat
// is used once, as it comes.
func replayOf(l *quant.Layer, f hwgen.Fold, style boards.MemoryStyle) *replaybuffer.Block {
	nf := l.Out / f.PE
	if nf == 1 {
		return nil
	}
	return &replaybuffer.Block{Layer: l.Name, Width: f.SIMD * l.Input.Bits, Length: l.In / f.SIMD, Repeats: nf,
		BlockRAM: f.Replay == hwgen.InBlockRAM, Style: style}
}

// mvauOf returns the unit of a layer that reads the tensor x.
func mvauOf(l *quant.Layer, x hwgen.Tensor, f hwgen.Fold, acc int, style boards.MemoryStyle) *mvau.Block {
	return &mvau.Block{Layer: l, Input: x, Fold: f, AccBits: acc, ThresholdBits: l.ThresholdBits(acc),
		BlockROM: f.Weights == hwgen.InBlockRAM, Style: style}
}

// never says that a unit takes a beat per cycle.
func never(*quant.Layer, hwgen.Fold) bool { return false }

// joins says that one stream may have to wait for another.
// A sum of one operand has nobody to wait for.
func joins(l *quant.Layer, _ hwgen.Fold) bool { return len(l.From) > 1 }

// maxFactor is the largest factor of an operand that the unit takes: 32 bits with its sign.
const maxFactor = 1<<31 - 1

func fitsAdd(l *quant.Layer) error {
	for k, f := range l.Factors {
		if f > maxFactor {
			return fmt.Errorf("hwgen: layer %q: factor %d is %d, want at most %d", l.Name, k, f, maxFactor)
		}
	}
	return nil
}

// foldAdd takes the fewest channels at once that are enough.
func foldAdd(p *planner, l *quant.Layer) (hwgen.Fold, error) {
	for _, pe := range divisors(l.Out) {
		if l.Shape.Size()/pe <= p.options.Cycles() {
			return hwgen.Fold{PE: pe, SIMD: l.In}, nil
		}
	}
	// Too slow even so, where positions alone are more than the cycles: the interval tells.
	return hwgen.Fold{PE: l.Out, SIMD: l.In}, nil
}

// buildAdd appends the sum of all operands; of one alone, what its staircase makes of it.
func buildAdd(b *builder, i int, in []int) int {
	lp := b.d.Layers[i]
	a := &add.Block{Layer: lp.Layer, PE: lp.Fold.PE, AccBits: lp.AccBits,
		ThresholdBits: lp.Layer.ThresholdBits(lp.AccBits)}
	for _, s := range in {
		// As the stream has it: accumulators come in P bits, more than the numbers may need.
		p := b.d.Streams[s].Content[0]
		a.Operands = append(a.Operands, add.Operand{Tensor: p.Tensor,
			Type: quant.DataType{Bits: p.Bits, Signed: p.Signed}})
	}
	return b.d.Add(a, in...)[0]
}
