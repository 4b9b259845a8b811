package quant

import "sync"

// entry is an input that is not zero: where it stands in its row of the image, column times
// channels of a group plus channel, and its value. Zeros, common after ReLU and in images,
// cost no multiplication.
type entry struct{ at, value int32 }

// sparse lists the entries of an image, row by row, in a row group by group, and in a group
// from left to right: those of columns from..to-1 are entries[start[i+from]:start[i+to]], with
// i = (row*groups + group)*columns. So the inputs under a row of a window are one run.
type sparse struct {
	entries []entry
	start   []int32
}

// gather lists the entries of an image x with so many groups of width channels.
func (s *sparse) gather(x []int32, in Shape, groups, width int) {
	if cap(s.entries) < len(x)+1 {
		s.entries = make([]entry, len(x)+1)
	}
	if runs := in.Positions() * groups; cap(s.start) < runs+1 {
		s.start = make([]int32, runs+1)
	}
	e, n, run := s.entries[:len(x)+1], 0, 0
	start := s.start[:in.Positions()*groups+1]
	for y := range in.H {
		row := x[y*in.W*in.C : (y+1)*in.W*in.C]
		for g := range groups {
			for column := range in.W {
				start[run] = int32(n)
				run++
				at := int32(column * width)
				// Every element is written where the next entry goes, so that there is no branch.
				for c, v := range row[column*in.C+g*width:][:width] {
					e[n] = entry{at + int32(c), v}
					if v != 0 {
						n++
					}
				}
			}
		}
	}
	start[run] = int32(n)
	s.start = start
}

// reach is the inputs under a row of a window: positions from..to-1, or, with groups, as many
// runs of entries of group 0. They begin in column left of the image; base plus a place in the
// row, column times channels plus channel, is the column of the group's matrix.
type reach struct{ base, left, from, to int }

// rowKernel evaluates a convolution by rows of its output, which goroutines may share.
type rowKernel interface {
	// prepare makes s ready for an input.
	prepare(in []int32, s *scratch)
	// evaluate sets acc, which begins at row from, to the sums of rows from..to-1.
	evaluate(in []int32, s *scratch, acc []int64, from, to int, own *scratchRow)
}

// newConv returns the kernel of a convolution.
func newConv(l *Layer) kernel {
	var k rowKernel
	switch in := l.operands[0].shape; {
	case l.Groups > 1 && in.C == l.Groups:
		k = newDepthwise(l)
	case l.fitsMadd():
		k = newMaddConv(l)
	default:
		k = newPackedConv(l)
	}
	return func(in [][]int32, acc []int64, s *scratch) { s.run(l, k, in[0], acc) }
}

// run evaluates l by k, on as many goroutines as there are workers where that is worth it.
func (s *scratch) run(l *Layer, k rowKernel, in []int32, acc []int64) {
	k.prepare(in, s)
	n, row := l.Shape.H, l.Shape.W*l.Out
	workers := min(s.workers, n)
	if n*row*l.In < worthSharing {
		workers = 1
	}
	for len(s.own) < max(workers, 1) {
		s.own = append(s.own, scratchRow{})
	}
	if workers <= 1 {
		k.evaluate(in, s, acc, 0, n, &s.own[0])
		return
	}
	var wg sync.WaitGroup
	for i := range workers {
		from, to := i*n/workers, (i+1)*n/workers
		wg.Go(func() { k.evaluate(in, s, acc[from*row:], from, to, &s.own[i]) })
	}
	wg.Wait()
}

// scratch is memory of an evaluation under way.
type scratch struct {
	x     nonzeros
	image sparse
	// narrow is an image in 16 bits.
	narrow []int16
	// workers is the number of goroutines that share the rows of a large layer; 0 is one.
	workers int
	own     []scratchRow
}

// scratchRow is that of one goroutine.
type scratchRow struct {
	runs []reach
	taps []tap
	sum  [maddOutputs]int32
}

// worthSharing is the number of multiplications of a layer, or of thresholds, from which on
// goroutines share it: starting one takes about a microsecond.
const worthSharing = 1 << 18

// packedConv evaluates a convolution whose groups have several channels each. Every group's
// weights are packed and multiply the nonzero inputs under each window.
type packedConv struct {
	layer *Layer
	// width is the number of channels of a group, rows that of its outputs.
	width, rows int
	packed      []packedLayer
}

func newPackedConv(l *Layer) *packedConv {
	k := &packedConv{layer: l, width: l.operands[0].shape.C / l.Groups, rows: l.Out / l.Groups,
		packed: make([]packedLayer, l.Groups)}
	for g := range k.packed {
		k.packed[g] = packRows(l, g*k.rows, (g+1)*k.rows)
	}
	return k
}

func (k *packedConv) prepare(in []int32, s *scratch) {
	s.image.gather(in, k.layer.operands[0].shape, k.layer.Groups, k.width)
}

func (k *packedConv) evaluate(_ []int32, s *scratch, acc []int64, from, to int, own *scratchRow) {
	l := k.layer
	columns := l.operands[0].shape.W
	for y := from; y < to; y++ {
		for column := range l.Shape.W {
			own.runs = l.runs(y, column, k.width, own.runs[:0])
			for g := range k.packed {
				k.packed[g].slide(&s.image, own.runs, g*columns, acc[:k.rows])
				acc = acc[k.rows:]
			}
		}
	}
}

// runs appends to list the inputs under the window at (y, x), of group 0, whose positions have
// width numbers. Padding is zero, and so is left out.
func (l *Layer) runs(y, x, width int, list []reach) []reach {
	w, in := &l.Window, l.operands[0].shape
	top, left := y*w.StrideH-w.Top, x*w.StrideW-w.Left
	for ky := range w.H {
		iy := top + ky*w.DilationH
		if iy < 0 || iy >= in.H {
			continue
		}
		row := iy * l.Groups * in.W
		if w.DilationW == 1 { // neighbours
			from, to := max(left, 0), min(left+w.W, in.W)
			if from < to {
				list = append(list, reach{(ky*w.W - left) * width, from, row + from, row + to})
			}
			continue
		}
		for kx := range w.W {
			if ix := left + kx*w.DilationW; ix >= 0 && ix < in.W {
				list = append(list, reach{(ky*w.W + kx - ix) * width, ix, row + ix, row + ix + 1})
			}
		}
	}
	return list
}

// slide sets acc to the sums of the packed weights times the inputs in runs, which lie offset
// further on in the group's part of a row.
func (p *packedLayer) slide(x *sparse, runs []reach, offset int, acc []int64) {
	for b := 0; len(acc) > 0; b++ {
		block := p.blocks[b*p.in : (b+1)*p.in]
		var s0, s1, s2, s3 int64
		for _, r := range runs {
			for _, e := range x.entries[x.start[r.from+offset]:x.start[r.to+offset]] {
				q, v := &block[r.base+int(e.at)], int64(e.value)
				s0 += q[0] * v
				s1 += q[1] * v
				s2 += q[2] * v
				s3 += q[3] * v
			}
		}
		for _, sum := range [blockGroups]int64{s0, s1, s2, s3} {
			n := min(p.lanes, len(acc))
			p.unpack(sum, acc[:n])
			acc = acc[n:]
		}
	}
}

// taps appends to list the taps of the window at (y, x) that lie on the image, each with the
// position under it.
func (l *Layer) taps(y, x int, list []tap) []tap {
	w, in := &l.Window, l.operands[0].shape
	top, left := y*w.StrideH-w.Top, x*w.StrideW-w.Left
	for ky := range w.H {
		iy := top + ky*w.DilationH
		if iy < 0 || iy >= in.H {
			continue
		}
		for kx := range w.W {
			if ix := left + kx*w.DilationW; ix >= 0 && ix < in.W {
				list = append(list, tap{ky*w.W + kx, iy*in.W + ix})
			}
		}
	}
	return list
}

// tap is one of a window, by number, and the position under it.
type tap struct{ number, position int }

// depthwiseConv evaluates a convolution whose groups have one channel each: there is one
// product per tap and output, and nothing to pack.
type depthwiseConv struct {
	layer *Layer
	// weights has those of each tap one after the other, the outputs side by side.
	weights []int64
	// rows is the number of outputs of a channel.
	rows int
}

func newDepthwise(l *Layer) *depthwiseConv {
	k := &depthwiseConv{layer: l, weights: make([]int64, len(l.Weights)), rows: l.Out / l.Groups}
	for c := range l.Out {
		for tap, w := range l.Row(c) {
			k.weights[tap*l.Out+c] = int64(w)
		}
	}
	return k
}

func (k *depthwiseConv) prepare([]int32, *scratch) {}

func (k *depthwiseConv) evaluate(in []int32, _ *scratch, acc []int64, from, to int, own *scratchRow) {
	l := k.layer
	for y := from; y < to; y++ {
		for x := range l.Shape.W {
			clear(acc[:l.Out])
			own.taps = l.taps(y, x, own.taps[:0])
			for _, t := range own.taps {
				multiplyEach(acc[:l.Out], k.weights[t.number*l.Out:][:l.Out], in[t.position*l.Groups:], k.rows)
			}
			acc = acc[l.Out:]
		}
	}
}

// multiplyEach adds w times x to acc, element by element; an element of x serves so many rows.
func multiplyEach(acc, w []int64, x []int32, rows int) {
	w = w[:len(acc)]
	if rows == 1 {
		x = x[:len(acc)]
		for c, v := range x {
			acc[c] += w[c] * int64(v)
		}
		return
	}
	for c := range acc {
		acc[c] += w[c] * int64(x[c/rows])
	}
}
