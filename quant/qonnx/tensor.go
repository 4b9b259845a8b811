package qonnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// tensor is a constant, row-major. Integers are held as float64 too: the sizes
// and axes that graphs compute with are far below 2^53.
type tensor struct {
	shape []int
	data  []float64
	// integer says that the element type is an integer or bool: division then
	// truncates.
	integer bool
	// q is what a Quant node knows about the elements; nil elsewhere.
	q *constInts
}

// constInts says that element i of a tensor is n[i] * scale.at(i).
type constInts struct {
	n     []int32
	scale param
	// lo and hi bound every n, as the data type does.
	lo, hi int64
}

func (t *tensor) dims() []int { return t.shape }

// budget bounds the elements that one import may hold, constants, steps and
// thresholds together, so that no file can ask for unbounded memory.
type budget int

// maxElements is the largest budget, two gigabytes of float64.
const maxElements = 1 << 28

// budgetFor returns the budget of a file of size bytes: each byte may be a
// weight, and folding, quantising and transposing it takes about six elements.
func budgetFor(size int) budget {
	const base, each = 1 << 23, 8
	return min(maxElements, base+each*budget(size))
}

// take pays for a tensor of that shape and returns its number of elements.
func (b *budget) take(shape []int) (int, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("a tensor of %d axes, want at most %d", len(shape), maxRank)
	}
	size := 1
	for _, d := range shape {
		if d < 0 || d > 0 && size > maxElements/d {
			return 0, fmt.Errorf("a tensor of shape %v is too large", shape)
		}
		size *= d
	}
	if size > int(*b) {
		return 0, fmt.Errorf("a tensor of shape %v is too large for a file of this size", shape)
	}
	*b -= budget(size)
	return size, nil
}

// pay pays for n elements of a node.
func (b *budget) pay(at *node, n int) error {
	if _, err := b.take([]int{n}); err != nil {
		return at.errorf("%w", err)
	}
	return nil
}

// product returns the number of elements of a shape that has been paid for.
func product(shape []int) int {
	size := 1
	for _, d := range shape {
		size *= d
	}
	return size
}

// newTensor returns a tensor of zeros.
func (im *importer) newTensor(shape []int, integer bool) (*tensor, error) {
	size, err := im.left.take(shape)
	if err != nil {
		return nil, err
	}
	return &tensor{shape: shape, data: make([]float64, size), integer: integer}, nil
}

// vectorOf returns a one-dimensional tensor.
func (im *importer) vectorOf(v []int) (*tensor, error) {
	t, err := im.newTensor([]int{len(v)}, true)
	if err != nil {
		return nil, err
	}
	for i, x := range v {
		t.data[i] = float64(x)
	}
	return t, nil
}

// element types of ONNX.
const (
	typeFloat    = 1
	typeUint8    = 2
	typeInt8     = 3
	typeUint16   = 4
	typeInt16    = 5
	typeInt32    = 6
	typeInt64    = 7
	typeBool     = 9
	typeFloat16  = 10
	typeDouble   = 11
	typeUint32   = 12
	typeUint64   = 13
	typeBfloat16 = 16
)

func integerType(t int32) bool {
	return t != typeFloat && t != typeFloat16 && t != typeDouble && t != typeBfloat16
}

// decodeTensor returns p's elements. The number of elements is checked against
// what the file holds before anything is allocated.
func (im *importer) decodeTensor(p *onnxpb.TensorProto) (*tensor, error) {
	if p.GetDataLocation() != 0 {
		return nil, fmt.Errorf("tensor %s: its data lie in another file, want them in this one", show(p.GetName()))
	}
	shape := make([]int, 0, len(p.GetDims()))
	size := int64(1)
	for _, d := range p.GetDims() {
		if d < 0 || d > maxElements || d > 0 && size > maxElements/d {
			return nil, fmt.Errorf("tensor %s: shape %v is negative or too large", show(p.GetName()), firstFew(p.GetDims()))
		}
		size *= d
		shape = append(shape, int(d))
	}
	have, at, err := tensorData(p)
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", show(p.GetName()), err)
	}
	if int64(have) != size {
		return nil, fmt.Errorf("tensor %s: shape %v has %d elements, the file holds %d", show(p.GetName()), firstFew(p.GetDims()), size, have)
	}
	t, err := im.newTensor(shape, integerType(p.GetDataType()))
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", show(p.GetName()), err)
	}
	for i := range t.data {
		t.data[i] = at(i)
	}
	return t, nil
}

// firstFew shortens a shape for an error message.
func firstFew(dims []int64) []int64 { return dims[:min(len(dims), maxRank)] }

// tensorData returns the number of elements that p holds and how to read them.
func tensorData(p *onnxpb.TensorProto) (int, func(i int) float64, error) {
	if raw := p.GetRawData(); len(raw) > 0 {
		return rawData(raw, p.GetDataType())
	}
	switch p.GetDataType() {
	case typeFloat:
		v := p.GetFloatData()
		return len(v), func(i int) float64 { return float64(v[i]) }, nil
	case typeDouble:
		v := p.GetDoubleData()
		return len(v), func(i int) float64 { return v[i] }, nil
	case typeInt64:
		v := p.GetInt64Data()
		return len(v), func(i int) float64 { return float64(v[i]) }, nil
	case typeUint32, typeUint64:
		v := p.GetUint64Data()
		return len(v), func(i int) float64 { return float64(v[i]) }, nil
	case typeUint8, typeInt8, typeUint16, typeInt16, typeInt32, typeBool:
		v := p.GetInt32Data()
		return len(v), func(i int) float64 { return float64(v[i]) }, nil
	case typeFloat16:
		v := p.GetInt32Data()
		return len(v), func(i int) float64 { return float16(uint16(v[i])) }, nil
	case typeBfloat16:
		v := p.GetInt32Data()
		return len(v), func(i int) float64 { return bfloat16(uint16(v[i])) }, nil
	}
	return 0, nil, fmt.Errorf("element type %d is not supported", p.GetDataType())
}

// rawData is tensorData for little-endian bytes.
func rawData(raw []byte, elem int32) (int, func(i int) float64, error) {
	le := binary.LittleEndian
	u16 := func(i int) uint16 { return le.Uint16(raw[2*i:]) }
	u32 := func(i int) uint32 { return le.Uint32(raw[4*i:]) }
	u64 := func(i int) uint64 { return le.Uint64(raw[8*i:]) }
	var width int
	var at func(i int) float64
	switch elem {
	case typeFloat:
		width, at = 4, func(i int) float64 { return float64(math.Float32frombits(u32(i))) }
	case typeDouble:
		width, at = 8, func(i int) float64 { return math.Float64frombits(u64(i)) }
	case typeFloat16:
		width, at = 2, func(i int) float64 { return float16(u16(i)) }
	case typeBfloat16:
		width, at = 2, func(i int) float64 { return bfloat16(u16(i)) }
	case typeUint8, typeBool:
		width, at = 1, func(i int) float64 { return float64(raw[i]) }
	case typeInt8:
		width, at = 1, func(i int) float64 { return float64(int8(raw[i])) }
	case typeUint16:
		width, at = 2, func(i int) float64 { return float64(u16(i)) }
	case typeInt16:
		width, at = 2, func(i int) float64 { return float64(int16(u16(i))) }
	case typeUint32:
		width, at = 4, func(i int) float64 { return float64(u32(i)) }
	case typeInt32:
		width, at = 4, func(i int) float64 { return float64(int32(u32(i))) }
	case typeUint64:
		width, at = 8, func(i int) float64 { return float64(u64(i)) }
	case typeInt64:
		width, at = 8, func(i int) float64 { return float64(int64(u64(i))) }
	default:
		return 0, nil, fmt.Errorf("element type %d is not supported", elem)
	}
	if len(raw)%width != 0 {
		return 0, nil, fmt.Errorf("%d bytes of data are no multiple of %d", len(raw), width)
	}
	return len(raw) / width, at, nil
}

// float16 converts an IEEE 754 half.
func float16(h uint16) float64 {
	sign, exp, frac := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

func bfloat16(h uint16) float64 { return float64(math.Float32frombits(uint32(h) << 16)) }

// ints returns the elements as integers: axes, sizes, permutations.
func (t *tensor) ints() ([]int, error) {
	out := make([]int, len(t.data))
	for i, v := range t.data {
		if v != math.Trunc(v) {
			return nil, fmt.Errorf("%v is not an integer", v)
		}
		out[i] = int(max(-1<<62, min(1<<62-1<<10, v)))
	}
	return out, nil
}

// broadcast returns the common shape of a and b (numpy's rule), or false.
func broadcast(a, b []int) ([]int, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append([]int(nil), a...)
	skip := len(a) - len(b)
	for i, d := range b {
		switch {
		case out[skip+i] == 1:
			out[skip+i] = d
		case d != 1 && d != out[skip+i]:
			return nil, false
		}
	}
	return out, true
}

// cursor walks the elements of a shape in order and yields, for each, the
// position in a tensor that is broadcast to it.
type cursor struct {
	shape, count, stride []int
	pos                  int
}

func newCursor(from, to []int) *cursor {
	c := &cursor{shape: to, count: make([]int, len(to)), stride: make([]int, len(to))}
	step, skip := 1, len(to)-len(from)
	for i := len(from) - 1; i >= 0; i-- {
		if from[i] != 1 {
			c.stride[skip+i] = step
		}
		step *= from[i]
	}
	return c
}

// next returns the current position and moves on.
func (c *cursor) next() int {
	pos := c.pos
	for i := len(c.shape) - 1; i >= 0; i-- {
		c.pos += c.stride[i]
		if c.count[i]++; c.count[i] < c.shape[i] {
			break
		}
		c.count[i] = 0
		c.pos -= c.stride[i] * c.shape[i]
	}
	return pos
}
