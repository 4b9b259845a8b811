package qonnx

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Whatever the bytes, Decode returns.
func FuzzDecode(f *testing.F) {
	for _, build := range sameNetwork {
		g, outputs := build()
		f.Add(g.encode(outputs...))
	}
	for _, build := range badGraphs {
		g, outputs := build()
		f.Add(g.encode(outputs...))
	}
	f.Add(smallCopy(f, fmnistMLP))
	f.Add(smallCopy(f, fmnistCNN))
	for name, build := range imageGraphs {
		g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(1, uint64(len(name))))}
		f.Add(g.encode(build(g, g.act("x", 0.25))))
	}
	entries, err := os.ReadDir(cases)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(cases + e.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for seed := range uint64(3) {
		for _, m := range []*nn.Model{graphModel(seed), floated(graphModel(seed))} {
			data, err := Encode(m)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := Decode("fuzz", data)
		if (n == nil) == (err == nil) {
			t.Errorf("network %v and error %v", n, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q has several lines", err)
		}
		m, err := DecodeModel("fuzz", data)
		if (m == nil) == (err == nil) {
			t.Errorf("model %v and error %v", m, err)
		}
	})
}

// smallCopy returns the file with its large tensors emptied: fuzzing a quarter
// of a megabyte is slow.
func smallCopy(f *testing.F, path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		f.Fatal(err)
	}
	for _, n := range m.Graph.Node {
		for _, a := range n.Attribute {
			if raw := a.GetT().GetRawData(); len(raw) > 1024 {
				a.T.RawData = bytes.Clone(raw[:64])
			}
		}
	}
	small, err := proto.Marshal(&m)
	if err != nil {
		f.Fatal(err)
	}
	return small
}
