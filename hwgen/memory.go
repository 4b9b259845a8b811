package hwgen

import (
	"bytes"
	"fmt"

	"github.com/a2qgen/a2qgen/quant"
)

// Memory is a .mem file: Words of Bits bits each, for $readmemh.
type Memory struct {
	// File is the name inside the rtl folder.
	File string
	Bits int
	// Words in address order, little-endian bytes.
	Words [][]byte
	// Layout says which integers they are.
	Layout Layout
}

// Layout says how an array of a layer's integers lies in a memory. A word is a number of
// fields, the first in its low bits; the fields of word 0, then of word 1 and so on, are the
// array's elements as the nest of loops Order visits them.
type Layout struct {
	// Layer is the layer's name, Holds what is in the array: HoldsWeights and so on.
	Layer string `json:"layer"`
	Holds string `json:"holds"`
	// Shape of the array, whose last index runs fastest: rows x columns of the weights,
	// channels x thresholds, or channels alone.
	Shape []int `json:"shape"`
	// FieldBits is the width of a field, in two's complement where Signed.
	FieldBits int  `json:"field_bits"`
	Signed    bool `json:"signed"`
	// Bipolar says that a field of one bit is 0 for -1 and 1 for +1.
	Bipolar bool `json:"bipolar,omitempty"`
	// First is the array index of the first field.
	First int `json:"first"`
	// Order are the loops, the innermost last.
	Order []Loop `json:"order"`
}

// Loop runs Count times, each time Step further in the array.
type Loop struct {
	Count int `json:"count"`
	Step  int `json:"step"`
}

// Nest returns loops from pairs of count and step, the outermost first.
func Nest(pairs ...int) []Loop {
	var loops []Loop
	for i := 0; i < len(pairs); i += 2 {
		loops = append(loops, Loop{pairs[i], pairs[i+1]})
	}
	return loops
}

// What memories hold.
const (
	HoldsWeights    = "weights"
	HoldsThresholds = "thresholds"
	HoldsInverted   = "inverted" // 1 where a channel's staircase falls
	HoldsStarts     = "starts"
	HoldsBiases     = "biases"
	HoldsGains      = "gains"
	HoldsSteps      = "steps" // of a schedule of taps, a word each: no array of the layer's
)

// fields returns how many fields the memory has in all.
func (l Layout) fields() int {
	n := 1
	for _, loop := range l.Order {
		n *= loop.Count
	}
	return n
}

// ByChannel is the layout of one integer per channel, in their order.
func ByChannel(l *quant.Layer, holds string, bits int, signed bool) Layout {
	return Layout{Layer: l.Name, Holds: holds, Shape: []int{l.Out}, FieldBits: bits, Signed: signed,
		Order: []Loop{{l.Out, 1}}}
}

// StartMemory lays out the start values of a layer: word nf holds that of row nf*pe+p at bit p*bits.
func StartMemory(file string, l *quant.Layer, pe, bits int) Memory {
	mem := NewMemory(file, ByChannel(l, HoldsStarts, bits, true), l.Out/pe)
	for c, v := range l.Start {
		PutBits(mem.Words[c/pe], c%pe*bits, bits, v)
	}
	return mem
}

// NewMemory returns a zeroed memory of depth words, whose fields the layout gives.
func NewMemory(file string, l Layout, depth int) Memory {
	bits := l.fields() / depth * l.FieldBits
	m := Memory{File: file, Bits: bits, Words: make([][]byte, depth), Layout: l}
	size := (bits + 7) / 8
	// One allocation: a weight memory has thousands of words.
	all := make([]byte, size*depth)
	for i := range m.Words {
		m.Words[i] = all[i*size : (i+1)*size]
	}
	return m
}

// Text returns the memory as a $readmemh file: one hexadecimal word per line.
func (m Memory) Text() []byte {
	// Every word in full: $readmemh would take shorter ones, but memory_file.v tells a file
	// that was cut off by its number of digits.
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
