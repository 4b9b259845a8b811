package sim

import "github.com/a2qgen/a2qgen/quant"

// full says that there is no time for more images of a convolution.
func (p *prober) full() bool { return p.layer.Kind == quant.Conv && len(p.vectors) >= p.most }

// findPlaces sets places of a convolution.
func (p *prober) findPlaces() {
	out := p.layer.Shape
	for at := range out.Positions() {
		taps := 0
		p.layer.Window.EachTap(p.input.Shape, at/out.W, at%out.W, func(int, int) { taps++ })
		if taps == p.layer.Window.Taps() {
			p.places = append(p.places, at)
		}
	}
	for at := 0; p.places == nil && at < out.Positions(); at++ {
		p.places = append(p.places, at)
	}
}

// frameOf returns what a frame is in which channel c reads x: x itself or, of a convolution, an
// image with x under the window of a drawn position, and drawn elements elsewhere.
func (p *prober) frameOf(c int, x []int32) []int32 {
	if p.layer.Kind != quant.Conv {
		return x
	}
	in, groups := p.input.Shape, p.layer.Groups
	p.place = p.places[p.rng.IntN(len(p.places))]
	frame, read := p.dense(in.Size()), in.C/groups
	first := c / (p.layer.Out / groups) * read // of the channels that c's group reads
	p.layer.Window.EachTap(in, p.place/p.layer.Shape.W, p.place%p.layer.Shape.W, func(tap, position int) {
		copy(frame[position*in.C+first:][:read], x[tap*read:])
	})
	return frame
}

// extreme drives channel c to an end of its range, and returns 1 where it came there.
func (p *prober) extreme(c, sign int) int {
	p.add(p.frameOf(c, p.layer.MaxInput(c, sign)))
	end := p.layer.AccRange(c).Max
	if sign < 0 {
		end = p.layer.AccRange(c).Min
	}
	return int(bit(p.trace.Acc[p.at][p.place*p.layer.Out+c] == end))
}
