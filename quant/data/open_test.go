package data

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// writeFiles writes files, name to content, to a new folder.
func writeFiles(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var (
	images3 = idxFile(0x08, []int{3, 2, 2}, []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255})
	labels3 = idxFile(0x08, []int{3}, []uint8{9, 0, 4})
)

func TestOpenDirNames(t *testing.T) {
	for _, tc := range []struct{ images, labels string }{
		{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
		{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"},
		{"train-images.idx3-ubyte", "train-labels.idx1-ubyte"},
		{"train-images.idx3-ubyte.gz", "train-labels-idx1-ubyte"},
	} {
		pack := func(name string, b []byte) []byte {
			if strings.HasSuffix(name, ".gz") {
				return gz(b)
			}
			return b
		}
		dir := writeFiles(t, map[string][]byte{
			tc.images: pack(tc.images, images3), tc.labels: pack(tc.labels, labels3),
		})
		s, err := Open(dir, true)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Len() != 3 || s.Size() != 4 || s.Classes != 10 || s.Name != filepath.Join(dir, tc.images) {
			t.Errorf("%s: %d samples of %d, %d classes, name %q", tc.images, s.Len(), s.Size(), s.Classes, s.Name)
		}
		if _, err := Open(dir, false); err == nil ||
			!strings.Contains(err.Error(), "no t10k-images-idx3-ubyte, also not as t10k-images.idx3-ubyte") {
			t.Errorf("test part that is not there: %v", err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "nowhere"), true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
}

func TestOpenPair(t *testing.T) {
	dir := writeFiles(t, map[string][]byte{
		"x.npy": npyFile("<f4", "False", "(2, 3)", binary.LittleEndian, []float32{1, 2, 3, -4, 5, 0.5}),
		"y.npy": npyFile("<i8", "False", "(2,)", binary.LittleEndian, []int64{0, 6}),
	})
	s, err := Open(filepath.Join(dir, "x.npy")+","+filepath.Join(dir, "y.npy"), false)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 3)
	s.Sample(1, got)
	if d := cmp.Diff([]float32{-4, 5, 0.5}, got); d != "" || s.Classes != 7 || s.Scale != 1 {
		t.Errorf("classes %d, scale %v, sample:\n%s", s.Classes, s.Scale, d)
	}
	if s, err = s.WithScale(0.5); err != nil {
		t.Fatal(err)
	}
	if s.Sample(1, got); got[0] != -2 || got[2] != 0.25 {
		t.Errorf("scaled sample %v", got)
	}
}

// TestOpenCommas: a path that is there is never a pair, and a pair may lie in a folder
// with a comma in its name. All hold the labels 9, 0 and 4 of labels3.
func TestOpenCommas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a,b")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	csv := []byte("9,1\n0,2\n4,3\n")
	for name, b := range map[string][]byte{"x": images3, "y": labels3, "c,d.csv": csv,
		"train-images-idx3-ubyte": images3, "train-labels-idx1-ubyte": labels3} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		src  string
		pair bool
	}{
		{dir, false},
		{filepath.Join(dir, "c,d.csv"), false},
		{filepath.Join(dir, "x") + "," + filepath.Join(dir, "y"), true},
	} {
		s, err := Open(c.src, true)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, _, pair := PairOf(c.src); pair != c.pair || !slices.Equal(s.Labels, []uint8{9, 0, 4}) {
			t.Errorf("%s: pair %v, want %v; labels %v", c.src, pair, c.pair, s.Labels)
		}
	}
	// Neither is there: the error is about the first file that is wanted.
	if _, err := Open("no-x,no-y", true); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no-y") {
		t.Errorf("a pair that is not there: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	le := binary.LittleEndian
	dir := writeFiles(t, map[string][]byte{
		"x": images3, "y": labels3,
		"y2":      idxFile(0x08, []int{2}, []uint8{1, 2}),
		"x0":      idxFile(0x08, []int{0, 2, 2}),
		"flat0":   idxFile(0x08, []int{3, 0}),
		"y0":      idxFile(0x08, []int{0}),
		"yfrac":   npyFile("<f4", "False", "(3,)", le, []float32{1, 2, 2.5}),
		"yneg":    npyFile("<i4", "False", "(3,)", le, []int32{1, -1, 0}),
		"y300":    npyFile("<i4", "False", "(3,)", le, []int32{1, 300, 0}),
		"onehot":  idxFile(0x08, []int{3, 10}, make([]uint8, 30)),
		"yscalar": npyFile("|u1", "False", "()", le, []uint8{1}),
	})
	for _, tc := range []struct{ x, y, want string }{
		{"x", "y2", "x has 3 samples, "},
		{"x0", "y0", "x0: empty data set, shape [0 2 2]"},
		{"flat0", "y", "flat0: empty data set, shape [3 0]"},
		{"x", "yfrac", "yfrac: label 2.5 of sample 2, want an integer in 0..255"},
		{"x", "yneg", "yneg: label -1 of sample 1"},
		{"x", "y300", "y300: label 300 of sample 1"},
		{"x", "onehot", "onehot: labels of shape [3 10], want one number per sample"},
		{"x", "yscalar", "yscalar: labels of shape []"},
		{"yscalar", "y", "yscalar: a single number"},
		{"x", "nothing", "nothing: no such file"},
		{"x", ".", "is a directory"},
	} {
		s, err := OpenPair(filepath.Join(dir, tc.x), filepath.Join(dir, tc.y))
		if s != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s, %s: %v, error %v, want %q", tc.x, tc.y, s, err, tc.want)
		}
	}
	for _, src := range []string{"a,", ",b", "a,b,c", ","} {
		if _, err := Open(src, true); err == nil ||
			!strings.Contains(err.Error(), "want a folder, a file or IMAGES,LABELS") {
			t.Errorf("Open(%q): %v", src, err)
		}
	}
}

func TestOpenDirRefusesLabel10(t *testing.T) {
	dir := writeFiles(t, map[string][]byte{
		"t10k-images-idx3-ubyte": images3,
		"t10k-labels-idx1-ubyte": idxFile(0x08, []int{3}, []uint8{9, 10, 4}),
	})
	if s, err := OpenDir(dir, false); s != nil || err == nil ||
		!strings.Contains(err.Error(), "label 10 of sample 1, want labels below 10") {
		t.Errorf("%v, error %v", s, err)
	}
}

func TestDefaultSaysWhich(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	s, err := openDefault(missing, false)
	if err != nil || s.Len() != drawnTest || !strings.Contains(s.Name, "drawn digits") ||
		!strings.Contains(s.Name, missing) {
		t.Errorf("%q, error %v", s.Name, err)
	}
	if s, err = Open(DrawnSource, false); err != nil || !strings.Contains(s.Name, "drawn digits") {
		t.Errorf("%q, error %v", s.Name, err)
	}
	if s, err := openDefault(t.TempDir(), false); err == nil { // there, but empty: not silently replaced
		t.Errorf("empty folder gives %q", s.Name)
	}
}

// TestFashionMNIST reads Debian's package where it is installed.
func TestFashionMNIST(t *testing.T) {
	if _, err := os.Stat(FashionDir); err != nil {
		t.Skip("dataset-fashion-mnist is not installed")
	}
	for _, tc := range []struct {
		train bool
		n     int
	}{{false, 10000}, {true, 60000}} { // sizes: the data set's own page
		if tc.train && testing.Short() {
			continue
		}
		s, err := Open("", tc.train)
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != tc.n || s.Size() != 784 || s.Classes != 10 || !strings.HasPrefix(s.Name, "Fashion-MNIST, ") {
			t.Errorf("%s: %d samples of %d, %d classes", s.Name, s.Len(), s.Size(), s.Classes)
		}
		var count [10]int
		for _, l := range s.Labels {
			count[l]++
		}
		for c, n := range count {
			if n != tc.n/10 { // balanced by construction
				t.Errorf("class %d: %d samples, want %d", c, n, tc.n/10)
			}
		}
	}
}

// TestByteScale checks that a byte becomes the float32 nearest to v/255, which
// is what dividing in float32 gives.
func TestByteScale(t *testing.T) {
	s := &Set{Shape: []int{256}, Bytes: make([]uint8, 256), Labels: []uint8{0}, Scale: ByteScale}
	for v := range s.Bytes {
		s.Bytes[v] = uint8(v)
	}
	got := make([]float32, 256)
	s.Sample(0, got)
	for v, g := range got {
		if want := float32(v) / 255; g != want {
			t.Errorf("byte %d gives %v, want %v", v, g, want)
		}
	}
}

func TestSetMisuse(t *testing.T) {
	s := Draw(3, 1)
	for _, f := range []float64{0, math.NaN(), math.Inf(-1)} {
		if _, err := s.WithScale(f); err == nil {
			t.Errorf("WithScale(%v): no error", f)
		}
	}
	if _, err := s.Fit([]int{100}, Unknown); err == nil ||
		!strings.Contains(err.Error(), "samples of shape [28 28] have 784 elements, the network wants 100, [100]") {
		t.Errorf("Fit: %v", err)
	}
	for name, f := range map[string]func(){
		"short dst": func() { s.Sample(0, make([]float32, 783)) },
		"slice":     func() { s.Slice(2, 4) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
