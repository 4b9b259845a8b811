package data

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cifarFile builds records whose pixel k of sample i is byte(i + k).
func cifarFile(labels ...[]byte) []byte {
	var b []byte
	for i, l := range labels {
		b = append(b, l...)
		for k := range cifarPixels {
			b = append(b, byte(i+k))
		}
	}
	return b
}

func TestCIFAR(t *testing.T) {
	ten := writeFiles(t, map[string][]byte{
		"data_batch_1.bin":    cifarFile([]byte{3}, []byte{9}),
		"data_batch_2.bin.gz": gz(cifarFile([]byte{0})),
		"test_batch.bin":      cifarFile([]byte{7}),
		"batches.meta.txt":    []byte("airplane\n"),
	})
	hundred := writeFiles(t, map[string][]byte{
		"train.bin": cifarFile([]byte{19, 99}, []byte{0, 20}), "test.bin.gz": gz(cifarFile([]byte{1, 50})),
		"other.bin": cifarFile([]byte{2, 51}),
	})
	for _, tc := range []struct {
		src     string
		train   bool
		labels  []byte
		classes int
	}{
		{ten, true, []byte{3, 9, 0}, 10},
		{ten, false, []byte{7}, 10},
		{filepath.Join(ten, "data_batch_1.bin"), true, []byte{3, 9}, 10},
		{filepath.Join(ten, "data_batch_2.bin.gz"), true, []byte{0}, 10},
		{hundred, true, []byte{99, 20}, 100}, // the fine labels
		{hundred, false, []byte{50}, 100},
		{filepath.Join(hundred, "other.bin"), false, []byte{51}, 100}, // told by its size
	} {
		s, err := Open(tc.src, tc.train)
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(s.Labels, tc.labels) || s.Classes != tc.classes ||
			s.Len() != len(tc.labels) || s.Size() != cifarPixels {
			t.Errorf("%s: %d samples of %v, labels %v, %d classes", s.Name, s.Len(), s.Shape, s.Labels, s.Classes)
		}
		if i := s.Len() - 1; tc.src == hundred && s.Bytes[i*cifarPixels+5] != byte(i+5) {
			t.Errorf("%s: sample %d starts with %v", s.Name, i, s.Bytes[i*cifarPixels:][:6])
		}
	}
}

func TestCIFARErrors(t *testing.T) {
	good := cifarFile([]byte{1}, []byte{2})
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"test_batch.bin", good[:len(good)-1], "test_batch.bin: record 1: truncated: wanted 3073 bytes, had 3072"},
		{"test_batch.bin", nil, "record 0: truncated: wanted 3073 bytes, had 0"},
		{"test_batch.bin", cifarFile([]byte{1}, []byte{10}), "record 1: label 10, want labels below 10"},
		{"test_batch.bin.gz", gz(good)[:40], "truncated"},
		{"test.bin", cifarFile([]byte{0, 100}), "record 0: label 100, want labels below 100"},
		{"data_batch_1.bin", good, "no test_batch.bin, also not with .gz"},
	} {
		dir := writeFiles(t, map[string][]byte{tc.name: tc.file})
		if _, err := Open(dir, false); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.want)
		}
	}
	gap := writeFiles(t, map[string][]byte{"data_batch_1.bin": good, "data_batch_3.bin": good})
	if _, err := Open(gap, true); err == nil || !strings.Contains(err.Error(), "no data_batch_2.bin") {
		t.Errorf("missing batch: %v", err)
	}
	odd := filepath.Join(t.TempDir(), "odd.bin")
	if err := os.WriteFile(odd, make([]byte, 3075), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(odd, true); err == nil || !strings.Contains(err.Error(), "CIFAR-10 or CIFAR-100?") {
		t.Errorf("unknown size: %v", err)
	}
}

func FuzzCIFAR(f *testing.F) {
	f.Add(cifarFile([]byte{1}, []byte{2}), false)
	f.Add(cifarFile([]byte{1, 50}), true)
	f.Fuzz(func(t *testing.T, b []byte, hundred bool) {
		c := cifar10
		if hundred {
			c = cifar100
		}
		s := &Set{Shape: []int{3, 32, 32}, Bytes: []uint8{}}
		err := c.read(bytes.NewReader(b), "fuzz", s)
		if err == nil && (s.Len()*c.record() != len(b) || s.checkLabels(c.classes) != nil) {
			t.Fatalf("%d samples of %d bytes", s.Len(), len(b))
		}
	})
}
