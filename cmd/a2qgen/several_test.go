package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// withOutput makes a tensor within the file of a model an output of the graph too, behind the one that there is.
func withOutput(t *testing.T, path, tensor string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	m.Graph.Output = append(m.Graph.Output, &onnxpb.ValueInfoProto{Name: &tensor, Type: m.Graph.Output[0].Type})
	if raw, err = proto.Marshal(&m); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, raw)
	return path
}

// hidden is the tensor that the layer fc1 or conv1 of a written model ends in.
func hidden(layer string) string { return "/" + layer + "/act_quant/export_handler/Quant_output_0" }

// right counts the samples whose label at output k is the one given.
func right(t *testing.T, path string, k int, samples [][]float32, labels []int) (n float64) {
	t.Helper()
	net, err := qonnx.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	e, tr := quant.NewExecutor(net), quant.Trace{}
	x := make([]int32, net.InputSize())
	for i, s := range samples {
		net.Input.Apply(s, x)
		if e.Run(x, &tr); tr.Label[k] == labels[i] {
			n++
		}
	}
	return n
}

// TestSeveralClassifiers: labels are those of the first output that ranks, or of the one that is named, in eval
// and in what leaves the Verilog; each has its port, and inspect and generate list them.
func TestSeveralClassifiers(t *testing.T) {
	act := &nn.ActQuant{Scale: 0.5, Bits: 4}
	path := writeModel(t, &nn.Model{Name: "heads", InputShape: []int{3}, Input: &nn.ActQuant{Scale: 1, Bits: 3},
		Layers: []nn.Layer{
			{Name: "fc1", In: 3, Out: 3, Weights: []float32{1, -1, 2, 0, 3, -1, 2, 1, -2}, WeightScale: []float32{1},
				WeightBits: 3, Relu: true, Act: act},
			{Name: "fc2", In: 3, Out: 3, Weights: []float32{1, -2, 1, -1, 1, 1, 0, 2, -1}, WeightScale: []float32{1},
				WeightBits: 3}}})
	withOutput(t, path, hidden("fc1"))
	var text strings.Builder
	var samples [][]float32
	var labels []int
	for i := range 60 {
		s := []float32{float32(i % 8), float32(i * 3 % 8), float32(i * 5 % 7)}
		samples, labels = append(samples, s), append(labels, i*7%3)
		fmt.Fprintf(&text, "%d,%g,%g,%g\n", labels[i], s[0], s[1], s[2])
	}
	set, dir := filepath.Join(t.TempDir(), "set.csv"), filepath.Join(t.TempDir(), "design")
	writeFile(t, set, []byte(text.String()))
	// The scores of fc2, not the activations of fc1, whatever the order in the file.
	want := map[string]float64{"output": right(t, path, 0, samples, labels),
		hidden("fc1"): right(t, path, 1, samples, labels)}
	if want["output"] == want[hidden("fc1")] {
		t.Fatalf("both outputs are right %v times", want)
	}
	said := succeed(t, "inspect", path).out
	for _, line := range []string{"Outputs", "output ", hidden("fc1") + "  fc1", "label and score", "integers"} {
		if !strings.Contains(said, line) {
			t.Errorf("inspect says %q, want %q", said, line)
		}
	}
	said = succeed(t, "generate", path, "--out", dir).out
	for _, line := range []string{"output    output at m_output, latency ",
		"output    " + hidden("fc1") + " at m_fc1_act_quant_export_handler_Quant_output_0, latency "} {
		if !strings.Contains(said, line) {
			t.Errorf("generate says %q, want %q", said, line)
		}
	}
	succeed(t, "estimate", dir, "--acc", "own")
	command(t, "eval", path, "--data", set, "--scale", "1", "--output", "box").wantOneLine(t, "eval", statusFailed,
		`no output "box", want one of output, `+hidden("fc1"))
	for _, name := range []string{"", "output", hidden("fc1")} {
		args, of := []string{"--data", set, "--scale", "1", "--json"}, name
		if name == "" {
			of = "output"
		} else {
			args = append(args, "--output", name)
		}
		doc := succeed(t, append([]string{"eval", path}, args...)...).document(t)
		if doc["correct"] != want[of] || doc["output"] != of {
			t.Errorf("eval --output %q: %v right of %v, want %v", name, doc["correct"], doc["output"], want[of])
		}
		tooltest.Need(t, "iverilog", "vvp")
		doc = succeed(t, append([]string{"sim", dir, "--frames", "60", "--drawn", "0", "--simulator", "icarus"},
			args...)...).document(t)
		outputs := doc["outputs"].([]any)
		if doc["mismatches"] != 0.0 || doc["correct"] != want[of] || doc["output"] != of || len(outputs) != 2 {
			t.Errorf("sim --output %q: %v right of %v, want %v; outputs %v", name, doc["correct"], doc["output"], want[of],
				outputs)
		}
		// The design's are those of the slowest output, of which fc2 is behind fc1.
		first, second := outputs[0].(map[string]any), outputs[1].(map[string]any)
		if doc["latency_cycles"] != first["latency_cycles"] ||
			second["latency_cycles"].(float64) >= first["latency_cycles"].(float64) ||
			first["interval_cycles"] != doc["interval_cycles"] || second["port"] != first["port"].(string)[:2]+
			"fc1_act_quant_export_handler_Quant_output_0" {
			t.Errorf("latency %v, interval %v; outputs %v", doc["latency_cycles"], doc["interval_cycles"], outputs)
		}
	}
}

// TestPictureBesideClass: of a network that gives an image and a class the image leaves as pixels, and its PNG
// is the executor's; labels are counted beside it. A single frame has no interval, and is told so.
func TestPictureBesideClass(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	path := writeModel(t, &nn.Model{Name: "both", InputShape: []int{1, 6, 6},
		Input: &nn.ActQuant{Scale: 1.0 / 255, Bits: 8},
		Layers: []nn.Layer{
			{Name: "conv1", Kind: quant.Conv, In: 9, Out: 1, Weights: []float32{0.25, 0, -0.25, 0.5, 0.75, 0.25, 0, 0.25, -0.5},
				WeightScale: []float32{0.25}, WeightBits: 3, Window: quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1},
				Act: &nn.ActQuant{Scale: 0.0173, Bits: 6}},
			{Name: "fc1", In: 36, Out: 2, Weights: rampWeights(72), WeightScale: []float32{1}, WeightBits: 3}}})
	withOutput(t, path, hidden("conv1"))
	t.Chdir(t.TempDir())
	pictureFile(t, "a.png", 6, 6)
	succeed(t, "eval", path, "--images", "a.png", "--out", "want")
	succeed(t, "generate", path, "--pixels", "--out", "design")
	for _, args := range [][]string{nil, {"--output", hidden("conv1")}, {"--output", "output"}} {
		if err := os.RemoveAll("had"); err != nil {
			t.Fatal(err)
		}
		o := succeed(t, append([]string{"sim", "design", "--simulator", "icarus", "--frames", "1", "--drawn", "1", "--data",
			"a.png", "--out", "had", "--stall", "0.4"}, args...)...)
		want, errWant := os.ReadFile("want/a.png")
		had, errHad := os.ReadFile("had/a.png")
		if errWant != nil || errHad != nil || !bytes.Equal(want, had) {
			t.Errorf("%v: the Verilog's picture is another: %v, %v\n%s", args, errWant, errHad, o.out)
		}
	}
	sim := []string{"sim", "design", "--simulator", "icarus", "--frames", "1", "--drawn", "0", "--data", "a.png"}
	if said := succeed(t, sim...).out; !strings.Contains(said, "; interval - (one frame alone has none), latency ") {
		t.Errorf("sim says %q", said)
	}
	doc := succeed(t, append(sim, "--json")...).document(t)
	if v, there := doc["interval_cycles"]; !there || v != nil {
		t.Errorf("interval %v, want null", v)
	}
}

// rampWeights returns integers of 3 bits in no order.
func rampWeights(n int) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = float32((i*i+3*i)%7 - 3)
	}
	return w
}
