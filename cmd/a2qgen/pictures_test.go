package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// enlarger writes a network that makes images of side x side twice as large, and returns its
// path. Its real outputs are no multiples of 1/255, and some lie beyond 0..1.
func enlarger(t *testing.T, side, channels int) string {
	t.Helper()
	w := make([]float32, 4*channels*9*channels)
	for i := range w {
		w[i] = float32((i*7+i*i)%5-2) / 4
	}
	m := &nn.Model{InputShape: []int{channels, side, side}, Input: &nn.ActQuant{Scale: 1.0 / 255, Bits: 8},
		Layers: []nn.Layer{
			{Name: "conv1", Kind: quant.Conv, In: 9 * channels, Out: 4 * channels, Weights: w, WeightScale: []float32{0.25},
				WeightBits: 3, Window: quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1},
				Act: &nn.ActQuant{Scale: 0.0173, Bits: 6}},
			{Name: "shuffle1", Kind: quant.PixelShuffle, Factor: 2},
		}}
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := qonnx.Write(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// pictureFile writes a picture of rows x cols, the first drawn image's upper left.
func pictureFile(t *testing.T, path string, rows, cols int) {
	t.Helper()
	src := data.DrawImages(1, 5, 3).List[0]
	levels := make([]int32, 0, rows*cols*3)
	for y := range rows {
		for x := range cols {
			for c := range 3 {
				levels = append(levels, int32(src.Pixels[(c*src.Height+4*y)*src.Width+4*x]))
			}
		}
	}
	file, err := data.Image{Channels: 3, Height: rows, Width: cols}.WithPixels(levels).PNG()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, file)
}

// TestPicturesThroughVerilog: a picture of another size than the network was exported with goes
// in as PNG, and the PNG that the Verilog gives is, to the last pixel, that of the executor.
func TestPicturesThroughVerilog(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	for _, channels := range []int{1, 3} {
		net := enlarger(t, 6, channels)
		t.Chdir(t.TempDir())
		if err := os.Mkdir("large", 0o777); err != nil {
			t.Fatal(err)
		}
		pictureFile(t, "large/a.png", 8, 11) // 4x5 for the network, a column is left over
		o := succeed(t, "eval", net, "--images", "large", "--out", "want", "--json")
		var doc study.Pictures
		if err := json.Unmarshal([]byte(o.out), &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Each) != 1 || doc.Each[0].Rows != 8 || doc.Each[0].Cols != 10 || doc.Factor != 2 ||
			doc.PSNR != doc.Each[0].PSNR || doc.Bicubic <= 0 {
			t.Errorf("%d channels: %s", channels, o.out)
		}
		succeed(t, "generate", net, "--pixels", "--input-size", "4x5", "--out", "design")
		succeed(t, "sim", "design", "--simulator", "icarus", "--frames", "1", "--drawn", "1", "--data",
			"want/a-input.png", "--out", "had", "--gap", "0.3", "--stall", "0.3")
		want, errWant := os.ReadFile("want/a.png")
		had, errHad := os.ReadFile("had/a-input.png")
		if errWant != nil || errHad != nil || !bytes.Equal(want, had) {
			t.Errorf("%d channels: the Verilog's picture is another: %v, %v", channels, errWant, errHad)
		}
	}
}

// TestPicturesRefused: what does not go together is wrong usage, and nothing is written over
// what is read.
func TestPicturesRefused(t *testing.T) {
	net, tiny := enlarger(t, 4, 1), tinyNetwork(t)
	named, err := filepath.Abs(testdata("no_input_quant.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	pictureFile(t, "a.png", 12, 16)
	for _, c := range []struct {
		status int
		want   string
		args   []string
	}{
		{statusUsage, "--out wants --images too", []string{net, "--out", "x"}},
		{statusUsage, "--float wants --images too", []string{net, "--float"}},
		{statusUsage, "--scale does not go with --images", []string{net, "--images", "a.png", "--scale", "2"}},
		{statusUsage, "--out . is written anew and holds --images a.png", []string{net, "--images", "a.png", "--out", "."}},
		{statusUsage, "--out . is written anew and holds --images .", []string{net, "--images", ".", "--out", "."}},
		{statusFailed, "want images of 1 or 3 channels", []string{tiny, "--images", "a.png"}},
		{statusFailed, "by weights of shape [64 5]",
			[]string{named, "--input-size", "8x8", "--data", "drawn"}},
	} {
		o := command(t, append([]string{"eval"}, c.args...)...)
		if o.status != c.status || !strings.Contains(o.errors, c.want) {
			t.Errorf("%v: status %d, %q, want %q", c.args, o.status, o.errors, c.want)
		}
	}
	writeFile(t, "spec.yaml", []byte("layers: [4]\n"))
	command(t, "train", "spec.yaml", "--test-images", "a.png").wantOneLine(t, "train", statusUsage, "has no super.factor")
	if err := os.Remove("spec.yaml"); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
