package qonnx

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// testdata/cases holds small networks that outside trials found to be read wrongly,
// or not at all.
const cases = "testdata/cases/"

// outputsOf returns the real outputs of a network for a sample, channels last.
func outputsOf(n *quant.Network, sample []float32) []float64 {
	x, tr := make([]int32, n.InputSize()), quant.Trace{}
	n.Input.Apply(sample, x)
	quant.NewExecutor(n).Run(x, &tr)
	out := make([]float64, n.OutputLayer(0).Shape.Size())
	quant.NewExecutor(n).Real(&tr, 0, out)
	return out
}

// Outputs are those of ONNX's own evaluator (onnx 1.23.2, ReferenceEvaluator) in
// float64, with QONNX's Quant, as outputs.json has them. The samples of C2_f16 are
// such that leaving out its Cast gives others.
func TestCases(t *testing.T) {
	text, err := os.ReadFile(cases + "outputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct {
		Samples [][]float32
		Outputs [][]float64
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for name, c := range all {
		n, err := Read(cases + name + ".onnx")
		if err != nil {
			t.Error(err)
			continue
		}
		for i, sample := range c.Samples {
			got := outputsOf(n, sample)
			near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(b)) } // orders of sums
			if !slices.EqualFunc(got, c.Outputs[i], near) {
				t.Errorf("%s: sample %d gives %v, want %v", name, i, got, c.Outputs[i])
			}
		}
	}
}

// A constant weight goes through a Cast: what ONNX makes of it is the layer's l1
// norm, in units of the Quant behind it.
func TestCastWeights(t *testing.T) {
	for name, want := range map[string]int32{
		"cast_bool":     1,    // of 3
		"cast_f16":      2048, // of 2049, in 1/2048
		"cast_bf16":     256,  // of 257, in 1/256
		"cast_f8e4m3":   7,    // of 0.9, in 1/8
		"cast_int8wrap": -56,  // of 200
	} {
		n, err := Read(cases + name + ".onnx")
		if err != nil {
			t.Error(err)
			continue
		}
		if got := n.Layers[0].Weights; len(got) != 1 || got[0] != want {
			t.Errorf("%s: weights %v, want %d", name, got, want)
		}
	}
}

// What cannot be read is refused with what to change.
func TestRefusedCases(t *testing.T) {
	for name, want := range map[string]string{
		"nan_message": `node "n15" (Sqrt): layer "fc1": channel 0: wants a monotone function of the accumulator: ` +
			`accumulator -765 gives NaN, want INT4`,
		"e28_qkeras_input": `the graph's input, is not quantised: put a Quant node of at most 16 bits before it, ` +
			`or say its type (--input INT8:4, its type and fraction bits)`,
	} {
		_, err := Read(cases + name + ".onnx")
		wantError(t, err, want)
	}
}

// A network without a Quant of its input is read with the type that it is told, as
// if it had that Quant.
func TestInputType(t *testing.T) {
	in := InputType{Type: quant.DataType{Bits: 8, Signed: true}, Scale: 0.0625, Zero: -3}
	f, err := ReadFile(cases+"e28_qkeras_input.onnx", Told{Type: &in})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Network.Input.Type; got != (quant.DataType{Bits: 9, Signed: true}) {
		t.Errorf("input of type %v, want INT9: -128..127, less -3", got)
	}
	x := make([]int32, 8)
	f.Network.Input.Apply([]float32{0, 0.0625, -0.03125, 0.09375, 100, -100, 0.15625, -1}, x)
	if want := []int32{0, 1, -1, 1, 130, -125, 3, -16}; !slices.Equal(x, want) {
		t.Errorf("integers %v, want %v", x, want)
	}
	// What was told is in the bytes: a copy reads by itself, and not twice.
	if again, err := Decode("again", f.Data); err != nil || again.Input.Type != f.Network.Input.Type {
		t.Errorf("a copy: %v", err)
	}
	_, err = WithInputType(f.Data, InputType{Type: quant.DataType{Bits: 4}, Scale: 1})
	if err != nil {
		t.Fatal(err)
	}
	twice, _ := WithInputType(f.Data, InputType{Type: quant.DataType{Bits: 4}, Scale: 1})
	_, err = Decode("twice", twice)
	wantError(t, err, `metadata "a2qgen.input_type": is "INT8" and "UINT4", want one value`)
}

// readBytes reads a file of these bytes.
func readBytes(t *testing.T, data []byte) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile(path, Told{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(f.Data, data) {
		t.Error("the bytes are not the file's")
	}
	return f
}
