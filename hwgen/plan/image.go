package plan

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/add"
	"github.com/a2qgen/a2qgen/hwgen/block/concat"
	"github.com/a2qgen/a2qgen/hwgen/block/crop"
	linebuffer "github.com/a2qgen/a2qgen/hwgen/block/line_buffer"
	"github.com/a2qgen/a2qgen/hwgen/block/pool"
	widthconverter "github.com/a2qgen/a2qgen/hwgen/block/width_converter"
	"github.com/a2qgen/a2qgen/quant"
)

// parts are what the blocks of a layer are made from: the layer, what it reads, its fold and P.
type parts struct {
	layer *quant.Layer
	in    []hwgen.Part
	fold  hwgen.Fold
	acc   int
	style boards.MemoryStyle
	// lineBuffer makes a line buffer, or finds one made before.
	lineBuffer func(linebuffer.Spec) *linebuffer.Block
}

// partsOf returns those of layer i of a design that reads the streams in.
func (b *builder) partsOf(i int, in []int) parts {
	lp := b.d.Layers[i]
	p := parts{layer: lp.Layer, fold: lp.Fold, acc: lp.AccBits, style: b.style, lineBuffer: b.lineBuffer}
	for _, s := range in {
		p.in = append(p.in, b.d.Streams[s].Content[0])
	}
	return p
}

// pricedParts returns those of a layer by itself: its operands have the types of their numbers.
func (p *planner) pricedParts(u *unit, l *quant.Layer, f hwgen.Fold, acc int) parts {
	x := parts{layer: l, fold: f, acc: acc, style: p.style, lineBuffer: p.lineBuffer}
	for k := range l.From {
		t, shape := l.OperandType(k), l.OperandShape(k)
		x.in = append(x.in, hwgen.InOrder(hwgen.Tensor{}, shape.Size(), t.Bits, t.Signed, u.lanes(l, f)))
	}
	return x
}

// inRow returns the unit of layers whose blocks stand in one row. What u leaves open is that of a dense unit
// of images.
func inRow(u unit, blocks func(parts) []hwgen.Block) unit {
	self := &u
	u.blocks = func(p *planner, l *quant.Layer, f hwgen.Fold, acc int) []hwgen.Block {
		return blocks(p.pricedParts(self, l, f, acc))
	}
	u.build = func(b *builder, i int, in []int) int {
		at := in[0]
		for k, block := range blocks(b.partsOf(i, in)) {
			if k == 0 {
				at = b.d.Add(block, in...)[0]
				continue
			}
			at = b.d.Add(block, at)[0]
		}
		return at
	}
	u.least = anyLUTs
	if u.check == nil {
		u.check = checkImage
	}
	if u.place == nil {
		u.place = func(p *planner, l *quant.Layer, f *hwgen.Fold) { p.placeDense(l, f, u.blocks) }
	}
	if u.fold == nil {
		u.fold = foldDense(u.place, u.blocks)
	}
	return u
}

// slides says that a window has to be cut from the image: positions come as they are.
func slides(l *quant.Layer) bool {
	w := l.Window.Normal()
	return w.Taps() > 1 || w.StrideH > 1 || w.StrideW > 1 || l.Groups > 1 || w.Padded()
}

// groupChannels are the channels of an image that a row of a convolution reads.
func groupChannels(l *quant.Layer) int { return l.OperandShape(0).C / l.Groups }

// convLanes returns the channels per beat of the image of a convolution: SIMD of them, or a divisor of
// both where a beat of the unit is of several positions; those of all rows at once where each reads
// one of its own.
func convLanes(l *quant.Layer, f hwgen.Fold) int {
	switch {
	case !slides(l):
		return f.SIMD
	case f.Window == hwgen.Parallel: // all of a position
		return groupChannels(l) * f.Channels(l)
	}
	return gcd(f.SIMD, groupChannels(l)) * f.Channels(l)
}

// lines returns the line buffer that brings the windows of a layer, of so many groups of channels times
// times over.
func (p parts) lines(border *hwgen.Border, groups, times int) *linebuffer.Block {
	l, in, w := p.layer, p.layer.OperandShape(0), p.layer.Window.Normal()
	why := fmt.Sprintf("a window of %dx%d, stride %dx%d", w.H, w.W, w.StrideH, w.StrideW)
	if l.Kind == quant.Conv && p.brought() == p.fold.SIMD*p.fold.Channels(l) {
		why += fmt.Sprintf(", %s over", hwgen.Count(times, "time"))
	}
	loops := hwgen.Windows(l, in, groups, times, p.in[0].Lanes)
	inner := len(loops)
	if p.fold.Window == hwgen.Parallel {
		// The innermost, over the channels of a position, has one turn; those over rows and columns of
		// the window are before it.
		inner -= 2
		if p.fold.AtOnce(l) == w.Taps() {
			inner--
		}
		why += fmt.Sprintf(", %d positions at once", p.fold.AtOnce(l))
	}
	return p.lineBuffer(linebuffer.Spec{Layer: l.Name, Input: p.in[0], Shape: in, Border: border, Loops: loops[:inner],
		AtOnce: loops[inner:], BlockRAM: p.fold.Replay == hwgen.InBlockRAM, Style: p.style, Why: why})
}

// comesAtOnce says that the positions of a window of the fold can come at once: there is a beat for each
// window, and more than one of them.
func comesAtOnce(l *quant.Layer, f hwgen.Fold) bool {
	return f.AtOnce(l) > 0 && slides(l) && (f.SIMD < l.In || l.Shape.Positions()*l.Out > f.PE)
}

// brought returns the elements per beat that a line buffer brings to a convolution.
func (p parts) brought() int {
	if p.fold.Window == hwgen.Parallel {
		return p.in[0].Lanes * p.fold.AtOnce(p.layer)
	}
	return p.in[0].Lanes
}

// denseBlocks returns the blocks of a layer by a dense unit: of windows a line buffer that brings them for
// every fold of rows; else, or where beats of SIMD are more than its channels, what joins elements to such
// beats and repeats them; and the MVAU.
func denseBlocks(p parts) []hwgen.Block {
	l, f := widened(p.layer, p.in[0]), p.fold
	lanes, wanted, groups := p.brought(), f.SIMD*f.Channels(l), max(1, l.Groups/f.Channels(l))
	vectors, times := l.Shape.Positions()*groups, l.Out/f.PE/groups
	var blocks []hwgen.Block
	if slides(l) {
		repeated := 1
		if lanes == wanted {
			repeated, times = times, 1 // then no buffer has to
		}
		blocks = append(blocks, p.lines(hwgen.BorderOf(l.Window, l.OperandShape(0), 0), groups, repeated))
	}
	if lanes != wanted {
		blocks = append(blocks, &widthconverter.Block{Layer: l.Name, Operand: "_window", Word: l.Input.Bits, In: lanes,
			Out: wanted, InBeats: vectors * l.In * f.Channels(l) / lanes})
	}
	if times > 1 {
		blocks = append(blocks, replayOf(l, f, vectors, times, p.style))
	}
	return append(blocks, mvauOf(l, p.in[0].Tensor, f, p.acc, p.style))
}

// cyclesOf returns the cycles per frame of a layer with weights under a fold, those in which its image
// comes and its windows leave among them.
func cyclesOf(l *quant.Layer, f hwgen.Fold) int {
	cycles := f.Cycles(l.In, l.Out)
	if l.Kind != quant.Conv {
		return cycles
	}
	lanes, channels := convLanes(l, f), f.Channels(l)
	groups := l.Groups / channels
	vectors, times := l.Shape.Positions()*groups, l.Out/f.PE/groups
	brought, repeated := lanes, times
	if f.Window == hwgen.Parallel {
		brought *= f.AtOnce(l)
	}
	if ratio := f.SIMD * channels / brought; ratio > 1 {
		repeated = 1
		if times > 1 {
			// A replay buffer holds one vector. The next comes in behind its last pass, a beat in every
			// ratio cycles but for the two that are there already, and the first pass waits for it.
			cycles += groups * max(0, l.In/f.SIMD*(ratio-2))
		}
	}
	return max(l.Shape.Positions()*cycles, l.OperandShape(0).Size()/lanes, vectors*repeated*l.In*channels/brought)
}

// poolBlocks returns the blocks of a pool: a line buffer, unless the window is the image, the pool, and
// what turns its results into activations where the layer does.
func poolBlocks(p parts) []hwgen.Block {
	l := p.layer
	b := &pool.Block{Layer: l, Input: p.in[0], AccBits: p.acc, Style: p.style}
	var blocks []hwgen.Block
	if !b.Whole() {
		blocks = append(blocks, p.lines(b.Border(), 1, 1))
	}
	return p.activated(append(blocks, b), b.Output())
}

// activated returns blocks with one behind them that turns what they give, of type t, into the layer's
// activations, if it has thresholds.
func (p parts) activated(blocks []hwgen.Block, t quant.DataType) []hwgen.Block {
	l := p.layer
	if l.Thresholds == nil {
		return blocks
	}
	return append(blocks, &add.Block{Layer: l, PE: p.fold.PE, AccBits: p.acc, ThresholdBits: l.ThresholdBits(p.acc),
		Operands: []add.Operand{{Tensor: hwgen.Tensor{Layer: l.Name, Holds: hwgen.HoldsAccumulators}, Type: t}}})
}

// concatBlocks returns the blocks of a concatenation.
func concatBlocks(p parts) []hwgen.Block {
	b := &concat.Block{Layer: p.layer, Inputs: p.in}
	for k := range p.in {
		b.Beats = append(b.Beats, p.layer.OperandShape(k).C/p.fold.PE)
	}
	return p.activated([]hwgen.Block{b}, b.Output())
}

// cropBlocks returns the blocks of a layer that passes on a part of its image.
func cropBlocks(p parts) []hwgen.Block {
	x := p.in[0]
	b := &crop.Block{Layer: p.layer, Input: x, In: p.layer.OperandShape(0)}
	return p.activated([]hwgen.Block{b}, quant.DataType{Bits: x.Bits, Signed: x.Signed})
}

// fitsSelect refuses channels in another order than they come that are too wide for a product.
func fitsSelect(l *quant.Layer) error {
	if _, ok := crop.Apart(l.Channels); ok {
		return nil
	}
	return fmt.Errorf("hwgen: layer %q: puts channels of %d bits in another order, want elements of at most %d bits or "+
		"channels that are evenly apart", l.Name, l.Input.Bits, maxProduct)
}

// moveBlocks returns the blocks of a layer that moves elements: a line buffer that gives them in the
// order of its output.
func moveBlocks(p parts) []hwgen.Block {
	l, x := p.layer, p.in[0]
	out := hwgen.InOrder(hwgen.Tensor{Layer: l.Name, Holds: hwgen.HoldsAccumulators}, l.Shape.Size(), x.Bits, x.Signed,
		x.Lanes)
	why := fmt.Sprintf("%s by %d", l.Kind, l.Factor)
	if down, across := l.Block(); across != down {
		why += fmt.Sprintf(" down and %d across", across)
	}
	b := p.lineBuffer(linebuffer.Spec{Layer: l.Name, Input: x, Shape: l.OperandShape(0), Output: &out,
		Loops: moves(l, x.Lanes), BlockRAM: p.fold.Replay == hwgen.InBlockRAM, Style: p.style,
		Why: why})
	return p.activated([]hwgen.Block{b}, quant.DataType{Bits: x.Bits, Signed: x.Signed})
}

// moves returns the loops over the input of Upsample, PixelShuffle or SpaceToDepth in which its output
// comes, with lanes channels per beat (see quant.Layer.Moves).
func moves(l *quant.Layer, lanes int) []hwgen.Walk {
	in := l.OperandShape(0)
	down, across := l.Block()
	rows, columns := hwgen.Walk{Count: in.H, Rows: 1}, hwgen.Walk{Count: in.W, Columns: 1}
	block := []hwgen.Walk{{Count: in.H / down, Rows: down}, {Count: in.W / across, Columns: across}}
	switch {
	case l.Kind == quant.SpaceToDepth && l.DepthFirst: // as a window whose stride is its size
		return append(block, hwgen.Walk{Count: down, Rows: 1}, hwgen.Walk{Count: across, Columns: 1},
			hwgen.Walk{Count: in.C / lanes, Channels: lanes})
	case l.Kind == quant.SpaceToDepth:
		return append(block, hwgen.Walk{Count: in.C, Channels: 1}, hwgen.Walk{Count: down, Rows: 1},
			hwgen.Walk{Count: across, Columns: 1})
	case l.Kind == quant.Upsample:
		return []hwgen.Walk{rows, {Count: down}, columns, {Count: across}, {Count: in.C / lanes, Channels: lanes}}
	case l.DepthFirst:
		return []hwgen.Walk{rows, {Count: down, Channels: across * l.Out}, columns, {Count: across, Channels: l.Out},
			{Count: l.Out / lanes, Channels: lanes}}
	case l.Out == 1: // the columns of a position are neighbours
		return []hwgen.Walk{rows, {Count: down, Channels: across}, columns, {Count: across / lanes, Channels: lanes}}
	}
	return []hwgen.Walk{rows, {Count: down, Channels: across}, columns, {Count: across, Channels: 1},
		{Count: l.Out, Channels: down * across}}
}

// checkImage refuses what only other units have, and elements at once that do not stand side by side.
func checkImage(p *planner, l *quant.Layer, f hwgen.Fold) error {
	if most := together(l); most%f.PE != 0 {
		return fmt.Errorf("hwgen: layer %q: PE is %d, want a divisor of %d: so many elements of a layer of kind %s, which "+
			"reads %v, stand side by side", l.Name, f.PE, most, l.Kind, l.OperandShape(0))
	}
	if f.Window == hwgen.Parallel && !comesAtOnce(l, f) {
		return fmt.Errorf("hwgen: layer %q: window is %q, want none: all of its image is one beat", l.Name, f.Window)
	}
	return withoutLanes(p, l, f)
}

// together returns how many elements a layer can give at once: rows that read the same, channels that
// divide those of each operand, or that stand side by side where they come from.
func together(l *quant.Layer) int {
	switch {
	case l.Kind == quant.Conv:
		return hwgen.RowsAtOnce(l)
	case l.Kind == quant.Concat:
		return operandChannels(l)
	case l.Kind == quant.Select: // a beat passes or does not
		if step, _ := crop.Apart(l.Channels); step > 1 {
			return 1
		}
		return gcd(gcd(l.OperandShape(0).C, l.Channels[0]), len(l.Channels))
	case l.Kind == quant.PixelShuffle && !l.DepthFirst && l.Out == 1 && l.Thresholds == nil:
		_, across := l.Block()
		return across // the columns of a position
	case l.Kind == quant.SpaceToDepth && l.DepthFirst:
		return l.OperandShape(0).C
	case l.Kind.Moves() && l.Kind != quant.Upsample && !l.DepthFirst:
		return 1 // ONNX's CRD order has the channels of a position apart
	}
	return l.Out
}

// foldElements takes the fewest elements per beat with which those that come, are pooled or leave take at
// most the cycles of a frame.
func foldElements(p *planner, l *quant.Layer) (hwgen.Fold, error) {
	most, work := together(l), elementsRead(l)
	if l.Kind == quant.AvgPool || l.Kind == quant.MaxPool {
		work = max(work, l.Shape.Size()*l.Window.Taps())
	}
	for _, pe := range divisors(most) {
		if work/pe <= p.options.Cycles() {
			return hwgen.Fold{PE: pe, SIMD: l.In}, nil
		}
	}
	// Too slow even so: the interval tells.
	return hwgen.Fold{PE: most, SIMD: l.In}, nil
}

// elementsRead returns the elements that come to a layer, or those that leave if they are more.
func elementsRead(l *quant.Layer) int {
	in := 0
	for k := range l.From {
		in += l.OperandShape(k).Size()
	}
	return max(in, l.Shape.Size())
}

// operandChannels returns the largest number that divides the channels of all operands.
func operandChannels(l *quant.Layer) int {
	n := 0
	for k := range l.From {
		n = gcd(l.OperandShape(k).C, n)
	}
	return n
}
