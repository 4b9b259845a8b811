package data

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ramp builds images of w x h pixels; each pixel tells where it is, as far as a
// byte can.
func ramp(n, channels, h, w int) *Images {
	s := &Images{Name: "ramps"}
	for i := range n {
		m := &Image{Channels: channels, Height: h, Width: w, Pixels: make([]uint8, channels*h*w)}
		for k := range m.Pixels {
			m.Pixels[k] = uint8(37*i + k)
		}
		s.List = append(s.List, m)
	}
	return s
}

// TestSuperResolutionPatches: targets are the large image's patches where the
// samples are, counted along each axis, and parts share no image.
func TestSuperResolutionPatches(t *testing.T) {
	for _, channels := range []int{1, 3} {
		images := ramp(7, channels, 13, 18) // reduced by 3: 4 x 6
		train, test, err := SuperResolution(images, nil, Super{Factor: 3, Patch: 2, Stride: 1})
		if err != nil {
			t.Fatal(err)
		}
		// 3 x 5 places per training image, 2 x 3 without overlap in the test part.
		if train.Len() != 6*3*5 || train.Targets.Len() != train.Len() || test.Len() != 2*3 ||
			test.Targets.Len() != test.Len() {
			t.Fatalf("%d and %d samples, %d and %d targets",
				train.Len(), test.Len(), train.Targets.Len(), test.Targets.Len())
		}
		if d := cmp.Diff(imageShape(channels, 2, 2), train.Shape) +
			cmp.Diff(imageShape(channels, 6, 6), train.Targets.Shape); d != "" {
			t.Error(d)
		}
		at, m := 2*5+4, images.List[0] // the last row and column of the first image's places
		target := imageOf(train.Targets, at)
		for c := range channels {
			for y := range 6 {
				got := target.Pixels[(c*6+y)*6:][:6]
				want := m.Pixels[(c*13+6+y)*18+12:][:6]
				if !bytes.Equal(got, want) {
					t.Errorf("channel %d, row %d: %v, want %v", c, y, got, want)
				}
			}
		}
		if got, want := test.Targets.Bytes[0], images.List[5].Pixels[0]; got != want {
			t.Errorf("the test part starts with %d, want image 5's %d", got, want)
		}
	}
}

// TestReduceSmooth: what is linear stays linear, away from the border, since the
// kernel reproduces straight lines (Keys 1981); so samples lie where targets do.
func TestReduceSmooth(t *testing.T) {
	const side, factor = 48, 4
	m := &Image{Channels: 1, Height: side, Width: side, Pixels: make([]uint8, side*side)}
	for k := range m.Pixels {
		m.Pixels[k] = uint8(2*(k%side) + 3*(k/side))
	}
	small := m.Reduce(factor)
	for y := 3; y < 9; y++ {
		for x := 3; x < 9; x++ {
			// The centre of a small pixel lies between large ones.
			want := (2*(float64(x)+0.5) + 3*(float64(y)+0.5)) * factor
			want -= 2.5
			if got := small.Pixels[y*small.Width+x]; math.Abs(float64(got)-want) > 0.5 {
				t.Errorf("(%d, %d): %d, want %v", x, y, got, want)
			}
		}
	}
}

func TestSuperResolutionErrors(t *testing.T) {
	ok := Super{Factor: 2, Patch: 4}
	for _, tc := range []struct {
		images *Images
		o      Super
		want   string
	}{
		{ramp(2, 1, 8, 8), Super{Factor: 1, Patch: 4}, "factor is 1, want 2..8"},
		{ramp(2, 1, 8, 8), Super{Factor: 2}, "patch is 0, want 1..1024"},
		{ramp(2, 1, 8, 8), Super{Factor: 2, Patch: 4, Stride: -1}, "stride is -1, want 1..1024"},
		{ramp(5, 1, 8, 7), ok, "ramps: 0 images of at least 8 x 8 pixels, want 2"},
		{ramp(1, 1, 8, 8), ok, "ramps: 1 images of at least"},
	} {
		if _, _, err := SuperResolution(tc.images, nil, tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: error %v, want %q", tc.o, err, tc.want)
		}
	}
	if train, test, err := SuperResolution(ramp(2, 1, 8, 8), nil, ok); err != nil || train.Len() != 1 || test.Len() != 1 {
		t.Errorf("two images: %v, error %v", train, err)
	}
}

// TestBicubic: a flat image is enlarged without error, and the value of PSNR is
// that of a known error.
func TestBicubic(t *testing.T) {
	flat := ramp(2, 1, 8, 8)
	for _, m := range flat.List {
		clear(m.Pixels)
	}
	_, test, err := SuperResolution(flat, nil, Super{Factor: 2, Patch: 4})
	if err != nil {
		t.Fatal(err)
	}
	if got := Bicubic(test); got != 100 {
		t.Errorf("PSNR of a flat image %v, want 100", got)
	}
	// All values wrong by 51 = 255/5: MSE 1/25, 10 log10(25) = 13.979.
	if got := psnr([]uint8{51, 51}, []uint8{0, 102}); math.Abs(got-13.9794) > 1e-4 {
		t.Errorf("PSNR %v, want 13.9794", got)
	}
}

func TestTargets(t *testing.T) {
	a := Autoencoder(Draw(5, 1))
	if a.Labels != nil || a.Classes != 0 || a.Len() != 5 || a.Targets.Targets != nil ||
		&a.Bytes[0] != &a.Targets.Bytes[0] {
		t.Errorf("%+v", a)
	}
	if p := a.Slice(2, 4); p.Len() != 2 || p.Targets.Len() != 2 || p.Targets.Bytes[9] != a.Bytes[2*784+9] {
		t.Errorf("slice of %d samples, %d targets", p.Len(), p.Targets.Len())
	}
	if err := a.CheckOutputs(784); err != nil {
		t.Error(err)
	}
	if err := a.CheckOutputs(10); err == nil || !strings.Contains(err.Error(),
		"targets have 784 elements, the network gives 10") {
		t.Errorf("CheckOutputs: %v", err)
	}
}

func TestReshape(t *testing.T) {
	s, err := readCSV(strings.NewReader("0,1,2,3,4\n"), "f.csv")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Reshape(2, 2); err != nil || len(r.Shape) != 2 || len(s.Shape) != 1 {
		t.Errorf("%v, error %v", r, err)
	}
	for _, shape := range [][]int{{3}, {2, 0}, {-2, -2}, {1 << 62, 4}, {}} {
		if _, err := s.Reshape(shape...); err == nil || !strings.Contains(err.Error(), "want one of 4 elements") {
			t.Errorf("Reshape(%v): %v", shape, err)
		}
	}
}

func TestOpenImages(t *testing.T) {
	dir := writeFiles(t, map[string][]byte{
		"b.png": greyPNG(3, 2, 5), "a.png": encodePNG(colours()), "notes.txt": nil, "c.jpg": []byte("broken"),
	})
	if _, err := OpenImages(dir, 1); err == nil || !strings.Contains(err.Error(), "c.jpg: not a PNG or JPEG image") {
		t.Errorf("broken image: %v", err)
	}
	s, err := openDefaultImages(dir, 1)
	if err != nil || !strings.Contains(s.Name, "2 images, 1 damaged") {
		t.Errorf("%+v, error %v", s, err)
	}
	if err := os.Remove(filepath.Join(dir, "c.jpg")); err != nil {
		t.Fatal(err)
	}
	if s, err = OpenImages(dir, 3); err != nil {
		t.Fatal(err)
	}
	m := s.List[1]
	if m.Height != 2 || m.Width != 3 || m.Channels != 3 || len(m.Pixels) != 18 ||
		!strings.HasSuffix(m.Name, "b.png") || len(s.List) != 2 {
		t.Errorf("%s: %+v", s.Name, m)
	}
	if _, err := OpenImages(t.TempDir(), 1); err == nil || !strings.Contains(err.Error(), "no PNG or JPEG image") {
		t.Errorf("empty folder: %v", err)
	}
	missing := filepath.Join(t.TempDir(), "none")
	if s, err := openDefaultImages(missing, 1); err != nil || !strings.Contains(s.Name, "drawn images") ||
		!strings.Contains(s.Name, missing) {
		t.Errorf("%v, error %v", s, err)
	}
}

// TestDrawnImages: the same images each time, each unlike the next, grey ones
// the luminance of coloured ones, and neither flat nor noise: reducing and
// enlarging loses something, but less than half of the amplitude.
func TestDrawnImages(t *testing.T) {
	a, b, c := DrawImages(3, 7, 1), DrawImages(3, 7, 1), DrawImages(3, 7, 3)
	for i, m := range a.List {
		if !bytes.Equal(m.Pixels, b.List[i].Pixels) {
			t.Errorf("image %d differs from itself", i)
		}
		if bytes.Equal(m.Pixels, a.List[(i+1)%3].Pixels) {
			t.Errorf("image %d is the next one", i)
		}
		if !bytes.Equal(c.List[i].Luma().Pixels, m.Pixels) {
			t.Errorf("image %d: grey is not the luma", i)
		}
	}
	_, test, err := SuperResolution(DrawImages(12, 7, 1), nil, Super{Factor: 2, Patch: 16})
	if err != nil {
		t.Fatal(err)
	}
	if p := Bicubic(test); p < 20 || p > 50 {
		t.Errorf("bicubic PSNR %v dB, want 20..50", p)
	}
}
