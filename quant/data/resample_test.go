package data

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestResampling against weights that are known: those of the stretched kernel at half the
// size, 256ths (MATLAB's imresize(x, 0.5)), and of the kernel at twice the size, 128ths; and at
// a border, where the line is mirrored.
func TestResampling(t *testing.T) {
	for _, c := range []struct {
		from, to, pixel int
		at              []int
		weight          []float64 // of so many ths
		ths             float64
	}{
		{16, 8, 4, []int{5, 6, 7, 8, 9, 10, 11, 12}, []float64{-3, -9, 29, 111, 111, 29, -9, -3}, 256},
		{16, 8, 0, []int{2, 1, 0, 0, 1, 2, 3, 4}, []float64{-3, -9, 29, 111, 111, 29, -9, -3}, 256},
		{8, 16, 8, []int{2, 3, 4, 5}, []float64{-3, 29, 111, -9}, 128},
		{8, 16, 0, []int{1, 0, 0, 1}, []float64{-3, 29, 111, -9}, 128},
	} {
		l := resampling(c.from, c.to)[c.pixel]
		if d := cmp.Diff(c.at, l.at); d != "" {
			t.Errorf("%d to %d, pixel %d: %s", c.from, c.to, c.pixel, d)
			continue
		}
		for k, w := range c.weight {
			if math.Abs(l.weight[k]-w/c.ths) > 1e-12 {
				t.Errorf("%d to %d, pixel %d, weight %d: %v, want %v", c.from, c.to, c.pixel, k, l.weight[k]*c.ths, w)
			}
		}
	}
	// What is flat stays as it is, to the last level, at every size.
	flat := &Image{Channels: 1, Height: 9, Width: 12, Pixels: make([]uint8, 9*12)}
	for k := range flat.Pixels {
		flat.Pixels[k] = 77
	}
	for k, v := range flat.resample(17, 5, 9, 12).Pixels {
		if v != 77 {
			t.Fatalf("pixel %d of a flat image is %d, want 77", k, v)
		}
	}
}

// TestLuma: the levels of BT.601 for black, white, red, green and blue.
func TestLuma(t *testing.T) {
	for _, c := range []struct{ r, g, b, want uint8 }{
		{0, 0, 0, 16}, {255, 255, 255, 235}, {255, 0, 0, 81}, {0, 255, 0, 145}, {0, 0, 255, 41}, {128, 128, 128, 126},
	} {
		m := &Image{Channels: 3, Height: 1, Width: 1, Pixels: []uint8{c.r, c.g, c.b}}
		if got := m.Luma().Pixels[0]; got != c.want {
			t.Errorf("luma of %d %d %d is %d, want %d", c.r, c.g, c.b, got, c.want)
		}
	}
	grey := &Image{Channels: 1, Height: 1, Width: 2, Pixels: []uint8{0, 255}}
	if d := cmp.Diff(grey, grey.Luma()); d != "" { // as they are, which MATLAB's scripts do too
		t.Error(d)
	}
	if d := cmp.Diff([]uint8{0, 255, 0, 255, 0, 255}, grey.as(3).Pixels); d != "" {
		t.Error(d)
	}
}

// TestPNG: what is written is what is read, grey and coloured.
func TestPNG(t *testing.T) {
	for _, channels := range []int{1, 3} {
		m := ramp(1, channels, 5, 7).List[0]
		file, err := m.PNG()
		if err != nil {
			t.Fatal(err)
		}
		dir := writeFiles(t, map[string][]byte{"a.png": file})
		read, err := OpenImages(dir+"/a.png", channels)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m.Pixels, read.List[0].Pixels); d != "" {
			t.Errorf("%d channels: %s", channels, d)
		}
	}
	// Channels last, as networks have them.
	m := Image{Channels: 3, Height: 1, Width: 2}.WithPixels([]int32{1, 2, 3, 4, 5, 6})
	if d := cmp.Diff([]uint8{1, 4, 2, 5, 3, 6}, m.Pixels); d != "" {
		t.Error(d)
	}
}

// TestSuperResolutionTests: with a folder of test images all others are trained on.
func TestSuperResolutionTests(t *testing.T) {
	train, test, err := SuperResolution(ramp(7, 1, 8, 8), ramp(2, 1, 8, 16), Super{Factor: 2, Patch: 4})
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 7 || test.Len() != 2*2 {
		t.Errorf("%d training and %d test patches, want 7 and 4", train.Len(), test.Len())
	}
	if _, _, err := SuperResolution(ramp(7, 1, 8, 8), ramp(2, 1, 7, 16), Super{Factor: 2, Patch: 4}); err == nil {
		t.Error("test images that are too small are taken")
	}
}
