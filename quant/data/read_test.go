package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sbinet/npyio/npy"
)

// idxFile builds an IDX file: type byte, shape, big-endian elements.
func idxFile(kind byte, shape []int, elements ...any) []byte {
	var b bytes.Buffer
	b.Write([]byte{0, 0, kind, byte(len(shape))})
	for _, d := range shape {
		binary.Write(&b, binary.BigEndian, uint32(d))
	}
	for _, e := range elements {
		binary.Write(&b, binary.BigEndian, e)
	}
	return b.Bytes()
}

// npyFile builds an NPY file, version 1, with the header that NumPy writes.
func npyFile(descr, fortran, shape string, order binary.ByteOrder, elements any) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, fortran, shape)
	for (len(head)+11)%64 != 0 {
		head += " "
	}
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(head)+1))
	b.WriteString(head + "\n")
	binary.Write(&b, order, elements)
	return b.Bytes()
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func TestReadElements(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	for _, tc := range []struct {
		name   string
		file   []byte
		shape  []int
		bytes  []uint8
		floats []float32
	}{
		{"idx u1", idxFile(0x08, []int{2, 2}, []uint8{0, 1, 128, 255}), []int{2, 2}, []uint8{0, 1, 128, 255}, nil},
		{"idx i1", idxFile(0x09, []int{2}, []int8{-128, 127}), []int{2}, nil, []float32{-128, 127}},
		{"idx i2", idxFile(0x0B, []int{2}, []int16{-32768, 258}), []int{2}, nil, []float32{-32768, 258}},
		{"idx i4", idxFile(0x0C, []int{2}, []int32{-65536, 7}), []int{2}, nil, []float32{-65536, 7}},
		{"idx f4", idxFile(0x0D, []int{2}, []float32{-1.5, 0.1}), []int{2}, nil, []float32{-1.5, 0.1}},
		{"idx f8", idxFile(0x0E, []int{1, 2}, []float64{-1.5, 0.1}), []int{1, 2}, nil, []float32{-1.5, 0.1}},
		{"npy u1", npyFile("|u1", "False", "(2, 2)", le, []uint8{0, 1, 128, 255}), []int{2, 2},
			[]uint8{0, 1, 128, 255}, nil},
		{"npy i1", npyFile("|i1", "False", "(2,)", le, []int8{-128, 127}), []int{2}, nil, []float32{-128, 127}},
		{"npy u2", npyFile("<u2", "False", "(1, 2)", le, []uint16{65535, 258}), []int{1, 2},
			nil, []float32{65535, 258}},
		{"npy i8", npyFile("<i8", "False", "(2,)", le, []int64{-5, 1 << 20}), []int{2}, nil, []float32{-5, 1 << 20}},
		{"npy i8 big-endian", npyFile(">i8", "False", "(2,)", be, []int64{-5, 1 << 20}), []int{2},
			nil, []float32{-5, 1 << 20}},
		{"npy f4", npyFile("<f4", "False", "(2, 1)", le, []float32{-1.5, 0.1}), []int{2, 1}, nil, []float32{-1.5, 0.1}},
		{"npy f8", npyFile("<f8", "True", "(2,)", le, []float64{-1.5, 0.1}), []int{2}, nil, []float32{-1.5, 0.1}},
		// bool is 0 and 1, and no byte that is divided by 255; binary16 by hand: 1 + 512/1024,
		// the smallest number, the largest and the smallest normal one, and -0.1 rounded.
		{"npy bool", npyFile("|b1", "False", "(3,)", le, []uint8{0, 1, 1}), []int{3}, nil, []float32{0, 1, 1}},
		{"npy f2", npyFile("<f2", "False", "(5,)", le, []uint16{0x3e00, 0x0001, 0x7bff, 0x0400, 0xae66}), []int{5}, nil,
			[]float32{1.5, 0x1p-24, 65504, 0x1p-14, -0.0999755859375}},
		{"npy f2 big-endian", npyFile(">f2", "False", "(2,)", be, []uint16{0x3c00, 0xc000}),
			[]int{2}, nil, []float32{1, -2}},
	} {
		for _, packed := range []bool{false, true} {
			file := tc.file
			if packed {
				file = gz(file)
			}
			a, err := read(bytes.NewReader(file), tc.name)
			if err != nil {
				t.Errorf("packed=%v: %v", packed, err)
				continue
			}
			if d := cmp.Diff(tc.shape, a.shape) + cmp.Diff(tc.bytes, a.bytes) + cmp.Diff(tc.floats, a.floats); d != "" {
				t.Errorf("%s, packed=%v:\n%s", tc.name, packed, d)
			}
		}
	}
}

// TestReadNPYByLibrary reads what npyio writes, which is what NumPy reads.
func TestReadNPYByLibrary(t *testing.T) {
	want := []float32{1, 2, 3.25, -4}
	var b bytes.Buffer
	if err := npy.Write(&b, want); err != nil {
		t.Fatal(err)
	}
	a, err := read(&b, "lib.npy")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, a.floats); d != "" {
		t.Error(d)
	}
}

func TestReadErrors(t *testing.T) {
	le := binary.LittleEndian
	good := idxFile(0x08, []int{3, 4}, make([]uint8, 12))
	packed := gz(good)
	badSum := bytes.Clone(packed)
	badSum[len(badSum)-8] ^= 1 // the checksum is the last 8 bytes but 4
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "truncated: wanted a header of 4 bytes, had 0"},
		{"half a magic", good[:3], "truncated: wanted a header of 4 bytes, had 3"},
		{"half a shape", good[:9], "truncated: wanted a header of 12 bytes, had 9"},
		{"half the data", good[:17], "truncated: wanted 12 bytes after the header, had 5"},
		{"one byte too many", append(bytes.Clone(good), 0), "trailing bytes: wanted 12 bytes after the header"},
		{"text", []byte("hello, world"), "magic number 0x68656c6c, want IDX"},
		{"unknown type", idxFile(0x0A, []int{1}, []uint8{0}), "magic number 0x00000a01"},
		{"no axes", idxFile(0x08, nil, []uint8{0}), "has 0 axes, want 1..8"},
		{"nine axes", idxFile(0x08, make([]int, 9)), "has 9 axes, want 1..8"},
		{"huge", idxFile(0x0E, []int{1 << 31, 1 << 31, 1 << 31}), "takes more than the limit"},
		{"big and absent", idxFile(0x08, []int{1 << 30}), "truncated: wanted 1073741824 bytes after the header, had 0"},
		{"NaN", idxFile(0x0D, []int{2}, []float32{0, float32(math.NaN())}), "element 1 is NaN, want a finite number"},
		{"infinite", npyFile("<f8", "False", "(1,)", le, []float64{math.Inf(1)}), "element 0 is +Inf"},
		{"beyond float32", npyFile("<f8", "False", "(1,)", le, []float64{1e300}), "element 0 is 1e+300"},
		{"f2 infinite", npyFile("<f2", "False", "(2,)", le, []uint16{0, 0xfc00}), "element 1 is -Inf"},
		{"f2 not a number", npyFile("<f2", "False", "(1,)", le, []uint16{0x7e01}), "element 0 is NaN"},
		{"bool of 2", npyFile("|b1", "False", "(2,)", le, []uint8{1, 2}), "element 1 is NaN"},
		{"complex", npyFile("<c8", "False", "(1,)", le, []float32{1, 2}),
			"element type \"<c8\", want u1..u8, i1..i8, f2..f8 or b1"},
		{"packed, cut in the data", packed[:len(packed)-18], "truncated: wanted"},
		{"packed, cut in the checksum", packed[:len(packed)-5], "truncated: the packed file ends before its checksum"},
		{"packed, checksum", badSum, "checksum"},
		{"packed header cut", packed[:5], "EOF"},
		{"npy version", []byte("\x93NUMPY\x07\x00\x10\x00"), "NPY version 7.0, want 1 or 2"},
		{"npy header cut", []byte("\x93NUMPY\x01\x00\x10\x00{'descr'"),
			"truncated: wanted a header of 26 bytes, had 18"},
		{"npy header huge", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), "header of 4294967295 bytes"},
		{"npy header garbage", []byte("\x93NUMPY\x01\x00\x04\x00abcd"), "malformed NPY header"},
		{"npy truncated", npyFile("<f4", "False", "(9,)", le, []float32{1, 2}),
			"truncated: wanted 36 bytes after the header, had 8"},
		{"npy strings", npyFile("<U4", "False", "(1,)", le, []uint8{0, 0, 0, 0}), `element type "<U4"`},
		{"npy column-major", npyFile("<f4", "True", "(1, 2)", le, []float32{1, 2}), "column-major"},
		{"npy negative", npyFile("<f4", "False", "(-1,)", le, []float32{1}), "negative"},
	} {
		_, err := read(bytes.NewReader(tc.file), "some/file")
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "some/file") {
			t.Errorf("%s: error %v, want some/file and %q", tc.name, err, tc.want)
		}
	}
}

// TestReadMemory checks that a header that promises a gigabyte does not make
// the reader allocate it.
func TestReadMemory(t *testing.T) {
	for _, file := range [][]byte{
		idxFile(0x08, []int{1 << 30}, make([]uint8, 1000)),
		idxFile(0x0E, []int{1 << 27}, make([]uint8, 1000)),
		gz(idxFile(0x08, []int{1 << 30}, make([]uint8, 1000))),
		npyFile("<f4", "False", "(268435456,)", binary.LittleEndian, make([]float32, 100)),
	} {
		if got := allocated(func() { read(bytes.NewReader(file), "big") }); got > 1<<20 {
			t.Errorf("allocated %d bytes to read a file of %d", got, len(file))
		}
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// failing fails with a named error after some bytes.
type failing struct{ r io.Reader }

func (f failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err == io.EOF {
		err = fmt.Errorf("disk on fire")
	}
	return n, err
}

func TestReadPassesErrorsOn(t *testing.T) {
	for _, n := range []int{0, 2, 8, 14} {
		r := failing{bytes.NewReader(idxFile(0x08, []int{3, 4}, make([]uint8, 12))[:n])}
		if _, err := read(r, "f"); err == nil || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("after %d bytes: error %v", n, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	le := binary.LittleEndian
	f.Add(idxFile(0x08, []int{2, 2}, []uint8{0, 1, 128, 255}))
	f.Add(idxFile(0x0D, []int{2}, []float32{-1.5, 0.1}))
	f.Add(idxFile(0x0E, []int{1 << 31, 1 << 31}))
	f.Add(gz(idxFile(0x08, []int{1 << 30})))
	f.Add(npyFile("<f4", "False", "(2, 1)", le, []float32{-1.5, 0.1}))
	f.Add(npyFile("|u1", "True", "(), ", le, []uint8{3}))
	f.Add([]byte("\x93NUMPY\x01\x00\x04\x00}'a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a *array
		var err error
		got := allocated(func() { a, err = read(bytes.NewReader(b), "fuzz") })
		// A packed byte unpacks to at most 1032 (deflate), and buffers double.
		if limit := uint64(1<<20 + 4096*len(b)); got > limit {
			t.Fatalf("allocated %d bytes to read %d", got, len(b))
		}
		if err == nil && a.count() != len(a.bytes)+len(a.floats) {
			t.Fatalf("shape %v, %d elements", a.shape, len(a.bytes)+len(a.floats))
		}
	})
}
