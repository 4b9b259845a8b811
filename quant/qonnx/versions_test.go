package qonnx

import (
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// twoByTwo appends a layer of two channels over an image of two columns: a constant
// of two numbers on the wrong axis would fit, too.
func (g *testGraph) twoByTwo() string {
	w := g.q(g.f32([]int{2, 1, 1, 1}, 1, -2), quantOf{scale: g.scalar(1), bits: 3, signed: true})
	return g.op("Conv", in(g.input("x"), w))
}

// older lists graphs of older opsets, each beside one of opset 14 that is the same by
// ONNX's pages for both.
var older = map[string]struct {
	opset    int64
	old, new func(g *testGraph) string
}{
	// Add-6: "axis: If set, defines the broadcast dimensions"; its example is shape(B)
	// = (3, 4) with axis=1 in shape(A) = (2, 3, 4, 5).
	"a bias from an axis on": {6, func(g *testGraph) string {
		return g.op("Add", in(g.twoByTwo(), g.f32([]int{2}, 0.5, 1)), intAttr("axis", 1), intAttr("broadcast", 1))
	}, func(g *testGraph) string {
		return g.op("Add", in(g.twoByTwo(), g.f32([]int{2, 1, 1}, 0.5, 1)))
	}},
	"a bias of the last axes": {6, func(g *testGraph) string {
		return g.op("Mul", in(g.twoByTwo(), g.f32([]int{2, 1, 1}, 0.5, 1)), intAttr("broadcast", 1))
	}, func(g *testGraph) string {
		return g.op("Mul", in(g.twoByTwo(), g.f32([]int{2, 1, 1}, 0.5, 1)))
	}},
	// PRelu-6: "If slope is of size 1, the value is shared across different channels".
	"slopes of channels": {6, func(g *testGraph) string {
		return g.op("PRelu", in(g.twoByTwo(), g.f32([]int{2}, 0.5, 0.25)))
	}, func(g *testGraph) string {
		return g.op("PRelu", in(g.twoByTwo(), g.f32([]int{2, 1, 1}, 0.5, 0.25)))
	}},
	// Selu-1: alpha 1.6732, gamma 1.0507 by default.
	"Selu of four digits": {5, func(g *testGraph) string {
		return g.op("Selu", in(g.twoByTwo()))
	}, func(g *testGraph) string {
		return g.op("Selu", in(g.twoByTwo()), floatAttr("alpha", 1.6732), floatAttr("gamma", 1.0507))
	}},
	// Concat-1: "Which axis to concat on. Default value is 1."
	"Concat along channels": {3, func(g *testGraph) string {
		x := g.twoByTwo()
		return g.op("Concat", in(x, x))
	}, func(g *testGraph) string {
		x := g.twoByTwo()
		return g.op("Concat", in(x, x), intAttr("axis", 1))
	}},
	"Concat of constants": {3, func(g *testGraph) string {
		return g.op("Add", in(g.twoByTwo(),
			g.op("Concat", in(g.f32([]int{1, 1, 1, 1}, 1), g.f32([]int{1, 1, 1, 1}, 2)))))
	}, func(g *testGraph) string {
		return g.op("Add", in(g.twoByTwo(), g.f32([]int{1, 2, 1, 1}, 1, 2)))
	}},
	// Dropout-6 and BatchNormalization-6: is_test, 0 by default.
	"Dropout in test mode": {6, func(g *testGraph) string {
		return g.op("Dropout", in(g.twoByTwo()), intAttr("is_test", 1))
	}, func(g *testGraph) string { return g.twoByTwo() }},
	"BatchNormalization in test mode": {6, func(g *testGraph) string {
		v := g.f32([]int{2}, 1, 2)
		return g.op("BatchNormalization", in(g.twoByTwo(), v, v, v, v), intAttr("is_test", 1))
	}, func(g *testGraph) string {
		v := g.f32([]int{2}, 1, 2)
		return g.op("BatchNormalization", in(g.twoByTwo(), v, v, v, v))
	}},
	// Dropout-12: training_mode, false by default.
	"Dropout that does not train": {12, func(g *testGraph) string {
		return g.op("Dropout", in(g.twoByTwo(), g.scalar(0.5), g.of(typeBool, 0)))
	}, func(g *testGraph) string { return g.twoByTwo() }},
}

func TestOlderOpsets(t *testing.T) {
	for name, c := range older {
		read := func(opset int64, build func(g *testGraph) string) (*quant.Network, error) {
			g := newTestGraph(1, 1, 2, 2)
			// The Quant behind makes thresholds of all that the chain computes: two chains are the
			// same where all thresholds are.
			x := g.quarters(build(g))
			g.opset = opset
			return g.decode(x)
		}
		want, err := read(14, c.new)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := read(c.opset, c.old)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(want.Layers, got.Layers, cmpopts.IgnoreUnexported(quant.Layer{})); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// Nodes in training mode are refused, whatever says so in their opset.
func TestTrainingModes(t *testing.T) {
	norm := func(g *testGraph, attrs ...*onnxpb.AttributeProto) string {
		v := g.f32([]int{2}, 1, 2)
		return g.op("BatchNormalization", in(g.twoByTwo(), v, v, v, v), attrs...)
	}
	drop := func(g *testGraph, more ...string) string {
		return g.op("Dropout", append(in(g.twoByTwo()), more...))
	}
	for name, c := range map[string]struct {
		opset int64
		build func(g *testGraph) string
	}{
		"Dropout-6":  {6, func(g *testGraph) string { return drop(g) }},
		"Dropout-12": {12, func(g *testGraph) string { return drop(g, g.scalar(0.1), g.of(typeBool, 1)) }},
		// ratio is 0.5 by default.
		"Dropout-13":            {13, func(g *testGraph) string { return drop(g, "", g.of(typeBool, 1)) }},
		"BatchNormalization-6":  {6, func(g *testGraph) string { return norm(g) }},
		"BatchNormalization-14": {14, func(g *testGraph) string { return norm(g, intAttr("training_mode", 1)) }},
		// "Output case #1: Y, mean, var, saved_mean, saved_var (training mode)"
		"BatchNormalization-9": {9, func(g *testGraph) string {
			out := norm(g)
			last := g.g.Node[len(g.g.Node)-1]
			last.Output = append(last.Output, "mean", "var", "saved_mean", "saved_var")
			return out
		}},
	} {
		g := newTestGraph(1, 1, 2, 2)
		out := g.quarters(c.build(g))
		g.opset = c.opset
		data := g.encode(out)
		_, err := Decode("test", data)
		wantError(t, err, `is in training mode, export the network in evaluation mode`)
		// Of a float model, too.
		if _, err = DecodeModel("test", data); err == nil {
			t.Errorf("%s: no error of a float model", name)
			continue
		}
		wantError(t, err, `is in training mode, export the network in evaluation mode`)
	}
	// What decides cannot depend on the input.
	// A switch in the graph: the network would be two.
	g := newTestGraph(1, 1, 2, 2)
	x := g.twoByTwo()
	_, err := g.decode(g.op("Dropout", in(x, "", x)))
	wantError(t, err, `(Dropout): input "n`)
}

// Where ONNX has no default, none is made up.
func TestNoDefaults(t *testing.T) {
	for want, c := range map[string]struct {
		opset int64
		build func(g *testGraph) string
	}{
		`(Concat): has no axis, which ONNX wants from opset 4 on`: {4, func(g *testGraph) string {
			x := g.fc1(g.input("x"))
			return g.op("Concat", in(x, x))
		}},
		`(Split): has no axis, of which ONNX has no default before opset 2`: {1, func(g *testGraph) string {
			g.op("Split", in(g.input("x")))
			last := g.g.Node[len(g.g.Node)-1]
			last.Output = in("a", "b")
			return g.op("Add", in("a", "b"))
		}},
		`(Add): broadcasts shape [3] from axis 1 of shape [1 3] on, want a constant that fits, up to opset 6`: {14,
			func(g *testGraph) string {
				return g.op("Add", in(g.fc1(g.input("x")), g.f32([]int{3}, 1, 2, 3)), intAttr("axis", 1))
			}},
		// Two axes from axis 1 on would be three.
		`(Add): broadcasts shape [1 3] from axis 1`: {6, func(g *testGraph) string {
			return g.op("Add", in(g.fc1(g.input("x")), g.f32([]int{1, 3}, 1, 2, 3)), intAttr("axis", 1))
		}},
	} {
		g := newTestGraph(1, 4)
		out := c.build(g)
		g.opset = c.opset
		_, err := g.decode(out)
		wantError(t, err, want)
	}
}

// What a float model cannot hold, or would read otherwise than the graph has it.
func TestFloatVersions(t *testing.T) {
	dense := func(g *testGraph, x string) string {
		return g.op("MatMul", in(x, g.f32([]int{4, 4}, make([]float32, 16)...)))
	}
	for want, build := range map[string]func(g *testGraph) string{
		`(ArgMax): works on axis 0 of shape [1 4], want the axis of all elements`: func(g *testGraph) string {
			return g.op("ArgMax", in(dense(g, "x")))
		},
		`(ArgMax): ranks a single element`: func(g *testGraph) string {
			x := g.op("ArgMax", in(dense(g, "x")), intAttr("axis", 1))
			return g.op("ArgMax", in(x), intAttr("axis", 1))
		},
		// An attention head, e.g.: without its Softmax it is another model.
		`(MatMul): follows what only keeps the order of the outputs`: func(g *testGraph) string {
			return dense(g, g.op("Softmax", in(dense(g, "x"))))
		},
		`(Concat): has no axis, which ONNX wants from opset 4 on`: func(g *testGraph) string {
			return g.op("Concat", in("x", "x"))
		},
		// Attributes are held to the same lists in both readers.
		`(Gemm): has an attribute "transC"`: func(g *testGraph) string {
			return g.op("Gemm", in("x", g.f32([]int{4, 4}, make([]float32, 16)...)), intAttr("transC", 1))
		},
	} {
		g := newTestGraph(1, 4)
		_, err := DecodeModel("test", g.encode(build(g)))
		wantError(t, err, want)
	}
	// What trains are the layers before it, so that its outputs are of no concern.
	// Every ranking may end it.
	for _, op := range []string{"Softmax", "LogSoftmax", "Hardmax", "ArgMax", "TopK"} {
		g := newTestGraph(1, 4)
		x := in(dense(g, "x"))
		if op == "TopK" {
			x = append(x, g.i64(1))
		}
		out := g.op(op, x, intAttr("axis", 1))
		last := g.g.Node[len(g.g.Node)-1]
		if last.Output = append(last.Output, "second"); op == "TopK" {
			out = "second"
		}
		if _, err := DecodeModel("test", g.encode(g.op("Reshape", in(out, g.i64(-1))))); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	// A Pad of named axes.
	g := newTestGraph(1, 1, 2, 2)
	g.opset = 18
	// The axes are in another order: read without them, rows and columns would get what
	// samples and channels have.
	x := g.op("Pad", in("x", g.i64(0, 0, 1, 1, 0, 0, 1, 1), "", g.i64(3, 2, 1, 0)))
	_, err := DecodeModel("test", g.encode(g.op("Conv", in(x, g.f32([]int{1, 1, 1, 1}, 1)))))
	wantError(t, err, `(Pad): pads by`)
}

// Selu's defaults have four digits before opset 6. They are FLOATs, as attributes are.
// (ONNX, Selu-1 and Selu-6.)
func TestSeluDefaults(t *testing.T) {
	for opset, want := range map[int64][2]float32{5: {1.6732, 1.0507}, 6: {1.67326319217681884765625,
		1.05070102214813232421875}} {
		n := &node{opset: opset}
		if a, g := seluAlpha(n), seluGamma(n); a != float64(want[0]) || g != float64(want[1]) {
			t.Errorf("opset %d: alpha %v and gamma %v, want %v", opset, a, g, want)
		}
	}
}
