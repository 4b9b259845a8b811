package qonnx

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"google.golang.org/protobuf/proto"
)

// sign appends a BipolarQuant.
func (g *net) sign(x string, scale float32) string {
	return g.custom("BipolarQuant", in(x, g.scalar(scale)))
}

// signs appends a convolution of 3 channels that ends in signs.
func (g *net) signs(x string) string { return g.sign(g.norm(g.conv(x, 4, 3, 3, 1), 3), 0.5) }

// bipolarGraphs are graphs over 4 x 6 x 6 in which -1 and +1 go through one operator each.
var bipolarGraphs = map[string]func(g *net, x string) string{
	"at the end": (*net).signs,
	"a padded convolution": func(g *net, x string) string { // whose padding is 0, neither -1 nor +1
		return g.act(g.conv(g.signs(x), 3, 2, 3, 1), 0.5)
	},
	"max pools, before and behind": func(g *net, x string) string {
		y := g.op("MaxPool", in(g.conv(x, 4, 3, 3, 1)), intsAttr("kernel_shape", 2, 2))
		y = g.op("MaxPool", in(g.sign(y, 0.5)), intsAttr("kernel_shape", 2, 2), intsAttr("pads", 1, 1, 0, 0))
		return g.sign(g.conv(y, 3, 2, 1, 1), 1)
	},
	"a concatenation of signs": func(g *net, x string) string {
		return g.sign(g.conv(g.op("Concat", in(g.signs(x), g.signs(x)), intAttr("axis", 1)), 6, 2, 3, 1), 1)
	},
	"a concatenation with others": func(g *net, x string) string {
		return g.sign(g.conv(g.op("Concat", in(g.signs(x), g.act(x, 0.5)), intAttr("axis", 1)), 7, 2, 3, 1), 1)
	},
	"sums and differences": func(g *net, x string) string {
		y := g.op("Sub", in(g.op("Add", in(g.signs(x), g.signs(x))), g.signs(x)))
		return g.act(g.conv(y, 3, 2, 3, 1), 1)
	},
	"a sign turned round": func(g *net, x string) string {
		return g.act(g.conv(g.op("Neg", in(g.signs(x))), 3, 2, 3, 1), 1)
	},
	"a part of the channels": func(g *net, x string) string {
		return g.act(g.conv(g.op("Gather", in(g.signs(x), g.i64(2, 0)), intAttr("axis", 1)), 2, 2, 3, 1), 1)
	},
	"a mean": func(g *net, x string) string {
		return g.act(g.op("AveragePool", in(g.signs(x)), intsAttr("kernel_shape", 2, 2)), 0.125)
	},
	"a relu behind": func(g *net, x string) string {
		return g.act(g.conv(g.op("Relu", in(g.signs(x))), 3, 2, 3, 1), 1)
	},
	"upsampled": func(g *net, x string) string {
		y := g.op("Upsample", in(g.signs(x), g.f32([]int{4}, 1, 1, 2, 2)), stringAttr("mode", "nearest"))
		return g.act(g.conv(y, 3, 2, 3, 1), 1)
	},
	"quantised again": func(g *net, x string) string {
		return g.sign(g.conv(g.signed(g.signs(x), 0.25), 3, 2, 3, 1), 1)
	},
}

func TestBipolarGraphs(t *testing.T) {
	for name, build := range bipolarGraphs {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(seed, 8))}
				out := build(g, g.act("x", 0.25))
				n := compareWithOracle(t, g.encode(out), 4, []int{4, 6, 6}, func() float64 {
					return float64(g.r.IntN(17)) / 4
				})
				if !slices.ContainsFunc(n.Layers, func(l quant.Layer) bool {
					return l.Thresholds != nil && l.Thresholds.Output == quant.Bipolar
				}) && name != "a relu behind" && name != "quantised again" {
					t.Error("no layer gives BIPOLAR")
				}
			}
		})
	}
}

// A network of the public TFC-1W1A's sizes, weights and activations of one bit as
// Brevitas writes them, needs 11, 8, 8 and 8 bits.
func TestBinaryNetwork(t *testing.T) {
	g := &net{newTestGraph(1, 784), rand.New(rand.NewPCG(5, 8))}
	x := g.sign("x", 1)
	sizes := []int{784, 64, 64, 64, 10}
	for i, rows := range sizes[1:] {
		w := make([]float32, rows*sizes[i])
		for k := range w {
			w[k] = float32(g.r.NormFloat64())
		}
		x = g.op("MatMul", in(x, g.transpose(g.sign(g.f32([]int{rows, sizes[i]}, w...), 1))))
		if rows > 10 {
			x = g.sign(g.norm(x, rows), 1)
		}
	}
	n := compareWithOracle(t, g.encode(x), 3, []int{784}, func() float64 { return g.r.NormFloat64() })
	var got []int
	for i := range n.Layers {
		width, _ := n.Layers[i].NeededBits()
		got = append(got, width)
		if n.Layers[i].Input != quant.Bipolar {
			t.Errorf("layer %s reads %v", n.Layers[i].Name, n.Layers[i].Input)
		}
	}
	if want := []int{11, 8, 8, 8}; !slices.Equal(got, want) {
		t.Errorf("needs %v bits, want %v", got, want)
	}
}

// What Write makes of activations of -1 and +1 is read as such.
func TestWriteBipolar(t *testing.T) {
	m := randomModel(4, 7, 5, 4)
	m.Input = &nn.ActQuant{Scale: 0.5, Bits: 1, Signed: true}
	m.Layers[0].Act = &nn.ActQuant{Scale: 0.25, Bits: 1, Signed: true}
	data, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Decode("bipolar", data)
	if err != nil {
		t.Fatal(err)
	}
	if n.Input.Type != quant.Bipolar || n.Layers[0].Thresholds.Output != quant.Bipolar {
		t.Errorf("input %v, outputs %v", n.Input.Type, n.Layers[0].Thresholds.Output)
	}
	for v, want := range map[float64]int32{-0.1: -1, 0: 1, 3: 1} {
		if got := n.Input.Quantize(0, v); got != want {
			t.Errorf("input %v is %d, want %d", v, got, want)
		}
		if got := m.Input.Integer(v); got != float64(want) {
			t.Errorf("the model's input %v is %v, want %d", v, got, want)
		}
	}
}

// FINN's form of a sign, one threshold with outputs scale 2 and bias -1, and its
// annotation of an input.
func TestFINNBipolar(t *testing.T) {
	g := newTestGraph(1, 4)
	g.annotate("x", "BIPOLAR")
	x := g.custom("MultiThreshold", in(g.fc1("x"), g.f32([]int{3, 1}, 0.5, -1, 2)), floatAttr("out_scale", 2),
		floatAttr("out_bias", -1), stringAttr("out_dtype", "BIPOLAR"))
	n := mustDecode(t, g, g.fc2(x))
	if n.Input.Type != quant.Bipolar || n.Layers[1].Input != quant.Bipolar {
		t.Errorf("input %v, second layer's %v", n.Input.Type, n.Layers[1].Input)
	}
	checkThresholds(t, &n.Layers[0], func(c int, acc float64) float64 {
		if acc*float64(scales1[c]) >= []float64{0.5, -1, 2}[c] {
			return 1
		}
		return -1
	})
	// Weights that are annotated so hold no 0.
	zero := newTestGraph(1, 2)
	w := zero.f32([]int{2, 2}, 1, -1, 0, 1)
	zero.annotate(w, "BIPOLAR")
	_, err := zero.decode(zero.op("MatMul", in(zero.act("x"), w)))
	wantError(t, err, "element 2 is 0, want BIPOLAR as annotated")
}

// NaN in a sample is -1: it is not at least 0, as QONNX compares.
func TestBipolarNaN(t *testing.T) {
	g := newTestGraph(1, 4)
	x := g.custom("BipolarQuant", in("x", g.scalar(1)))
	g.g.Node[0].Name = proto.String("sign")
	n := mustDecode(t, g, g.fc2(g.act(g.fc1(x))))
	var nan float64
	if got := n.Input.Quantize(0, nan/nan); got != -1 {
		t.Errorf("NaN is %d, want -1", got)
	}
}
