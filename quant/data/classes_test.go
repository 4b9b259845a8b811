package data

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// greyPNG builds an image of w x h pixels of one grey value.
func greyPNG(w, h int, v uint8) []byte {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = v
	}
	return encodePNG(m)
}

func encodePNG(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// writeTree writes files, path to content, to a new folder.
func writeTree(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// colours is a 2 x 1 image: a colour and a half transparent white.
func colours() image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	m.SetNRGBA(0, 0, color.NRGBA{10, 20, 30, 255})
	m.SetNRGBA(1, 0, color.NRGBA{255, 255, 255, 128})
	return m
}

func TestClassFolders(t *testing.T) {
	dir := writeTree(t, map[string][]byte{
		"train/dog/1.png": encodePNG(colours()), "train/dog/2.PNG": greyPNG(2, 1, 9),
		"train/cat/1.png": encodePNG(colours()), "train/cat/notes.txt": nil, "train/.git/x": nil,
		"test/dog/1.png": greyPNG(2, 1, 7), "test/cat/1.png": greyPNG(2, 1, 8),
	})
	s, err := Open(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	rgb := []uint8{10, 128, 20, 128, 30, 128} // channels first; transparent pixels on black
	want := append(append(bytes.Clone(rgb), rgb...), 9, 9, 9, 9, 9, 9)
	if d := cmp.Diff(want, s.Bytes) + cmp.Diff([]uint8{0, 1, 1}, s.Labels) +
		cmp.Diff([]int{3, 1, 2}, s.Shape); d != "" || s.Classes != 2 || s.Layout != NCHW {
		t.Errorf("%s, %d classes:\n%s", s.Name, s.Classes, d)
	}
	// The test part is grey, but the first training image is coloured.
	if s, err = Open(dir, false); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]uint8{8, 8, 8, 8, 8, 8, 7, 7, 7, 7, 7, 7}, s.Bytes) +
		cmp.Diff([]int{3, 1, 2}, s.Shape); d != "" {
		t.Errorf("%s:\n%s", s.Name, d)
	}
}

func TestClassFoldersSplit(t *testing.T) {
	files := map[string][]byte{}
	for i := range 7 { // two classes, of 7 and of 6 images
		name := string(rune('a'+i)) + ".png"
		files["x/"+name] = greyPNG(1, 1, uint8(i))
		if i < 6 {
			files["y/"+name] = greyPNG(1, 1, uint8(10+i))
		}
	}
	dir := writeTree(t, files)
	for train, want := range map[bool][]uint8{true: {0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 6}, false: {5, 15}} {
		s, err := Open(dir, train)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, s.Bytes) + cmp.Diff([]int{1, 1}, s.Shape); d != "" ||
			!strings.Contains(s.Name, "image of each class") && !train {
			t.Errorf("train=%v, %s:\n%s", train, s.Name, d)
		}
	}
}

// TestClassesWithoutTest: every sixth image of a class is for testing, so that a class of
// fewer than six has none; the names of both parts say of which.
func TestClassesWithoutTest(t *testing.T) {
	for _, c := range []struct {
		images []int // of classes a, b, ...
		want   string
	}{
		{[]int{6, 12}, ""},
		{[]int{5, 6, 1}, `; no test image of ["a" "c"], of fewer than 6`},
		{[]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 6},
			`; no test image of 9 classes of fewer than 6 (["a" "b" "c" "d" "e" "f" "g" "h"], ...)`},
	} {
		files := map[string][]byte{}
		for k, n := range c.images {
			for i := range n {
				files[fmt.Sprintf("%c/%02d.png", 'a'+k, i)] = greyPNG(1, 1, uint8(i))
			}
		}
		dir := writeTree(t, files)
		for train, part := range map[bool]string{true: ", five of six images", false: ", every sixth image"} {
			s, err := Open(dir, train)
			if err != nil {
				t.Fatal(err)
			}
			if want := dir + part + " of each class" + c.want + " ("; !strings.HasPrefix(s.Name, want) {
				t.Errorf("%v: %s, want %s...", c.images, s.Name, want)
			}
		}
	}
}

// hugePNG changes the size in a PNG's header, checksum included.
func hugePNG(w, h uint32) []byte {
	b := greyPNG(1, 1, 0)
	for i := range 4 {
		b[16+i], b[20+i] = byte(w>>(24-8*i)), byte(h>>(24-8*i))
	}
	sum := crc32.ChecksumIEEE(b[12:29])
	for i := range 4 {
		b[29+i] = byte(sum >> (24 - 8*i))
	}
	return b
}

func TestClassFolderErrors(t *testing.T) {
	good := greyPNG(2, 3, 1)
	for _, tc := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"empty", nil, "no data set: want IDX files"},
		{"flat", map[string][]byte{"a.png": good, "b.jpg": good},
			"2 images without labels, want a subfolder for each class"},
		{"empty class", map[string][]byte{"a/1.png": good, "b/1.txt": nil}, "b: no PNG or JPEG file"},
		{"other size", map[string][]byte{"a/1.png": good, "b/2.png": greyPNG(3, 2, 1)},
			"2.png: image of 3 x 2 pixels (width x height), want 2 x 3 as "},
		{"no image", map[string][]byte{"a/1.png": good, "a/2.png": []byte("hello")}, "2.png: not a PNG or JPEG image"},
		{"cut", map[string][]byte{"a/1.png": good, "a/2.png": good[:len(good)-20]},
			"2.png: image does not decode: png: invalid format: unexpected EOF"},
		{"cut header", map[string][]byte{"a/1.png": good[:20]}, "1.png: truncated: the image ends early"},
		{"checksum", map[string][]byte{"a/1.png": append(bytes.Clone(good[:20]), make([]byte, 99)...)},
			"1.png: image does not decode: png: invalid format"},
		{"huge", map[string][]byte{"a/1.png": hugePNG(1<<20, 1<<20)},
			"image of 1048576 x 1048576 pixels, want at most"},
		{"promises", map[string][]byte{"a/1.png": hugePNG(5000, 5000)},
			"truncated: an image of 5000 x 5000 pixels takes at least 3028 bytes"},
		{"no test", map[string][]byte{"train/a/1.png": good}, "test: no such file"},
		{"other classes", map[string][]byte{"train/a/1.png": good, "test/b/1.png": good},
			`test: has classes ["b"], the training part has ["a"]`},
		{"no class", map[string][]byte{"train/1.png": good},
			"train: 0 subfolders, want one for each of 1..256 classes"},
		{"too few", map[string][]byte{"a/1.png": good}, "no image; want at least 6 in a class"},
	} {
		dir := writeTree(t, tc.files)
		_, err := Open(dir, true)
		if err == nil {
			_, err = Open(dir, false)
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.want)
		}
	}
}

// TestImageConversions: each colour model that the decoders give.
func TestImageConversions(t *testing.T) {
	deep := image.NewGray16(image.Rect(0, 0, 1, 1))
	deep.SetGray16(0, 0, color.Gray16{0x12ff})
	palette := image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.RGBA{40, 80, 120, 255}})
	for _, tc := range []struct {
		m         image.Image
		rgb, grey []uint8
	}{
		{deep, []uint8{0x12, 0x12, 0x12}, []uint8{0x12}},
		{palette, []uint8{40, 80, 120}, []uint8{73}}, // 0.299 40 + 0.587 80 + 0.114 120 = 72.6
		{&image.Gray{Pix: []uint8{77}, Stride: 1, Rect: image.Rect(5, 5, 6, 6)}, []uint8{77, 77, 77}, []uint8{77}},
	} {
		if d := cmp.Diff(tc.rgb, newImage("", tc.m, 3).Pixels) +
			cmp.Diff(tc.grey, newImage("", tc.m, 1).Pixels); d != "" {
			t.Errorf("%T:\n%s", tc.m, d)
		}
	}
}

// TestGreyStays: the luminance of a grey value is that value.
func TestGreyStays(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 256, 1))
	for v := range m.Pix {
		m.Pix[v] = uint8(v)
	}
	if d := cmp.Diff(m.Pix, newImage("", m, 1).Pixels); d != "" {
		t.Error(d)
	}
}

func FuzzImage(f *testing.F) {
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, colours(), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(jpg.Bytes())
	f.Add(encodePNG(colours()))
	f.Add(hugePNG(5000, 5000))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := pictureConfig(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if c.Width*c.Height > 8*1032*(len(b)+1) {
			t.Fatalf("%d x %d pixels from %d bytes", c.Width, c.Height, len(b))
		}
		m, _, err := image.Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		p := newImage("fuzz", m, 3)
		if p.Height != c.Height || p.Width != c.Width || len(p.Pixels) != 3*c.Height*c.Width {
			t.Fatalf("%d pixels of %d x %d, the header says %d x %d",
				len(p.Pixels), p.Width, p.Height, c.Width, c.Height)
		}
	})
}
