package quant

import (
	"math/bits"
	"sync"
)

// steps applies thresholds quickly: the accumulators of a channel fall into buckets, each of
// which knows how many thresholds lie below it; only those within are compared.
type steps struct {
	channels, levels int
	// shift makes an accumulator, less its channel's minimum, the number of its bucket, of
	// buckets in all.
	shift   uint
	buckets int
	min     []int64
	// below[c*buckets+b] counts the thresholds of channel c that every accumulator of bucket b
	// exceeds.
	below  []uint8
	values []int64
	// The output of channel c is first[c] + n*step[c] where n thresholds are exceeded.
	first, step []int32
	// Where a bucket is one accumulator, outputs[at[c]+acc] is the output itself.
	outputs []int16
	at      []int
}

// maxBuckets bounds the buckets of a channel: one for each accumulator of up to 12 bits. They
// take a byte each, and most accumulators fall into few of them.
const maxBuckets = 4096

// maxTable bounds the buckets of all channels of a layer, 2 bytes each at most.
const maxTable = 1 << 22

// maxLevels bounds the thresholds of a channel, which a byte counts.
const maxLevels = 255

// newSteps returns the steps of a layer, nil where there are more thresholds than are worth
// a search from bucket to bucket.
func newSteps(l *Layer) *steps {
	t := l.Thresholds
	if t.Levels() > maxLevels {
		return nil
	}
	s := &steps{channels: l.Out, levels: t.Levels(), values: t.Values, min: make([]int64, l.Out),
		first: make([]int32, l.Out), step: make([]int32, l.Out)}
	widest := uint64(0)
	for c := range l.Out {
		r := l.AccRange(c)
		s.min[c], widest = r.Min, max(widest, uint64(r.Max-r.Min))
		s.first[c], s.step[c] = int32(t.Output.Min()), int32(t.Output.step())
		if t.Inverted != nil && t.Inverted[c] {
			s.first[c], s.step[c] = int32(t.Output.Max()), -s.step[c]
		}
	}
	most := uint(max(1, min(maxBuckets, maxTable/l.Out)))
	s.shift = uint(max(0, bits.Len64(widest)-bits.Len(most)+1))
	if widest < uint64(most) {
		s.shift = 0
	}
	s.buckets = int(widest>>s.shift) + 1
	s.below = make([]uint8, l.Out*s.buckets)
	for c := range l.Out {
		s.count(t.Channel(c), s.min[c], s.below[c*s.buckets:(c+1)*s.buckets])
	}
	if s.shift == 0 {
		s.list()
	}
	return s
}

// list makes the table of outputs from that of counts. Outputs of at most 255 thresholds fit.
func (s *steps) list() {
	s.outputs = make([]int16, len(s.below))
	for c := range s.channels {
		s.at = append(s.at, c*s.buckets-int(s.min[c]))
		for i, n := range s.below[c*s.buckets : (c+1)*s.buckets] {
			s.outputs[c*s.buckets+i] = int16(s.first[c] + int32(n)*s.step[c])
		}
	}
	s.below = nil
}

// count fills in the buckets of a channel whose least accumulator is least.
func (s *steps) count(row []int64, least int64, below []uint8) {
	n := 0
	for b := range below {
		lowest := least + int64(b)<<s.shift
		for n < len(row) && lowest > row[n] {
			n++
		}
		below[b] = uint8(n)
	}
}

// applyAll is apply on so many goroutines, where there is enough to do.
func (s *steps) applyAll(acc []int64, out []int32, workers int) {
	positions := len(acc) / s.channels
	if workers = min(workers, positions); workers <= 1 || len(acc) < worthSharing {
		s.apply(acc, out)
		return
	}
	var wg sync.WaitGroup
	for i := range workers {
		from, to := i*positions/workers*s.channels, (i+1)*positions/workers*s.channels
		wg.Go(func() { s.apply(acc[from:to], out[from:to]) })
	}
	wg.Wait()
}

// apply sets out to the outputs for acc, which has the channels of each position in turn.
func (s *steps) apply(acc []int64, out []int32) {
	for s.outputs != nil && len(acc) >= s.channels {
		at := s.at[:s.channels]
		row := out[:len(at)]
		for c, v := range acc[:len(at)] {
			row[c] = int32(s.outputs[at[c]+int(v)])
		}
		acc, out = acc[s.channels:], out[s.channels:]
	}
	for len(acc) >= s.channels {
		for c, v := range acc[:s.channels] {
			n := int(s.below[c*s.buckets+int(uint64(v-s.min[c])>>(s.shift&63))])
			row := s.values[c*s.levels : (c+1)*s.levels]
			for n < len(row) && v > row[n] {
				n++
			}
			out[c] = s.first[c] + int32(n)*s.step[c]
		}
		acc, out = acc[s.channels:], out[s.channels:]
	}
}
