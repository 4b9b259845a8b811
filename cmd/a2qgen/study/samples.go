package study

import (
	"fmt"
	"strings"

	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/train"
)

// Source is where samples come from, and how they are read. Scale and layout are the file's,
// not the network's: what they give is what the network's own input then quantises.
type Source struct {
	// Data is what data.Open takes; empty leaves the choice to it.
	Data string
	// Scale multiplies what is read; 0 stands for the data's own factor.
	Scale float64
	// Layout says how images lie where the files do not.
	Layout data.Layout
}

// Open reads the training or the test part. A pair of files gives the same for both.
func (s Source) Open(train bool) (*data.Set, error) {
	set, err := data.Open(s.Data, train)
	if err != nil {
		return nil, err
	}
	return s.Read(set)
}

// OpenBoth reads both parts: once, where they are the same pair of files. A pair
// IMAGES,LABELS has one part only: scoring on it shows how well the network fits its
// training data, which the reports say.
func (s Source) OpenBoth() (Sets, error) {
	var sets Sets
	var err error
	if sets.Train, err = s.Open(true); err != nil {
		return sets, err
	}
	// Reading it twice would double the memory, and make two sets that look like two
	// parts.
	if _, _, pair := data.PairOf(s.Data); pair {
		sets.Test = sets.Train
		return sets, nil
	}
	sets.Test, err = s.Open(false)
	return sets, err
}

// Read returns set as s says that it is read. The samples are shared with set, not copied.
func (s Source) Read(set *data.Set) (*data.Set, error) {
	if s.Layout != data.Unknown {
		set = set.WithLayout(s.Layout)
	}
	if s.Scale == 0 {
		return set, nil
	}
	return set.WithScale(s.Scale)
}

// Sets are the two parts of a data set. They are one and the same Set where the source
// has no parts (see Source.OpenBoth).
type Sets struct{ Train, Test *data.Set }

// fewSamples returns as many training samples as show what they are like. Errors in others are the
// training's to find.
func (s Sets) fewSamples() *data.Set { return s.Train.Slice(0, min(256, s.Train.Len())) }

// OpenSpec opens what spec trains on: its data set, as the spec reads it, or, for
// super-resolution, what is cut out of its images. The parts of super-resolution are cut
// by whole images, so that no patch of a test image was trained on.
func OpenSpec(spec *train.Spec) (Sets, error) {
	if spec.Super.Factor == 0 {
		sets, err := Source{Data: spec.Data}.OpenBoth()
		if err != nil {
			return sets, err
		}
		return sets.each(spec.Samples)
	}
	return openSuper(spec)
}

// openSuper cuts the samples of super-resolution out of the images of spec, and of its folder
// of test images where it has one.
func openSuper(spec *train.Spec) (s Sets, err error) {
	o := &spec.Super
	images, err := data.OpenImages(spec.Data, o.Channels)
	if err != nil {
		return s, err
	}
	var tests *data.Images
	if o.Test != "" {
		if tests, err = data.OpenImages(o.Test, o.Channels); err != nil {
			return s, err
		}
	}
	s.Train, s.Test, err = data.SuperResolution(images, tests,
		data.Super{Factor: o.Factor, Patch: o.Patch, Stride: o.Stride})
	return s, err
}

// Fit returns both parts as a network reads them that declares this shape. Specs and float
// models declare channels first, as ONNX does.
func (s Sets) Fit(shape []int) (Sets, error) {
	return s.each(func(set *data.Set) (*data.Set, error) { return set.Fit(shape, data.NCHW) })
}

// each returns what f makes of both parts: once, where they are the same. That keeps the
// two parts the same Set, by which String knows them.
func (s Sets) each(f func(*data.Set) (*data.Set, error)) (Sets, error) {
	var out Sets
	var err error
	if out.Train, err = f(s.Train); err != nil {
		return out, err
	}
	if s.Test == s.Train {
		out.Test = out.Train
		return out, nil
	}
	out.Test, err = f(s.Test)
	return out, err
}

// String says in a line which samples are used. One part for both is said, as accuracy
// on training samples is no test.
func (s Sets) String() string {
	if s.Test == s.Train {
		return fmt.Sprintf("%s: %d samples, for training and test alike", s.Train.Name, s.Train.Len())
	}
	return fmt.Sprintf("%s: %d training, %d test samples", s.Train.Name, s.Train.Len(), s.Test.Len())
}

// Classes says, behind a description, how many classes the labels of the training part
// count, and which of them have no sample: labels from 1 on, say, leave out class 0. It is
// empty without labels. Labels that begin at 1 or skip numbers give a network outputs that
// never win; it trains well and is easily overlooked.
func (s Sets) Classes() string {
	if s.Train.Labels == nil {
		return ""
	}
	// Every label is below Classes (see data.Set), but not every class need have one.
	samples := make([]int, s.Train.Classes)
	for _, l := range s.Train.Labels {
		samples[l]++
	}
	var none []string
	for class, n := range samples {
		if n == 0 {
			none = append(none, fmt.Sprint(class))
		}
	}
	text := fmt.Sprintf(", %d classes", s.Train.Classes)
	const most = 8
	switch {
	case len(none) > most:
		text += fmt.Sprintf(", of which %d have no sample (%s, ...)", len(none), strings.Join(none[:most], ", "))
	case len(none) > 0:
		text += fmt.Sprintf(", no sample of %s", strings.Join(none, ", "))
	}
	return text
}

// oneLabel says that all labels of set are the same, for which any score is meaningless;
// "" where they are not. Folders that were read half, and label files of another set, look
// so.
func oneLabel(set *data.Set) string {
	// One sample has one label.
	if len(set.Labels) < 2 {
		return ""
	}
	for _, l := range set.Labels {
		if l != set.Labels[0] {
			return ""
		}
	}
	return fmt.Sprintf("all %d labels of %s are %d: the score says how often that class is chosen, and nothing else",
		len(set.Labels), set.Name, set.Labels[0])
}
