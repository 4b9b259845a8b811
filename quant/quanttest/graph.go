package quanttest

import (
	"fmt"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
)

// RandomGraph draws a small network with all kinds of layers over an image:
// grouped, depthwise, strided, dilated and unevenly padded convolutions, pools,
// adds with factors and concats that reach back, upsampling, shuffling,
// requantising, and often a linear layer at the end; several outputs (drawOutputs). Layers with weights may
// start from any value. Sizes are odd and small on purpose: what goes wrong at
// edges of windows, folds and counters goes wrong there, and a frame stays
// cheap enough for a simulator. Every kind and every option of a layer has a
// chance in each network. rng decides all, so that a seed names a network.
func RandomGraph(rng *rand.Rand) *quant.Network { return randomGraph(rng, false) }

// RandomBroadGraph draws as RandomGraph does, and of what that leaves out: crops, choices of channels,
// positions that become channels, tensors of -1 and +1, and weights of those.
func RandomBroadGraph(rng *rand.Rand) *quant.Network { return randomGraph(rng, true) }

// randomGraph draws a graph, a broad one where asked: a seed of a usual one keeps its network.
func randomGraph(rng *rand.Rand, broad bool) *quant.Network {
	g := graph{rng: rng, broad: broad, net: quant.Network{Name: "random graph"}}
	g.net.Input = roundTo(g.activation())
	in := quant.Shape{H: 3 + rng.IntN(6), W: 3 + rng.IntN(6), C: 1 + rng.IntN(4)}
	g.net.InputShape = []int{in.C, in.H, in.W}
	g.net.Input.Shape = in
	// Samples have channels first, networks last: with one channel both are the
	// same.
	if in.C > 1 {
		g.net.Input.Order = channelsFirst(in)
	}
	g.made = []made{{quant.Source, in, g.net.Input.Type}}
	for range 1 + rng.IntN(8) {
		g.grow()
	}
	// Half of the networks end in an image or in integers: not all are
	// classifiers.
	if rng.IntN(2) == 0 || len(g.net.Layers) == 0 {
		g.classify("out", g.made[len(g.made)-1])
	}
	g.drawOutputs()
	// A draw that is not legal is a fault of this package, not of the test that
	// draws.
	n, err := quant.NewNetwork(g.net)
	if err != nil {
		panic("quanttest: " + err.Error())
	}
	return n
}

// channelsFirst returns the order of a sample with its channels first. order[i]
// is the sample's element that is integer i (quant.InputQuantizer.Order).
func channelsFirst(s quant.Shape) []int32 {
	var order []int32
	for p := range s.Positions() {
		for c := range s.C {
			order = append(order, int32(c*s.Positions()+p))
		}
	}
	return order
}

// graph is a network under construction. made holds the input first, then the
// output of each layer.
type graph struct {
	rng   *rand.Rand
	broad bool
	net   quant.Network
	made  []made
}

// activation draws the type of a tensor.
func (g *graph) activation() quant.DataType {
	if g.broad && g.rng.IntN(3) == 0 {
		return quant.Bipolar
	}
	return randomType(g.rng, 4)
}

// made is a tensor that layers may read. typ is that of its integers; from is
// as in quant.Layer.From.
type made struct {
	from  int
	shape quant.Shape
	typ   quant.DataType
}

// grow adds a layer that reads the last tensor, and perhaps an earlier one.
// Convolutions are three times as likely as others, as in real networks; x is
// the last tensor, so that networks become deep rather than wide.
func (g *graph) grow() {
	x := g.made[len(g.made)-1]
	if g.broad && g.rng.IntN(3) == 0 {
		g.part(x)
		return
	}
	switch g.rng.IntN(10) {
	case 0, 1, 2:
		g.conv(x)
	case 3:
		g.pool(x, quant.MaxPool)
	case 4:
		g.pool(x, quant.AvgPool)
	case 5:
		g.join(x, quant.Add)
	case 6:
		g.join(x, quant.Concat)
	case 7:
		g.move(x, quant.Upsample)
	case 8:
		g.move(x, quant.PixelShuffle)
	case 9:
		g.add(quant.Layer{Kind: quant.Requantize}, []made{x}, rangeOf(x.typ), true)
	}
}

// rangeOf returns all integers of a type: accumulators that are passed on as
// they are.
func rangeOf(t quant.DataType) quant.AccRange { return quant.AccRange{Min: t.Min(), Max: t.Max()} }

// add appends l, which reads in and has accumulators in r. Unless staircase
// says so it may pass them on as they are. A layer that does not fit (a window
// larger than the image, channels that are no multiple of a square) is left out
// without a word: the draw goes on.
func (g *graph) add(l quant.Layer, in []made, r quant.AccRange, staircase bool) {
	var shapes []quant.Shape
	for _, m := range in {
		l.From, shapes = append(l.From, m.from), append(shapes, m.shape)
	}
	// Unique, and it says in an error what kind of layer it is about.
	l.Name = fmt.Sprintf("%s%d", l.Kind, len(g.net.Layers))
	shape, err := l.OutputShape(shapes...)
	if err != nil || shape.Size() > 4000 {
		return // too large for its window, or for a test
	}
	l.Out = shape.C
	typ := quant.DataType{}
	if staircase || g.rng.IntN(3) == 0 {
		typ = g.activation()
		l.Thresholds = thresholdsOver(g.rng, typ, l.Out, func(c int) quant.AccRange {
			if l.Kind.Weighted() {
				return l.AccRange(c)
			}
			return r
		})
		// The output's type is then the smallest that holds all operands'
		// (quant.Layer.Output): an unsigned one among signed ones needs a bit more.
	} else {
		typ = in[0].typ
		for _, m := range in[1:] {
			typ = typ.Union(m.typ)
		}
	}
	g.net.Layers = append(g.net.Layers, l)
	g.made = append(g.made, made{len(g.net.Layers) - 1, shape, typ})
}

// window draws 1..3 taps each way. Pads are less than the window, so that no
// window lies in padding alone; DilationW may be 0, which means 1.
func (g *graph) window() quant.Window {
	r := g.rng
	w := quant.Window{H: 1 + r.IntN(3), W: 1 + r.IntN(3), StrideH: 1 + r.IntN(2), StrideW: 1 + r.IntN(2)}
	w.DilationH, w.DilationW = 1+r.IntN(2), r.IntN(2)
	// Each side by itself: a pad that is taken for the opposite one shows.
	w.Top, w.Bottom = r.IntN(w.H), r.IntN(w.H)
	w.Left, w.Right = r.IntN(w.W), r.IntN(w.W)
	return w
}

// conv draws a dense, a depthwise or, where channels are even, a convolution of
// two groups. It always ends in thresholds: its accumulators are too wide to be
// read.
func (g *graph) conv(x made) {
	l := quant.Layer{Kind: quant.Conv, Window: g.window(), Input: x.typ, WeightBits: 1 + g.rng.IntN(4), Groups: 1,
		Out: 1 + g.rng.IntN(6)}
	switch g.rng.IntN(3) {
	case 0: // depthwise, with one or two outputs per channel
		l.Groups, l.Out = x.shape.C, x.shape.C*(1+g.rng.IntN(2))
	case 1:
		if x.shape.C%2 == 0 {
			l.Groups, l.Out = 2, 2*(1+g.rng.IntN(3))
		}
	}
	// Inputs of one row: a group sees its own channels only.
	l.In = l.Window.Taps() * x.shape.C / l.Groups
	g.weighted(&l)
	g.add(l, []made{x}, quant.AccRange{}, true)
}

// weighted draws weights and, for a third of the layers, start values:
// accumulators that begin anywhere shift all thresholds and the certificate.
func (g *graph) weighted(l *quant.Layer) {
	randomWeights(g.rng, l)
	if g.broad && g.rng.IntN(2) == 0 {
		l.WeightBits = max(2, l.WeightBits)
		for i := range l.Weights {
			l.Weights[i] = int32(g.rng.IntN(2))*2 - 1
		}
	}
	if g.rng.IntN(3) > 0 {
		return
	}
	for range l.Out {
		l.Start = append(l.Start, between(g.rng, -100, 100))
	}
}

// pool draws a pool. Sums must be quantised again; a maximum may be passed on.
func (g *graph) pool(x made, kind quant.Kind) {
	l := quant.Layer{Kind: kind, Window: g.window()}
	r, taps := rangeOf(x.typ), int64(1)
	// The sum of all taps leaves, the division is part of the thresholds.
	if kind == quant.AvgPool {
		taps = int64(l.Window.Taps())
	}
	g.add(l, []made{x}, quant.AccRange{Min: taps * r.Min, Max: taps * r.Max}, kind == quant.AvgPool)
}

// join adds or concatenates x with itself or an earlier tensor that fits.
// Factors, of adds only, are those of branches whose scales have a ratio.
func (g *graph) join(x made, kind quant.Kind) {
	in := []made{x}
	for range 1 + g.rng.IntN(2) {
		other := g.made[g.rng.IntN(len(g.made))]
		// A concatenation needs equal rows and columns only.
		if kind == quant.Add && other.shape != x.shape || other.shape.H != x.shape.H || other.shape.W != x.shape.W {
			other = x
		}
		in = append(in, other)
	}
	l := quant.Layer{Kind: kind}
	var sum quant.AccRange
	factors := g.rng.IntN(2) == 0
	for _, m := range in {
		f := int64(1)
		if factors && kind == quant.Add {
			f = 1 + g.rng.Int64N(5)
			l.Factors = append(l.Factors, f)
		}
		sum.Min += f * m.typ.Min()
		sum.Max += f * m.typ.Max()
	}
	if kind == quant.Concat {
		sum = quant.AccRange{Min: -8, Max: 15} // those of 4 bits
	}
	g.add(l, in, sum, kind == quant.Add)
}

// move draws an Upsample or a PixelShuffle; the latter by 2 where channels
// allow.
func (g *graph) move(x made, kind quant.Kind) {
	l := quant.Layer{Kind: kind, Factor: 1 + g.rng.IntN(3), DepthFirst: kind == quant.PixelShuffle &&
		g.rng.IntN(2) == 0}
	// A drawn factor seldom has a square that divides the channels; add leaves out what does not fit.
	if kind == quant.PixelShuffle && x.shape.C%4 == 0 {
		l.Factor = 2
	}
	g.add(l, []made{x}, rangeOf(x.typ), false)
}

// part draws a layer that passes on a part of x, or its elements in another order.
func (g *graph) part(x made) {
	r, l := g.rng, quant.Layer{Kind: quant.Crop}
	switch r.IntN(4) {
	case 0:
		l.Kind, l.Factor, l.Across, l.DepthFirst = quant.SpaceToDepth, 1+r.IntN(2), 1+r.IntN(2), r.IntN(2) == 0
	case 1: // in any order
		l.Kind = quant.Select
		for range 1 + r.IntN(5) {
			l.Channels = append(l.Channels, r.IntN(x.shape.C))
		}
	case 2: // a slice
		l.Kind = quant.Select
		for c, step := r.IntN(x.shape.C), 1+r.IntN(2); c < x.shape.C; c += step {
			l.Channels = append(l.Channels, c)
		}
	default:
		down, across := min(1+r.IntN(2), x.shape.H), min(1+r.IntN(2), x.shape.W)
		l.Region = quant.Region{Top: r.IntN(x.shape.H), Left: r.IntN(x.shape.W), StepDown: down, StepAcross: across}
		l.Region.Rows = 1 + r.IntN((x.shape.H-1-l.Region.Top)/down+1)
		l.Region.Cols = 1 + r.IntN((x.shape.W-1-l.Region.Left)/across+1)
	}
	g.add(l, []made{x}, rangeOf(x.typ), false)
}

// classify adds a linear layer that ends in scores. Its sums see every element
// of x, so that a fault anywhere before it shows in the output. Half of
// broad graphs have scores at every position instead.
func (g *graph) classify(name string, x made) {
	l := quant.Layer{Name: name, Kind: quant.Linear, From: []int{x.from}, In: x.shape.Size(), Out: 1 + g.rng.IntN(5),
		Input: x.typ, WeightBits: 3}
	if g.broad && g.rng.IntN(2) == 0 { // at every position
		l.Kind, l.In, l.Window = quant.Conv, x.shape.C, quant.Window{H: 1, W: 1}
	}
	g.weighted(&l)
	l.Score = randomScore(g.rng, &l)
	g.net.Layers = append(g.net.Layers, l)
}

// RandomGraphInput draws a legal input of a network of any kinds: uniform, all
// at one end of the range, or mostly zero. Uniform draws alone would leave
// accumulators in the middle of their ranges: the ends and sparse inputs reach
// what they do not.
func RandomGraphInput(rng *rand.Rand, n *quant.Network) []int32 {
	typ := n.Input.Type
	lo, hi := typ.Min(), typ.Max()
	x := make([]int32, n.InputSize())
	kind := rng.IntN(5)
	for i := range x {
		switch {
		case kind == 0:
			x[i] = int32(lo)
		case kind == 1:
			x[i] = int32(hi)
		case kind == 2 && !typ.Bipolar && rng.IntN(8) > 0: // which has no zeros
		default:
			x[i] = int32(typ.Value(between(rng, 0, typ.Number(hi))))
		}
	}
	return x
}
