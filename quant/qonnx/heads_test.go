package qonnx

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// headGraphs are graphs over 4 x 6 x 6 with several outputs, and what these are read as: the kind of the
// layer that each shows, its shape, and "scores" where it ranks.
var headGraphs = map[string]struct {
	build func(g *net, x string) []string
	want  string
}{
	"two classifiers on a trunk": {func(g *net, x string) []string {
		f := g.op("Flatten", in(g.trunk(x)))
		return in(g.head(f, 3*36, 5), g.head(f, 3*36, 1))
	}, "linear 5 scores, linear 1 scores"},
	"an image and a class": {func(g *net, x string) []string {
		t := g.trunk(x)
		return in(g.act(g.conv(t, 3, 2, 3, 1), 0.5), g.head(g.op("Flatten", in(t)), 3*36, 4))
	}, "conv 6x6x2, linear 4 scores"},
	"the class before the image": {func(g *net, x string) []string {
		t := g.trunk(x)
		return in(g.head(g.op("Flatten", in(t)), 3*36, 4), g.act(g.conv(t, 3, 2, 3, 1), 0.5))
	}, "linear 4 scores, conv 6x6x2"},
	"detection at two scales": {func(g *net, x string) []string {
		fine := g.trunk(x)
		coarse := g.act(g.conv(fine, 3, 4, 3, 1, set("strides", 2, 2)), 0.5)
		return in(g.conv(coarse, 4, 6, 1, 1, set("pads", 0, 0, 0, 0)), g.conv(fine, 3, 6, 3, 1))
	}, "conv 3x3x6, conv 6x6x6"},
	"activations in the middle": {func(g *net, x string) []string {
		t := g.trunk(x)
		return in(t, g.head(g.op("Flatten", in(g.act(g.conv(t, 3, 2, 3, 1), 0.5))), 2*36, 3))
	}, "conv 6x6x3, linear 3 scores"},
	"sums in the middle, quantised behind": {func(g *net, x string) []string {
		y := g.conv(x, 4, 3, 3, 1)
		return in(y, g.head(g.op("Flatten", in(g.act(y, 0.25))), 3*36, 3))
	}, "conv 6x6x3, linear 3 scores"},
	"logits that are quantised and read": {func(g *net, x string) []string {
		y := g.head(g.op("Flatten", in(x)), 4*36, 5)
		return in(y, g.head(g.act(y, 0.5), 5, 2))
	}, "requantize 5 scores, linear 2 scores"},
	"the integers of a Quant that are read": {func(g *net, x string) []string {
		y := g.act(g.head(g.op("Flatten", in(x)), 4*36, 5), 0.5)
		return in(g.head(y, 5, 2), y)
	}, "linear 2 scores, linear 5"},
	"two Quants of one sum": {func(g *net, x string) []string {
		y := g.conv(x, 4, 3, 3, 1)
		return in(g.act(y, 0.25), g.signed(y, 0.5))
	}, "requantize 6x6x3, requantize 6x6x3"},
	"one sum, ranked either way round": {func(g *net, x string) []string {
		y := g.head(g.op("Flatten", in(x)), 4*36, 5)
		return in(y, g.op("Mul", in(y, g.scalar(-2))))
	}, "requantize 5 scores, requantize 5 scores"},
	"the samples' integers, repeated": {func(g *net, x string) []string {
		up := g.op("Resize", in(x, "", g.f32([]int{4}, 1, 1, 2, 2)), stringAttr("mode", "nearest"))
		return in(up, g.head(g.op("Flatten", in(x)), 4*36, 5))
	}, "upsample 12x12x4, linear 5 scores"},
	"constants beside it": {func(g *net, x string) []string {
		f := g.op("Flatten", in(g.trunk(x)))
		return in(g.scalar(0.5), g.head(f, 3*36, 5), g.scalar(0.25), g.head(f, 3*36, 2))
	}, "linear 5 scores, linear 2 scores"},
}

// trunk is a quantised convolution of 3 channels.
func (g *net) trunk(x string) string { return g.act(g.norm(g.conv(x, 4, 3, 3, 1), 3), 0.25) }

// shownOutputs describes the outputs as headGraphs do.
func shownOutputs(n *quant.Network) string {
	var all []string
	for k := range n.Outputs {
		l := n.OutputLayer(k)
		text := fmt.Sprint(l.Kind, " ", l.Shape)
		if l.Score != nil {
			text += " scores"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// Every output of a graph is there, in the file's order and under its name, and is what float64 gives.
func TestHeads(t *testing.T) {
	for name, c := range headGraphs {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(seed, 21))}
				outputs := c.build(g, g.act("x", 0.25))
				n := compareWithOracle(t, g.encode(outputs...), 4, []int{4, 6, 6}, func() float64 {
					return float64(g.r.IntN(17)) / 4
				})
				if got := shownOutputs(n); got != c.want {
					t.Errorf("outputs %s, want %s", got, c.want)
				}
				outputs = slices.DeleteFunc(outputs, func(o string) bool { return strings.HasPrefix(o, "c") }) // constants
				if !slices.Equal(n.OutputNames(), outputs) {
					t.Errorf("outputs are named %q, want %q", n.OutputNames(), outputs)
				}
			}
		})
	}
}

// What only keeps the order at the end of each head is left out, and two outputs of one tensor are one:
// the labels are those of the graph that ends before it.
func TestRankedHeads(t *testing.T) {
	for _, c := range []struct {
		name string
		ends func(g *net, a, b string) []string
		want int // outputs
	}{
		{"ArgMax, Softmax", func(g *net, a, b string) []string {
			return in(g.op("ArgMax", in(a), intAttr("axis", 1)), g.op("Softmax", in(b)))
		}, 2},
		{"logits beside their Softmax", func(g *net, a, b string) []string {
			return in(a, g.op("Softmax", in(a)), g.op("LogSoftmax", in(b)), b)
		}, 2},
		{"TopK", func(g *net, a, b string) []string {
			top := g.op("TopK", in(a, g.i64(1)))
			node := g.g.Node[len(g.g.Node)-1]
			node.Output = append(node.Output, "index")
			return in(top, "index", b)
		}, 2},
	} {
		build := func(ends func(g *net, a, b string) []string) *quant.Network {
			g := &net{newTestGraph(1, 4), rand.New(rand.NewPCG(5, 22))}
			x := g.act("x", 0.25)
			return mustDecode(t, g.testGraph, ends(g, g.head(x, 4, 5), g.head(x, 4, 3))...)
		}
		plain := build(func(_ *net, a, b string) []string { return in(a, b) })
		n := build(c.ends)
		if len(n.Outputs) != c.want {
			t.Errorf("%s: outputs %s, want %d", c.name, shownOutputs(n), c.want)
			continue
		}
		e, p := quant.NewExecutor(n), quant.NewExecutor(plain)
		var got, want quant.Trace
		seen := map[string]bool{}
		for v := range int32(1 << 12) {
			x := []int32{v & 15, v >> 4 & 15, v >> 8, v % 7}
			e.Run(x, &got)
			p.Run(x, &want)
			if !slices.Equal(got.Label, want.Label) {
				t.Fatalf("%s: %v: labels %v, want %v", c.name, x, got.Label, want.Label)
			}
			seen[fmt.Sprint(got.Label)] = true
		}
		if len(seen) < 4 {
			t.Errorf("%s: %d pairs of labels, want more", c.name, len(seen))
		}
	}
}

// Explain tells of the scores of every head.
func TestExplainHeads(t *testing.T) {
	g := &net{newTestGraph(1, 4), rand.New(rand.NewPCG(5, 22))}
	x := g.act("x", 0.25)
	a, b := g.head(x, 4, 5), g.op("Mul", in(g.head(x, 4, 3), g.scalar(2)))
	path := filepath.Join(t.TempDir(), "heads.onnx")
	if err := os.WriteFile(path, g.encode(a, b), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Examine(path, Told{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Explain(b)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{`part of the scores of layer "fc2"`}; !slices.Equal(e.Became, want) {
		t.Errorf("became %q, want %q", e.Became, want)
	}
}

// A model of real numbers has one head: a second one would be lost, where a file is trained on or projected. Two
// outputs of one layer are that head.
func TestFloatHeads(t *testing.T) {
	g := &net{newTestGraph(1, 4), rand.New(rand.NewPCG(5, 23))}
	a := g.op("Relu", in(g.op("Gemm", in("x", g.f32([]int{4, 3}, g.dyadics(12, 8)...)))))
	b := g.op("Gemm", in(a, g.f32([]int{3, 2}, g.dyadics(6, 8)...)))
	_, err := DecodeModel("test", g.encode(b, a))
	wantError(t, err, `graph outputs "n5_output_0" and "n3_output_0" show different layers: a model to train`)
	if m, err := DecodeModel("test", g.encode(b, g.op("Softmax", in(b)))); err != nil || len(m.Layers) != 2 {
		t.Errorf("logits beside their Softmax: %v, %v", m, err)
	}
}
