package train

import (
	"reflect"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"gopkg.in/yaml.v3"
)

func TestLayersRoundTrip(t *testing.T) {
	for _, text := range []string{"layers: [64, 64, 64]", graphSpec, refCNN, tapsSpec, transposedSpec} {
		s, err := ParseSpec([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out, err := yaml.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSpec(out)
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if !reflect.DeepEqual(s, again) {
			t.Errorf("read %+v, after writing %+v", s.Layers, again.Layers)
		}
	}
	out, err := yaml.Marshal(DefaultSpec())
	if err != nil || !strings.Contains(string(out), "layers: [64, 64, 64]\n") {
		t.Errorf("widths are not written as numbers: %v\n%s", err, out)
	}
}

func TestLayerDefaults(t *testing.T) {
	s, err := ParseSpec([]byte("layers: [{conv: {out: 2, kernel: 3}}, {maxpool: {kernel: 2}}, " +
		"{linear: 5}, {upsample: 2}]"))
	if err != nil {
		t.Fatal(err)
	}
	want := Layers{
		{Kind: ConvLayer, Out: 2, Kernel: Both(3), Stride: Both(1), Dilation: Both(1), Groups: 1},
		{Kind: MaxPoolLayer, Kernel: Both(2), Stride: Both(2)},
		{Kind: LinearLayer, Out: 5},
		{Kind: UpsampleLayer, Factor: 2},
	}
	if !reflect.DeepEqual(s.Layers, want) {
		t.Errorf("got %+v, want %+v", s.Layers, want)
	}
}

// TestLayersRefused: each error names the field and what is legal there.
func TestLayersRefused(t *testing.T) {
	for layers, want := range map[string]string{
		"7": "layers is no list",
		"[[1]]": "layers[0] is no number and no map of one kind of " +
			"layer",
		"[{conv: {}, linear: 2}]": "layers[0] is no number and no map of one kind",
		"[{convolve: {}}]": `layers[0]: unknown kind "convolve", want avgpool, ` +
			"concat, conv,",
		"[{conv: 3}]":                                   "layers[0].conv: want a map of out, kernel",
		"[{conv: {outs: 3}}]":                           "layers[0].conv.outs: no such field, want out, kernel",
		"[{conv: {out: 3, out: 4, kernel: 1}}]":         "layers[0].conv.out stands there twice",
		"[{conv: {out: three, kernel: 1}}]":             "layers[0].conv.out is three, want a whole number",
		"[1, {conv: {out: 3}}]":                         "layers[1].conv.kernel is 0, want 1..64",
		"[{conv: {out: 3, kernel: 65}}]":                "layers[0].conv.kernel is 65, want 1..64",
		"[{conv: {out: 3, kernel: 3, stride: 0}}]":      "layers[0].conv.stride is 0, want 1..64",
		"[{conv: {out: 3, kernel: 3, pad: 3}}]":         "layers[0].conv.pad is 3, want 0..2",
		"[{conv: {out: 3, kernel: 3, dilation: 99}}]":   "layers[0].conv.dilation is 99",
		"[{conv: {out: 3, kernel: 3, groups: 2}}]":      "layers[0].conv.groups is 2, want a divisor of out, 3",
		"[{conv: {out: 9000, kernel: 3}}]":              "layers[0].conv.out is 9000, want 1..8192",
		"[{conv: {out: 3, kernel: 3, weight_bits: 1}}]": "layers[0].conv.weight_bits is 1, want 2..8",
		"[{conv: {out: 3, kernel: 3, act_bits: 9}}]":    "layers[0].conv.act_bits is 9, want 1..8",
		"[{conv: {out: 3, kernel: 3, acc_bits: 40}}]":   "layers[0].conv.acc_bits is 40, want 1..32",
		"[{conv: {out: 3, kernel: 3, method: best}}]":   "layers[0].conv.method is best, want base",
		"[{conv: {out: 3, kernel: 3, name: 1st}}]":      "layers[0].conv.name is 1st, want a letter",
		"[{depthwise: {kernel: 3, out: 4}}]":            "layers[0].depthwise.out: no such field",
		"[{residual: {body: []}}]": "layers[0].residual.body is an empty list, want " +
			"1..256 elements",
		"[{residual: {body: [1, {conv: {out: 1}}]}}]": "layers[0].residual.body[1].conv.kernel is 0",
		"[{concat: {branches: [[1]]}}]": "layers[0].concat.branches is a list of 1, want " +
			"2..256 elements",
		"[{concat: {branches: [[1], [0]]}}]": "layers[0].concat.branches[1][0] is 0",
		"[{concat: {branches: 4}}]":          "layers[0].concat.branches is no list",
		"[{upsample: 1}]":                    "layers[0].upsample.factor is 1, want 2..16",
		"[{conv: {out: 3, kernel: [3, 0]}}]": "layers[0].conv.kernel[1] is 0, want 1..64",

		"[{conv: {out: 3, kernel: [3, 1, 1]}}]": "layers[0].conv.kernel is a list of 3, want a number or [down,",
		"[{conv: {out: 3, kernel: [3, 1.5]}}]":  "layers[0].conv.kernel[1] is 1.5, want a whole number",
		"[{conv: {out: 3, kernel: {h: 3}}}]":    "layers[0].conv.kernel is a list or map, want a whole number",

		"[{conv: {out: 3, kernel: [1, 5], pad: [1, 2]}}]": "layers[0].conv.pad[0] is 1, want 0..0",

		"[{conv_transpose: {out: 3, kernel: 3, stride: 2}}]": "layers[0].conv_transpose.kernel is 3, want a multiple of the",

		"[{conv_transpose: {out: 3, kernel: 2, groups: 3}}]":           "layers[0].conv_transpose.groups: no such field",
		"[{conv_transpose: {out: 3, kernel: [2, 3], stride: [2, 2]}}]": "kernel[1] is 3, want a multiple of the stride, 2",
		"[{maxpool: {kernel: 2, pad: 2}}]":                             "layers[0].maxpool.pad is 2, want 0..1",
		strings.Repeat("[{residual: {body: ", 10):                      "did not find",
		strings.Repeat("[{residual: {body: ", 10) + nested(10):         "is nested more than 8 deep",
	} {
		_, err := ParseSpec([]byte("layers: " + layers))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", layers, err, want)
		}
	}
}

func nested(n int) string { return "[1]" + strings.Repeat("}}]", n) }

// TestPlanRefuses: layers that do not fit the data or one another.
func TestPlanRefuses(t *testing.T) {
	image := quant.Shape{H: 8, W: 8, C: 3}
	for _, c := range []struct{ spec, want string }{
		{"layers: [{conv: {out: 4, kernel: 9}}]", "layers[0].conv: a window of 9x9, dilation 1x1, " +
			"does not fit an input of 8x8x3 with pads 0, 0, 0, 0"},
		{"layers: [{conv: {out: 4, kernel: 3, groups: 2}}]",
			"layers[0].conv: 2 groups do not divide 3 input and 4 output channels"},
		{"layers: [4, {conv: {out: 4, kernel: 3}}]",
			"layers[1].conv: reads a row of 4 numbers from \"fc1\", want an image"},
		{"layers: [{pixel_shuffle: 2}]", "layers[0].pixel_shuffle: a factor of 2 turns 4 channels into one, had 3"},
		{"layers: [{residual: {body: [{conv: {out: 4, kernel: 1}}]}}]",
			"layers[0].residual: reads shapes 8x8x4 and 8x8x3, want equal shapes"},
		{"layers: [{concat: {branches: [[], [{maxpool: {kernel: 2}}]]}}]",
			"layers[0].concat: reads shapes 8x8x3 and 4x4x3, want equal heights and widths"},
		{"layers: [{linear: {out: 4, name: a}}, {linear: {out: 4, name: a}}]",
			`layers[1].linear.name: "a" is the name of layers[0].linear too`},
		{"layers: [{linear: {out: 4, name: fc2}}]", "fc2"},
		{"layers: [4, {linear: {out: 4, acc_bits: 4}}]",
			"layers[1].linear: acc_bits is 4, want 5..32 for method a2q+ with inputs of UINT4"},
		{"act_bits: 1\nlayers: [{residual: {body: [{conv: {out: 3, kernel: 1}}]}}]",
			"act_bits: 1 bits for values of both signs, want at least 2"},
		{"layers: [{maxpool: {kernel: 8}}, {conv_transpose: {out: 2, kernel: 4, stride: 4, pad: 1}}]",
			"layers[1].conv_transpose: gives 2x2 positions, want at least a stride, 4x4"},
		{"layers: [4, {conv_transpose: {out: 4, kernel: 3}}]",
			"layers[1].conv_transpose: reads a row of 4 numbers from \"fc1\", want an image"},
		{"layers: [{upsample: 16}, {upsample: 16}, {upsample: 16}]",
			"layers[2].upsample: output shape 32768x32768x3, want at most 67108864 elements"},
		{"batch: 16384\nlayers: [{conv: {out: 8192, kernel: 1}}]",
			"layers[0].conv: the layers up to here have 524480 numbers per sample, " +
				"want at most 32768 with batches of 16384"},
		{"layers: [{conv: {out: 8192, kernel: 7, pad: 3}}, {conv: {out: 8192, kernel: 7, pad: 3}}]",
			"layers[1].conv: 8192 x 401408 weights, 3289538560 with the layers before, want at most 67108864"},
		{"method: budget\ntaps: {units: 4}\nlayers: [{conv: {out: 4, kernel: 1}}, {conv: {out: 4, kernel: 1}}]",
			"layers[1].conv: taps of a conv, want none"},
		{"method: budget\ntaps: {units: 4}\nlayers: [4, {linear: {out: 4, method: a2q}}]",
			"layers[1].linear: taps under method a2q, want none: budget and dq alone have them"},
		{"method: budget\nacc_bits: 8\nrule: split\ntaps: {lanes: 8, cap: 2}\nlayers: [4, 4]",
			"layers[1].linear.taps: units is 16, want at most 8, what either sign has"},
		{"method: budget\nlayers: [{linear: {out: 4, taps: {units: 4}}}]",
			"layers[0].linear.taps: want acc_bits too"},
		{"layers: [8192, 8192]", "layers[1].linear: 8192 x 8192 weights, "},
	} {
		s, err := ParseSpec([]byte(c.spec))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newPlan(s, image, false, 10, true); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.spec, err, c.want)
		}
	}
}

// TestPlanOutput: a network without classifier ends in its last layer with
// weights, perhaps moved.
func TestPlanOutput(t *testing.T) {
	small := quant.Shape{H: 4, W: 4, C: 1}
	s, err := ParseSpec([]byte("layers: [{conv: {out: 8, kernel: 3, pad: 1}}, {conv: {out: 4, kernel: 3, pad: 1}}, " +
		"{pixel_shuffle: 2}]"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(s, small, false, 64, false)
	if err != nil {
		t.Fatal(err)
	}
	if st := p.steps[1]; !st.bias || st.norm || st.Relu || st.act.bits != 8 || st.act.signed || st.scales != 4 {
		t.Errorf("output layer %+v", st)
	}
	if p.steps[2].typ != (quant.DataType{Bits: 8}) {
		t.Errorf("output of type %v, want UINT8", p.steps[2].typ)
	}
	for _, c := range []struct {
		layers string
		size   int
		want   string
	}{
		{"[{conv: {out: 4, kernel: 1}}]", 65, "the output has 4x4x4 = 64 numbers, the data's targets have 65"},
		{"[{conv: {out: 4, kernel: 1}}, {maxpool: {kernel: 2}}]", 16,
			"layers[1].maxpool: the output is a maxpool, want a linear, conv or conv_transpose layer or a residual"},
		{"[{conv: {out: 4, kernel: 1}}, {avgpool: {kernel: 2}}]", 16,
			"layers[1].avgpool: the output is an avgpool, want"},
		{"[{conv: {out: 1, kernel: 1}}, {residual: {act_bits: 8, body: [{conv: {out: 1, kernel: 1}}]}}]", 16,
			"layers[1].residual.act_bits: 8, want none at the output"},
		{"[{upsample: 2}]", 64, "no layer has weights"},
	} {
		if s, err = ParseSpec([]byte("layers: " + c.layers)); err != nil {
			t.Fatal(err)
		}
		if _, err := newPlan(s, small, false, c.size, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.layers, err, c.want)
		}
	}
}

// TestPlanResidualOutput: the sum at the end of a network is its output.
func TestPlanResidualOutput(t *testing.T) {
	s, err := ParseSpec([]byte("layers: [4, {residual: {body: [{linear: {out: 4, norm: false}}]}}]"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(s, quant.Vector(3), true, 4, false)
	if err != nil {
		t.Fatal(err)
	}
	if st := p.steps[1]; !st.bias || st.norm {
		t.Errorf("layer without norm %+v", st)
	}
	if st := p.steps[len(p.steps)-1]; st.Kind != quant.Add || st.Relu || st.act.scale != inputScale(8) ||
		st.typ != (quant.DataType{Bits: 8}) {
		t.Errorf("output %+v", st)
	}
	if a := p.steps[len(p.steps)-2].act; *a != (actPlan{bits: 9, signed: true, scale: inputScale(8), steps: 2}) {
		t.Errorf("operands of the output have %+v", a)
	}
}

// TestPlanMethods: which quantiser each layer gets (MATH 5).
func TestPlanMethods(t *testing.T) {
	text := `
method: a2q+
acc_bits: 14
first_weight_bits: 7
last_weight_bits: 6
layers:
  - conv: {out: 4, kernel: 3, pad: 1}
  - residual: {body: [{depthwise: {kernel: 3, pad: 1}}]}
  - conv: {out: 4, kernel: 1, method: base}
  - linear: {out: 6, weight_bits: 3, acc_bits: 12}
`
	s, err := ParseSpec([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	uint8s, uint4s, int4s := quant.DataType{Bits: 8}, quant.DataType{Bits: 4}, quant.DataType{Bits: 4, Signed: true}
	want := []*quant.Quantizer{
		{Method: quant.Base, WeightBits: 7, Input: uint8s, Rule: quant.Shifted},
		{Method: quant.A2Q, WeightBits: 4, Input: uint4s, AccBits: 14, Rule: quant.Shifted},
		nil, nil, // the shortcut is requantised, then added
		{Method: quant.Base, WeightBits: 4, Input: uint4s, Rule: quant.Shifted},
		{Method: quant.A2QPlus, WeightBits: 3, Input: uint4s, AccBits: 12, Rule: quant.Shifted},
		{Method: quant.Base, WeightBits: 6, Input: uint4s, Rule: quant.Shifted},
	}
	checkPlan := func(want []*quant.Quantizer) *plan {
		p, err := newPlan(s, quant.Shape{H: 4, W: 4, C: 1}, false, 10, true)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if !reflect.DeepEqual(p.steps[i].quantiser, want[i]) {
				t.Errorf("layer %s: %+v, want %+v", p.steps[i].Name, p.steps[i].quantiser, want[i])
			}
		}
		return p
	}
	p := checkPlan(want)
	if p.steps[1].act != p.steps[2].act || p.steps[1].typ != int4s || p.steps[1].Relu {
		t.Errorf("operands of the sum: %+v and %+v, want one signed quantiser", p.steps[1].act, p.steps[2].act)
	}
	s.FirstAccBits, s.LastAccBits, s.DepthwiseMethod = 20, 15, quant.A2QPlus
	want[0].Method, want[0].AccBits = quant.A2QPlus, 20
	want[1].Method = quant.A2QPlus
	want[6].Method, want[6].AccBits = quant.A2QPlus, 15
	checkPlan(want)
}
