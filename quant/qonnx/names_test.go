package qonnx

import (
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// named returns a tensor of four numbers.
func named(name string, v ...float32) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(typeFloat), Dims: []int64{int64(len(v))},
		FloatData: v}
}

// doubled lists files with a name that is there twice. ONNX wants names of tensors
// and attributes once; of two, a reader would have to guess.
var doubled = map[string]func(g *testGraph) []string{
	`initializer "w" is there twice: want one tensor of a name`: func(g *testGraph) []string {
		g.g.Initializer = append(g.g.Initializer, named("w", 1, 2, 3), named("w", 3, 2, 1))
		return in(g.op("Add", in(g.fc1(g.input("x")), "w")))
	},
	`initializer "w" is a sparse tensor: want a dense one`: func(g *testGraph) []string {
		g.g.Initializer = append(g.g.Initializer, named("w", 1, 2, 3))
		g.g.SparseInitializer = append(g.g.SparseInitializer, &onnxpb.SparseTensorProto{Values: named("w", 7)})
		return in(g.op("Add", in(g.fc1(g.input("x")), "w")))
	},
	`graph input "x" is there twice: want one tensor of a name`: func(g *testGraph) []string {
		g.g.Input = append(g.g.Input, tensorInfo("x", []int{1, 4}))
		return in(g.fc1(g.input("x")))
	},
	`the graph has inputs "x" and "y", want one`: func(g *testGraph) []string {
		g.g.Input = append(g.g.Input, tensorInfo("y", []int{1, 4}))
		return in(g.fc1(g.input("x")))
	},
	`output "twice" is defined twice`: func(g *testGraph) []string { // by two nodes
		a, b := g.fc1(g.input("x")), g.op("Relu", in("x"))
		g.rename(a, "twice")
		g.rename(b, "twice")
		return in("twice")
	},
	`output "n5_output_0" is defined twice`: func(g *testGraph) []string { // by one node
		out := g.op("Relu", in(g.input("x")))
		last := g.g.Node[len(g.g.Node)-1]
		last.Output = append(last.Output, out)
		return in(g.fc1(out))
	},
	`output "w" is defined twice`: func(g *testGraph) []string { // by a node and an initializer
		g.g.Initializer = append(g.g.Initializer, named("w", 1, 2, 3))
		g.rename(g.op("Relu", in("x")), "w")
		return in(g.fc1(g.input("x")))
	},
	`output "x" is defined twice`: func(g *testGraph) []string { // by a node and the graph's input
		g.rename(g.op("Relu", in("x")), "x")
		return in(g.fc1(g.input("x")))
	},
	`attribute "alpha" is there twice`: func(g *testGraph) []string {
		return in(g.op("LeakyRelu", in(g.fc1(g.input("x"))), floatAttr("alpha", 0.1), floatAttr("alpha", 0.2)))
	},
	`tensor "x": is annotated as "INT2" and as "INT4", want one type`: func(g *testGraph) []string {
		g.annotate("x", "INT2")
		g.annotate("x", "INT4")
		return in(g.fc1("x"))
	},
	`metadata "a2qgen.acc_bits.fc1": is "8" and "9", want one value`: func(g *testGraph) []string {
		g.meta = append(g.meta, entry("a2qgen.acc_bits.fc1", "8"), entry("a2qgen.acc_bits.fc1", "9"))
		return in(g.fc1(g.input("x")))
	},
	`metadata "a2qgen.acc_bits.twin": two nodes have that name`: func(g *testGraph) []string {
		g.meta = append(g.meta, entry("a2qgen.acc_bits.twin", "20"))
		return g.twins()
	},
	`metadata "a2qgen.acc_start.twin": two nodes have that name`: func(g *testGraph) []string {
		g.meta = append(g.meta, entry("a2qgen.acc_bits.twin", "20"), entry("a2qgen.acc_start.twin", "shifted"))
		return g.twins()
	},
	`input "nowhere" is neither an initializer nor made by a node`: func(g *testGraph) []string {
		return in(g.op("Add", in(g.fc1(g.input("x")), "nowhere")))
	},
	`graph output "nowhere": no node makes it`: func(g *testGraph) []string {
		g.fc1(g.input("x"))
		return in("nowhere")
	},
}

// rename gives an output of a node another name, and leaves its readers.
func (g *testGraph) rename(from, to string) {
	for _, n := range g.g.Node {
		for i, out := range n.Output {
			if out == from {
				n.Output[i] = to
			}
		}
	}
}

// twins appends two layers whose nodes have one name, and returns the output.
func (g *testGraph) twins() []string {
	a := g.fc1(g.input("x"))
	g.g.Node[len(g.g.Node)-1].Name = proto.String("twin")
	b := g.fc2(g.act(a))
	g.g.Node[len(g.g.Node)-1].Name = proto.String("twin")
	return in(b)
}

func TestDoubledNames(t *testing.T) {
	for want, build := range doubled {
		g := newTestGraph(1, 4)
		_, err := g.decode(build(g)...)
		wantError(t, err, want)
	}
}

func TestDoubledOpset(t *testing.T) {
	g := newTestGraph(1, 4)
	data := g.encode(g.fc1(g.input("x")))
	more, err := proto.Marshal(&onnxpb.ModelProto{OpsetImport: []*onnxpb.OperatorSetIdProto{
		{Domain: proto.String("ai.onnx"), Version: proto.Int64(7)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Decode("test", append(data, more...))
	wantError(t, err, "uses versions 14 and 7 of ONNX's operators, want one")
}

// These are there twice by the rules: an initializer among the inputs, whose default
// it is; names of nodes; an output that is listed twice.
func TestLegalTwice(t *testing.T) {
	plain := newTestGraph(1, 4)
	want := mustDecode(t, plain, plain.twins()...)
	for name, change := range map[string]func(g *testGraph, out []string) []string{
		"inputs with defaults": func(g *testGraph, out []string) []string { g.inited = true; return out },
		"output twice":         func(_ *testGraph, out []string) []string { return append(out, out[0]) },
		"metadata twice": func(g *testGraph, out []string) []string {
			g.meta = append(g.meta, entry("author", "me"), entry("author", "me"))
			return out
		},
	} {
		g := newTestGraph(1, 4)
		got := mustDecode(t, g, change(g, g.twins())...)
		if len(got.Layers) != len(want.Layers) || got.Layers[1].Kind != quant.Linear {
			t.Errorf("%s: %d layers, want %d", name, len(got.Layers), len(want.Layers))
		}
	}
}
