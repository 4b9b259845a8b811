package quant

// maddOutputs is the number of outputs that madd16 computes at once.
const maddOutputs = 16

// maddConv evaluates a convolution of one group with madd16: all inputs under a row of the
// window are one run of memory, and their weights another.
type maddConv struct {
	layer *Layer
	// width is the number of channels, made even: what was added is 0.
	width int
	// weights holds, for each 16 outputs, column by column in pairs, what madd16 wants.
	weights []int16
	// block is the number of weights of 16 outputs.
	block int
}

// fitsMadd says that madd16 is exact for the layer: operands have 16 bits with their sign, and
// sums 32. The certificate is of all parts of the sums, in any order.
func (l *Layer) fitsMadd() bool {
	return haveMadd && l.Groups == 1 && l.Input.Max() < 1<<15 && l.Input.Min() >= -1<<15 && l.SumBits() <= 32
}

// newMaddConv returns the kernel of a convolution of one group.
func newMaddConv(l *Layer) *maddConv {
	in := l.operands[0].shape
	k := &maddConv{layer: l, width: in.C + in.C&1}
	taps := l.Window.Taps()
	k.block = taps * k.width * maddOutputs
	k.weights = make([]int16, (l.Out+maddOutputs-1)/maddOutputs*k.block)
	for o := range l.Out {
		block := k.weights[o/maddOutputs*k.block:]
		for i, w := range l.Row(o) {
			column := i/in.C*k.width + i%in.C
			block[(column/2*maddOutputs+o%maddOutputs)*2+column%2] = int16(w)
		}
	}
	return k
}

// prepare makes the image one of 16 bits, with an even number of channels.
func (k *maddConv) prepare(in []int32, s *scratch) {
	shape := k.layer.operands[0].shape
	size := shape.Positions() * k.width
	if cap(s.narrow) < size {
		s.narrow = make([]int16, size)
	}
	s.narrow = s.narrow[:size]
	x := s.narrow
	if k.width == shape.C {
		for i, v := range in {
			x[i] = int16(v)
		}
		return
	}
	for p := range shape.Positions() {
		for c, v := range in[p*shape.C : (p+1)*shape.C] {
			x[p*k.width+c] = int16(v)
		}
		x[(p+1)*k.width-1] = 0
	}
}

func (k *maddConv) evaluate(_ []int32, s *scratch, acc []int64, from, to int, own *scratchRow) {
	l := k.layer
	for y := from; y < to; y++ {
		for column := range l.Shape.W {
			own.runs = l.runs(y, column, k.width, own.runs[:0])
			for first := 0; first < l.Out; first += maddOutputs {
				k.slide(s.narrow, own.runs, k.weights[first/maddOutputs*k.block:], &own.sum)
				for i, v := range own.sum[:min(maddOutputs, l.Out-first)] {
					acc[first+i] = int64(v)
				}
			}
			acc = acc[l.Out:]
		}
	}
}

// slide sets sum to the sums over the inputs in runs.
func (k *maddConv) slide(x []int16, runs []reach, weights []int16, sum *[maddOutputs]int32) {
	clear(sum[:])
	for _, r := range runs {
		lo, hi := r.from*k.width, r.to*k.width
		// base plus a column of the row, times channels, is the column of the matrix.
		w := weights[(r.base+r.left*k.width)*maddOutputs:][:(hi-lo)*maddOutputs]
		madd16(sum, &x[lo:hi][0], &w[0], (hi-lo)/2)
	}
}
