package train

// sum adds its operands up. Each operand's gradient is the output's.
type sum struct{}

// forward adds in the order of the operands, which fixes the rounding.
func (sum) forward(in []operand, y []float32, s span) {
	size := in[0].shape.Size()
	copy(y, s.of(in[0].v, size))
	for _, x := range in[1:] {
		addTo(y, s.of(x.v, size))
	}
}

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

func (c concat) forward(in []operand, y []float32, s span) {
	c.each(in, s, func(x operand, i, at int) {
		copy(y[at:], x.v[i*x.shape.C:(i+1)*x.shape.C])
	})
}

func (c concat) backward(in []operand, g []float32, s span) {
	c.each(in, s, func(x operand, i, at int) {
		if x.g != nil {
			accumulate(x.g[i*x.shape.C:(i+1)*x.shape.C], g[at:at+x.shape.C], x.add)
		}
	})
}

// each calls f for every position of every operand, with the position's number
// in the batch and where its channels lie in the span's output.
func (c concat) each(in []operand, s span, f func(x operand, i, at int)) {
	from := 0
	for _, x := range in {
		n := x.shape.Positions()
		for i := s.lo * n; i < s.hi*n; i++ {
			f(x, i, (i-s.lo*n)*c.out+from)
		}
		from += x.shape.C
	}
}

// pass gives its operand on as it is: its output is the operand's memory. It is
// what a batch norm or quantiser needs that has no operation before it.
type pass struct{}

func (pass) forward([]operand, []float32, span) {}

func (pass) backward(in []operand, g []float32, s span) {
	if in[0].g != nil {
		accumulate(s.of(in[0].g, in[0].shape.Size()), g, in[0].add)
	}
}
