package sim

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// values gives the data of every beat of every stream, from the integer executor.
//
// All streams between two layers carry the same string of bits, the layer's input
// vector with element 0 in the low bits, cut into beats of their own width. So a
// frame is a string a layer, plus the last layer's accumulators, plus the result.
type values struct {
	design  *hwgen.Design
	exec    *quant.Executor
	strings []bitString
	source  []int // source[i] is the string that stream i carries
	beats   []int // beats of one pass over the string
	frames  [][]byte
	labels  []int
	size    int // bytes of a frame's strings
	trace   quant.Trace
}

// bitString is one vector of a frame: count elements of bits bits at byte offset at.
type bitString struct {
	count, bits, at int
}

func newValues(d *hwgen.Design) *values {
	v := &values{design: d, exec: quant.NewExecutor(d.Network)}
	add := func(count, bits int) {
		v.strings = append(v.strings, bitString{count, bits, v.size})
		v.size += (count*bits + 7) / 8
	}
	for _, lp := range d.Layers {
		add(lp.Layer.In, lp.Layer.Input.Bits)
	}
	last := d.Layers[len(d.Layers)-1]
	if t := last.Layer.Thresholds; t != nil {
		add(last.Layer.Out, t.Output.Bits)
	} else {
		add(last.Layer.Out, last.AccBits)
		add(1, d.Streams[len(d.Streams)-1].Bits)
	}
	at := 0
	v.bind(0, at)
	for i, b := range d.Blocks {
		switch b.(type) {
		case *hwgen.MVAU, *hwgen.LabelSelect:
			at++
		}
		v.bind(i+1, at)
	}
	return v
}

func (v *values) bind(stream, str int) {
	s, b := v.design.Streams[stream], v.strings[str]
	v.source = append(v.source, str)
	v.beats = append(v.beats, b.count*b.bits/s.Bits)
}

// compute evaluates samples (integer input vectors, one a frame).
func (v *values) compute(samples [][]int32) error {
	v.frames = make([][]byte, len(samples))
	v.labels = make([]int, len(samples))
	all := make([]byte, v.size*len(samples))
	for i, x := range samples {
		if err := v.exec.Check(x); err != nil {
			return fmt.Errorf("sim: frame %d: %w", i, err)
		}
		v.exec.Run(x, &v.trace)
		v.frames[i] = all[i*v.size : (i+1)*v.size]
		v.pack(v.frames[i], x)
		v.labels[i] = v.trace.Label
	}
	return nil
}

func (v *values) pack(dst []byte, x []int32) {
	layers := v.design.Layers
	putAll(dst, v.strings[0], x)
	for i := range layers {
		next := v.strings[i+1]
		if layers[i].Layer.Thresholds != nil {
			putAll(dst, next, v.trace.Out[i])
			continue
		}
		putAll(dst, next, v.trace.Acc[i])
		label := v.strings[i+2]
		low := v.design.Label().LabelBits()
		hwgen.PutBits(dst[label.at:], 0, low, int64(v.trace.Label))
		hwgen.PutBits(dst[label.at:], low, label.bits-low, slices.Max(v.trace.Scores))
	}
}

func putAll[T int32 | int64](dst []byte, s bitString, vec []T) {
	dst = dst[s.at:]
	if s.bits == 8 {
		for i, e := range vec {
			dst[i] = byte(e)
		}
		return
	}
	for i, e := range vec {
		hwgen.PutBits(dst, i*s.bits, s.bits, int64(e))
	}
}

// beat writes the data of beat n of a stream (counted over all frames) into dst and
// returns its bytes.
func (v *values) beat(stream int, n int64, dst []byte) []byte {
	s := v.design.Streams[stream]
	frame := v.frames[n/int64(s.Beats)]
	at := int(n%int64(s.Beats)) % v.beats[stream] * s.Bits
	dst = dst[:(s.Bits+7)/8]
	getBits(dst, frame[v.strings[v.source[stream]].at:], at, s.Bits)
	return dst
}

// port returns what the output port shows with beat, a beat of the last stream: its
// data in whole bytes, of a label and its signed score each, and tlast in the byte
// above.
func (v *values) port(beat []byte, last bool) []byte {
	size := v.design.OutputBits() / 8
	out := make([]byte, size+1)
	if l := v.design.Label(); l != nil {
		label := out[:(l.LabelBits()+7)/8]
		getBits(label, beat, 0, l.LabelBits())
		score := out[len(label):size]
		getBits(score, beat, l.LabelBits(), l.ScoreBits())
		if top := l.ScoreBits() - 1; score[top>>3]>>(top&7)&1 != 0 && top&7 < 7 {
			score[top>>3] |= 0xff << (top&7 + 1) // a negative score fills its bytes
		}
	} else {
		copy(out, beat)
	}
	if last {
		out[size] = 1
	}
	return out
}

// getBits copies bits bits of src from bit at on to the start of dst, zero-filled.
func getBits(dst, src []byte, at, bits int) {
	from, shift := at>>3, at&7
	for i := range dst {
		b := src[from+i] >> shift
		if shift > 0 && from+i+1 < len(src) {
			b |= src[from+i+1] << (8 - shift)
		}
		dst[i] = b
	}
	if r := bits & 7; r > 0 {
		dst[len(dst)-1] &= 1<<r - 1
	}
}

// input returns all input beats, each padded to whole bytes as s_axis_tdata is.
func (v *values) input() []byte {
	s := v.design.Streams[0]
	size := v.design.InputBits() / 8
	out := make([]byte, 0, size*s.Beats*len(v.frames))
	buf := make([]byte, size)
	for n := int64(0); n < int64(s.Beats)*int64(len(v.frames)); n++ {
		out = append(out, v.beat(0, n, buf)...)
	}
	return out
}
