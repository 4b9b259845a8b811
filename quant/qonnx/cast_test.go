package qonnx

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// castTable is testdata/casts.json: what ONNX's own evaluator makes of numbers. Its
// field source says which version.
type castTable struct {
	Source   string
	Patterns []struct {
		From, To string
		Saturate int
		SHA256   string
	}
	// Values are from, to, saturate, the number and what becomes of it.
	Values [][5]any
}

func castTestdata(t *testing.T) *castTable {
	t.Helper()
	text, err := os.ReadFile("testdata/casts.json")
	if err != nil {
		t.Fatal(err)
	}
	var table castTable
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	return &table
}

// castTensor returns the elements of raw data of one type, cast to another, as the
// importer folds them.
func castTensor(t *testing.T, raw []byte, count int, from, to elemType, saturate int64) []float64 {
	t.Helper()
	im := &importer{left: maxElements, g: &graph{opset: 21}, values: map[string]value{}}
	x, err := im.decodeTensor(&onnxpb.TensorProto{
		DataType: proto.Int32(int32(from)), Dims: []int64{int64(count)}, RawData: raw,
	})
	if err != nil {
		t.Fatal(err)
	}
	im.values["x"] = x
	y, err := opCast(im, &node{op: "Cast", in: []string{"x"}, attrs: map[string]*onnxpb.AttributeProto{
		"to": intAttr("to", int64(to)), "saturate": intAttr("saturate", saturate),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return y.(*tensor).data
}

// Every pattern of FLOAT16, BFLOAT16 and the formats of 8 bits is decoded, and cast
// to every other format, as ONNX does it.
func TestCastPatterns(t *testing.T) {
	names := castNames()
	for _, p := range castTestdata(t).Patterns {
		from, to := names[p.From], names[p.To]
		width, count := 2, 1<<16
		if floatFormats[from].narrow {
			width, count = 1, 1<<8
		}
		raw := make([]byte, 0, width*count)
		for i := range count {
			if raw = append(raw, byte(i)); width == 2 {
				raw = append(raw, byte(i>>8))
			}
		}
		h := sha256.New()
		for _, v := range castTensor(t, raw, count, from, to, int64(p.Saturate)) {
			pattern := math.Float64bits(v + 0)
			if math.IsNaN(v) {
				pattern = 0x7ff8000000000001
			}
			h.Write(binary.LittleEndian.AppendUint64(nil, pattern))
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != p.SHA256 {
			t.Errorf("%s to %s, saturate %d: %s, want %s", p.From, p.To, p.Saturate, got, p.SHA256)
		}
	}
}

// Numbers around the bounds of every type, and those between two, become what ONNX
// makes of them.
func TestCastValues(t *testing.T) {
	names := castNames()
	number := func(v any) float64 {
		f, err := strconv.ParseFloat(v.(string), 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, row := range castTestdata(t).Values {
		c := conversion{from: names[row[0].(string)], to: names[row[1].(string)], saturate: row[2].(float64) != 0}
		v, want := number(row[3]), number(row[4])
		got, ok := c.of(v)
		if !ok || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%v of %v to %v, saturate %v: %v (%v), want %v", v, c.from, c.to, c.saturate, got, ok, want)
		}
	}
}
