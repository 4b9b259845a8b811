package data

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seq returns a set of two samples of a shape, with elements 0, 1, 2, ...
func seq(l Layout, shape ...int) *Set {
	s := &Set{Name: "seq", Shape: shape, Layout: l, Scale: 1, Labels: []uint8{0, 1}, Classes: 2}
	for i := range 2 * product(shape) {
		s.Floats = append(s.Floats, float32(i))
	}
	return s
}

// TestFit: which samples a network takes, and in which order. want is the second
// element of the first sample after the fit, which tells the order: 1 as it was.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		name string
		set  *Set
		net  []int
		at   Layout // where the network has its channels
		want float32
		err  string
	}{
		{"the same shape", seq("", 3, 2, 4), []int{3, 2, 4}, NCHW, 1, ""},
		{"the same shape, channels last", seq("", 2, 4, 3), []int{2, 4, 3}, NHWC, 1, ""},
		{"grey without its axis", seq("", 4, 6), []int{1, 4, 6}, NCHW, 1, ""},
		{"grey, axis last", seq("", 4, 6, 1), []int{1, 4, 6}, NCHW, 1, ""},
		{"grey for a network without the axis", seq("", 1, 4, 6), []int{4, 6}, Unknown, 1, ""},
		{"an axis for samples of one", seq("", 1, 3, 2, 4), []int{3, 2, 4}, NCHW, 1, ""},
		{"rows", seq("", 24), []int{3, 2, 4}, NCHW, 1, ""},
		{"a row by another name", seq("", 1, 1, 24), []int{24}, Unknown, 1, ""},
		{"images for a network of rows", seq("", 3, 2, 4), []int{24}, Unknown, 1, ""},
		{"a line", seq("", 3, 8), []int{3, 8}, Unknown, 1, ""},

		{"channels last for channels first", seq("", 2, 4, 3), []int{3, 2, 4}, NCHW, 0, "--layout nhwc"},
		{"channels first for channels last", seq("", 3, 2, 4), []int{2, 4, 3}, NHWC, 0, "--layout nchw"},
		{"rows and columns exchanged", seq("", 4, 6), []int{1, 6, 4}, NCHW, 0, "another order"},
		{"a line transposed", seq("", 8, 3), []int{3, 8}, Unknown, 0, "another order"},
		{"another image of that size", seq("", 6, 4), []int{3, 2, 4}, NCHW, 0, "another order"},
		{"another size", seq("", 6, 5), []int{3, 2, 4}, NCHW, 0, "have 30 elements, the network wants 24"},

		// Of images channels last, pixel 0's second channel is element 1; channels first it
		// is pixel 1 of channel 0, element 3 of the file.
		{"told channels last", seq(NHWC, 2, 4, 3), []int{3, 2, 4}, NCHW, 3, ""},
		{"told so, a cube", seq(NHWC, 3, 3, 3), []int{3, 3, 3}, NCHW, 3, ""},
		{"told so, as it is read", seq(NHWC, 2, 4, 3), []int{2, 4, 3}, NHWC, 1, ""},
		{"told so, rows", seq(NHWC, 24), []int{3, 2, 4}, NCHW, 3, ""},
		{"told so, grey", seq(NHWC, 4, 6, 1), []int{1, 4, 6}, NCHW, 1, ""},
		{"told channels first, of channels last", seq(NCHW, 2, 4, 3), []int{3, 2, 4}, NCHW, 0, "--layout nhwc"},
		{"a folder of images for channels last", seq(NCHW, 3, 2, 4), []int{2, 4, 3}, NHWC, 8, ""},
		{"a folder of cubes for channels last", seq(NCHW, 3, 3, 3), []int{3, 3, 3}, NHWC, 9, ""},
		{"a folder of images for rows", seq(NCHW, 3, 2, 4), []int{24}, Unknown, 1, ""},
		{"no layout of the network's is channels first", seq(NHWC, 2, 4, 3), []int{3, 2, 4}, Unknown, 3, ""},
	} {
		got, err := c.set.Fit(c.net, c.at)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		x := make([]float32, got.Size())
		got.Sample(0, x)
		if d := cmp.Diff(c.net, got.Shape); d != "" || x[1] != c.want || x[0] != 0 {
			t.Errorf("%s: shape %v, sample starts with %v, want %v second", c.name, got.Shape, x[:2], c.want)
		}
		got.Sample(1, x)
		if x[0] != float32(product(c.net)) {
			t.Errorf("%s: the second sample starts with %v", c.name, x[0])
		}
	}
}

// TestTransposeBack: there and back is the same, for bytes and floats.
func TestTransposeBack(t *testing.T) {
	for _, s := range []*Set{seq(NHWC, 4, 5, 3), {Shape: []int{1, 2, 3}, Layout: NHWC, Scale: 1, Bytes: []uint8{0, 1, 2,
		3, 4, 5}}} {
		first := s.ChannelsFirst()
		back, err := first.Fit(s.Shape, NHWC)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s.Floats, back.Floats) + cmp.Diff(s.Bytes, back.Bytes); d != "" {
			t.Errorf("%v: %s", s.Shape, d)
		}
		if first.ChannelsFirst() != first {
			t.Errorf("%v: channels moved again", first.Shape)
		}
	}
	if s := seq("", 4, 5, 3); s.ChannelsFirst() != s {
		t.Error("channels of unknown layout moved")
	}
}

// Formats that say how images lie.
func TestKnownLayouts(t *testing.T) {
	cifar := writeFiles(t, map[string][]byte{"test_batch.bin": cifarFile([]byte{7})})
	if s, err := Open(cifar, false); err != nil || s.Layout != NCHW {
		t.Errorf("CIFAR-10: %v, %v", s, err)
	}
	images := DrawnImages(1)
	images.List = images.List[:2]
	train, _, err := SuperResolution(images, nil, Super{Factor: 2, Patch: 8})
	if err != nil || train.Layout != NCHW || train.Targets.Layout != NCHW {
		t.Errorf("super-resolution: %v", err)
	}
}
