package plan

import (
	"cmp"
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/pad"
	"github.com/a2qgen/a2qgen/hwgen/taps"
	"github.com/a2qgen/a2qgen/quant"
)

// A tap unit of a convolution reads the taps of a window where the image's last lines are kept: there is
// no window stream, and no replay. Every lane has a copy of the lines, so that taps find no bank in
// use; an element comes per cycle, those of the border among them.

// tapWindow returns the unit.
func tapWindow() unit {
	u := inRow(unit{name: "tap_unit", word: "tap", kind: quant.Conv, fits: fitsTapWindow, check: checkTapWindow,
		lanes: simdLanes, waits: always}, tapWindowBlocks)
	u.place = func(p *planner, l *quant.Layer, f *hwgen.Fold) {
		f.Order = cmp.Or(f.Order, hwgen.Natural)
		p.placeEach(l, f, u.blocks)
	}
	price := func(p *planner, l *quant.Layer, f hwgen.Fold) int {
		acc, _ := neededBits(l)
		u.place(p, l, &f)
		return p.price(u.blocks(p, l, f, acc)...)
	}
	u.fold = func(p *planner, l *quant.Layer) (hwgen.Fold, error) { return foldTapWindow(p, l, price) }
	return u
}

// fitsTapWindow returns an error where the layer is none for a tap unit.
func fitsTapWindow(l *quant.Layer) error {
	if l.Groups > 1 {
		return fmt.Errorf("hwgen: layer %q: has %d groups of channels, a tap unit takes one: the dense unit takes them",
			l.Name, l.Groups)
	}
	return fitsTap(l)
}

// tapWindowBlocks returns the blocks of a convolution by a tap unit: what puts the border around the
// image, and the unit.
func tapWindowBlocks(p parts) []hwgen.Block {
	l := widened(p.layer, p.in[0])
	var blocks []hwgen.Block
	if border := hwgen.BorderOf(l.Window, l.OperandShape(0), 0); border != nil {
		blocks = append(blocks, &pad.Block{Layer: l.Name, Input: p.in[0], Border: *border})
	}
	return append(blocks, tapOf(l, p.in[0].Tensor, p.fold, p.acc, p.style))
}

// checkTapWindow returns an error where a fold is none of a tap unit of a convolution.
func checkTapWindow(_ *planner, l *quant.Layer, f hwgen.Fold) error {
	switch {
	case f.SIMD != 1:
		return fmt.Errorf("hwgen: layer %q: SIMD is %d, want 1: an element of the image comes to a tap unit per cycle",
			l.Name, f.SIMD)
	case f.Window != "":
		return fmt.Errorf("hwgen: layer %q: window is %q, want none: a tap unit reads its taps where the image is kept",
			l.Name, f.Window)
	case f.Lanes < 1:
		return fmt.Errorf("hwgen: layer %q: lanes is %d, want 1 or more", l.Name, f.Lanes)
	case f.Order == hwgen.Arranged:
		return fmt.Errorf("hwgen: layer %q: order is %q, want %q: every lane reads all channels", l.Name, f.Order,
			hwgen.Natural)
	}
	return nil
}

// foldTapWindow returns the fold of the least price that takes at most the cycles of a frame.
func foldTapWindow(p *planner, l *quant.Layer, price func(*planner, *quant.Layer, hwgen.Fold) int) (hwgen.Fold, error) {
	cycles, positions := p.options.Cycles(), l.Shape.Positions()
	if size := l.Window.Around(l.OperandShape(0)).Size(); size > cycles {
		return hwgen.Fold{}, fmt.Errorf("hwgen: layer %q: its image of %d elements comes to a tap unit in as many cycles, "+
			"a frame has %d: the dense unit takes several at once", l.Name, size, cycles)
	}
	if err := p.tooManyTaps(l); err != nil {
		return hwgen.Fold{}, err
	}
	var best hwgen.Fold
	least, fewest := 0, maxTapPE*laneCounts[len(laneCounts)-1]
	for _, pe := range divisors(l.Out) {
		lanes := lanesFor(l, pe, cycles/positions)
		// Lanes are most of the price: more than a quarter beyond the fewest cannot be the cheapest.
		if pe > maxTapPE || lanes == 0 || pe*lanes > fewest+fewest/4 {
			continue
		}
		fewest = min(fewest, pe*lanes)
		f := hwgen.Fold{PE: pe, SIMD: 1, Lanes: lanes, Order: hwgen.Natural}
		if luts := price(p, l, f); least == 0 || luts < least {
			best, least = f, luts
		}
	}
	if least == 0 {
		return hwgen.Fold{}, fmt.Errorf("hwgen: layer %q: no tap unit of up to %d PEs of %d lanes does its %d taps at %d "+
			"positions in %d cycles: the dense unit may", l.Name, maxTapPE, laneCounts[len(laneCounts)-1], tapsOf(l),
			positions, cycles)
	}
	return best, nil
}

// lanesFor returns the fewest lanes with which pe rows at once take at most so many steps, 0 for none.
func lanesFor(l *quant.Layer, pe, steps int) int {
	for _, lanes := range laneCounts {
		// A quick bound, and read stages that a schedule has at least.
		if tapsOf(l) <= steps*pe*lanes && max(2, taps.Least(l.Weights, l.In, pe, lanes)) <= steps {
			return lanes
		}
	}
	return 0
}
