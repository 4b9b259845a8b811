package qonnx

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// referenceCase is a graph, samples, and what ONNX's own evaluator makes of each.
type referenceCase struct {
	Model   []byte
	Samples [][]float32
	Outputs [][]float64
}

// reference is testdata/reference.json; its field source says which evaluator.
type reference struct {
	Source           string
	Values, Rankings map[string]referenceCase
}

func referenceTestdata(t *testing.T) *reference {
	t.Helper()
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var out reference
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	// A field of another name would leave nothing to test.
	if len(out.Values) == 0 || len(out.Rankings) == 0 {
		t.Fatal("testdata/reference.json holds no cases")
	}
	return &out
}

// Outputs are those of ONNX's evaluator: of graphs with attributes that are easily
// overlooked, and of quantised weights that are moved about before they are read.
// Scales are powers of two, so that its FLOAT is exact, and Gelu ends in a Quant.
func TestReferenceValues(t *testing.T) {
	for name, c := range referenceTestdata(t).Values {
		n, err := Decode(name, c.Model)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, sample := range c.Samples {
			if got := outputsOf(n, sample); !slices.Equal(got, c.Outputs[i]) {
				t.Errorf("%s: sample %d gives %v, want %v", name, i, got, c.Outputs[i])
			}
		}
	}
}

const (
	alongOne  = `works on axis 0 of shape [1 4], want the axis of all elements`
	nothing   = `mixes channels, so it may only end the network, but node`
	oneResult = `ranks a single element, of which the label is always 0`
)

// unranked are the rankings that are refused: what ONNX gives is no label of the
// largest output.
var unranked = map[string]string{
	"Softmax_0_14": alongOne, "LogSoftmax_0_14": alongOne, "Hardmax_0_14": alongOne, // all 1 or 0
	"ArgMax_0_0": alongOne, "ArgMax_0_1": alongOne, "ArgMax_None_0": alongOne, "ArgMax_None_1": alongOne, // all 0
	// Each element is the largest of its axis, of one.
	"TopK_0":           alongOne,
	"Softmax_ArgMax_0": alongOne, "LogSoftmax_ArgMax_0": alongOne, "Hardmax_ArgMax_0": alongOne, // all 0
	"Softmax_0_ArgMax_1":       alongOne, // 0
	"Softmax_Reshape_ArgMax_1": `works on axis 1 of shape [4 1], want the axis of all elements`,
	"ArgMax_ArgMax":            nothing, "ArgMax_Softmax": nothing, "TopK_TopK": nothing, // 0 or 1
	"ArgMax_Exp":    nothing, // of the label
	"ArgMax_last":   `selects the last index among equals, want the first`,
	"TopK_smallest": `picks the smallest output, want the largest`,
	// By its sign the network would tell two classes apart, where ONNX gives 0.
	"one_ArgMax": oneResult, "one_Softmax": oneResult,
}

// A ranking that is read has ONNX's label, that of the first of the largest.
func TestReferenceRankings(t *testing.T) {
	for name, c := range referenceTestdata(t).Rankings {
		n, err := Decode(name, c.Model)
		// What is refused has outputs in the file as well: they show why.
		if want, ok := unranked[name]; ok {
			wantError(t, err, want)
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		for i, sample := range c.Samples {
			x, tr := make([]int32, n.InputSize()), quant.Trace{}
			n.Input.Apply(sample, x)
			quant.NewExecutor(n).Run(x, &tr)
			// Labels end in one number, scores in four.
			want := int(c.Outputs[i][0])
			if out := c.Outputs[i]; len(out) > 1 {
				want = slices.Index(out, slices.Max(out))
			}
			if tr.Label[0] != want {
				t.Errorf("%s: sample %d has label %d, want %d of %v", name, i, tr.Label[0], want, c.Outputs[i])
			}
		}
	}
}

// Before opset 13 Softmax flattens to two axes: axis 0 means all elements. (ONNX,
// Softmax-11; its evaluator takes one axis in every opset, and is no help.)
func TestFlatteningSoftmax(t *testing.T) {
	for _, op := range []string{"Softmax", "LogSoftmax", "Hardmax"} {
		for _, c := range []struct {
			opset, axis int64
			want        string // the error, if there is one
		}{
			{11, 0, ""}, {12, 0, ""}, {11, 1, ""}, {11, -1, ""},
			{13, 0, `works on axis 0 of shape [1 3], want the axis of all elements`}, {13, 1, ""}, {13, -1, ""},
			{13, 2, `works on axis 2 of shape [1 3]`},
		} {
			g := newTestGraph(1, 4)
			g.opset = c.opset
			_, err := g.decode(g.op(op, in(g.fc1(g.input("x"))), intAttr("axis", c.axis)))
			if c.want != "" {
				wantError(t, err, c.want)
			} else if err != nil {
				t.Errorf("opset %d: %v", c.opset, err)
			}
		}
	}
	// The default: 1, of an image all channels, rows and columns; then -1, its columns.
	// Four channels at one position: all axes but that of channels have size 1.
	build := func(opset int64) (*quant.Network, error) {
		g := newTestGraph(1, 1, 2, 2)
		g.opset = opset
		w := g.q(g.f32([]int{4, 1, 2, 2}, make([]float32, 16)...), quantOf{scale: g.scalar(1), bits: 2, signed: true})
		return g.decode(g.op("Softmax", in(g.op("Conv", in(g.input("x"), w)))))
	}
	if _, err := build(12); err != nil {
		t.Error(err)
	}
	_, err := build(13)
	wantError(t, err, `works on axis 3 of shape [1 4 1 1], want the axis of all elements`)
}

// A ranking of all elements moves as they do: the label counts in the order that ONNX
// has, or the graph is refused. Here Softmax flattens an image (opset 12).
func TestMovedRankings(t *testing.T) {
	for name, c := range map[string]struct {
		move func(g *testGraph, x string) string
		want string // the error, if there is one
	}{
		"as it is": {func(g *testGraph, x string) string { return x }, ""},
		// Channels first is the order of the graph, and channels last in hardware.
		"channels last": {func(g *testGraph, x string) string {
			return g.op("Transpose", in(x), intsAttr("perm", 0, 2, 3, 1))
		}, ""},
		"rows and columns": {func(g *testGraph, x string) string {
			return g.op("Transpose", in(x), intsAttr("perm", 0, 1, 3, 2))
		}, `gives shape [1 2 2 2] of an image of 2x2x2 in another order`},
		"a label of all": {func(g *testGraph, x string) string {
			return g.op("ArgMax", in(g.op("Flatten", in(x))), intAttr("axis", 1))
		}, `gives shape [1 8] of an image of 2x2x2 in another order`},
	} {
		// From opset 13 on Softmax would rank the columns alone, and be refused.
		g := newTestGraph(1, 1, 2, 2)
		g.opset = 12
		_, err := g.decode(c.move(g, g.op("Softmax", in(g.twoByTwo()))))
		if c.want != "" {
			wantError(t, err, c.want)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
