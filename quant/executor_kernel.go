package quant

// newKernel returns what evaluates a layer.
func newKernel(l *Layer) kernel {
	switch l.Kind {
	case Linear:
		packed := packRows(l, 0, l.Out)
		return func(in [][]int32, acc []int64, scratch *scratch) {
			scratch.x.gather(in[0])
			packed.multiply(&scratch.x, acc)
		}
	case Conv:
		return newConv(l)
	case AvgPool:
		return l.sumWindow
	case MaxPool:
		return l.maxWindow
	case Add:
		return l.addUp
	case Concat:
		return l.join
	case Upsample, PixelShuffle, SpaceToDepth, Select, Crop:
		moves := l.Moves(l.operands[0].shape)
		return func(in [][]int32, acc []int64, _ *scratch) {
			for i, from := range moves {
				acc[i] = int64(in[0][from])
			}
		}
	case Requantize:
		return func(in [][]int32, acc []int64, _ *scratch) { widen(acc, in[0]) }
	}
	panic("quant: unknown kind of layer " + string(l.Kind))
}

func widen(dst []int64, src []int32) {
	for i, v := range src {
		dst[i] = int64(v)
	}
}

// eachWindow calls f for every output position with its channels.
func (l *Layer) eachWindow(acc []int64, f func(y, x int, acc []int64)) {
	for y := range l.Shape.H {
		for x := range l.Shape.W {
			f(y, x, acc[:l.Out])
			acc = acc[l.Out:]
		}
	}
}

func (l *Layer) sumWindow(in [][]int32, acc []int64, _ *scratch) {
	clear(acc)
	l.eachWindow(acc, func(y, x int, acc []int64) {
		l.Window.EachTap(l.operands[0].shape, y, x, func(_, position int) {
			for c, v := range in[0][position*l.Out : (position+1)*l.Out] {
				acc[c] += int64(v)
			}
		})
	})
}

func (l *Layer) maxWindow(in [][]int32, acc []int64, _ *scratch) {
	l.eachWindow(acc, func(y, x int, acc []int64) {
		first := true
		l.Window.EachTap(l.operands[0].shape, y, x, func(_, position int) {
			for c, v := range in[0][position*l.Out : (position+1)*l.Out] {
				if first || int64(v) > acc[c] {
					acc[c] = int64(v)
				}
			}
			first = false
		})
	})
}

func (l *Layer) addUp(in [][]int32, acc []int64, _ *scratch) {
	clear(acc)
	for k, x := range in {
		f := l.factor(k)
		for i, v := range x {
			acc[i] += f * int64(v)
		}
	}
}

func (l *Layer) join(in [][]int32, acc []int64, _ *scratch) {
	at := 0
	for k, x := range in {
		width := l.operands[k].shape.C
		for p := range l.Shape.Positions() {
			widen(acc[p*l.Out+at:], x[p*width:(p+1)*width])
		}
		at += width
	}
}
