package data

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
)

// npzFile builds a ZIP file of NPY members, given as name, content, name, ...
func npzFile(t testing.TB, method uint16, members ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: members[i].(string) + ".npy", Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(members[i+1].([]byte)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func npyBytes(shape string, v ...uint8) []byte {
	return npyFile("|u1", "False", shape, binary.LittleEndian, v)
}

func TestNPZ(t *testing.T) {
	x2, y2 := npyBytes("(2, 1, 3)", 1, 2, 3, 4, 5, 6), npyBytes("(2, 1)", 0, 4)
	x1, y1 := npyBytes("(1, 1, 3)", 7, 8, 9), npyBytes("(1,)", 1)
	for name, tc := range map[string]struct {
		file        []byte
		train, test int // samples
	}{
		"images":   {npzFile(t, zip.Deflate, "images", x2, "labels", y2), 2, 2},
		"x":        {npzFile(t, zip.Store, "y", y2, "x", x2), 2, 2},
		"numbered": {npzFile(t, zip.Store, "arr_0", x2, "arr_1", y2), 2, 2},
		"both":     {npzFile(t, zip.Deflate, "X_train", x2, "y_train", y2, "X_test", x1, "y_test", y1), 2, 1},
		"both, long": {npzFile(t, zip.Store, "train_images", x2, "train_labels", y2, "test_images", x1,
			"test_labels", y1), 2, 1},
	} {
		path := filepath.Join(writeFiles(t, map[string][]byte{"a.npz": tc.file}), "a.npz")
		for _, train := range []bool{true, false} {
			s, err := Open(path, train)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if want := map[bool]int{true: tc.train, false: tc.test}[train]; s.Len() != want ||
				s.Size() != 3 || s.Name != path {
				t.Errorf("%s: %d samples of %v, name %q, want %d", name, s.Len(), s.Shape, s.Name, want)
			}
		}
	}
	dir := writeFiles(t, map[string][]byte{"train.npz": npzFile(t, zip.Store, "x", x2, "y", y2),
		"test.npz": npzFile(t, zip.Store, "x", x1, "y", y1)})
	if s, err := Open(dir, false); err != nil || s.Len() != 1 {
		t.Errorf("folder: %v, error %v", s, err)
	}
}

func TestNPZErrors(t *testing.T) {
	x, y := npyBytes("(2, 3)", 1, 2, 3, 4, 5, 6), npyBytes("(2,)", 0, 4)
	flipped := npzFile(t, zip.Store, "x", x, "y", y)
	flipped[30+len("x.npy")+len(x)-1] ^= 1 // the last element of x: its checksum fails
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"no zip", []byte("hello"), "a.npz: zip: not a valid zip file"},
		{"labels missing", npzFile(t, zip.Store, "images", x), "no member labels.npy beside images.npy"},
		{"images missing", npzFile(t, zip.Store, "y_test", x), "no member x_test.npy beside y_test.npy"},
		{"other names", npzFile(t, zip.Store, "a", x, "b", y),
			`has members ["a.npy" "b.npy"], want x_test and y_test, or`},
		{"member cut", npzFile(t, zip.Deflate, "x", x[:len(x)-2], "y", y),
			"x.npy: truncated: wanted 6 bytes after the header, had 4"},
		{"member long", npzFile(t, zip.Deflate, "x", append(bytes.Clone(x), 0), "y", y), "x.npy: trailing bytes"},
		{"member no NPY", npzFile(t, zip.Store, "x", x, "y", []byte("0123456789")), "y.npy: magic number"},
		{"checksum", flipped, "x.npy: zip: checksum error"},
		{"counts", npzFile(t, zip.Store, "x", x, "y", npyBytes("(3,)", 1, 2, 3)), "x.npy has 2 samples, "},
		{"huge shape", npzFile(t, zip.Deflate, "x", npyBytes("(99999, 99999)"), "y", y), "takes more than the limit"},
	} {
		dir := writeFiles(t, map[string][]byte{"a.npz": tc.file})
		if _, err := Open(filepath.Join(dir, "a.npz"), false); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.want)
		}
	}
}

// TestNPZMemory: neither header sizes memory, and a member that claims more
// than the limit is not opened.
func TestNPZMemory(t *testing.T) {
	file := npzFile(t, zip.Deflate, "x", npyBytes("(1073741824,)", 1, 2), "y", npyBytes("(2,)", 0, 4))
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if got := allocated(func() { readNPZ(z, "big", true) }); got > 1<<20 {
		t.Errorf("allocated %d bytes to read a file of %d", got, len(file))
	}
	z.File[0].UncompressedSize64 = 1 << 40
	if _, err := readNPZ(z, "big", true); err == nil ||
		!strings.Contains(err.Error(), "takes 1099511627776 bytes, more than the limit") {
		t.Errorf("error %v", err)
	}
}

func FuzzNPZ(f *testing.F) {
	x, y := npyBytes("(2, 3)", 1, 2, 3, 4, 5, 6), npyBytes("(2,)", 0, 4)
	f.Add(npzFile(f, zip.Deflate, "x", x, "y", y))
	f.Add(npzFile(f, zip.Store, "x_train", x, "y_train", y))
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		s, err := readNPZ(z, "fuzz", true)
		if err == nil && s.Len() != len(s.Labels) {
			t.Fatalf("%d samples, %d labels", s.Len(), len(s.Labels))
		}
	})
}
