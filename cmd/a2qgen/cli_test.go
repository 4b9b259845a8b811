package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// outcome is what a command line did.
type outcome struct {
	status      int
	out, errors string
}

func command(t *testing.T, args ...string) outcome {
	t.Helper()
	return commandContext(t, t.Context(), args...)
}

func commandContext(t *testing.T, ctx context.Context, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(ctx, args, &out, &errs)
	return outcome{status, out.String(), errs.String()}
}

// succeed runs a command line that must exit with 0.
func succeed(t *testing.T, args ...string) outcome {
	t.Helper()
	o := command(t, args...)
	if o.status != 0 {
		t.Fatalf("a2qgen %s: status %d: %s", strings.Join(args, " "), o.status, o.errors)
	}
	return o
}

// document decodes the one JSON document of stdout.
func (o outcome) document(t *testing.T) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(o.out))
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		t.Fatalf("stdout is no JSON: %v\n%s", err, o.out)
	}
	if dec.More() {
		t.Fatalf("stdout holds more than one document:\n%s", o.out)
	}
	return doc
}

// wantKeys checks that a JSON object has the keys, which the issue names.
func wantKeys(t *testing.T, what string, doc any, keys ...string) {
	t.Helper()
	object, ok := doc.(map[string]any)
	if !ok {
		t.Fatalf("%s is %T, want an object", what, doc)
	}
	for _, k := range keys {
		if _, ok := object[k]; !ok {
			t.Errorf("%s lacks %q", what, k)
		}
	}
}

func first(t *testing.T, list any) any {
	t.Helper()
	l, ok := list.([]any)
	if !ok || len(l) == 0 {
		t.Fatalf("%v is no list with an element", list)
	}
	return l[0]
}

// ramp returns n small integers from -most to most, in a mixed order.
func ramp(n, most int) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = float32((11*i+i/3)%(2*most+1) - most)
	}
	return w
}

// tinyModel is 4-6-4-3 with 3-bit weights, 2-bit activations and P=7 on fc2.
func tinyModel() *nn.Model {
	one := []float32{1}
	act := &nn.ActQuant{Scale: 2, Bits: 2}
	return &nn.Model{Name: "tiny", InputShape: []int{1, 2, 2}, Input: &nn.ActQuant{Scale: 0.25, Bits: 2},
		Layers: []nn.Layer{
			{Name: "fc1", In: 4, Out: 6, Weights: ramp(24, 3), WeightScale: one, WeightBits: 3, Relu: true, Act: act},
			{Name: "fc2", In: 6, Out: 4, Weights: ramp(24, 2), WeightScale: one, WeightBits: 3, Relu: true, Act: act,
				AccBits: 7},
			{Name: "fc3", In: 4, Out: 3, Weights: ramp(12, 3), WeightScale: one, WeightBits: 3,
				Bias: []float32{0, 1, -1}},
		}}
}

func tinyNetwork(t *testing.T) string { return writeModel(t, tinyModel()) }

func writeModel(t *testing.T, m *nn.Model) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), m.Name+".onnx")
	if err := qonnx.Write(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// idx returns an IDX file of unsigned bytes.
func idx(data []byte, dims ...int) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, data...)
}

// tinyData writes n samples of 2x2 bytes of three classes and returns
// IMAGES,LABELS: the class is where the bright pixel is.
func tinyData(t *testing.T, n int) string {
	t.Helper()
	var pixels, labels []byte
	for i := range n {
		sample := []byte{byte(i * 13 % 60), byte(i * 29 % 60), byte(i * 7 % 60), byte(i * 3 % 60)}
		sample[i%3] = 250
		pixels, labels = append(pixels, sample...), append(labels, byte(i%3))
	}
	dir := t.TempDir()
	x, y := filepath.Join(dir, "x.idx"), filepath.Join(dir, "y.idx")
	writeFile(t, x, idx(pixels, n, 2, 2))
	writeFile(t, y, idx(labels, n))
	return x + "," + y
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

const tinySpec = `name: tiny
layers: [8, 8]
act_bits: 2
acc_bits: 7
batch: 16
float: {epochs: 2}
qat: {epochs: 2}
`

func specFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spec.yaml")
	writeFile(t, path, []byte(text))
	return path
}
