package plan

import (
	"cmp"
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
	// name is that of the module that computes, word what people call it.
	name, word string
	// kind of layers that it builds.
	kind quant.Kind
	// fits returns an error where it cannot build a layer of the kind.
	fits func(l *quant.Layer) error
	// fold chooses how much is computed at once.
	fold func(p *planner, l *quant.Layer) (hwgen.Fold, error)
	// check returns an error where the fold, which divides the layer, is none of the unit.
	check func(p *planner, l *quant.Layer, f hwgen.Fold) error
	// place decides where memories lie that the fold leaves open.
	place func(p *planner, l *quant.Layer, f *hwgen.Fold)
	// least is LUTs that it takes more of, quick to see: no fold is looked for where others take
	// fewer.
	least func(l *quant.Layer) int
	// blocks returns what computes, with accumulators of acc bits, to be priced.
	blocks blocksOf
	// lanes is how many elements of each stream it reads per beat.
	lanes func(l *quant.Layer, f hwgen.Fold) int
	// waits says that it may be unable to take beats for long although it works: a queue
	// before it can raise the rate.
	waits func(l *quant.Layer, f hwgen.Fold) bool
	// build appends its blocks for layer i to a design, which read the streams in, and returns
	// the stream that leaves.
	build func(b *builder, i int, in []int) int
}

// units are all units, the usual one of a kind first.
var units = []unit{
	inRow(unit{name: "mvau", word: "dense", kind: quant.Linear, fits: fitsAll, check: withoutLanes,
		lanes: simdLanes, waits: foldsRows}, denseBlocks),
	{name: "tap_unit", word: "tap", kind: quant.Linear, fits: fitsTap, fold: foldTap, check: checkTap,
		place: placeTap, least: anyLUTs, blocks: blocksTap, lanes: simdLanes, waits: always,
		build: buildTap},
	{name: "hardwired", word: "hardwired", kind: quant.Linear, fits: fitsHardwired, fold: foldHardwired,
		check: checkHardwired, place: placeNothing, least: leastHardwired, blocks: blocksHardwired,
		lanes: simdLanes, waits: never, build: buildHardwired},
	inRow(unit{name: "add", word: "add", kind: quant.Add, fits: fitsAdd, fold: foldAdd, check: withoutLanes,
		place: placeNothing, lanes: peLanes, waits: joins}, addBlocks),
	inRow(unit{name: "add", word: "add", kind: quant.Requantize, fits: fitsAdd, fold: foldAdd, check: withoutLanes,
		place: placeNothing, lanes: peLanes, waits: joins}, addBlocks),
	inRow(unit{name: "mvau", word: "dense", kind: quant.Conv, fits: fitsAll, lanes: convLanes,
		waits: always}, denseBlocks),
	tapWindow(),
	inRow(unit{name: "pool", word: "pool", kind: quant.MaxPool, fits: fitsAll, fold: foldElements, lanes: peLanes,
		waits: always}, poolBlocks),
	inRow(unit{name: "pool", word: "pool", kind: quant.AvgPool, fits: fitsAll, fold: foldElements, lanes: peLanes,
		waits: always}, poolBlocks),
	inRow(unit{name: "concat", word: "concat", kind: quant.Concat, fits: fitsAll, fold: foldElements, lanes: peLanes,
		waits: joins}, concatBlocks),
	inRow(unit{name: "crop", word: "crop", kind: quant.Crop, fits: fitsAll, fold: foldElements, lanes: peLanes,
		waits: never}, cropBlocks),
	inRow(unit{name: "crop", word: "crop", kind: quant.Select, fits: fitsSelect, fold: foldElements, lanes: peLanes,
		waits: never}, cropBlocks),
	inRow(unit{name: "line_buffer", word: "lines", kind: quant.Upsample, fits: fitsAll, fold: foldElements,
		lanes: peLanes, waits: always}, moveBlocks),
	inRow(unit{name: "line_buffer", word: "lines", kind: quant.PixelShuffle, fits: fitsAll, fold: foldElements,
		lanes: peLanes, waits: always}, moveBlocks),
	inRow(unit{name: "line_buffer", word: "lines", kind: quant.SpaceToDepth, fits: fitsAll, fold: foldElements,
		lanes: peLanes, waits: always}, moveBlocks),
}

// simdLanes and peLanes are what units read per beat: the elements of a row, or channels.
func simdLanes(_ *quant.Layer, f hwgen.Fold) int { return f.SIMD }

func peLanes(_ *quant.Layer, f hwgen.Fold) int { return f.PE }

// UnitWords are the words for units of layers with weights, and the one that leaves the choice to
// the plan.
func UnitWords() []string {
	words := []string{Auto}
	for _, u := range units {
		if u.kind == quant.Linear {
			words = append(words, u.word)
		}
	}
	return words
}

// UnitWord returns the word for the unit whose module has the name.
func UnitWord(name string) string {
	for _, u := range units {
		if u.name == name {
			return u.word
		}
	}
	return name
}

// Auto asks for the unit of the fewest LUTs, by estimate.
const Auto = "auto"

// askedUnit returns the name or the word of the unit that an entry asks for or, where it leaves it
// open, the option for all; empty where the plan chooses.
func askedUnit(f hwgen.Fold, all string) string {
	switch {
	case f.Unit != "" && f.Unit != Auto:
		return f.Unit
	// A folding of before there was a choice names no unit: it is that of the only one there was.
	case f.Unit == "" && f.Lanes > 0:
		return "tap_unit"
	case f.Unit == "" && f.PE > 0:
		return "mvau"
	case all != Auto:
		return all
	}
	return ""
}

// unitsOf returns the units that may build a layer: the one asked for, or those that fit.
func unitsOf(l *quant.Layer, f hwgen.Fold, all string) ([]*unit, error) {
	asked, names := askedUnit(f, all), []string(nil)
	var fit []*unit
	var why error
	for i := range units {
		u := &units[i]
		switch {
		case u.kind != l.Kind:
			continue
		case !l.Kind.Weighted(): // one unit each
		case asked != "" && asked != u.name && asked != u.word:
			names = append(names, u.word)
			continue
		}
		names = append(names, u.word)
		if err := u.fits(l); err != nil {
			why = cmp.Or(why, err)
			continue
		}
		fit = append(fit, u)
	}
	switch {
	case fit != nil:
		return fit, nil
	case why != nil:
		return nil, why
	case names == nil:
		return nil, fmt.Errorf("hwgen: layer %q: no unit builds layers of kind %s", l.Name, l.Kind)
	}
	return nil, fmt.Errorf("hwgen: layer %q: no unit %q for layers of kind %s, want one of %q",
		l.Name, asked, l.Kind, names)
}

// withoutLanes refuses what only tap units have.
func withoutLanes(_ *planner, l *quant.Layer, f hwgen.Fold) error {
	switch {
	case f.Order != "":
		return fmt.Errorf("hwgen: layer %q: order is %q, want none: only tap units deal their inputs to banks", l.Name,
			f.Order)
	case f.Lanes != 0:
		return fmt.Errorf("hwgen: layer %q: lanes is %d, want none: only tap units have lanes", l.Name, f.Lanes)
	case f.Thresholds == hwgen.InBlockRAM:
		return fmt.Errorf("hwgen: layer %q: thresholds is %q, want %q: only tap units have them elsewhere", l.Name,
			f.Thresholds, hwgen.InLUTs)
	}
	return nil
}

// placeNothing is of units without memories to place.
func placeNothing(*planner, *quant.Layer, *hwgen.Fold) {}

// anyLUTs is of units whose folds are quick to find.
func anyLUTs(*quant.Layer) int { return 0 }

// fitsAll is of units that take every layer of their kind.
func fitsAll(*quant.Layer) error { return nil }

// foldsRows says that a vector is read several times.
func foldsRows(l *quant.Layer, f hwgen.Fold) bool { return l.Out > f.PE }

// always says of any layer that its unit may have to wait.
func always(*quant.Layer, hwgen.Fold) bool { return true }

// widened returns the layer as it reads what comes: accumulators come in P bits, whatever of them
// the numbers need, and the certificate stands.
func widened(l *quant.Layer, x hwgen.Part) *quant.Layer {
	t := quant.DataType{Bits: x.Bits, Signed: x.Signed}
	if t == l.Input {
		return l
	}
	wide := *l
	wide.Input = t
	return &wide
}

// replayOf returns the buffer that repeats each of so many vectors of a layer times times.
func replayOf(l *quant.Layer, f hwgen.Fold, vectors, times int, style boards.MemoryStyle) *replaybuffer.Block {
	return &replaybuffer.Block{Layer: l.Name, Width: f.SIMD * l.Input.Bits, Length: l.In / f.SIMD, Repeats: times,
		Vectors: vectors, BlockRAM: f.Replay == hwgen.InBlockRAM, Style: style}
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

// addBlocks returns the sum of all operands; of one alone, what its staircase makes of it.
func addBlocks(p parts) []hwgen.Block {
	l := p.layer
	a := &add.Block{Layer: l, PE: p.fold.PE, AccBits: p.acc, ThresholdBits: l.ThresholdBits(p.acc)}
	for _, x := range p.in {
		// As the stream has it: accumulators come in P bits, more than the numbers may need.
		a.Operands = append(a.Operands, add.Operand{Tensor: x.Tensor, Type: quant.DataType{Bits: x.Bits, Signed: x.Signed}})
	}
	return []hwgen.Block{a}
}
