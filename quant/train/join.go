package train

// sum adds its operands up. Each operand's gradient is the output's. So it is for a
// requantisation, which gives its one operand on as it is.
type sum struct{}

// backward gives the output's gradient to every operand that learns.
func (sum) backward(in []operand, g []float32, s span) {
	for _, x := range in {
		if x.g != nil {
			accumulate(s.of(x.g, x.shape.Size()), g, x.add)
		}
	}
}

// concat puts its operands' channels one after the other; out is their number. Each
// operand's gradient is its part of the output's.
type concat struct{ out int }

// backward goes by positions of the batch, operand by operand.
func (c concat) backward(in []operand, g []float32, s span) {
	at := 0
	for _, x := range in {
		width := x.shape.C
		if x.g != nil {
			dx := s.of(x.g, x.shape.Size())
			for i := at; len(dx) > 0; i += c.out {
				accumulate(dx[:width], g[i:i+width], x.add)
				dx = dx[width:]
			}
		}
		at += width
	}
}

// move copies elements: output i is input from[i]. It is nearest-neighbour
// upsampling and pixel shuffling.
type move struct {
	from []int32
	size int // of the input
}

// backward gives an element that was copied f*f times the sum of their gradients.
func (m *move) backward(in []operand, g []float32, s span) {
	for dx := in[0].gradient(s); len(dx) > 0; dx = dx[m.size:] {
		for i, from := range m.from {
			dx[from] += g[i]
		}
		g = g[len(m.from):]
	}
}
