package train

// avgPool is the mean over a window of each channel; the padding counts as zeros.
// That is ONNX AveragePool with count_include_pad = 1, in which every sum has the
// same divisor: the mean is a sum of integers times one scale.
type avgPool struct{ slide windows }

// forward adds the taps up and multiplies by 1/taps once per position.
func (p *avgPool) forward(in []operand, y []float32, s span) {
	n, inv := p.slide.out.C, 1/float32(p.slide.Taps())
	clear(y)
	for x := s.of(in[0].v, p.slide.in.Size()); len(x) > 0; x = x[p.slide.in.Size():] {
		for position := range p.slide.out.Positions() {
			row := y[:n]
			p.slide.each(position, func(_, at int) { addTo(row, x[at*n:(at+1)*n]) })
			for c := range row {
				row[c] *= inv
			}
			y = y[n:]
		}
	}
}

// backward gives each tap on the input the same part, 1/taps, of the output's
// gradient.
func (p *avgPool) backward(in []operand, g []float32, s span) {
	if in[0].g == nil {
		return
	}
	n, size, inv := p.slide.out.C, p.slide.in.Size(), 1/float32(p.slide.Taps())
	dx := s.of(in[0].g, size)
	if !in[0].add {
		clear(dx)
	}
	for ; len(dx) > 0; dx = dx[size:] {
		for position := range p.slide.out.Positions() {
			row := g[:n]
			p.slide.each(position, func(_, at int) {
				for c, v := range row {
					dx[at*n+c] += v * inv
				}
			})
			g = g[n:]
		}
	}
}

// maxPool is the largest element in a window of each channel. The gradient goes to
// the first of several largest ones. from is kept from forward to backward.
type maxPool struct {
	slide windows
	from  []int32 // batch x out: the position of the largest
}

// forward notes for each output where its largest element lies, channel by channel.
func (p *maxPool) forward(in []operand, y []float32, s span) {
	n := p.slide.out.C
	// Two goroutines write to parts of it that are apart.
	from := p.from[s.lo*p.slide.out.Size() : s.hi*p.slide.out.Size()]
	for x := s.of(in[0].v, p.slide.in.Size()); len(x) > 0; x = x[p.slide.in.Size():] {
		for position := range p.slide.out.Positions() {
			row, at, first := y[:n], from[:n], true
			p.slide.each(position, func(_, i int) {
				for c, v := range x[i*n : (i+1)*n] {
					// v != v lets a NaN through, so that a diverged run is noticed.
					if first || v > row[c] || v != v {
						row[c], at[c] = v, int32(i)
					}
				}
				first = false
			})
			y, from = y[n:], from[n:]
		}
	}
}

// backward adds, since windows may overlap and one element be the largest of
// several.
func (p *maxPool) backward(in []operand, g []float32, s span) {
	if in[0].g == nil {
		return
	}
	n, size := p.slide.out.C, p.slide.in.Size()
	dx := s.of(in[0].g, size)
	if !in[0].add {
		clear(dx)
	}
	from := p.from[s.lo*p.slide.out.Size() : s.hi*p.slide.out.Size()]
	for ; len(dx) > 0; dx = dx[size:] {
		for i := range p.slide.out.Size() {
			dx[int(from[i])*n+i%n] += g[i]
		}
		g, from = g[p.slide.out.Size():], from[p.slide.out.Size():]
	}
}
