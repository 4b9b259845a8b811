package qonnx

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

const (
	fmnistMLP = "testdata/fmnist_mlp_a2qplus_w4a4_p12.onnx"
	fmnistCNN = "testdata/fmnist_cnn_a2qplus_w4a4_p13.onnx"
	models    = "../../../shared/models"
	fashion   = "/usr/share/datasets/fashion-mnist"
)

// idx returns the items of an IDX file of bytes, gzipped, and skips the test
// if it is not there.
func idx(t *testing.T, path string) [][]byte {
	t.Helper()
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		if os.Getenv("CI") == "true" && filepath.Dir(path) == fashion {
			t.Fatalf("%v: install dataset-fashion-mnist", err)
		}
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	axes := int(b[3])
	count, data := int(binary.BigEndian.Uint32(b[4:])), b[4+4*axes:]
	size := len(data) / count
	items := make([][]byte, count)
	for i := range items {
		items[i] = data[i*size : (i+1)*size]
	}
	return items
}

// classify returns the network's label for each image, pixel/255 in.
func classify(n *quant.Network, images [][]byte) []int {
	labels := make([]int, len(images))
	quant.NewExecutor(n).Each(context.Background(), len(images), func(i int, raw []float32) {
		for j, v := range images[i] {
			raw[j] = float32(v) / 255
		}
	}, func(i int, tr *quant.Trace) { labels[i] = tr.Label[0] }, nil)
	return labels
}

func count(labels []int, want [][]byte) (correct int) {
	for i, l := range labels {
		if l == int(want[i][0]) {
			correct++
		}
	}
	return correct
}

func read(t *testing.T, path string) *quant.Network {
	t.Helper()
	n, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The reference implementation's labels for all 10,000 test images, its
// accuracy, and its accumulator width are in the .json beside each network.
// With -short, the first 1,000 images are enough.
func TestFashion(t *testing.T) {
	for _, name := range []string{"fmnist_mlp_a2qplus_w4a4_p12", "fmnist_cnn_a2qplus_w4a4_p13"} {
		t.Run(name, func(t *testing.T) {
			n := read(t, "testdata/"+name+".onnx")
			var reference struct {
				P        int     `json:"P"`
				Accuracy float64 `json:"test_accuracy_percent"`
				Argmax   []int   `json:"argmax_all"`
			}
			b, err := os.ReadFile("testdata/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, &reference); err != nil {
				t.Fatal(err)
			}
			checkHidden(t, n, reference.P)
			images := idx(t, fashion+"/t10k-images-idx3-ubyte.gz")
			if testing.Short() {
				images = images[:1000]
			}
			labels := classify(n, images)
			differ := 0
			for i, l := range labels {
				if l != reference.Argmax[i] {
					differ++
				}
			}
			if differ != 0 {
				t.Errorf("%d of %d labels differ from the reference", differ, len(labels))
			}
			if testing.Short() {
				return // the accuracy is that of all images
			}
			correct := count(labels, idx(t, fashion+"/t10k-labels-idx1-ubyte.gz"))
			if got := float64(correct) / 100; got != reference.Accuracy {
				t.Errorf("accuracy %v, want %v", got, reference.Accuracy)
			}
		})
	}
}

// checkHidden checks that all layers but the first and the last have 4-bit
// inputs, and those with weights 4-bit ones and accumulators of p bits.
func checkHidden(t *testing.T, n *quant.Network, p int) {
	t.Helper()
	last := len(n.Layers) - 1
	for _, l := range n.Layers[1:last] {
		if l.Kind.Weighted() && (l.Certify(p) != nil || l.WeightBits != 4) || l.Input != (quant.DataType{Bits: 4}) {
			t.Errorf("layer %q: %d-bit weights, inputs %v, %v", l.Name, l.WeightBits, l.Input, l.Certify(p))
		}
	}
	if s := n.Layers[last].Score; s == nil || !s.Exact {
		t.Errorf("score %+v is not exact", s)
	}
}

// The QONNX model zoo's TFC_2W2A gives 96.60 % on the MNIST test set.
func TestTFC(t *testing.T) {
	if _, err := os.Stat(models); err != nil {
		t.Skip(err)
	}
	n := read(t, models+"/TFC_2W2A.onnx")
	for _, l := range n.Layers {
		if l.WeightBits != 2 || l.Input != (quant.DataType{Bits: 2, Signed: true}) {
			t.Errorf("layer %q: %d-bit weights, inputs %v", l.Name, l.WeightBits, l.Input)
		}
	}
	labels := classify(n, idx(t, models+"/mnist-t10k-images-idx3-ubyte.gz"))
	if got := count(labels, idx(t, models+"/mnist-t10k-labels-idx1-ubyte.gz")); got != 9660 {
		t.Errorf("%d of 10000 right, want 9660", got)
	}
}

// Reading a network includes bisecting its thresholds.
func BenchmarkDecode(b *testing.B) {
	for _, path := range []string{fmnistMLP, fmnistCNN} {
		b.Run(filepath.Base(path), func(b *testing.B) {
			data, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := Decode("fmnist", data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
