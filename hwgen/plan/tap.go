package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	tapunit "github.com/a2qgen/a2qgen/hwgen/block/tap_unit"
	"github.com/a2qgen/a2qgen/hwgen/taps"
	"github.com/a2qgen/a2qgen/quant"
)

// maxTapInput is the widest input that a tap unit reads, in bits (templates/tap_tree.v).
const maxTapInput = 32

// laneCounts are how many lanes a PE of a tap unit may have where the plan chooses: each number up
// to 8, then steps of an eighth to a quarter, as a tree of adders wants no certain number.
var laneCounts = []int{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64}

// maxTapPE is the most rows at once where the plan chooses: each has a copy of the vector.
const maxTapPE = 16

// fitsTap returns an error where the layer is none for a tap unit.
func fitsTap(l *quant.Layer) error {
	if l.Input.Bits > maxTapInput {
		return fmt.Errorf("hwgen: layer %q: inputs of %d bits, a tap unit takes at most %d: the dense unit takes them",
			l.Name, l.Input.Bits, maxTapInput)
	}
	return nil
}

// foldTap returns the fold of a tap unit with the fewest LUTs, by estimate, that takes at most the
// cycles of a frame per vector. Where none does, it returns the fastest, which others beat.
func foldTap(p *planner, l *quant.Layer) (hwgen.Fold, error) {
	cycles := p.options.Cycles()
	if err := p.tooManyTaps(l); err != nil {
		return hwgen.Fold{}, err
	}
	acc, _ := neededBits(l)
	var best hwgen.Fold
	least, fewest := 0, maxTapPE*slices.Max(laneCounts)
	for _, pe := range divisors(l.Out) {
		if pe > maxTapPE {
			break
		}
		// Lanes are most of the price: more than a quarter beyond the fewest cannot be the cheapest.
		f, ok := p.fewestLanes(l, pe, cycles, fewest+fewest/4)
		if !ok {
			continue
		}
		fewest = min(fewest, pe*f.Lanes)
		placeTap(p, l, &f)
		luts := p.price(blocksTap(p, l, f, acc)...)
		if least == 0 || luts < least {
			best, least = hwgen.Fold{PE: f.PE, SIMD: f.SIMD, Lanes: f.Lanes, Order: f.Order}, luts
		}
	}
	if least == 0 {
		return hwgen.Fold{}, fmt.Errorf("hwgen: layer %q: no tap unit of up to %d PEs of %d lanes does its %d taps in "+
			"%d cycles: the dense and the hard-wired unit may", l.Name, maxTapPE, laneCounts[len(laneCounts)-1],
			tapsOf(l), cycles)
	}
	return best, nil
}

// longSchedule is how many taps it takes about a second to price units for.
const longSchedule = 1 << 16

// tooManyTaps returns an error where a tap unit has more to do than a dense one: schedules so long are not
// worth the time that their price takes, unless they are asked for.
func (p *planner) tooManyTaps(l *quant.Layer) error {
	if n := tapsOf(l); n > max(longSchedule, l.In*l.Out) && !p.asksForTaps(l) {
		return fmt.Errorf("hwgen: layer %q: its %d taps are more than its %d weights: a tap unit has to be asked for",
			l.Name, n, l.In*l.Out)
	}
	return nil
}

// asksForTaps says that a layer's own entry or the option for all names the tap unit, which then has
// no other beside it.
func (p *planner) asksForTaps(l *quant.Layer) bool {
	asked := askedUnit(p.options.Folding[l.Name], p.options.Unit)
	return asked == "tap" || asked == "tap_unit"
}

// tapsOf returns how many taps a layer has.
func tapsOf(l *quant.Layer) int { return taps.Count(l.Weights) }

// fewestLanes returns the fold of pe rows with the fewest lanes that take at most so many cycles,
// with the columns in another order where only that is fast enough. There are most lanes at most.
func (p *planner) fewestLanes(l *quant.Layer, pe, cycles, most int) (hwgen.Fold, bool) {
	count := tapsOf(l)
	for _, lanes := range laneCounts {
		if pe*lanes > most {
			break
		}
		simd, ok := fewestElements(l.In, lanes, cycles)
		// A bound that is quick to see, before taps are counted per bank.
		if lanes > l.In || !ok || count > cycles*pe*lanes {
			continue
		}
		if order, ok := p.orderFor(l, pe, lanes, cycles); ok {
			return hwgen.Fold{PE: pe, SIMD: simd, Lanes: lanes, Order: order}, true
		}
	}
	return hwgen.Fold{}, false
}

// fewestElements returns the fewest elements at once that bring a vector of in within so many cycles.
func fewestElements(in, lanes, cycles int) (int, bool) {
	for simd := 1; simd <= lanes; simd++ {
		if lanes%simd == 0 && in%simd == 0 && in/simd <= cycles {
			return simd, true
		}
	}
	return 0, false
}

// orderFor returns the order of columns in which taps take at most so many cycles: the natural one
// if it will do.
func (p *planner) orderFor(l *quant.Layer, pe, lanes, cycles int) (hwgen.Order, bool) {
	switch asked := p.options.Folding[l.Name].Order; {
	case asked != hwgen.Arranged && taps.Length(l.Weights, l.In, pe, taps.Interleaved(lanes)) <= cycles:
		return hwgen.Natural, true
	case asked == hwgen.Natural, !p.arrangeable(l), asked != hwgen.Arranged && crowded(l),
		taps.Least(l.Weights, l.In, pe, lanes) > cycles:
		return "", false
	}
	for _, try := range tries {
		if float64(p.arrangement(l, pe, lanes, try.effort).steps) > try.near*float64(cycles) {
			return "", false
		}
	}
	return hwgen.Arranged, true
}

// placeTap decides where the memories of a tap unit lie: each where it is cheaper, the others being
// where they are. A fold that says nothing of the order takes the natural one.
func placeTap(p *planner, l *quant.Layer, f *hwgen.Fold) {
	f.Order = cmp.Or(f.Order, hwgen.Natural)
	p.placeEach(l, f, blocksTap)
}

// checkTap returns an error where a fold is none of a tap unit.
func checkTap(p *planner, l *quant.Layer, f hwgen.Fold) error {
	switch {
	case f.Order == hwgen.Arranged && !p.arrangeable(l):
		return fmt.Errorf("hwgen: layer %q: order is %q, want %q: what it reads is not a layer's with weights that "+
			"nothing else reads and that is no output", l.Name, f.Order, hwgen.Natural)
	case f.Lanes < 1 || f.Lanes%f.SIMD != 0:
		return fmt.Errorf("hwgen: layer %q: lanes is %d, want a multiple of the %d elements that come at once (simd)",
			l.Name, f.Lanes, f.SIMD)
	}
	return nil
}

// blocksTap returns the tap unit of a layer.
func blocksTap(p *planner, l *quant.Layer, f hwgen.Fold, acc int) []hwgen.Block {
	return []hwgen.Block{tapOf(p.arranged(l, f), hwgen.Tensor{}, f, acc, p.style)}
}

// tapOf returns the tap unit of a layer that reads the tensor x.
func tapOf(l *quant.Layer, x hwgen.Tensor, f hwgen.Fold, acc int, style boards.MemoryStyle) *tapunit.Block {
	stages := 1
	// The schedule's words are addresses of the banks.
	if style.LateRead && f.Weights == hwgen.InBlockRAM {
		stages = 2
	}
	return tapunit.New(tapunit.Block{Layer: l, Input: x, Fold: f, AccBits: acc, ThresholdBits: l.ThresholdBits(acc),
		ReadStages: stages, Style: style})
}

// buildTap appends the unit: it holds the vector itself.
func buildTap(b *builder, i int, in []int) int {
	lp, at := b.d.Layers[i], in[0]
	x := b.d.Streams[at].Content[0]
	return b.d.Add(tapOf(widened(lp.Layer, x), x.Tensor, lp.Fold, lp.AccBits, b.style), at)[0]
}
