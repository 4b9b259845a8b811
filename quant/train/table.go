package train

import (
	"fmt"
	"hash/crc64"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// table is a data set as the input quantiser sees it: a code per value, and the
// real number that each code stands for (see coding). Samples have their channels
// last. A byte per value keeps Fashion-MNIST in 47 MB, and training reads the very
// values that hardware will.
type table struct {
	n, size int
	shape   quant.Shape
	codes   []uint8 // n x size
	labels  []uint8 // nil without
	targets *table  // what the network should return for each sample, or nil
	values  [256]float32
}

// inputScale returns the fixed scale of the network's input: [0, 1] on the
// codes 0..2^bits-1, so 1/255 for 8 bits.
func inputScale(bits int) float32 { return 1 / float32(int(1)<<bits-1) }

// newTable codes the samples of set; name says which set in errors. Bytes at the
// default scale are the codes of [0, 1] in 8 bits already and are shared with set.
func newTable(name string, set *data.Set, c coding) (*table, error) {
	if set.Len() == 0 || set.Size() == 0 {
		return nil, fmt.Errorf("train: %s set is empty", name)
	}
	t := &table{n: set.Len(), size: set.Size(), shape: nn.SampleShape(inputShape(set.Shape)), labels: set.Labels}
	for i := range t.values {
		t.values[i] = c.value(uint8(i))
	}
	if set.Bytes != nil && set.Scale == data.ByteScale && c == unitCoding(8) {
		t.codes = set.Bytes
	} else if err := t.quantise(name, set, c); err != nil {
		return nil, err
	}
	t.codes = nn.Transposed(t.codes, t.shape.C, t.shape.Positions())
	if set.Targets == nil {
		return t, nil
	}
	var err error
	t.targets, err = newTable(name+" targets of the", set.Targets, unitCoding(outputBits))
	if err == nil && t.targets.n != t.n {
		err = fmt.Errorf("train: %s set: %d targets for %d samples", name, t.targets.n, t.n)
	}
	return t, err
}

// gather writes the samples of index to the rows of x.
func (t *table) gather(index []int32, x []float32) {
	for r, i := range index {
		t.row(int(i), x[r*t.size:(r+1)*t.size])
	}
}

// gatherRange writes samples from..to to the rows of x and returns how many.
// Evaluation takes samples in order: its result does not depend on the batch.
func (t *table) gatherRange(from, to int, x []float32) int {
	for i := from; i < to; i++ {
		t.row(i, x[(i-from)*t.size:(i-from+1)*t.size])
	}
	return to - from
}

// row writes the real values of sample i to dst.
func (t *table) row(i int, dst []float32) {
	for j, c := range t.codes[i*t.size : (i+1)*t.size] {
		dst[j] = t.values[c]
	}
}

// split returns the table of the samples at index; it shares nothing with t.
// Samples are in the order of index.
func (t *table) split(index []int) *table {
	s := &table{n: len(index), size: t.size, shape: t.shape, values: t.values}
	s.codes = make([]uint8, 0, s.n*s.size)
	for _, i := range index {
		s.codes = append(s.codes, t.codes[i*t.size:(i+1)*t.size]...)
		if t.labels != nil {
			s.labels = append(s.labels, t.labels[i])
		}
	}
	if t.targets != nil {
		s.targets = t.targets.split(index)
	}
	return s
}

// sum is a checksum of samples, labels and targets. CRC-64 finds accidents, such as
// another file under the same name, not forgeries. The shape is not in it.
func (t *table) sum() uint64 {
	ecma := crc64.MakeTable(crc64.ECMA)
	sum := crc64.Update(crc64.Checksum(t.codes, ecma), ecma, t.labels)
	if t.targets != nil {
		sum = crc64.Update(sum, ecma, t.targets.codes)
	}
	return sum
}

// aims returns the table of what a regression on t should give: its targets or,
// where it has none, its samples.
func (t *table) aims() *table {
	if t.targets != nil {
		return t.targets
	}
	return t
}
