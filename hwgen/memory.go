package hwgen

import (
	"bytes"
	"fmt"
)

func newMemory(file string, bits, depth int) Memory {
	m := Memory{File: file, Bits: bits, Words: make([][]byte, depth)}
	size := (bits + 7) / 8
	all := make([]byte, size*depth)
	for i := range m.Words {
		m.Words[i] = all[i*size : (i+1)*size]
	}
	return m
}

// Text returns the memory as a $readmemh file: one hexadecimal word a line.
func (m Memory) Text() []byte {
	digits := (m.Bits + 3) / 4
	var b bytes.Buffer
	b.Grow(len(m.Words) * (digits + 1))
	for _, w := range m.Words {
		for d := digits - 1; d >= 0; d-- {
			b.WriteByte("0123456789abcdef"[w[d/2]>>(4*(d&1))&15])
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// PutBits writes the low bits of v (two's complement) into the zeroed little-endian
// bit string dst at bit offset at. It panics if they do not fit into dst.
func PutBits(dst []byte, at, bits int, v int64) {
	if at+bits > 8*len(dst) {
		panic(fmt.Sprintf("hwgen: bits %d..%d do not fit in %d bytes", at, at+bits-1, len(dst)))
	}
	u := uint64(v)
	if bits < 64 {
		u &= 1<<bits - 1
	}
	for bits > 0 {
		shift := at & 7
		n := min(8-shift, bits)
		dst[at>>3] |= byte(u << shift)
		u >>= n
		at += n
		bits -= n
	}
}

func number(name string, v int) Parameter { return Parameter{name, fmt.Sprint(v)} }

func text(name, v string) Parameter { return Parameter{name, `"` + v + `"`} }

func flag(name string, v bool) Parameter {
	if v {
		return Parameter{name, "1"}
	}
	return Parameter{name, "0"}
}
