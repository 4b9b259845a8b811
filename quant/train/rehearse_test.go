package train

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// shapedSet returns n samples of a shape, of two classes.
func shapedSet(n int, shape ...int) *data.Set {
	s := &data.Set{Name: "shaped", Shape: shape, Classes: 2, Scale: data.ByteScale}
	for i := range n {
		s.Labels = append(s.Labels, uint8(i%2))
		for k := range s.Size() {
			s.Bytes = append(s.Bytes, uint8(i*11+k*37+i%2*100))
		}
	}
	return s
}

// exportCases has each kind of layer first, behind a linear layer, behind a
// convolution, in a residual and in a concat, and last.
var exportCases = []string{
	"[8]",
	"[{conv: {out: 4, kernel: 1}}, 8]",
	"[{conv: {out: 4, kernel: 1}}]",
	"[4, {conv: {out: 4, kernel: 1}}]",
	"[{conv: {out: 4, kernel: 3, pad: 1}}]",
	"[{depthwise: {kernel: 1}}]",
	"[4, {depthwise: {kernel: 1}}]",
	"[{maxpool: {kernel: 1}}]",
	"[{maxpool: {kernel: 2}}]",
	"[4, {maxpool: {kernel: 1}}]",
	"[{conv: {out: 4, kernel: 1}}, {maxpool: {kernel: 2}}, 4]",
	"[{avgpool: {kernel: 1}}]",
	"[{avgpool: {kernel: 2}}, 4]",
	"[4, {avgpool: {kernel: 1}}]",
	"[{global_avgpool: {}}]",
	"[{global_avgpool: {}}, 4]",
	"[4, {global_avgpool: {}}]",
	"[{conv: {out: 4, kernel: 1}}, {global_avgpool: {}}]",
	"[{upsample: 2}]",
	"[{upsample: 2}, 4]",
	"[4, {upsample: 2}]",
	"[{upsample: 2}, {conv: {out: 4, kernel: 1}}]",
	"[{conv: {out: 4, kernel: 1}}, {upsample: 2}]",
	"[{conv: {out: 4, kernel: 1}}, {upsample: 2}, {global_avgpool: {}}]",
	"[{pixel_shuffle: 2}]",
	"[4, {pixel_shuffle: 2}]",
	"[{conv: {out: 4, kernel: 1}}, {pixel_shuffle: 2}, 4]",
	"[{conv: {out: 4, kernel: 1}}, {pixel_shuffle: 2}, {conv: {out: 2, kernel: 1}}]",
	"[{residual: {body: [4], shortcut: [4]}}]",
	"[4, {residual: {body: [4]}}]",
	"[{residual: {body: [{depthwise: {kernel: 1}}]}}]",
	"[{residual: {body: [{conv: {out: 4, kernel: 1}}], shortcut: [{conv: {out: 4, kernel: 1}}]}}, 4]",
	"[{residual: {body: [{conv: {out: 4, kernel: 1}}], shortcut: [4]}}]",
	"[{residual: {body: [{maxpool: {kernel: 1}}]}}, 4]",
	"[{concat: {branches: [[4], [3]]}}]",
	"[{concat: {branches: [[], []]}}]",
	"[4, {concat: {branches: [[], [3]]}}]",
	"[{concat: {branches: [[], [{depthwise: {kernel: 1}}]]}}]",
	"[4, {concat: {branches: [[], [{conv: {out: 4, kernel: 1}}]]}}]",
	"[{conv: {out: 4, kernel: 1}}, {concat: {branches: [[], [{conv: {out: 4, kernel: 1}}]]}}]",
	"[{concat: {branches: [[4], [{conv: {out: 4, kernel: 1}}]]}}]",
	"[{concat: {branches: [[{upsample: 2}], [{upsample: 2}]]}}, 4]",
	"[{residual: {body: [{conv: {out: 4, kernel: 1}}, {upsample: 2}], " +
		"shortcut: [{upsample: 2}, {conv: {out: 4, kernel: 1}}]}}]",
}

// sampleCases are the shapes of samples: rows, images grey and coloured, with an axis
// of one before them, with an axis too many, of one element.
var sampleCases = [][]int{{4}, {1}, {1, 4}, {4, 1}, {2, 2}, {1, 2, 2}, {4, 1, 1}, {1, 1, 4}, {4, 2, 2}, {2, 2, 4}, {1,
	4, 2, 2}, {2, 2, 2, 2}, {8, 4}, {6, 6, 3}}

// TestRefusedBeforeTraining: every kind of layer on every shape of samples either is
// refused before the first step, or trains to a file that is read again and takes
// the samples.
func TestRefusedBeforeTraining(t *testing.T) {
	shapes := sampleCases
	if testing.Short() {
		shapes = [][]int{{4}, {2, 2}, {4, 1, 1}, {4, 2, 2}, {2, 2, 2, 2}}
	}
	trained, refused := 0, 0
	for _, layers := range exportCases {
		spec, err := ParseSpec([]byte("layers: " + layers +
			"\nbatch: 4\nacc_bits: 16\nfloat: {epochs: 1}\nqat: {epochs: 1}\n"))
		if err != nil {
			t.Fatalf("%s: %v", layers, err)
		}
		for _, shape := range shapes {
			set, steps := shapedSet(4, shape...), 0
			out := filepath.Join(t.TempDir(), "net.onnx")
			_, err := Run(context.Background(), spec, set, set, Options{
				Out: out, FloatOut: out + ".float.onnx", Progress: func(Event) { steps++ }})
			if err != nil {
				refused++
				if left, _ := os.ReadDir(filepath.Dir(out)); steps > 0 || len(left) > 0 {
					t.Errorf("%s on %v: %d steps and %d files before the error %v",
						layers, shape, steps, len(left), err)
				}
				continue
			}
			trained++
			net, err := qonnx.Read(out)
			if err == nil {
				_, err = set.Fit(net.InputShape, data.NCHW)
			}
			if err != nil {
				t.Errorf("%s on %v: trained, but %v", layers, shape, err)
			}
			if _, err := qonnx.ReadModel(out + ".float.onnx"); err != nil {
				t.Errorf("%s on %v: trained, but %v", layers, shape, err)
			}
		}
	}
	if trained < refused/4 || refused < trained/4 {
		t.Errorf("%d combinations trained, %d refused", trained, refused)
	}
	t.Logf("%d combinations trained, %d refused", trained, refused)
}

// TestRefusals: what the errors say.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		layers, want string
		shape        []int
	}{
		{"[{conv: {out: 4, kernel: 1}}, 8]", "layers[0].conv: reads a row of 4 numbers, the samples as they are",
			[]int{4}},
		{"[{conv: {out: 4, kernel: 1}}, 8]", "shape: in the spec makes them of rows", []int{4}},
		{"[{global_avgpool: {}}]", "layers[0].global_avgpool: reads a row of 16 numbers", []int{2, 2, 2, 2}},
		{"[4, {maxpool: {kernel: 1}}]", `layers[1].maxpool: reads a row of 4 numbers from "fc1", want an image`,
			[]int{2, 2}},
		{"[4, {residual: {body: [{depthwise: {kernel: 1}}]}}]",
			`layers[1].residual.body[0].depthwise: reads a row of 4 numbers from "fc1"`, []int{2, 2}},
		{"[{upsample: 2}]", `classifier: a linear layer reads "up1", an upsample, which`, []int{2, 2}},
		{"[{conv: {out: 4, kernel: 1}}, {pixel_shuffle: 2}, 4]",
			`layers[2].linear: a linear layer reads "shuffle1", a pixelshuffle, which`, []int{2, 2}},
		{"[{conv: {out: 4, kernel: 1}}]", "samples have shape [6 6 3]: if these are [rows columns channels], say",
			[]int{6, 6, 3}},
		{"[{concat: {branches: [[], []]}}]", "a network of these layers cannot be exported: ", []int{2, 2}},
	} {
		spec, err := ParseSpec([]byte("batch: 2\nlayers: " + c.layers))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Run(context.Background(), spec, shapedSet(4, c.shape...), nil, Options{}); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s on %v: error %v, want %q", c.layers, c.shape, err, c.want)
		}
	}
}

// TestFilesAreTried: each file that a run would write is tried before the first step,
// and nothing is left of the attempt.
func TestFilesAreTried(t *testing.T) {
	long := strings.Repeat("n", 300)
	for _, c := range []struct {
		name string
		o    func(dir string) Options
		want []string
	}{
		{"a long name", func(dir string) Options { return Options{Out: filepath.Join(dir, long)} },
			[]string{"train: network:", "its name has "}},
		{"a name too long with .ckpt", func(dir string) Options { return Options{Out: filepath.Join(dir, long[:232])} },
			[]string{"train: checkpoint:", "its name has "}},
		{"a long float network", func(dir string) Options {
			return Options{Out: filepath.Join(dir, "a"), FloatOut: filepath.Join(dir, long)}
		}, []string{"train: float network:"}},
		{"no folder", func(dir string) Options { return Options{Out: filepath.Join(dir, "b", "a")} },
			[]string{"train: network:", "no such file"}},
		{"a folder of that name", func(dir string) Options {
			return Options{Out: filepath.Join(dir, "a"),
				Checkpoint: dir}
		}, []string{"train: checkpoint:", "is a folder"}},
		{"below a file", func(dir string) Options {
			os.WriteFile(filepath.Join(dir, "f"), nil, 0o600)
			return Options{Out: filepath.Join(dir, "f", "a")}
		}, []string{"train: network:", "not a directory"}},
		{"a folder that takes no files", func(dir string) Options {
			if os.Geteuid() == 0 {
				return Options{Out: "/proc/a2qgen.onnx"} // not even to root
			}
			os.Chmod(dir, 0o500)
			return Options{Out: filepath.Join(dir, "a")}
		}, []string{"train: network:", "cannot be written"}},
	} {
		dir, steps := t.TempDir(), 0
		o := c.o(dir)
		o.Progress = func(Event) { steps++ }
		before, _ := os.ReadDir(dir)
		_, err := Run(context.Background(), small(), smallSet(), nil, o)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", c.name, err, want)
			}
		}
		if after, _ := os.ReadDir(dir); steps > 0 || len(after) != len(before) {
			t.Errorf("%s: %d steps, %d files left", c.name, steps, len(after)-len(before))
		}
	}
}

// A file that is there stays as it is until the training ends.
func TestTryingKeepsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (Options{Out: path}).CheckFiles(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestSamplesOfSpec: shape makes images of rows, layout says how they lay.
func TestSamplesOfSpec(t *testing.T) {
	for _, c := range []struct {
		fields string
		shape  []int // of the file
		want   []int
		second float32 // element 1 of the sample
	}{
		{"", []int{4, 6}, []int{4, 6}, 1},
		{"shape: [4, 6]", []int{24}, []int{4, 6}, 1},
		{"shape: [3, 2, 4]", []int{24}, []int{3, 2, 4}, 1},
		{"shape: [3, 2, 4]\nlayout: nhwc", []int{24}, []int{3, 2, 4}, 3},
		{"layout: nhwc", []int{2, 4, 3}, []int{3, 2, 4}, 3},
		{"layout: nchw", []int{8, 6, 3}, []int{8, 6, 3}, 1},
	} {
		s, err := ParseSpec([]byte("layers: [{conv: {out: 2, kernel: 1}}]\n" + c.fields))
		if err != nil {
			t.Fatal(err)
		}
		set := &data.Set{Shape: c.shape, Scale: 1, Labels: []uint8{1}}
		for i := range set.Size() {
			set.Floats = append(set.Floats, float32(i))
		}
		for range 2 { // once more changes nothing
			if set, err = s.Samples(set); err != nil {
				t.Fatalf("%q: %v", c.fields, err)
			}
		}
		if set.Floats[1] != c.second || len(set.Shape) != len(c.want) || set.Shape[0] != c.want[0] {
			t.Errorf("%q: shape %v, second element %v; want %v, %v",
				c.fields, set.Shape, set.Floats[1], c.want, c.second)
		}
	}
	for fields, want := range map[string]string{
		"layout: hwc": "layout is hwc, want nchw or nhwc",
		"shape: [4]":  "shape is [4], want [rows columns]", "shape: [0, 4]": "shape is 0",
	} {
		if _, err := ParseSpec([]byte(fields)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", fields, err, want)
		}
	}
}
