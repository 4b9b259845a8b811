package train

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

// TestMotion: a 3 x 3 image of two channels, moved by hand.
func TestMotion(t *testing.T) {
	shape := quant.Shape{H: 3, W: 3, C: 2}
	var values [256]float32
	for i := range values {
		values[i] = float32(i)
	}
	codes := make([]uint8, 18) // channel 0 is 1..9, channel 1 ten times that
	for i := range 9 {
		codes[2*i], codes[2*i+1] = uint8(i+1), uint8(10*(i+1))
	}
	for _, c := range []struct {
		m    motion
		want []float32
	}{
		{motion{}, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{motion{flip: true}, []float32{3, 2, 1, 6, 5, 4, 9, 8, 7}},
		{motion{cropY: 1, cropX: -1}, []float32{0, 4, 5, 0, 7, 8, 0, 0, 0}},
		{motion{shiftY: 1, shiftX: -1}, []float32{4, 4, 5, 7, 7, 8, 7, 7, 8}},
		{motion{cropX: 1, shiftX: 1}, []float32{3, 3, 0, 6, 6, 0, 9, 9, 0}},
		{motion{shiftX: 1, flip: true}, []float32{2, 1, 1, 5, 4, 4, 8, 7, 7}},
	} {
		dst := make([]float32, 18)
		c.m.apply(codes, shape, &values, dst)
		for i, want := range c.want {
			if dst[2*i] != want || dst[2*i+1] != 10*want {
				t.Errorf("%+v: %v, want %v in channel 0", c.m, dst, c.want)
				break
			}
		}
	}
}

// TestDraw: every motion that the settings allow comes up about as often as
// any other, and another argument draws anew.
func TestDraw(t *testing.T) {
	a := Augment{Crop: 1, Flip: true, Shift: 1}
	count := map[motion]int{}
	const n = 162 * 400
	for i := range int32(n) {
		count[a.draw(3, QATPhase, 2, i)]++
	}
	chi := 0.0
	for _, c := range count {
		chi += float64((c-400)*(c-400)) / 400
	}
	// 161 degrees of freedom: mean 161, standard deviation 18.
	if len(count) != 162 || chi > 161+5*18 {
		t.Errorf("%d motions, chi squared %.0f, want 162 and about 161", len(count), chi)
	}
	same := 0
	for i := range int32(1000) {
		m := a.draw(3, QATPhase, 2, i)
		for _, other := range []motion{a.draw(4, QATPhase, 2, i), a.draw(3, FloatPhase, 2, i),
			a.draw(3, QATPhase, 1, i), a.draw(3, QATPhase, 2, i+1)} {
			if m == other {
				same++
			}
		}
	}
	if same > 60 { // 4000 / 162 = 25
		t.Errorf("%d of 4000 motions agree with those of other seeds, phases, epochs or samples", same)
	}
	if m := (Augment{}).draw(1, QATPhase, 1, 1); m != (motion{}) {
		t.Errorf("without augmentation: %+v", m)
	}
}

// images returns smallSet as images of h x w and c channels.
func images(n, h, w, c int) *data.Set {
	s := blobs(n, h*w*c, 4, 1)
	s.Shape = []int{c, h, w}
	return s
}

func augmented() *Spec {
	s := rich()
	s.Float.Augment = Augment{Crop: 1, Flip: true}
	s.QAT.Augment = Augment{Flip: true, Shift: 2}
	return s
}

// TestAugmentResume: a resumed run sees the same changed samples, with a
// teacher that sees them too, and augmentation changes the result.
func TestAugmentResume(t *testing.T) {
	train := func(s *Spec, o Options) []byte {
		var file bytes.Buffer
		r, err := Run(t.Context(), s, images(321, 5, 4, 1), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range r.Model().Layers {
			for _, w := range l.Weights {
				binary.Write(&file, binary.LittleEndian, w)
			}
		}
		return file.Bytes()
	}
	want := train(augmented(), Options{})
	if bytes.Equal(train(rich(), Options{}), want) {
		t.Error("augmentation changed nothing")
	}
	for _, stop := range []int{1, 2, 3} {
		path := t.TempDir() + "/c"
		r, err := newRun(augmented(), images(321, 5, 4, 1), nil, Options{Checkpoint: path})
		if err != nil {
			t.Fatal(err)
		}
		for range stop {
			if err := r.trainEpoch(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.endEpoch(); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(train(augmented(), Options{Checkpoint: path, Resume: true}), want) {
			t.Errorf("resumed after epoch %d: another network", stop)
		}
	}
}

// TestAugmentEpochs: a sample changes from epoch to epoch.
func TestAugmentEpochs(t *testing.T) {
	r, err := newRun(augmented(), images(321, 5, 4, 1), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	index := []int32{0, 1, 2, 3, 4, 5, 6, 7}
	n := len(index) * r.train.size
	seen := map[string]bool{}
	for r.epoch = range 3 {
		r.input(index)
		seen[fmt.Sprint(r.net.x[:n])] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d kinds of samples in 3 epochs", len(seen))
	}
}

// TestAugmentStatistics: the statistics that a phase ends with are those of samples as they are
// trained on, since the weights are made for these.
func TestAugmentStatistics(t *testing.T) {
	var runs [2]*run // alike
	for i := range runs {
		var err error
		if runs[i], err = newRun(augmented(), images(321, 5, 4, 1), nil, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := runs[0].settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := runs[1]
	r.shuffle()
	r.net.prepare()
	for k := range r.steps() {
		r.input(r.batch(k)) // what a step trains on
		r.net.forward(len(r.batch(k)), 1/float32(k+1))
	}
	got, want := runs[0].net.nodes[0].norm, r.net.nodes[0].norm
	if !slices.Equal(got.mean, want.mean) || !slices.Equal(got.variance, want.variance) {
		t.Errorf("means %v and variances %v, those of training %v and %v",
			got.mean, got.variance, want.mean, want.variance)
	}
}

func TestAugmentRefuses(t *testing.T) {
	for _, c := range []struct {
		a    Augment
		set  *data.Set
		want string
	}{
		{Augment{Flip: true}, smallSet(), "qat.augment: samples have shape 20, want images"},
		{Augment{Crop: 4}, images(40, 5, 4, 1), "qat.augment.crop is 4, want 0..3 for images of 5 x 4"},
		{Augment{Shift: 9}, images(40, 5, 4, 1), "qat.augment.shift is 9, want 0..3 for images of 5 x 4"},
		{Augment{Shift: -1}, images(40, 5, 4, 1), "qat.augment.shift is -1, want 0..1024"},
	} {
		s := small()
		s.QAT.Augment = c.a
		_, err := Run(t.Context(), s, c.set, nil, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

// TestChannelsLast: samples come channels first and are kept channels last.
func TestChannelsLast(t *testing.T) {
	set := &data.Set{Shape: []int{3, 1, 2}, Bytes: []uint8{1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16},
		Labels: []uint8{0, 1}, Scale: data.ByteScale}
	tab, err := newTable("a", set, unitCoding(8))
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{1, 3, 5, 2, 4, 6, 11, 13, 15, 12, 14, 16}; !slices.Equal(tab.codes, want) {
		t.Errorf("codes %v, want %v", tab.codes, want)
	}
}
