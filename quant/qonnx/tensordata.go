package qonnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// decodeTensor returns p's elements. The number of elements is checked against
// what the file holds before anything is allocated. Every element is checked
// against its type here, so that no operator meets an INT8 of 300.
func (im *importer) decodeTensor(p *onnxpb.TensorProto) (*tensor, error) {
	// A design must be made of one file, which is copied beside it.
	if p.GetDataLocation() != 0 {
		return nil, fmt.Errorf("tensor %s: its data lie in another file, want them in this one", show(p.GetName()))
	}
	shape := make([]int, 0, len(p.GetDims()))
	size := int64(1)
	for _, d := range p.GetDims() {
		if d < 0 || d > maxElements || d > 0 && size > maxElements/d {
			return nil, fmt.Errorf("tensor %s: shape %v is negative or too large", show(p.GetName()),
				firstFew(p.GetDims()))
		}
		size *= d
		shape = append(shape, int(d))
	}
	have, at, err := tensorData(p, size)
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", show(p.GetName()), err)
	}
	if int64(have) != size {
		return nil, fmt.Errorf("tensor %s: shape %v has %d elements, the file holds %d",
			show(p.GetName()), firstFew(p.GetDims()), size, have)
	}
	t, err := im.newTensor(shape, elemType(p.GetDataType()))
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", show(p.GetName()), err)
	}
	for i := range t.data {
		t.data[i] = at(i)
		if err := t.elem.holds(t.data[i]); err != nil {
			return nil, fmt.Errorf("tensor %s: element %d %w", show(p.GetName()), i, err)
		}
	}
	return t, nil
}

// holds returns an error unless v, an element as the file has it, is one of the
// type: typed data come in wider numbers.
func (e elemType) holds(v float64) error {
	f, ok := integerFormats[e]
	if !ok {
		return nil
	}
	if lo, hi := f.bounds(); v < lo || v > hi {
		return fmt.Errorf("is %v, outside %v", v, e)
	}
	return nil
}

// firstFew shortens a shape for an error message.
func firstFew(dims []int64) []int64 { return dims[:min(len(dims), maxRank)] }

// tensorData returns the number of elements that p, of size by its shape, holds
// and how to read them. (onnx.proto, TensorProto: which field holds which
// type.) FLOAT16 and the like are bit patterns in int32_data.
func tensorData(p *onnxpb.TensorProto, size int64) (int, func(i int) float64, error) {
	typed := len(p.GetFloatData()) + len(p.GetDoubleData()) +
		len(p.GetInt32Data()) + len(p.GetInt64Data()) + len(p.GetUint64Data())
	raw := p.GetRawData()
	// ONNX wants one of the two. Readers differ in which they prefer.
	if len(raw) > 0 && typed > 0 {
		return 0, nil, fmt.Errorf("holds its data twice, raw and typed")
	}
	if len(raw) > 0 {
		return rawData(raw, elemType(p.GetDataType()), size)
	}
	// Types narrower than 32 bits share a field. Floating point comes as patterns.
	v := p.GetInt32Data()
	switch e := elemType(p.GetDataType()); e {
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
		return len(v), func(i int) float64 { return float64(v[i]) }, nil
	case typeUint4, typeInt4: // two to a number, as in bytes
		bytes := make([]byte, len(v))
		for i := range v {
			bytes[i] = byte(v[i])
		}
		return nibbles(bytes, e, size)
	case typeFloat16, typeBfloat16:
		return len(v), func(i int) float64 { return floatFormats[e].decode(uint32(uint16(v[i])), 16) }, nil
	case typeFloat8e4m3, typeFloat8e4m3uz, typeFloat8e5m2, typeFloat8e5m2uz:
		return len(v), func(i int) float64 { return floatFormats[e].decode(uint32(uint8(v[i])), 8) }, nil
	}
	return 0, nil, fmt.Errorf("element type %d is not supported", p.GetDataType())
}

// rawData is tensorData for little-endian bytes. raw_data has fixed-width
// elements in little-endian order on all machines.
func rawData(raw []byte, elem elemType, size int64) (int, func(i int) float64, error) {
	le := binary.LittleEndian
	u16 := func(i int) uint16 { return le.Uint16(raw[2*i:]) }
	u32 := func(i int) uint32 { return le.Uint32(raw[4*i:]) }
	u64 := func(i int) uint64 { return le.Uint64(raw[8*i:]) }
	var width int
	var at func(i int) float64
	switch elem {
	case typeUint4, typeInt4:
		return nibbles(raw, elem, size)
	case typeFloat:
		width, at = 4, func(i int) float64 { return float64(math.Float32frombits(u32(i))) }
	case typeDouble:
		width, at = 8, func(i int) float64 { return math.Float64frombits(u64(i)) }
	case typeFloat16, typeBfloat16:
		width, at = 2, func(i int) float64 { return floatFormats[elem].decode(uint32(u16(i)), 16) }
	case typeFloat8e4m3, typeFloat8e4m3uz, typeFloat8e5m2, typeFloat8e5m2uz:
		width, at = 1, func(i int) float64 { return floatFormats[elem].decode(uint32(raw[i]), 8) }
	case typeBool: // any byte but 0 is true
		width, at = 1, func(i int) float64 { return float64(min(raw[i], 1)) }
	case typeUint8:
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

// nibbles is rawData for integers of 4 bits, the first of two in the low half. An
// odd number of them leaves half a byte.
func nibbles(raw []byte, elem elemType, size int64) (int, func(i int) float64, error) {
	count := 2 * len(raw)
	if int64(count) == size+1 {
		count--
	}
	return count, func(i int) float64 {
		// Shifted up, so that shifting down again extends the sign.
		v := int8(raw[i/2]>>(4*(i%2))) << 4
		if elem == typeUint4 {
			return float64(uint8(v) >> 4)
		}
		return float64(v >> 4)
	}, nil
}
