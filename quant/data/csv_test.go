package data

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCSV(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		labels     []uint8
		bytes      []uint8
		floats     []float32
	}{
		{"MNIST", "label,pixel0,pixel1\n5,0,255\n0,7,8\n", []uint8{5, 0}, []uint8{0, 255, 7, 8}, nil},
		{"no header", "5,0,255\r\n0,7,8", []uint8{5, 0}, []uint8{0, 255, 7, 8}, nil},
		{"label last", "\ufeffa,b, \"Label\"\n0.5,-1,1\n2,3,0\n", []uint8{1, 0}, nil, []float32{0.5, -1, 2, 3}},
		{"floats late", "1,2,3\n0,4,5.5\n", []uint8{1, 0}, nil, []float32{2, 3, 4, 5.5}},
		{"above a byte", "1,256\n", []uint8{1}, nil, []float32{256}},
		{"spaces", " 1 , 2e1 , 3 \n\n", []uint8{1}, []uint8{20, 3}, nil},
	} {
		dir := writeFiles(t, map[string][]byte{"train.csv": []byte(tc.text), "test.csv.gz": gz([]byte(tc.text))})
		for _, src := range []string{dir, filepath.Join(dir, "train.csv"), filepath.Join(dir, "test.csv.gz")} {
			s, err := Open(src, src != dir)
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
				continue
			}
			if d := cmp.Diff(tc.labels, s.Labels) + cmp.Diff(tc.bytes, s.Bytes) +
				cmp.Diff(tc.floats, s.Floats); d != "" {
				t.Errorf("%s:\n%s", tc.name, d)
			}
			if want := map[bool]float64{true: ByteScale, false: 1}[tc.bytes != nil]; s.Scale != want ||
				s.Len() != len(tc.labels) {
				t.Errorf("%s: scale %v, want %v; %d samples", tc.name, s.Scale, want, s.Len())
			}
		}
	}
}

func TestCSVErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "empty data set"},
		{"header only", "label,a\n", "empty data set"},
		{"one column", "1\n2\n", "row 1, column 1: has 1 column, want a label"},
		{"semicolons", "label;a;b\n1;2;3\n", "separated by commas"},
		{"no label", "class,a\n1,2\n", `row 1, column 1: "class" is no number, ` +
			`and as a header the row has no column "label"`},
		{"text", "label,a,b\n1,2,3\n1,2,x\n", `row 3, column 3: "x" is no finite number`},
		{"empty cell", "1,2\n1,\n", `row 2, column 2: "" is no finite number`},
		{"NaN", "1,2\n1,NaN\n", `row 2, column 2: "NaN" is no finite number`},
		{"beyond float32", "1,2\n1,1e39\n", `row 2, column 2: "1e39" is no finite number`},
		{"label fraction", "1,2\n1.5,2\n", "row 2, column 1: label 1.5, want an integer in 0..255"},
		{"label range", "a,label\n1,256\n", "row 2, column 2: label 256, want"},
		{"short row", "1,2,3\n\n1,2\n", "row 3, column 1: has 2 columns, want 3"},
		{"quote", "1,2\n1,\"2\n", "parse error on line 2"},
	} {
		s, err := readCSV(strings.NewReader(tc.text), "f.csv")
		if s != nil || err == nil || !strings.Contains(err.Error(), tc.want) ||
			!strings.Contains(err.Error(), "f.csv") {
			t.Errorf("%s: %v, error %v, want %q", tc.name, s, err, tc.want)
		}
	}
}

// endless repeats one byte.
type endless byte

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

// TestCSVEndlessRow: a line, or a quoted cell, without end stops the reader.
func TestCSVEndlessRow(t *testing.T) {
	for _, r := range []endless{'1', '\n'} {
		_, err := readCSV(io.MultiReader(strings.NewReader("1,\""), r), "f.csv")
		if err == nil || !strings.Contains(err.Error(), "a row of more than 16 MiB") {
			t.Errorf("%q without end: %v", byte(r), err)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("label,pixel0,pixel1\n5,0,255\n0,7,8\n"))
	f.Add([]byte("1,2,3\n0,4,5.5\n"))
	f.Add([]byte("\ufeff\"a\nb\",label\n1,2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readCSV(bytes.NewReader(b), "fuzz")
		if err == nil && (s.Len() != len(s.Labels) || s.checkLabels(s.Classes) != nil) {
			t.Fatalf("%d samples, %d labels", s.Len(), len(s.Labels))
		}
	})
}
