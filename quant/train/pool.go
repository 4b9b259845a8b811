package train

import "github.com/a2qgen/a2qgen/quant/nn"

// avgPool is the mean over a window of each channel; the padding counts as zeros.
// That is ONNX AveragePool with count_include_pad = 1, in which every sum has the
// same divisor: the mean is a sum of integers times one scale.
type avgPool struct {
	slide   *nn.Slide
	inverse float32 // 1/taps
}

// mean makes means of the sums of windows.
func (p *avgPool) mean(y []float32) {
	for i := range y {
		y[i] *= p.inverse
	}
}

// backward gives each tap on the input the same part, 1/taps, of the output's
// gradient.
func (p *avgPool) backward(in []operand, g []float32, s span) {
	n, w := p.slide.Out.C, p.slide
	for dx := in[0].gradient(s); len(dx) > 0; dx = dx[w.In.Size():] {
		for position := range w.Out.Positions() {
			row := g[:n]
			w.Each(position, func(_, at int) {
				for c, v := range row {
					dx[at*n+c] += v * p.inverse
				}
			})
			g = g[n:]
		}
	}
}

// maxPool is the largest element in a window of each channel. The gradient goes to
// the first of several largest ones. from is kept from forward to backward.
type maxPool struct {
	slide *nn.Slide
	from  []int32 // batch x out: the position of the largest
}

// span returns the part of from that s writes. Two goroutines write to parts that are
// apart.
func (p *maxPool) span(s span) []int32 {
	return p.from[s.lo*p.slide.Out.Size() : s.hi*p.slide.Out.Size()]
}

// backward adds, since windows may overlap and one element be the largest of
// several.
func (p *maxPool) backward(in []operand, g []float32, s span) {
	n, size, from := p.slide.Out.C, p.slide.Out.Size(), p.span(s)
	for dx := in[0].gradient(s); len(dx) > 0; dx = dx[p.slide.In.Size():] {
		for i := range size {
			dx[int(from[i])*n+i%n] += g[i]
		}
		g, from = g[size:], from[size:]
	}
}
