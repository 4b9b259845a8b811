package sim

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// values gives the data of every beat of every stream, from the integer executor and from
// what each stream says that it carries (hwgen.Content); it knows no block.
//
// A frame is one string of bytes: the tensors that streams carry, one after the other, each
// element in as many bits as it has on the streams, element 0 in the low bits.
type values struct {
	design  *hwgen.Design
	exec    *quant.Executor
	tensors []packed
	streams [][]field // of each stream, the first in the low bits of a beat
	frames  [][]byte
	samples [][]int32 // that the frames are of
	// labels are for the report: the classes that the run predicted, of each output.
	labels [][]int
	// Summed while tensors are found: the offset of the next one.
	size  int // bytes of a frame
	trace quant.Trace
}

// packed is a tensor of a frame: count elements of bits bits at byte offset at.
type packed struct {
	hwgen.Tensor
	layer           int // that computes it; -1 for the network's input
	count, bits, at int
	// border is the value around an image, behind the elements, where bordered.
	bordered bool
	border   int64
}

// field is a part of a stream's beats: width bits, which stand for lanes elements.
type field struct {
	tensor int // of values.tensors
	width  int
	// starts is where each beat of a frame begins in the frame, in bits, where its lanes
	// are neighbours in the tensor; else it is where each lane of each beat does.
	starts []int
	lanes  int // lanes that starts tells apart: 1 where they are neighbours
}

// newValues lays out a frame for the design's streams. Nothing is computed yet: the layout is
// the same for every frame, since hardware has no data-dependent control.
func newValues(d *hwgen.Design) *values {
	// The planned network, whose start values and thresholds are those of the memories.
	v := &values{design: d, exec: quant.NewExecutor(d.Network)}
	for _, s := range d.Streams {
		var fields []field
		for _, p := range s.Content {
			// Parts side by side, as a label has its score beside it.
			fields = append(fields, v.field(p, s.Beats))
		}
		v.streams = append(v.streams, fields)
	}
	return v
}

// field cuts a part of a stream's beats from a frame.
func (v *values) field(p hwgen.Part, beats int) field {
	f := field{tensor: v.tensor(p), width: p.Lanes * p.Bits, lanes: 1}
	t := v.tensors[f.tensor]
	// Neighbours in every beat: one copy of width bits serves a beat instead of one per
	// lane, which is most of the model's time on wide streams. Replayed vectors and queues
	// pass this test as well; only an order that leaps between lanes fails it.
	all := p.All()
	for b := range beats {
		first := all[b*p.Lanes]
		for lane := range p.Lanes {
			if first == hwgen.Outside || all[b*p.Lanes+lane] != first+lane {
				f.lanes = p.Lanes
			}
		}
	}
	f.starts = make([]int, 0, beats*f.lanes)
	for b := range beats {
		for lane := range f.lanes {
			at := all[b*p.Lanes+lane]
			if at == hwgen.Outside {
				at = v.tensors[f.tensor].count // the value of the border stands behind the elements
			}
			f.starts = append(f.starts, 8*t.at+at*t.bits)
		}
	}
	return f
}

// tensor returns the place of the part's tensor among those of a frame.
func (v *values) tensor(p hwgen.Part) int {
	// Streams between a layer and the next all carry one tensor: it is packed once. Bits
	// count too, since a stream may show a tensor wider than another does.
	t := packed{Tensor: p.Tensor, layer: -1, bits: p.Bits, at: v.size}
	if p.Border != nil {
		t.bordered, t.border = true, p.Border.Value
	}
	i := slices.IndexFunc(v.tensors, func(u packed) bool {
		return t.Tensor == u.Tensor && t.bits == u.bits && t.bordered == u.bordered && t.border == u.border
	})
	if i >= 0 {
		return i
	}
	for k := range v.design.Layers {
		if v.design.Layers[k].Layer.Name == p.Layer {
			t.layer = k
		}
	}
	switch p.Holds {
	case hwgen.HoldsInputs:
		t.count = v.design.Network.InputSize()
	case hwgen.HoldsOutputs, hwgen.HoldsAccumulators:
		// Channels of every position: the outputs of a sum of images are an image.
		t.count = v.design.Layers[t.layer].Layer.Shape.Size()
	// Label and score are one element each at every position, whatever the classes.
	default:
		t.count = v.design.Layers[t.layer].Layer.Shape.Positions()
	}
	v.size += ((t.count+int(bit(t.bordered)))*t.bits + 7) / 8
	v.tensors = append(v.tensors, t)
	return len(v.tensors) - 1
}

// compute evaluates samples (integer input vectors, one per frame).
func (v *values) compute(samples [][]int32) error {
	v.samples, v.frames = samples, make([][]byte, len(samples))
	v.labels = make([][]int, len(v.design.Network.Outputs))
	for k := range v.labels {
		v.labels[k] = make([]int, len(samples))
	}
	// One allocation: a run of 10,000 frames would else make as many.
	all := make([]byte, v.size*len(samples))
	for i, x := range samples {
		// An input outside of its type would be cut off at the port and computed whole in the
		// executor: a difference that is nobody's fault.
		if err := v.exec.Check(x); err != nil {
			return fmt.Errorf("sim: frame %d: %w", i, err)
		}
		v.frames[i] = all[i*v.size : (i+1)*v.size]
	}
	// Frames do not depend on each other: each core takes the next one.
	var next atomic.Int64
	var group errgroup.Group
	for range min(runtime.GOMAXPROCS(0), len(samples)) {
		group.Go(func() error {
			var trace quant.Trace
			for i := next.Add(1) - 1; i < int64(len(samples)); i = next.Add(1) - 1 {
				v.frame(int(i), &trace)
			}
			return nil
		})
	}
	return group.Wait()
}

// frame evaluates a sample, whose frame is still zero.
func (v *values) frame(i int, trace *quant.Trace) {
	v.exec.Run(v.samples[i], trace)
	for _, t := range v.tensors {
		v.pack(v.frames[i][t.at:], t, v.samples[i], trace)
		if t.bordered {
			hwgen.PutBits(v.frames[i][t.at:], t.count*t.bits, t.bits, t.border)
		}
	}
	for k, label := range trace.Label {
		v.labels[k][i] = label
	}
}

// pack writes the elements that the executor has computed for a tensor.
func (v *values) pack(dst []byte, t packed, x []int32, trace *quant.Trace) {
	switch t.Holds {
	case hwgen.HoldsInputs:
		putAll(dst, t.bits, x)
	case hwgen.HoldsOutputs:
		putAll(dst, t.bits, trace.Out[t.layer])
	case hwgen.HoldsAccumulators:
		putAll(dst, t.bits, trace.Acc[t.layer])
	case hwgen.HoldsLabel:
		labels := make([]int32, t.count)
		v.exec.Labels(trace, v.design.Network.OutputOf(t.layer), labels)
		putAll(dst, t.bits, labels)
	case hwgen.HoldsScore:
		best := make([]int64, 0, t.count)
		all := trace.Scores[v.design.Network.OutputOf(t.layer)]
		for scores := range slices.Chunk(all, len(all)/t.count) {
			best = append(best, slices.Max(scores))
		}
		putAll(dst, t.bits, best)
	default:
		panic("sim: no tensor of " + t.Holds)
	}
}

// putAll packs integers of bits bits each, in two's complement, the first in the low bits
// of the zeroed dst. Bytes, the commonest input, go the short way.
func putAll[T int32 | int64](dst []byte, bits int, vec []T) {
	if bits == 8 {
		for i, e := range vec {
			dst[i] = byte(e)
		}
		return
	}
	for i, e := range vec {
		hwgen.PutBits(dst, i*bits, bits, int64(e))
	}
}

// beat writes the data of beat n of a stream (counted over all frames) into dst and
// returns its bytes.
func (v *values) beat(stream int, n int64, dst []byte) []byte {
	s := v.design.Streams[stream]
	// Beats are counted over the run, since a stream inside the design may hold the end of
	// one frame and the start of the next.
	frame, beat := v.frames[n/int64(s.Beats)], int(n%int64(s.Beats))
	// The buffer may be as wide as the port: what is above the stream's bits stays as it is.
	dst = dst[:(s.Bits+7)/8]
	fields := v.streams[stream]
	if len(fields) == 1 && fields[0].lanes == 1 {
		getBits(dst, frame, fields[0].starts[beat], s.Bits)
		return dst
	}
	clear(dst)
	at := 0
	for _, f := range fields {
		width := f.width / f.lanes
		for lane := range f.lanes {
			copyBits(dst, at, frame, f.starts[beat*f.lanes+lane], width)
			at += width
		}
	}
	return dst
}

// port returns what a port of the design shows with beat, a beat of the stream that it empties,
// and tlast in the byte above (see hwgen.Content.PortBits).
func port(c hwgen.Content, beat []byte, last bool) []byte {
	out := make([]byte, c.PortBits()/8+1)
	from, to := 0, 0
	for _, p := range c {
		width := p.Lanes * p.Bits
		size := (width + 7) / 8
		part := out[to : to+size]
		getBits(part, beat, from, width)
		// The score is a signed number in whole bytes for software to read; activations side
		// by side have no room for a sign each, so a beat of one part ends in zeros.
		if top := width - 1; len(c) > 1 && p.Signed && part[top>>3]>>(top&7)&1 != 0 && top&7 < 7 {
			part[top>>3] |= 0xff << (top&7 + 1)
		}
		from, to = from+width, to+size
	}
	// tlast is the bit above tdata in the port's probe (emit.Probes).
	if last {
		out[len(out)-1] = 1
	}
	return out
}

// copyBits copies bits bits of src from bit from on to bit at of the zeroed dst.
func copyBits(dst []byte, at int, src []byte, from, bits int) {
	for bits > 0 {
		// PutBits takes at most 64 bits, and reads them as a number.
		n := min(bits, 56) // so that the bits and their shift fit in a word
		var word [8]byte
		getBits(word[:(n+7)/8], src, from, n)
		hwgen.PutBits(dst, at, n, int64(binary.LittleEndian.Uint64(word[:])))
		at, from, bits = at+n, from+n, bits-n
	}
}

// getBits copies bits bits of src from bit at on to the start of dst, zero-filled.
func getBits(dst, src []byte, at, bits int) {
	from, shift := at>>3, at&7
	for i := range dst {
		b := src[from+i] >> shift
		// The last byte has no neighbour to take bits from: what is missing is cut below.
		if shift > 0 && from+i+1 < len(src) {
			b |= src[from+i+1] << (8 - shift)
		}
		dst[i] = b
	}
	if r := bits & 7; r > 0 {
		dst[len(dst)-1] &= 1<<r - 1
	}
}

// input returns all beats of a source's stream, each padded to whole bytes as tdata is.
func (v *values) input(stream int) []byte {
	s := v.design.Streams[stream]
	size := s.Content.PortBits() / 8
	out := make([]byte, 0, size*s.Beats*len(v.frames))
	// beat leaves what is above the stream's bits as it is: zeros, as a port is padded.
	buf := make([]byte, size)
	for n := int64(0); n < int64(s.Beats)*int64(len(v.frames)); n++ {
		out = append(out, v.beat(stream, n, buf)...)
	}
	return out
}
