package qonnx

import (
	"iter"
	"slices"
)

// Constants whose elements come from others as they are: Transpose, Gather,
// Slice, Split, Expand, Concat. Exporters put any of these between the Quant of
// weights and the layer: a linear layer is Quant, Transpose, MatMul.

// known is what a Quant node knows of a constant's elements. It goes wherever
// they go: a reader that finds none of it takes the constant for one that was
// never quantised.
type known struct {
	// q is nil where no Quant came before, and where the Quant has too many bits
	// for a layer: wide.
	q    *constInts
	wide int
	// unrounded says that a Quant moved an element, so that the file holds them as
	// they were before.
	unrounded bool
}

// constInts says that element i of a tensor is n[i] * scale.at(i).
type constInts struct {
	n     []int32
	scale param
	// lo and hi bound every n, as the data type does.
	lo, hi int64
}

// quantised says that the elements are integers up to a scale, of few bits or of
// too many.
func (k known) quantised() bool { return k.q != nil || k.wide > 0 }

// piece is a run of elements of a constant: size elements of part number part, from position
// at on.
type piece struct{ part, at, size int }

// walked yields the elements of one part in the order of a cursor. The cursor is
// made anew each time: data, integers and scales are copied one after the other.
func walked(size int, start func() *cursor) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		at := start()
		for range size {
			if !yield(piece{at: at.next(), size: 1}) {
				return
			}
		}
	}
}

// put returns the runs of parts, one after the other; size is that of all.
func put[T any](parts [][]T, size int, runs iter.Seq[piece]) []T {
	out := make([]T, 0, size)
	for r := range runs {
		out = append(out, parts[r.part][r.at:r.at+r.size]...)
	}
	return out
}

// copied returns a tensor of that shape which consists of runs of parts, one at
// least. It is the one place that makes a constant of others' elements, so that
// what is known of them cannot be forgotten. Its element type is that of the
// first part.
func (im *importer) copied(shape []int, parts []*tensor, runs iter.Seq[piece]) (*tensor, error) {
	size, err := im.left.take(shape)
	if err != nil {
		return nil, err
	}
	data := make([][]float64, len(parts))
	for i, t := range parts {
		data[i] = t.data
	}
	out := &tensor{shape: shape, data: put(data, size, runs), elem: parts[0].elem}
	out.known, err = im.knownOf(parts, size, runs)
	return out, err
}

// knownOf returns what is known of runs of parts: of all, or nothing. One part
// that was never quantised makes the whole a constant that was not.
func (im *importer) knownOf(parts []*tensor, size int, runs iter.Seq[piece]) (known, error) {
	if slices.ContainsFunc(parts, func(t *tensor) bool { return !t.quantised() }) {
		return known{}, nil
	}
	var out known
	ints := make([]*constInts, len(parts))
	for i, t := range parts {
		ints[i], out.wide, out.unrounded = t.q, max(out.wide, t.wide), out.unrounded || t.unrounded
	}
	// Too wide in one part is too wide for the layer that reads all of them.
	if out.wide > 0 {
		return out, nil
	}
	var err error
	out.q, err = im.joinedInts(ints, size, runs)
	return out, err
}

// joinedInts returns the integers of runs of parts. Their range is that of all:
// a layer has one width for its weights.
func (im *importer) joinedInts(parts []*constInts, size int, runs iter.Seq[piece]) (*constInts, error) {
	first := parts[0]
	out := &constInts{lo: first.lo, hi: first.hi, scale: first.scale}
	ints := make([][]int32, len(parts))
	one := true
	for i, p := range parts {
		ints[i] = p.n
		out.lo, out.hi = min(out.lo, p.lo), max(out.hi, p.hi)
		one = one && p.scale.each == nil && p.scale.all == first.scale.all
	}
	if out.n = put(ints, size, runs); one {
		return out, nil
	}
	// Elements of different scales may stand side by side: matrix.fill finds out
	// whether they lie along one sum.
	if _, err := im.left.take([]int{size}); err != nil {
		return nil, err
	}
	out.scale = param{each: make([]float64, 0, size)}
	for r := range runs {
		for i := range r.size {
			out.scale.each = append(out.scale.each, parts[r.part].scale.at(r.at+i))
		}
	}
	return out, nil
}

// expanded returns t, broadcast to shape.
func (im *importer) expanded(t *tensor, shape []int) (*tensor, error) {
	if slices.Equal(t.shape, shape) {
		return t, nil
	}
	return im.copied(shape, []*tensor{t}, walked(product(shape), func() *cursor { return newCursor(t.shape, shape) }))
}
