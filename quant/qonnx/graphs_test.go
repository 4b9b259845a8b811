package qonnx

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// compareWithOracle runs the file on random samples in the integer executor and
// in float64, and compares the real numbers of every output: they must be the same integer, up
// to unit/2 where that is what one is worth.
func compareWithOracle(t *testing.T, data []byte, samples int, shape []int, draw func() float64) *quant.Network {
	t.Helper()
	n, err := Decode("test", data)
	if err != nil {
		t.Fatal(err)
	}
	e, tr := quant.NewExecutor(n), quant.Trace{}
	x := make([]int32, n.InputSize())
	for range samples {
		in := newArray(append([]int{1}, shape...)...)
		sample := make([]float32, len(in.data))
		for i := range in.data {
			sample[i] = float32(draw())
			in.data[i] = float64(sample[i])
		}
		want := evaluateFile(data, in)
		n.Input.Apply(sample, x)
		e.Run(x, &tr)
		for k, o := range n.Outputs {
			checkOutput(t, e, &tr, k, want[o.Name])
		}
	}
	return n
}

// checkOutput compares output k of the sample last run with what the graph gives.
func checkOutput(t *testing.T, e *quant.Executor, tr *quant.Trace, k int, want *array) {
	t.Helper()
	got := make([]float64, len(want.data))
	e.Real(tr, k, got)
	l := e.Network().OutputLayer(k)
	for i, g := range got {
		at := i
		if len(want.shape) == 4 { // channels first
			at = i%l.Shape.C*l.Shape.Positions() + i/l.Shape.C
		}
		if w := want.data[at]; math.Abs(g-w) > 1e-9*max(1, math.Abs(w)) {
			t.Fatalf("output %d: element %d is %v, want %v", k, i, g, w)
		}
	}
	// The order of integers and exact scores is that of the outputs, ties too.
	if l.Shape.Positions() > 1 || l.Score != nil && !l.Score.Exact {
		return
	}
	first := slices.Index(want.data, slices.Max(want.data))
	if len(want.data) == 1 && want.data[0] > 0 { // two classes by the sign
		first = 1
	}
	if tr.Label[k] != first {
		t.Fatalf("output %d: label %d, want %d of %v", k, tr.Label[k], first, want.data)
	}
}

// dyadic draws a multiple of 1/8: sums and products of such numbers are exact in
// float64, so that ties fall alike wherever they are computed.
func dyadic(r *rand.Rand, most int) float32 { return float32(r.IntN(2*most+1)-most) / 8 }

// net draws graphs for tests. Its methods append layers.
type net struct {
	*testGraph
	r *rand.Rand
}

func (g *net) dyadics(n, most int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = dyadic(g.r, most)
	}
	return v
}

func (g *net) powers(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.Exp2(float64(g.r.IntN(3) - 3)))
	}
	return v
}

// weights appends quantised weights with a scale for each row.
func (g *net) weights(shape ...int) string {
	scale := g.powers(shape[0])
	row := product(shape) / shape[0]
	w := make([]float32, product(shape))
	for i := range w {
		w[i] = float32(g.r.IntN(7)-3) * scale[i/row]
	}
	ones := make([]int, len(shape))
	for i := range ones {
		ones[i] = 1
	}
	ones[0] = shape[0]
	return g.q(g.f32(shape, w...), quantOf{scale: g.f32(ones, scale...), bits: 3, signed: true, narrow: true})
}

func (g *net) act(x string, scale float32) string {
	return g.q(x, quantOf{scale: g.scalar(scale), bits: 4})
}

func (g *net) signed(x string, scale float32) string {
	return g.q(x, quantOf{scale: g.scalar(scale), bits: 4, signed: true})
}

// norm appends a batch norm; half of its gains are negative.
func (g *net) norm(x string, c int) string {
	v := make([]float32, c)
	for i := range v {
		v[i] = []float32{0.25, 1, 4}[g.r.IntN(3)]
	}
	return g.op("BatchNormalization", in(x, g.f32([]int{c}, g.dyadics(c, 16)...), g.f32([]int{c}, g.dyadics(c, 16)...),
		g.f32([]int{c}, g.dyadics(c, 16)...), g.f32([]int{c}, v...)), floatAttr("epsilon", 0))
}

func (g *net) conv(x string, cin, cout, k, groups int, attrs ...func(map[string][]int64)) string {
	a := map[string][]int64{"kernel_shape": {int64(k), int64(k)}, "pads": {1, 1, 1, 1}, "strides": {1, 1},
		"dilations": {1, 1}}
	for _, set := range attrs {
		set(a)
	}
	x = g.op("Conv", in(x, g.weights(cout, cin/groups, k, k), g.f32([]int{cout}, g.dyadics(cout, 8)...)),
		intAttr("group", int64(groups)))
	last := g.g.Node[len(g.g.Node)-1]
	for _, name := range []string{"kernel_shape", "pads", "strides", "dilations"} {
		last.Attribute = append(last.Attribute, intsAttr(name, a[name]...))
	}
	return x
}

// head appends a classifier of scores, with biases.
func (g *net) head(x string, cin, cout int) string {
	return g.op("Gemm", in(x, g.weights(cout, cin), g.f32([]int{cout}, g.dyadics(cout, 8)...)), intAttr("transB", 1))
}

func set(name string, v ...int64) func(map[string][]int64) {
	return func(a map[string][]int64) { a[name] = v }
}

// Every graph's integers are those of the same graph executed in float64.
func TestImageGraphs(t *testing.T) {
	for name, build := range imageGraphs {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(seed, 7))}
				out := build(g, g.act("x", 0.25))
				compareWithOracle(t, g.encode(out), 4, []int{4, 6, 6}, func() float64 {
					return float64(g.r.IntN(17)) / 4
				})
			}
		})
	}
}

// The public ESPCN has a float input: it is read as pixels, k/255. The oracle
// gets the same pixels on an image cut to 12 x 10.
func TestESPCN(t *testing.T) {
	path := models + "/espcn_w4a4_subpixel.onnx"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	n := read(t, path)
	if got := n.OutputLayer(0).Shape; got != (quant.Shape{H: 256, W: 256, C: 3}) || len(n.Layers) != 5 {
		t.Errorf("%d layers, output %v", len(n.Layers), got)
	}
	r := rand.New(rand.NewPCG(3, 1))
	compareWithOracle(t, resized(t, data, 1, 3, 12, 10), 2, []int{3, 12, 10}, func() float64 {
		return float64(r.IntN(256)) / 255
	})
}

// resized returns the file with another shape of its input.
func resized(t *testing.T, data []byte, shape ...int) []byte {
	t.Helper()
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	m.Graph.Input[0] = tensorInfo(m.Graph.Input[0].GetName(), shape)
	out, err := proto.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
