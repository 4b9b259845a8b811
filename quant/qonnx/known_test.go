package qonnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// fromPyTorch returns the file as PyTorch's exporter signs it, which Brevitas uses.
func fromPyTorch(t *testing.T, data []byte) []byte {
	t.Helper()
	more, err := proto.Marshal(&onnxpb.ModelProto{
		ProducerName: proto.String("pytorch"), ProducerVersion: proto.String("2.8.0"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(data, more)
}

// betweenQuantAndLayer lists what may stand between the Quant of weights w, of shape
// [4 4], and the layer. Each ends in a MatMul or the like.
var betweenQuantAndLayer = map[string]func(g *testGraph, x, w string) string{
	"nothing":   func(g *testGraph, x, w string) string { return g.op("MatMul", in(x, w)) },
	"Transpose": func(g *testGraph, x, w string) string { return g.op("MatMul", in(x, g.transpose(w))) },
	// Gemm transposes by itself: PyTorch writes nn.Linear with a bias so.
	"transB": func(g *testGraph, x, w string) string {
		return g.op("Gemm", in(x, w), intAttr("transB", 1))
	},
	"Reshape": func(g *testGraph, x, w string) string {
		return g.op("MatMul", in(x, g.op("Reshape", in(w, g.i64(4, 4)))))
	},
	// A part of the weights: a layer that was pruned or divided between two.
	"Gather": func(g *testGraph, x, w string) string {
		return g.op("MatMul", in(x, g.op("Gather", in(w, g.i64(0, 3)), intAttr("axis", 1))))
	},
	"Slice": func(g *testGraph, x, w string) string {
		return g.op("MatMul", in(x, g.op("Slice", in(w, g.i64(0), g.i64(2), g.i64(1)))))
	},
	// Its second output is left unread; both are parts of one Quant.
	"Split": func(g *testGraph, x, w string) string {
		a := g.op("Split", in(w, g.i64(1, 3)), intAttr("axis", 1))
		last := g.g.Node[len(g.g.Node)-1]
		last.Output = append(last.Output, "rest")
		return g.op("MatMul", in(x, a))
	},
	"Concat": func(g *testGraph, x, w string) string {
		return g.op("MatMul", in(x, g.op("Concat", in(w, w), intAttr("axis", 1))))
	},
	// The first of the three axes is one that MatMul ignores.
	"Expand": func(g *testGraph, x, w string) string {
		return g.op("MatMul", in(x, g.op("Expand", in(w, g.i64(1, 4, 4)))))
	},
	// Equalised graphs scale weights by channel, with the factors on either side.
	"Mul": func(g *testGraph, x, w string) string {
		return g.op("MatMul", in(x, g.op("Mul", in(g.f32([]int{4}, 1, 2, 3, 4), w))))
	},
	// The product has an axis more than the weights.
	"a wider Mul": func(g *testGraph, x, w string) string {
		return g.op("MatMul", in(x, g.op("Mul", in(w, g.f32([]int{1, 1, 1}, 2)))))
	},
	"Div": func(g *testGraph, x, w string) string { return g.op("MatMul", in(x, g.op("Div", in(w, g.scalar(2))))) },
	"Neg": func(g *testGraph, x, w string) string { return g.op("MatMul", in(x, g.op("Neg", in(w)))) },
	// DOUBLE rounds no FLOAT, and FLOAT no number that was one.
	"Casts": func(g *testGraph, x, w string) string {
		return g.op("MatMul", in(x, g.cast(g.cast(w, typeDouble), typeFloat)))
	},
	// The second finds weights on its grid, since the first has put them there. The file
	// still holds what the first moved.
	"another Quant": func(g *testGraph, x, w string) string {
		return g.op("MatMul", in(x, g.q(w, quantOf{scale: g.scalar(0.3), bits: 16, signed: true})))
	},
}

// What a Quant knows of weights reaches the layer by every way: that they were not
// quantised in the file, and that they have too many bits.
func TestKnownReachesLayers(t *testing.T) {
	weights := func(g *testGraph, unrounded float32, bits float32) string {
		w := make([]float32, 16)
		for i := range w {
			w[i] = float32(i-8) * 0.3
		}
		// -2.39 is 7.97 scales below 0: it goes to -8 again, so that the layer is the same.
		w[0] += unrounded
		return g.q(g.f32([]int{4, 4}, w...), quantOf{scale: g.scalar(0.3), bits: bits, signed: true})
	}
	for name, layer := range betweenQuantAndLayer {
		for _, c := range []struct {
			moved float32
			notes int
			// No note without a weight that moved: else every network would have one.
		}{{0, 0}, {0.01, 1}} {
			g := newTestGraph(1, 4)
			out := layer(g, g.input("x"), weights(g, c.moved, 8))
			f := readBytes(t, fromPyTorch(t, g.encode(out)))
			if len(f.Notes) != c.notes {
				t.Errorf("%s: weights moved by %v: notes %q, want %d", name, c.moved, f.Notes, c.notes)
			}
		}
		if name == "another Quant" { // its integers are of 16 bits, whatever came before
			continue
		}
		g := newTestGraph(1, 4)
		_, err := g.decode(layer(g, g.input("x"), weights(g, 0, 17)))
		wantError(t, err, "are integers of 17 bits, which is too wide: want at most 16")
	}
}

// A part that was never quantised makes weights that are not.
func TestKnownOfNothing(t *testing.T) {
	g := newTestGraph(1, 4)
	w := g.q(g.f32([]int{4, 1}, 1, 2, 3, 1), quantOf{scale: g.scalar(1), bits: 3, signed: true})
	w = g.op("Concat", in(w, g.f32([]int{4, 1}, 1, 2, 3, 1)), intAttr("axis", 1))
	_, err := g.decode(g.op("MatMul", in(g.input("x"), w)))
	wantError(t, err, `its weights, of shape [4 2], are not quantised`)
	// Together they are as wide as the wider one.
	g = newTestGraph(1, 4)
	// Parts of different scales are columns here, whose sums have one scale each.
	a := g.q(g.f32([]int{4, 1}, 1, 2, 3, 1), quantOf{scale: g.scalar(1), bits: 3, signed: true})
	b := g.q(g.f32([]int{4, 1}, 1, 2, 3, 1), quantOf{scale: g.scalar(0.5), bits: 7, signed: true})
	n := mustDecode(t, g, g.op("MatMul", in(g.input("x"), g.op("Concat", in(a, b), intAttr("axis", 1)))))
	l := n.Layers[0]
	if want := []int32{1, 2, 3, 1, 2, 4, 6, 2}; l.WeightBits != 7 || !slices.Equal(l.Weights, want) {
		t.Errorf("%d-bit weights %v, want 7-bit %v", l.WeightBits, l.Weights, want)
	}
}

// A stream of too many bits is called that by whoever reads it, not "not quantised".
func TestWideStreams(t *testing.T) {
	for name, read := range map[string]func(g *testGraph, x string) string{
		"MatMul": func(g *testGraph, x string) string { return g.fc1(x) },
		// An affine step keeps integers, too wide or not.
		"Mul, MatMul": func(g *testGraph, x string) string { return g.fc1(g.op("Mul", in(x, g.scalar(2)))) },
		"Add, MatMul": func(g *testGraph, x string) string { return g.fc1(g.op("Add", in(x, g.scalar(2)))) },
		// Of two operands at fault the first is wide; the Tanh of the other is not a Quant.
		"Add": func(g *testGraph, x string) string { return g.op("Add", in(x, g.op("Tanh", in(x)))) },
		"Gather": func(g *testGraph, x string) string {
			return g.op("Gather", in(x, g.i64(1)), intAttr("axis", 1))
		},
		"Concat": func(g *testGraph, x string) string { return g.op("Concat", in(x, x), intAttr("axis", 1)) },
	} {
		g := newTestGraph(1, 4)
		_, err := g.decode(read(g, g.q("x", quantOf{scale: g.scalar(1), bits: 17})))
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantError(t, err, "has integers of 17 bits, which is too wide")
	}
}

// Weights that were quantised when the file was written lie on their grid by FLOAT's
// roundings, of any integer and scale: here each integer at 16 bits, and the one that
// lies furthest from it. Those of a Quant that moved them do not.
func TestGrid(t *testing.T) {
	near := gridOf(typeFloat, typeFloat)
	furthest := 0.0
	check := func(n int, scale float32) {
		d := float64(float32(n) * scale) // one rounding, as every writer of FLOAT has
		x := d / float64(scale)
		furthest = max(furthest, math.Abs(x-float64(n)))
		if !near.holds(x, float64(n)) {
			t.Fatalf("%d of scale %v is %v scales, which is not on the grid", n, scale, x)
		}
	}
	r := rand.New(rand.NewPCG(5, 16))
	// One that was found to be far off, thirds, and scales far from 1: the bound is
	// relative to the integer and knows no scale.
	scales := []float32{0.13, 0.1, 1. / 3, 1, 1e-6, 3e7}
	drawn := 100
	if testing.Short() {
		drawn = 2
	}
	for range drawn {
		scales = append(scales, float32(math.Exp(r.Float64()*20-15)))
	}
	for _, scale := range scales {
		for n := -1 << 15; n < 1<<15; n++ {
			check(n, scale)
		}
	}
	// 31520 of scale 0.13 lies 1.85e-3 scales beside its integer; half of the last
	// digit of 2^15 is 2^-9 at most.
	if furthest < 1.8e-3 || furthest > 0x1p-9 {
		t.Errorf("the furthest weight lies %v scales beside its integer, want 1.85e-3 at least, 2^-9 at most", furthest)
	}
	// Four units of 2^-24, times the integer: of 1 that is 2^-22, of 32768 1/128.
	for _, c := range []struct {
		x, y float64
		on   bool
	}{
		{0, 0, true}, {1e-9, 0, false}, {1 + 0x1p-22, 1, true}, {1 + 0x1p-21, 1, false},
		{-32768 - 1./128, -32768, true}, {-32768 - 1./64, -32768, false}, {7.001, 7, false},
	} {
		if near.holds(c.x, c.y) != c.on {
			t.Errorf("%v scales for the integer %v: on the grid is %v, want %v", c.x, c.y, !c.on, c.on)
		}
	}
	// FLOAT16 has 11 digits: 7 of scale 0.1 may be 0.7001953125.
	if half := gridOf(typeFloat16, typeFloat); !half.holds(0.7001953125/0.1, 7) || half.holds(7.1, 7) {
		t.Error("FLOAT16 rounds to 11 digits: 0.7001953125 is 7 of scale 0.1, and 7.1 of them are not 7")
	}
}

// The extremes of 16-bit weights raise no note, and one that was moved by a hundredth
// of a scale does.
func TestGridNotes(t *testing.T) {
	scale := float32(0.13)
	for _, c := range []struct {
		moved float32
		notes int
	}{{0, 0}, {0.013, 1}, {-0.013, 1}} {
		// Both ends of the type, the integer that lies furthest off, and the smallest.
		for _, n := range []float32{31520, -31520, 32767, -32768, 1, 0} {
			g := newTestGraph(1, 1)
			w := g.q(g.f32([]int{1, 1}, n*scale+c.moved), quantOf{scale: g.scalar(scale), bits: 16, signed: true})
			f := readBytes(t, fromPyTorch(t, g.encode(g.op("MatMul", in(g.input("x"), w)))))
			if len(f.Notes) != c.notes {
				t.Errorf("%v scales, moved by %v: notes %q, want %d", n, c.moved, f.Notes, c.notes)
			}
			if want := fmt.Sprint([]int32{int32(n)}); fmt.Sprint(f.Network.Layers[0].Weights) != want {
				t.Errorf("weights %v, want %v", f.Network.Layers[0].Weights, want)
			}
		}
	}
}
