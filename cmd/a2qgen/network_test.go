package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// untyped is a network whose graph does not quantise its input.
const untyped = "../../quant/qonnx/testdata/cases/e28_qkeras_input.onnx"

// The type of samples that the command line gives goes into the design, whose copy
// of the network reads by itself from then on.
func TestInputType(t *testing.T) {
	told := []string{"--input", "INT8", "--input-scale", "0.0625", "--input-zero", "2"}
	text := succeed(t, append([]string{"inspect", untyped}, told...)...).out
	if !strings.Contains(text, "INT9") { // INT8 less 2
		t.Errorf("inspect does not show the type:\n%s", text)
	}
	out := filepath.Join(t.TempDir(), "design")
	succeed(t, append([]string{"generate", untyped, "--out", out}, told...)...)
	succeed(t, "estimate", out)
	succeed(t, append([]string{"estimate", untyped, "--acc", "16"}, told...)...)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--input", "INT99"}, "--input is \"INT99\", want INT2..INT16, UINT1..UINT16 or BIPOLAR"},
		{[]string{"--input", "INT8", "--input-scale", "0"}, "--input-scale is 0, want more than 0"},
		{[]string{"--input-scale", "2"}, "--input-scale wants --input too"},
	} {
		o := command(t, append([]string{"inspect", untyped}, c.args...)...)
		if o.status != 2 || !strings.Contains(o.errors, c.want) {
			t.Errorf("inspect %v: status %d, %q, want 2 and %q", c.args, o.status, o.errors, c.want)
		}
	}
	if o := command(t, "inspect", untyped); o.status != 1 || !strings.Contains(o.errors, "--input") {
		t.Errorf("without its type: status %d, %q, want 1 and the flag that helps", o.status, o.errors)
	}
}

// A file of PyTorch whose weights were not quantised when it was written may hold
// those of A2Q layers before normalisation.
func TestInspectNotes(t *testing.T) {
	data, err := os.ReadFile(untyped)
	if err != nil {
		t.Fatal(err)
	}
	more, err := proto.Marshal(&onnxpb.ModelProto{
		ProducerName: proto.String("pytorch"), ProducerVersion: proto.String("2.8.0"),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "plain.onnx")
	writeFile(t, path, append(data, more...))
	const note = "2 layers, from node \"MatMul_6\" on, have weights that were not quantised " +
		"when pytorch 2.8.0 wrote the file"
	o := succeed(t, "inspect", path, "--input", "INT8")
	if !strings.Contains(o.out, "note: "+note) || !strings.Contains(o.out, "A2Q") {
		t.Errorf("inspect does not say %q:\n%s", note, o.out)
	}
	doc := succeed(t, "inspect", path, "--input", "INT8", "--json").document(t)
	if notes, _ := doc["notes"].([]any); len(notes) != 1 || !strings.HasPrefix(notes[0].(string), note) {
		t.Errorf("notes %v, want %q", doc["notes"], note)
	}
	if o := succeed(t, "inspect", untyped, "--input", "INT8"); strings.Contains(o.out, "note:") {
		t.Errorf("a file of another producer has notes:\n%s", o.out)
	}
}
