package qonnx

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// onnxOperators are ONNX's attributes of an operator by opset, of
// testdata/attributes.json: only opsets in which they changed. A default is
// "required" where there is none, and empty where ONNX says none.
type onnxOperators map[string][]struct {
	Since      int64
	Attributes map[string]struct {
		Type    int32
		Default string
	}
}

func onnxAttributes(t *testing.T) onnxOperators {
	t.Helper()
	text, err := os.ReadFile("testdata/attributes.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Operators onnxOperators }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all.Operators
}

// refusedAttributes are ONNX's that are not supported: a graph with one is refused.
var refusedAttributes = map[string][]string{
	"Constant": {"sparse_value", "value_string", "value_strings"},
	"Pad":      {"paddings"},                    // of opset 1
	"Upsample": {"height_scale", "width_scale"}, // of opset 1
}

// Every operator that is read knows all attributes of its ONNX page in every opset,
// or refuses them, and no others.
func TestAttributesOfONNX(t *testing.T) {
	onnx := onnxAttributes(t)
	names := slices.Concat(sortedKeys(operators), sortedKeys(unaries), sortedKeys(binaries))
	// All that the importer evaluates: a new operator is held to its page from the start.
	for _, op := range names {
		versions, ok := onnx[op]
		if !ok {
			t.Errorf("%s is read, and not in testdata/attributes.json", op)
		}
		have := map[string]bool{}
		for _, v := range versions {
			// Known or refused, never neither: an attribute that nobody thought of would be
			// read over.
			for name, a := range v.Attributes {
				have[name] = true
				known, ok := knownAttributes[op][name]
				if refused := slices.Contains(refusedAttributes[op], name); ok == refused {
					t.Errorf("%s-%d: attribute %s is known %v and refused %v", op, v.Since, name, ok, refused)
				}
				if named := op == "Cast" && v.Since < castsByName; ok && known.typ != a.Type && !named {
					t.Errorf("%s-%d: attribute %s is of type %d, want %d", op, v.Since, name, known.typ, a.Type)
				}
			}
		}
		// One of no page would be accepted from files of no standard.
		for name := range knownAttributes[op] {
			if !have[name] {
				t.Errorf("%s: attribute %s is not ONNX's", op, name)
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// These are all of ONNX's attributes whose default differs between opsets: the code
// has to look at the opset for each (versions.go, ruleOf, seluAlpha). Unsqueeze,
// Constant, Slice and the like only make a required attribute optional or drop it.
func TestDefaultsByOpset(t *testing.T) {
	want := map[string][]string{
		"Concat.axis": {"", "required"}, "Split.axis": {"", "0"},
		"Softmax.axis": {"1", "-1"}, "LogSoftmax.axis": {"1", "-1"}, "Hardmax.axis": {"1", "-1"},
		"Selu.alpha": {"1.673200011253357", "1.6732631921768188"},
		"Selu.gamma": {"1.0506999492645264", "1.0507010221481323"},
		// No bound, and FLOAT's last number: the same for all that a chain holds.
		"Clip.max": {"", "3.4028234663852886e+38"}, "Clip.min": {"", "-3.4028234663852886e+38"},
		"Constant.value": {"required", ""},
	}
	got := map[string][]string{}
	for op, versions := range onnxAttributes(t) {
		for _, v := range versions {
			for name, a := range v.Attributes {
				if key := op + "." + name; !slices.Contains(got[key], a.Default) {
					got[key] = append(got[key], a.Default)
				}
			}
		}
	}
	// Both ways: a default that changes and is not listed, and one that is listed and does
	// not change.
	for key, defaults := range got {
		if len(defaults) > 1 && !slices.Equal(defaults, want[key]) {
			t.Errorf("%s has defaults %q, want %q", key, defaults, want[key])
		}
	}
	for key := range want {
		if len(got[key]) < 2 {
			t.Errorf("%s has defaults %q, want %q", key, got[key], want[key])
		}
	}
}

// Attributes that may change what an operator computes are refused by name.
func TestRefusedAttributes(t *testing.T) {
	chain := func(op string, attrs ...*onnxpb.AttributeProto) func(g *testGraph) string {
		return func(g *testGraph) string { return g.fc2(g.act(g.op(op, in(g.fc1(g.input("x"))), attrs...))) }
	}
	for want, build := range map[string]func(g *testGraph) string{
		`(Relu): has an attribute "slope", which may change what it computes and is not supported`: chain("Relu",
			floatAttr("slope", 0.1)),
		`(Gelu): attribute "approximate" is "sigmoid", want one of [none tanh]`: chain("Gelu",
			stringAttr("approximate", "sigmoid")),
		// Of the wrong type it would read as 0, and make a ReLU of it.
		`(LeakyRelu): attribute "alpha" is of type 2 of ONNX's AttributeType, want 1`: chain("LeakyRelu",
			intAttr("alpha", 1)),
		// ONNX Runtime's FusedMatMul has it, ONNX's MatMul has not.
		`(MatMul): has an attribute "transB"`: func(g *testGraph) string {
			return g.op("MatMul", in(g.input("x"), g.w1()), intAttr("transB", 1))
		},
		// A scale per channel is a matter of broadcasting in QONNX.
		`(Quant): has an attribute "axis"`: func(g *testGraph) string {
			w := g.q(g.f32([]int{4, 2}, make([]float32, 8)...), quantOf{scale: g.scalar(1), bits: 3})
			last := g.g.Node[len(g.g.Node)-1]
			last.Attribute = append(last.Attribute, intAttr("axis", 1))
			return g.op("MatMul", in(g.input("x"), w))
		},
		// Its statistics are per element then, which would pass for channels on a vector.
		`(BatchNormalization): attribute "spatial" is 0, want one of [1]`: func(g *testGraph) string {
			v := g.f32([]int{3}, 1, 1, 1)
			g.opset = 8
			return g.op("BatchNormalization", in(g.fc1(g.input("x")), v, v, v, v), intAttr("spatial", 0))
		},
		// The factor is 1: nothing else would look at the node.
		`(Resize): attribute "exclude_outside" is 1, want one of [0]`: func(g *testGraph) string {
			return g.op("Resize", in(g.input("x"), "", g.f32([]int{2}, 1, 1)), intAttr("exclude_outside", 1))
		},
		// Of factor 1 it cuts, too.
		`(Resize): transforms coordinates by "tf_crop_and_resize"`: func(g *testGraph) string {
			x := g.op("Resize", in(g.input("x"), g.f32([]int{4}, 0, 0.5, 1, 1), g.f32([]int{2}, 1, 1)),
				stringAttr("coordinate_transformation_mode", "tf_crop_and_resize"))
			return g.fc1(x)
		},
		// (0 + 0.5) / 1 is 0.5, whose ceiling is 1.
		`(Resize): picks element 1 for position 0`: func(g *testGraph) string {
			x := g.op("Resize", in(g.input("x"), "", g.f32([]int{2}, 1, 1)), stringAttr("nearest_mode", "ceil"),
				stringAttr("coordinate_transformation_mode", "tf_half_pixel_for_nn"))
			return g.fc1(x)
		},
		// At 0.5, between elements 0 and 1.
		`(Resize): interpolates between elements at position 0`: func(g *testGraph) string {
			x := g.op("Resize", in(g.input("x"), "", g.f32([]int{2}, 1, 1)), stringAttr("mode", "linear"),
				stringAttr("coordinate_transformation_mode", "tf_half_pixel_for_nn"))
			return g.fc1(x)
		},
		// ONNX wants exactly one; which of two is meant nobody knows.
		`(Constant): has 2 values, want one`: func(g *testGraph) string {
			return g.op("Add", in(g.fc1(g.input("x")), g.op("Constant", nil, floatAttr("value_float", 1),
				intAttr("value_int", 2))))
		},
	} {
		g := newTestGraph(1, 4)
		_, err := g.decode(build(g))
		wantError(t, err, want)
	}
}

// IR version 1 has no types of attributes: what is there is read.
func TestUntypedAttributes(t *testing.T) {
	g := newTestGraph(1, 4)
	alpha := &onnxpb.AttributeProto{Name: proto.String("alpha"), F: proto.Float32(0.5)}
	n := mustDecode(t, g, g.quarters(g.op("LeakyRelu", in(g.fc1(g.input("x"))), alpha)))
	// Channel 0 is worth 0.25 * 0.5 a unit: -4 of them are -0.5, halved -0.25, one
	// quarter.
	if got := n.Layers[0].Thresholds.Apply(0, -4); got != -1 {
		t.Errorf("accumulator -4 gives %d quarters, want -1", got)
	}
}
