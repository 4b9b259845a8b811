package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// MaxBytes bounds what one file may hold, unpacked: a packed file of a few
// kilobytes can promise and deliver terabytes.
const MaxBytes = 1 << 31

// maxDims bounds the number of axes of an array. NumPy allows 64 and an IDX header
// 255; samples of images need four. The bound keeps shapes short enough to print in
// a message.
const maxDims = 8

// array is the content of one IDX or NPY file, row-major: unsigned bytes as
// read, anything else as float32.
type array struct {
	name   string
	shape  []int
	bytes  []uint8
	floats []float32
}

// count returns the number of elements.
func (a *array) count() int { return product(a.shape) }

// labels returns the array as one class per sample. Axes after the first must have
// length 1, values must be integers in 0..255. [N 1] is what Keras data sets and a
// column of a table have.
func (a *array) labels() ([]uint8, error) {
	if len(a.shape) == 0 || product(a.shape[1:]) != 1 {
		return nil, fmt.Errorf("data: %s: labels of shape %v, want one number per sample", a.name, a.shape)
	}
	if a.floats == nil {
		return a.bytes, nil
	}
	l := make([]uint8, len(a.floats))
	for i, v := range a.floats {
		// Clamped first, since Go leaves the conversion of a float out of range to
		// the implementation. What was clamped, or had a fraction, does not come
		// back equal.
		l[i] = uint8(max(0, min(v, 255)))
		if float32(l[i]) != v {
			return nil, fmt.Errorf("data: %s: label %v of sample %d, want an integer in 0..255", a.name, v, i)
		}
	}
	return l, nil
}

// element describes how one array element is stored.
type element struct {
	kind  byte // 'u' unsigned, 'i' signed, 'f' IEEE float, 'b' bool, as NumPy's type letters
	size  int  // bytes
	order binary.ByteOrder
}

// value decodes the element at the start of b. Integers of 64 bits round to 53 on
// the way to float32, which keeps 24.
func (e element) value(b []byte) float64 {
	var u uint64
	switch e.size {
	case 1:
		u = uint64(b[0])
	case 2:
		u = uint64(e.order.Uint16(b))
	case 4:
		u = uint64(e.order.Uint32(b))
	case 8:
		u = e.order.Uint64(b)
	}
	switch {
	case e.kind == 'b':
		return truth(u)
	case e.kind == 'f' && e.size == 2:
		return half(uint16(u))
	case e.kind == 'f' && e.size == 4:
		return float64(math.Float32frombits(uint32(u)))
	case e.kind == 'f':
		return math.Float64frombits(u)
	case e.kind == 'i':
		// Sign extension: the element's sign bit goes to bit 63, and the arithmetic
		// shift fills with copies of it.
		shift := 64 - 8*e.size
		return float64(int64(u<<shift) >> shift)
	}
	return float64(u)
}

// truth returns 0 or 1; NaN for a byte that is no bool.
func truth(u uint64) float64 {
	if u > 1 {
		return math.NaN()
	}
	return float64(u)
}

// half returns the number of an IEEE 754 binary16: a sign, 5 bits of exponent with
// a bias of 15, and 10 of fraction; exponent 0 has no leading 1, 31 is infinity or
// not a number.
func half(u uint16) float64 {
	exponent, fraction := int(u>>10&31), float64(u&1023)
	// Normal: (1 + fraction/1024) 2^(exponent-15), that is (1024 + fraction)
	// 2^(exponent-25).
	v := math.Ldexp(1024+fraction, exponent-25)
	switch {
	case exponent == 0:
		// Subnormal: fraction/1024 * 2^-14.
		v = math.Ldexp(fraction, -24)
	case exponent == 31 && fraction == 0:
		v = math.Inf(1)
	case exponent == 31:
		return math.NaN()
	}
	if u>>15 != 0 {
		return -v
	}
	return v
}

// readArray reads the elements of an array of the given shape from r, which must
// end right after them. Unsigned bytes stay bytes: they take a quarter of the
// memory, and an 8-bit input quantiser of scale 1/255 gets back the very integers
// of the file.
func readArray(r io.Reader, name string, shape []int, e element) (*array, error) {
	want, err := totalBytes(shape, e.size)
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", name, err)
	}
	a := &array{name: name, shape: shape}
	var had int
	if e.kind == 'u' && e.size == 1 {
		a.bytes, err = readBytes(r, want)
		had = len(a.bytes)
	} else {
		had, err = a.readFloats(r, want, e)
	}
	if err != nil {
		return nil, readError(name, want, had, err)
	}
	if err := checkEnd(r, name, want); err != nil {
		return nil, err
	}
	return a, nil
}

// totalBytes returns the bytes that an array takes in its file. size is that of one
// element. An axis of length 0 is legal, an empty array, which newSet refuses with
// its shape.
func totalBytes(shape []int, size int) (int, error) {
	if len(shape) > maxDims {
		return 0, fmt.Errorf("has %d axes, want at most %d", len(shape), maxDims)
	}
	total := size
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative length", shape)
		}
		// Compared before the product is taken, so that it cannot overflow: total
		// stays at or below MaxBytes.
		if d > 0 && total > MaxBytes/d {
			return 0, fmt.Errorf("shape %v takes more than the limit of %d bytes", shape, MaxBytes)
		}
		total *= d
	}
	return total, nil
}

// readBytes reads want bytes. Memory grows with what is really there: at most twice
// the bytes read so far, and never more than want. io.ReadAll would grow past want,
// and know no end.
func readBytes(r io.Reader, want int) ([]byte, error) {
	buf := make([]byte, 0, min(want, 1<<16))
	for len(buf) < want {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(want, 2*cap(buf)))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && len(buf) < want {
			return buf, err
		}
	}
	return buf, nil
}

// readFloats reads want bytes of elements into a.floats, a block at a time, and
// returns how many bytes it got.
func (a *array) readFloats(r io.Reader, want int, e element) (int, error) {
	a.floats = make([]float32, 0, min(want/e.size, 1<<14))
	var block [1 << 14]byte // a multiple of every element size
	for had := 0; had < want; {
		b := block[:min(len(block), want-had)]
		n, err := io.ReadFull(r, b)
		if err != nil {
			return had + n, err
		}
		for k := 0; k < n; k += e.size {
			v := e.value(b[k:])
			// One NaN in the samples makes the loss NaN, and every weight with it;
			// above MaxFloat32 the conversion would give an infinity.
			if math.IsNaN(v) || math.Abs(v) > math.MaxFloat32 {
				return had, fmt.Errorf("element %d is %v, want a finite number", (had+k)/e.size, v)
			}
			a.floats = append(a.floats, float32(v))
		}
		had += n
	}
	return want, nil
}

// readError words a failed read of a file's elements. had is the number of bytes
// that came.
func readError(name string, want, had int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("data: %s: truncated: wanted %d bytes after the header, had %d", name, want, had)
	}
	return fmt.Errorf("data: %s: %w", name, err)
}

// checkEnd returns an error unless r is at its end. On a packed stream that is
// also what makes its checksum be verified.
func checkEnd(r io.Reader, name string, want int) error {
	var one [1]byte
	switch n, err := io.ReadFull(r, one[:]); {
	case n > 0:
		return fmt.Errorf("data: %s: trailing bytes: wanted %d bytes after the header, had more", name, want)
	case err == io.ErrUnexpectedEOF: // from gzip: ReadFull of one byte never gives it
		return fmt.Errorf("data: %s: truncated: the packed file ends before its checksum", name)
	case err != io.EOF:
		return fmt.Errorf("data: %s: %w", name, err)
	}
	return nil
}
