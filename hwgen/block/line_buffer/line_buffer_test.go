package linebuffer_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	linebuffer "github.com/a2qgen/a2qgen/hwgen/block/line_buffer"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// shape is what a case is made of: an image of beats of lanes elements, cf of them per position, and a
// window over it, each of whose groups comes times times over.
type shape struct {
	in            quant.Shape
	window        quant.Window
	groups, times int
	lanes, bits   int
	value         int64 // of the border
	block         bool
	atOnce        int // of the window's loops, the innermost, leave in one beat
}

// kind draws windows of every shape: square or not, strides beyond the kernel, dilations, pads of
// some sides, in one dimension or two, for folds and groups.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		for {
			// Icarus takes its time for each beat, and every window is run five times.
			if c, ok := drawShape(rng).lines(); ok && c.Block.Cycles() <= 400 {
				return c
			}
		}
	},
	Cases: []blocktest.Case{
		must(shape{in: quant.Shape{H: 3, W: 4, C: 1}, window: window(3, 3, 1, 1, 1), groups: 1, times: 2, lanes: 1,
			bits: 3}).Named("3x3 with a border, two folds"),
		must(shape{in: quant.Shape{H: 5, W: 5, C: 1}, window: window(2, 2, 2, 1, 0), groups: 1, times: 1, lanes: 1,
			bits: 2}).Named("2x2 stride 2, a last row that nobody reads"),
		must(shape{in: quant.Shape{H: 6, W: 4, C: 4}, window: window(3, 2, 1, 2, 1), groups: 2, times: 1, lanes: 2,
			bits: 2, value: 1, block: true}).Named("dilated, groups, a border of ones"),
		must(shape{in: quant.Shape{H: 4, W: 4, C: 2}, window: window(3, 3, 2, 1, 1), groups: 2, times: 1, lanes: 1,
			bits: 1}).Named("taps of single channels"),
		must(shape{in: quant.Shape{H: 3, W: 70, C: 1}, window: window(2, 1, 1, 1, 0), groups: 1, times: 1, lanes: 1,
			bits: 2}).Named("places that are no power of two"),
		must(shape{in: quant.Shape{H: 4, W: 4, C: 1}, window: window(3, 3, 1, 1, 1), groups: 1, times: 1, lanes: 1,
			bits: 3, value: 5, atOnce: 2}).Named("a window per beat"),
		must(shape{in: quant.Shape{H: 3, W: 40, C: 2}, window: window(2, 3, 2, 1, 1), groups: 1, times: 2, lanes: 2,
			bits: 1, atOnce: 1, block: true}).Named("rows of a window per beat, two folds"),
		must(shape{in: quant.Shape{H: 1, W: 1, C: 2}, window: window(1, 1, 1, 1, 0), groups: 1, times: 1, lanes: 2,
			bits: 2}).Named("a beat per frame"),
		must(shape{in: quant.Shape{H: 2, W: 2, C: 1}, window: window(2, 2, 1, 1, 0), groups: 1, times: 1, lanes: 1,
			bits: 2, atOnce: 2}).Named("a frame as one window"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("reads what is not written", "line_buffer.v", "assign come[r] = reaches(behind_q, OFFSET)",
			"assign come[r] = 1'b1"),
		blocktest.Replace("waits for the first of those at once alone", "line_buffer.v", "reaches(behind_q, OFFSET)",
			"reaches(behind_q, 32'd0)"),
		blocktest.Replace("waits for one beat more", "line_buffer.v", "reaches(behind_q, OFFSET)",
			"reaches(behind_q, OFFSET + 1)"),
		blocktest.Replace("all those at once from one place", "line_buffer.v", "FIRST = START + OFFSET", "FIRST = START"),
		blocktest.Replace("one border for all at once", "line_buffer.v", "if (outside[r]) data_q", "if (outside[0]) data_q"),
		blocktest.Replace("waits for the first's border alone", "line_buffer.v", "&(outside | come)",
			"&({READS{outside[0]}} | come)"),
		blocktest.Replace("borders of one row and column", "line_buffer.v", "+ BEHIND_FIRST[32*r +: 32];", ";"),
		blocktest.Replace("takes a beat into a full memory", "line_buffer.v", "assign s_ready = used_q[COUNT_BITS-1]",
			"assign s_ready = 1'b1"),
		blocktest.Replace("a place less", "line_buffer.v", "USED = -START - DEPTH;", "USED = -START - DEPTH + 1;"),
		blocktest.Replace("a place more", "line_buffer.v", "USED = -START - DEPTH;", "USED = -START - DEPTH - 1;"),
		blocktest.Replace("frees nothing", "line_buffer.v", "FREED = negative(FREES)", "FREED = {32*(LEVELS+1){1'b0}}"),
		blocktest.Replace("waits for the border", "line_buffer.v", "&(outside | come)", "&come"),
		blocktest.Replace("no border", "line_buffer.v", "if (outside[r]) data_q <= PAD;",
			"if (1'b0) data_q <= PAD;"),
		blocktest.Replace("a border of zeros", "line_buffer.v", "data_q <= PAD", "data_q <= {WIDTH{1'b0}}"),
		blocktest.Replace("a row and a column more", "line_buffer.v", "AT >= SIZE", "AT > SIZE"),
		blocktest.Replace("nothing above and to the left", "line_buffer.v", "if (AT < 0 || AT", "if (AT"),
		blocktest.Replace("rows alone", "line_buffer.v", "assign outside[r] = |beyond[2*r +: 2]",
			"assign outside[r] = beyond[2*r]"),
		blocktest.Replace("any turn of the outer loop", "line_buffer.v", "turns[32*(OUTER%LEVELS) +: 32] == o", "1'b1"),
		blocktest.Replace("runs ahead of the frame", "line_buffer.v", "assign begins = first_q", "assign begins = 1'b0"),
		blocktest.Replace("a loop turns once less", "line_buffer.v", "LAST_TURN = COUNT - 1", "LAST_TURN = COUNT - 2"),
		blocktest.Replace("loops turn without a read", "line_buffer.v", "else if (read && inner_end) turn_q",
			"else if (inner_end) turn_q"),
		blocktest.Replace("positions do not wrap", "line_buffer.v", "over[PTR_BITS] ?", "1'b1 ?"),
		blocktest.Replace("counts no beat that comes", "line_buffer.v", "{back[COUNT_BITS-1:0], s_fire}",
			"{back[COUNT_BITS-1:0], 1'b0}"),
		blocktest.Replace("frees without a read", "line_buffer.v", "of_step(FREED, taken)",
			"of_step(FREED, step)"),
		blocktest.Replace("begins at place 0", "line_buffer.v", "SLOT = ((FIRST % DEPTH) + DEPTH) % DEPTH", "SLOT = OFFSET"),
		blocktest.Replace("data ignores the stall", "line_buffer.v", "if (read) begin", "begin"),
		blocktest.Replace("forgets a beat that waits", "line_buffer.v", "valid_q <= read || (valid_q && !m_ready)",
			"valid_q <= read"),
	},
}

// window is one of h x w taps with the same stride, dilation and pad in both directions.
func window(h, w, stride, dilation, pad int) quant.Window {
	return quant.Window{H: h, W: w, StrideH: stride, StrideW: stride, DilationH: dilation, DilationW: dilation,
		Top: pad, Left: pad, Bottom: pad, Right: pad}
}

func drawShape(rng *rand.Rand) shape {
	pick := func(from ...int) int { return block.Pick(rng, from...) }
	s := shape{groups: pick(1, 1, 1, 2, 3), times: pick(1, 1, 2, 3), lanes: pick(1, 1, 2, 3), bits: pick(1, 2, 3, 8),
		block: rng.IntN(2) == 0}
	s.in = quant.Shape{H: pick(1, 2, 3, 4, 5, 7, 8), W: pick(1, 2, 3, 4, 5, 6, 9),
		C: s.groups * s.lanes * pick(1, 1, 2, 3)}
	s.window = quant.Window{H: pick(1, 2, 3, 3, 4), W: pick(1, 2, 3, 3, 5), StrideH: pick(1, 1, 2, 3),
		StrideW: pick(1, 1, 2, 4), DilationH: pick(1, 1, 2), DilationW: pick(1, 1, 1, 3), Top: pick(0, 0, 1, 2),
		Left: pick(0, 1, 1, 2), Bottom: pick(0, 0, 1, 3),
		Right: pick(0, 0, 1, 2)}
	if rng.IntN(4) == 0 {
		s.window.Top, s.window.Left, s.window.Bottom, s.window.Right = 0, 0, 0, 0
	}
	if rng.IntN(2) == 0 {
		s.value = int64(1)<<s.bits - 1
	}
	if s.atOnce = pick(0, 0, 1, 2); s.atOnce > 0 {
		s.in.C = s.groups * s.lanes // a position comes whole
	}
	return s
}

// lines returns the case of a shape, unless the window does not fit or lies in the border alone.
func (s shape) lines() (blocktest.Case, bool) {
	l := &quant.Layer{Name: "conv", Window: s.window}
	var err error
	if l.Shape, err = s.window.Over(s.in, s.in.C); err != nil {
		return blocktest.Case{}, false
	}
	t := quant.DataType{Bits: s.bits}
	part := hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, s.in.Size(), s.bits, false, s.lanes)
	border := hwgen.BorderOf(s.window, s.in, s.value)
	loops := hwgen.Windows(l, s.in, s.groups, s.times, s.lanes)
	inner := len(loops) // the loop over the channels of a position has one turn where they come at once
	if s.atOnce > 0 {
		inner -= 1 + s.atOnce
	}
	b := linebuffer.New(linebuffer.Spec{Layer: "conv", Input: part, Shape: s.in, Loops: loops[:inner],
		AtOnce: loops[inner:], Border: border, BlockRAM: s.block})
	in, out := b.Beats()
	if !b.ReadsImage() {
		return blocktest.Case{}, false
	}
	depth, w := b.Depth(), s.window.Normal()
	return blocktest.Case{
		Block: b, Network: blocktest.Vector(s.in.Size(), t), Inputs: []hwgen.Content{{part}},
		Latency: latency(b),
		Traits: map[string]bool{"a border": border != nil, "power of two": depth&(depth-1) == 0, "block RAM": s.block,
			"one dimension": s.in.H == 1 || s.in.W == 1, "stride": w.StrideH > 1 || w.StrideW > 1,
			"dilation": w.DilationH > 1 && w.H > 1 || w.DilationW > 1 && w.W > 1, "folds": s.times > 1, "groups": s.groups > 1,
			"several at once": s.atOnce > 0 && w.Taps() > 1, "more in than out": in > out, "more out than in": out > in,
			"skips": w.StrideH > w.H || w.StrideW > w.W},
	}, true
}

func must(s shape) blocktest.Case {
	c, ok := s.lines()
	if !ok {
		panic("no case")
	}
	return c
}

// latency is the cycles from the first beat to the end of the first frame, both counted, for a source
// and a sink that never wait: of a beat per cycle each read waits for its own, and the first, where it
// is of the border of so many beats before the image, for as many as the next power of two has more,
// if a frame has so many.
func latency(b *linebuffer.Block) int {
	part, at := b.Carries(nil)[0][0], 0
	_, out := b.Beats()
	if p := b.Border; p != nil {
		before := (p.Top*p.W + p.Left) * p.C / b.Input.Lanes
		power := 1
		for power < before {
			power *= 2
		}
		at = 1
		if in, _ := b.Beats(); power-before < in {
			at = power - before + 1
		}
	}
	for n := range out {
		at++
		for lane := range part.Lanes {
			if e := part.Element(n, lane); e != hwgen.Outside {
				at = max(at, e/b.Input.Lanes+2)
			}
		}
	}
	return at + 1
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }

// TestDepth: with the beats that it keeps neither side waits for the other; with one less one does,
// or nothing moves any more.
func TestDepth(t *testing.T) {
	count := 400
	if testing.Short() {
		count = 60
	}
	shorter := 0
	for seed := range uint64(count) {
		rng := rand.New(rand.NewPCG(seed, 41))
		s := drawShape(rng)
		c, ok := s.lines()
		if !ok {
			continue
		}
		b := c.Block.(*linebuffer.Block)
		if got := interval(t, b.MachineOf(b.Needed()), b); got != b.Cycles() {
			t.Errorf("seed %d: %+v: %d beats kept: a frame takes %d cycles, want %d", seed, s, b.Needed(), got, b.Cycles())
		}
		if b.Needed() <= 2 {
			continue
		}
		shorter++
		if got := interval(t, b.MachineOf(b.Needed()-1), b); got == b.Cycles() {
			t.Errorf("seed %d: %+v: %d beats are kept, one less is enough", seed, s, b.Needed())
		}
	}
	if shorter < count/4 {
		t.Errorf("only %d of %d could do with less", shorter, count)
	}
}

// interval returns the cycles between frames, 0 where nothing moves any more.
func interval(t *testing.T, m cycle.Machine, b *linebuffer.Block) int {
	t.Helper()
	in, out := b.Beats()
	e, err := cycle.New(cycle.Graph{Streams: []string{"in", "out"}, Nodes: []cycle.Node{{Name: "lines", Machine: m,
		In: []int{0}, Out: []int{1}}}, Sources: []cycle.Port{{Stream: 0, Beats: in}},
		Sinks: []cycle.Port{{Stream: 1, Beats: out}}})
	if err != nil {
		t.Fatal(err)
	}
	steady, err := e.Steady(1 << 20)
	if err != nil {
		return 0
	}
	if steady.Frames == 0 || steady.Cycles%steady.Frames != 0 {
		return -1
	}
	return int(steady.Cycles / steady.Frames)
}
