package sim

import (
	"encoding/binary"

	"github.com/a2qgen/a2qgen/hwgen"
)

// lane is where an element lies in the beats of a stream, or of an output port.
type lane struct {
	part  *hwgen.Part // says which tensor the element is of, and its type
	index int         // of the lane in its part
	at    int         // bit of the beat where it begins
}

// lanesOf returns the lanes of a stream's beats, from the low bits on.
func lanesOf(c hwgen.Content) []lane {
	var out []lane
	at := 0
	for i := range c {
		for k := range c[i].Lanes {
			out = append(out, lane{&c[i], k, at})
			at += c[i].Bits
		}
	}
	return out
}

// portLanes returns the lanes of an output port that shows c: each of several parts begins
// at a whole byte there (port).
func portLanes(c hwgen.Content) []lane {
	out, at := lanesOf(c), 0
	for i := range out {
		if l := &out[i]; l.index == 0 {
			at = (at + 7) / 8 * 8
		}
		out[i].at = at
		at += out[i].part.Bits
	}
	return out
}

// value returns the lane's element in a beat, little-endian bytes, as the integer that it is.
func (l lane) value(beat []byte) int64 {
	var word [8]byte
	bits := l.part.Bits
	getBits(word[:(bits+7)/8], beat, l.at, bits)
	v := binary.LittleEndian.Uint64(word[:])
	if !l.part.Signed {
		return int64(v)
	}
	// To the top and back: the shift of a signed integer repeats its sign.
	return int64(v<<(64-bits)) >> (64 - bits)
}
