package qonnx

import (
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// raw appends an initializer of one axis, from bytes.
func (g *testGraph) raw(elem elemType, size int64, bytes ...byte) string {
	name := g.scalar(0)
	t := g.g.Initializer[len(g.g.Initializer)-1]
	t.Reset()
	t.Name, t.DataType, t.Dims, t.RawData = &name, proto.Int32(int32(elem)), []int64{size}, bytes
	return name
}

// first returns element i of a constant, as FLOAT.
func (g *testGraph) element(x string, i int64) string {
	return g.op("Cast", in(g.op("Gather", in(x, g.i64(i)), intAttr("axis", 0))), intAttr("to", typeFloat))
}

// Constants are computed with in their own types: integers wrap and divide as in C,
// FLOAT16 rounds. The numbers are numpy's.
func TestFoldedTypes(t *testing.T) {
	for name, c := range map[string]struct {
		build func(g *testGraph) string
		want  float64
	}{
		"INT8 100+100": {func(g *testGraph) string {
			return g.op("Add", in(g.of(typeInt8, 100), g.of(typeInt8, 100)))
		}, -56},
		"INT8 -(-128)": {func(g *testGraph) string { return g.op("Neg", in(g.of(typeInt8, -128))) }, -128},
		"UINT8 3-5": {func(g *testGraph) string {
			return g.op("Sub", in(g.of(typeUint8, 3), g.of(typeUint8, 5)))
		}, 254},
		"INT16 300*300": {func(g *testGraph) string {
			return g.op("Mul", in(g.of(typeInt16, 300), g.of(typeInt16, 300)))
		}, 24464},
		"INT32 -7/2": {func(g *testGraph) string {
			return g.op("Div", in(g.of(typeInt32, -7), g.of(typeInt32, 2)))
		}, -3},
		"INT32 -7 mod 3": {func(g *testGraph) string {
			return g.op("Mod", in(g.of(typeInt32, -7), g.of(typeInt32, 3)))
		}, 2},
		"INT32 -7 fmod 3": {func(g *testGraph) string {
			return g.op("Mod", in(g.of(typeInt32, -7), g.of(typeInt32, 3)), intAttr("fmod", 1))
		}, -1},
		"FLOAT -7.5 fmod 2": {func(g *testGraph) string {
			return g.op("Mod", in(g.scalar(-7.5), g.scalar(2)), intAttr("fmod", 1))
		}, -1.5},
		"INT32 2^3": {func(g *testGraph) string {
			return g.op("Pow", in(g.of(typeInt32, 2), g.scalar(3.5)))
		}, 11}, // of 11.3
		"FLOAT16 1/3": {func(g *testGraph) string {
			return g.op("Div", in(g.of(typeFloat16, 0x3c00), g.of(typeFloat16, 0x4200)))
		}, 0.333251953125},
		"DOUBLE to FLOAT": {func(g *testGraph) string {
			return g.cast(g.raw(typeDouble, 1, 0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f), typeFloat) // 0.1
		}, float64(float32(0.1))},
		"a choice by a comparison": {func(g *testGraph) string {
			less := g.op("Less", in(g.of(typeInt8, 1), g.of(typeInt8, 2)))
			return g.op("Where", in(less, g.of(typeInt8, 5), g.of(typeInt8, 6)))
		}, 5},
		"a comparison is BOOL": {func(g *testGraph) string {
			return g.op("Equal", in(g.op("Less", in(g.scalar(1), g.scalar(2))), g.of(typeBool, 1)))
		}, 1},
		"CastLike": {func(g *testGraph) string { return g.op("CastLike", in(g.scalar(-2.75), g.of(typeInt8, 0))) }, -2},
		"filled with INT8": {func(g *testGraph) string {
			fill := &onnxpb.AttributeProto{Name: proto.String("value"), T: &onnxpb.TensorProto{
				DataType: proto.Int32(typeInt8), Dims: []int64{1}, Int32Data: []int32{100},
			}}
			x := g.op("ConstantOfShape", in(g.i64(1)), fill)
			return g.op("Add", in(x, x))
		}, -56},
		"Shape is INT64": {func(g *testGraph) string {
			return g.op("Div", in(g.op("Shape", in(g.raw(typeInt8, 3, 1, 2, 3))), g.i64(2)))
		}, 1},
		"Size is INT64": {func(g *testGraph) string {
			return g.op("Div", in(g.op("Size", in(g.raw(typeInt8, 3, 1, 2, 3))), g.i64(2)))
		}, 1},
		// What the file holds: typed and raw, of every width.
		"BOOL of byte 2":   {func(g *testGraph) string { return g.element(g.raw(typeBool, 2, 0, 2), 1) }, 1},
		"INT4, odd":        {func(g *testGraph) string { return g.element(g.raw(typeInt4, 3, 0x7f, 0x08), 2) }, -8},
		"INT4, low half":   {func(g *testGraph) string { return g.element(g.raw(typeInt4, 2, 0x7f), 0) }, -1},
		"UINT4, high half": {func(g *testGraph) string { return g.element(g.raw(typeUint4, 2, 0xf1), 1) }, 15},
		"INT4, typed":      {func(g *testGraph) string { return g.cast(g.of(typeInt4, 0x0d), typeFloat) }, -3},
		"FLOAT16, raw": {func(g *testGraph) string {
			return g.element(g.raw(typeFloat16, 1, 0x01, 0x3e), 0)
		}, 1.5009765625},
		"BFLOAT16, typed": {func(g *testGraph) string {
			return g.cast(g.of(typeBfloat16, 0x3fc1), typeFloat)
		}, 1.5078125},
		"FLOAT8E4M3FN": {func(g *testGraph) string { return g.element(g.raw(typeFloat8e4m3, 1, 0x7e), 0) }, 448},
		"FLOAT8E5M2, typed": {func(g *testGraph) string {
			return g.cast(g.of(typeFloat8e5m2, 0x7b), typeFloat)
		}, 57344},
	} {
		g := newTestGraph(1, 1)
		n, err := g.decode(g.op("Mul", in(g.acc(1), g.cast(c.build(g), typeFloat))))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := outputsOf(n, []float32{1}); got[0] != c.want {
			t.Errorf("%s: %v, want %v", name, got[0], c.want)
		}
	}
}

// A graph whose input is of integers has them, without a Quant.
func TestIntegerInput(t *testing.T) {
	g := newTestGraph(1, 4)
	n := mustDecode(t, g, g.ofType(typeUint8, g.fc1(g.cast("x", typeFloat))))
	x := make([]int32, 4)
	n.Input.Apply([]float32{0, 200, 255, 7}, x)
	if n.Input.Type != (quant.DataType{Bits: 8}) || !slices.Equal(x, []int32{0, 200, 255, 7}) {
		t.Errorf("integers %v of type %v, want the samples as UINT8", x, n.Input.Type)
	}
	g = newTestGraph(1, 4)
	g.meta = append(g.meta, entry("a2qgen.input_type", "INT4"))
	_, err := g.decode(g.ofType(typeUint8, g.fc1(g.cast("x", typeFloat))))
	wantError(t, err, `its type is UINT8 by its elements, INT4 as told: want one`)
}

// ofType gives the graph's input an element type, and returns out.
func (g *testGraph) ofType(elem elemType, out string) string {
	g.g.Input[0].Type.TensorType.ElemType = proto.Int32(int32(elem))
	return out
}

// Weights that were not quantised when PyTorch wrote the file may be those of A2Q
// layers before normalisation, which Brevitas writes from 0.12.1 on.
func TestUnroundedNotes(t *testing.T) {
	for name, c := range map[string]struct {
		weight            float32
		producer, version string
		notes             int
	}{
		"before their quantiser":         {1.3, "pytorch", "2.8.0", 1},
		"quantised, as before 0.12.1":    {1, "pytorch", "1.13.0", 0},
		"PyTorch too old for A2Q":        {1.3, "pytorch", "1.7", 0},
		"of a2qgen, which writes others": {1.3, "a2qgen", "", 0},
	} {
		g := newTestGraph(1, 4)
		w := g.q(g.f32([]int{4, 1}, c.weight, 1, 2, 3), quantOf{scale: g.scalar(1), bits: 4, signed: true})
		data := g.encode(g.op("MatMul", in(g.input("x"), w)))
		more, err := proto.Marshal(&onnxpb.ModelProto{ProducerName: &c.producer, ProducerVersion: &c.version})
		if err != nil {
			t.Fatal(err)
		}
		f := readBytes(t, append(data, more...))
		if len(f.Notes) != c.notes {
			t.Errorf("%s: notes %q, want %d", name, f.Notes, c.notes)
		}
	}
}
