// Package data reads data sets for training and evaluation. Labelled: IDX, NPY,
// NPZ, CSV and CIFAR files, folders of images with a subfolder per class, the
// Fashion-MNIST folder of Debian's package, and digits that the package draws
// itself where no data set is installed. Unlabelled: images for
// super-resolution, from a folder or drawn. docs/data.md describes the formats.
//
// Images of several channels are channels-first, [C H W]; grey ones are [H W].
// Arrays have the shape of their file: see Layout.
//
// Files are not trusted: a header never sizes an allocation before the bytes
// that it promises have been read, and what is wrong is said with the file's
// name, the number wanted and the number had.
package data

import (
	"fmt"
	"math"
	"slices"
)

// ByteScale is the default scale of unsigned-byte samples: 0..255 to 0..1.
const ByteScale = 1.0 / 255

// Set is a data set in memory, with a label per sample (classification) or a
// target per sample (image to image). Exactly one of Bytes and Floats is set;
// samples lie one after the other in it. A Set is read-only once built, so
// goroutines may share it.
type Set struct {
	// Name says where the samples come from, for the user.
	Name string
	// Shape is the shape of one sample without the sample axis, e.g. [28 28], or
	// [3 32 32] for images of three channels.
	Shape []int
	// Layout says where the channels of images lie; Unknown where neither the
	// format nor the user says so.
	Layout Layout
	// Bytes holds unsigned-byte samples as read, Len() x Size().
	Bytes []uint8
	// Floats holds samples of every other element type, Len() x Size().
	Floats []float32
	// Scale multiplies every value that is read: see Sample.
	Scale float64
	// Labels holds one class per sample, each below Classes; nil where the task
	// is not classification.
	Labels []uint8
	// Classes is the number of classes, 0 without labels.
	Classes int
	// Targets holds what a network should return for each sample, in the order
	// of the samples; nil for classification. It has no labels and no targets.
	Targets *Set
}

// Len returns the number of samples.
func (s *Set) Len() int {
	if n := s.Size(); n > 0 {
		return (len(s.Bytes) + len(s.Floats)) / n
	}
	return 0
}

// Size returns the number of elements of one sample.
func (s *Set) Size() int { return product(s.Shape) }

// Sample writes the Size() values of sample i, each multiplied by Scale in
// double precision and rounded once to float32, to dst. For byte samples at the
// default scale that is the float32 nearest to v/255. It panics unless dst has
// exactly Size() elements.
func (s *Set) Sample(i int, dst []float32) {
	n := s.Size()
	if len(dst) != n {
		panic(fmt.Sprintf("data: Sample wants a slice of %d, has %d", n, len(dst)))
	}
	if s.Bytes != nil {
		for k, v := range s.Bytes[i*n : (i+1)*n] {
			dst[k] = float32(float64(v) * s.Scale)
		}
		return
	}
	row := s.Floats[i*n : (i+1)*n]
	if s.Scale == 1 {
		copy(dst, row)
		return
	}
	for k, v := range row {
		dst[k] = float32(float64(v) * s.Scale)
	}
}

// WithScale returns a Set that shares s's samples and multiplies them by f. It
// returns an error when f is zero, not a number or infinite. 0 would make all
// samples alike; a negative scale is legal.
func (s *Set) WithScale(f float64) (*Set, error) {
	if f == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("data: scale %v, want a finite number other than 0", f)
	}
	t := *s
	t.Scale = f
	return &t, nil
}

// Slice returns the samples lo..hi-1, which share memory with s. It panics
// unless 0 <= lo <= hi <= Len(). Labels and targets are sliced alike.
func (s *Set) Slice(lo, hi int) *Set {
	if lo < 0 || hi < lo || hi > s.Len() {
		panic(fmt.Sprintf("data: Slice(%d, %d) of %d samples", lo, hi, s.Len()))
	}
	// Capacities end at hi as well (lo:hi:hi), so that an append to the slice does
	// not write over the samples behind it.
	t, n := *s, s.Size()
	if s.Labels != nil {
		t.Labels = s.Labels[lo:hi:hi]
	}
	if s.Targets != nil {
		t.Targets = s.Targets.Slice(lo, hi)
	}
	if s.Bytes != nil {
		t.Bytes = s.Bytes[lo*n : hi*n : hi*n]
	} else {
		t.Floats = s.Floats[lo*n : hi*n : hi*n]
	}
	return &t
}

// CheckOutputs returns an error unless a network of so many outputs can be
// evaluated on s: every label is an output, or 0 or 1 where there is a single
// one, whose sign tells two classes apart; or the outputs are as many as a
// target has elements.
func (s *Set) CheckOutputs(outputs int) error {
	if s.Targets != nil && s.Targets.Size() != outputs {
		return fmt.Errorf("data: %s: targets have %d elements, the network gives %d", s.Name, s.Targets.Size(), outputs)
	}
	return s.checkLabels(max(outputs, 2))
}

// Reshape returns a Set that shares s's samples and gives them another shape of
// as many elements: rows of a CSV file become images. It returns an error when
// the number of elements differs or a length is below 1.
func (s *Set) Reshape(shape ...int) (*Set, error) {
	n := 1
	for _, d := range shape {
		// n*d <= Size, without a product that could overflow; n = 0 stands for a
		// shape that does not fit.
		if d < 1 || n > s.Size()/d {
			n = 0
			break
		}
		n *= d
	}
	if n != s.Size() {
		return nil, fmt.Errorf("data: %s: shape %v, want one of %d elements", s.Name, shape, s.Size())
	}
	t := *s
	t.Shape = slices.Clone(shape)
	return &t, nil
}

// checkLabels returns an error for the first label that is not below classes.
func (s *Set) checkLabels(classes int) error {
	for i, l := range s.Labels {
		if int(l) >= classes {
			return fmt.Errorf("data: %s: label %d of sample %d, want labels below %d", s.Name, l, i, classes)
		}
	}
	return nil
}

// newSet joins images (samples along axis 0) and labels (one per sample). With
// classes 0 the number of classes is the largest label plus one.
func newSet(name string, images, labels *array, classes int) (*Set, error) {
	l, err := labels.labels()
	if err != nil {
		return nil, err
	}
	if len(images.shape) == 0 {
		return nil, fmt.Errorf("data: %s: a single number, want samples along the first axis", images.name)
	}
	if images.shape[0] != len(l) {
		return nil, fmt.Errorf("data: %s has %d samples, %s has %d labels",
			images.name, images.shape[0], labels.name, len(l))
	}
	if images.count() == 0 {
		return nil, fmt.Errorf("data: %s: empty data set, shape %v", images.name, images.shape)
	}
	s := &Set{
		Name: name, Shape: images.shape[1:], Bytes: images.bytes, Floats: images.floats,
		Labels: l, Scale: 1, Classes: classes,
	}
	if s.Bytes != nil {
		s.Scale = ByteScale
	}
	// One number per sample: a row of one element, as networks have it.
	if len(s.Shape) == 0 {
		s.Shape = []int{1}
	}
	// The largest label plus one is a lower bound: a small part of a data set may
	// lack its last class. Formats that know the number pass it.
	if classes == 0 {
		for _, v := range l {
			s.Classes = max(s.Classes, int(v)+1)
		}
		return s, nil
	}
	if err := s.checkLabels(classes); err != nil {
		return nil, err
	}
	return s, nil
}

// product returns the number of elements of shape; the empty product is 1.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
