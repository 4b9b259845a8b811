package train

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// features returns n standardised samples of two classes, which differ in the sign of
// the first of four values.
func features(n int) *data.Set {
	rng := rand.New(rand.NewPCG(5, 1))
	s := &data.Set{Name: "features", Shape: []int{4}, Classes: 2, Scale: 1}
	for i := range n {
		label := uint8(i % 2)
		s.Labels = append(s.Labels, label)
		for k := range 4 {
			v := float32(min(max(rng.NormFloat64(), -2.9), 2.9))
			if k == 0 {
				v = float32(math.Abs(float64(v))+0.3) * float32(2*int(label)-1)
			}
			s.Floats = append(s.Floats, v)
		}
	}
	return s
}

func featureSpec(t *testing.T, more string) *Spec {
	t.Helper()
	s, err := ParseSpec([]byte("layers: [8]\nbatch: 16\nacc_bits: 16\n" +
		"float: {epochs: 10, lr: 0.02}\nqat: {epochs: 10, lr: 0.02}\n" + more))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTrainOnFeatures: values of both signs are learned, and what the file's input
// quantiser makes of them is what training saw.
func TestTrainOnFeatures(t *testing.T) {
	for _, c := range []struct {
		more string
		typ  quant.DataType
	}{
		{"input_range: [-3.3, 3.3]", quant.DataType{Bits: 8, Signed: true}},
		{"input_range: [-3.3, 3.3]\ninput_bits: 4\nmethod: budget\nfirst_acc_bits: 12", quant.DataType{Bits: 4,
			Signed: true}},
	} {
		s, set, out := featureSpec(t, c.more), features(200), filepath.Join(t.TempDir(), "net.onnx")
		r, err := Run(context.Background(), s, set, set, Options{Out: out})
		if err != nil {
			t.Fatal(err)
		}
		if r.QATAccuracy < 0.97 { // the first value alone tells the classes apart
			t.Errorf("%s: accuracy %v", c.more, r.QATAccuracy)
		}
		net, err := qonnx.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		if net.Input.Type != c.typ {
			t.Errorf("%s: input %v, want %v", c.more, net.Input.Type, c.typ)
		}
		code := s.inputCoding()
		for _, v := range set.Floats {
			got, _ := code.code(v)
			if want := net.Input.Quantize(0, float64(v)); int32(int8(got)) != want {
				t.Fatalf("%s: %v is %d in training, %d in the file", c.more, v, int8(got), want)
			}
		}
		if err := net.Certify(); err != nil {
			t.Error(err)
		}
	}
}

// TestCoding by hand: [-4, 4] in 4 bits is worth 4/7 (4/8 for the negative end), and
// [0, 30] in 4 bits is worth 2.
func TestCoding(t *testing.T) {
	signed, positive := &Spec{InputBits: 4, InputRange: []float64{-4, 4}}, &Spec{InputBits: 4, InputRange: []float64{0,
		30}}
	for _, c := range []struct {
		s    *Spec
		v    float32
		code int8
		held bool
	}{
		{signed, 4, 7, true}, {signed, -4, -7, true}, {signed, 0, 0, true},
		{signed, 0.3, 1, true}, {signed, 0.2, 0, true},
		{signed, -4.7, -8, true}, {signed, 4.4, 7, false}, {signed, -9, -8, false},
		{positive, 30, 15, true}, {positive, 1, 0, true}, {positive, 3, 2, true},
		{positive, 31.5, 15, false}, {positive, -1.5, 0, false},
	} {
		coding := c.s.inputCoding()
		code, held := coding.code(c.v)
		if int8(code) != c.code || held != c.held {
			t.Errorf("%v on %v: %d, %v; want %d, %v", c.v, c.s.InputRange, int8(code), held, c.code, c.held)
		}
		if want := float32(c.code) * coding.scale; coding.value(code) != want {
			t.Errorf("code %d is worth %v, want %v", c.code, coding.value(code), want)
		}
	}
	unit := &Spec{InputBits: 8, InputRange: []float64{0, 1}}
	if unit.inputCoding() != (&Spec{InputBits: 8}).inputCoding() {
		t.Error("[0, 1] is not the default")
	}
}

// TestInputRefused: values that a range does not hold, and ranges that are none.
func TestInputRefused(t *testing.T) {
	pixels := &data.Set{Name: "px", Shape: []int{2}, Scale: 1, Floats: []float32{28, 0, 1, 200}, Labels: []uint8{0, 1},
		Classes: 2}
	bytes := &data.Set{Name: "b", Shape: []int{2}, Scale: 0.5, Bytes: []uint8{4, 0, 1, 200}, Labels: []uint8{0, 1},
		Classes: 2}
	coder := features(8)
	coder.Labels, coder.Classes = nil, 0
	for _, c := range []struct {
		more, want string
		set        *data.Set
	}{
		{"", "sample 0: value 0 is 28, want 0..1: only unsigned bytes are divided by 255, and these are no bytes; " +
			"input_range: [0, 200]", pixels},
		{"", "bytes are multiplied by 0.5; input_range: [0, 100]", bytes},
		{"input_range: [0, 100]", "25.00 % of the values lie beyond input_range, want at most 1 %: they are 0..200",
			pixels},
		{"input_range: [-3, 3]\ntask: regress", "input_range is [-3 3], want [0, 1] where the samples are the targets",
			coder},
	} {
		s, err := ParseSpec([]byte("layers: [4]\nbatch: 2\n" + c.more))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(context.Background(), s, c.set, nil, Options{}); err == nil || !strings.Contains(err.Error(),
			c.want) {
			t.Errorf("%q: error %v, want %q", c.more, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"input_range: [1, 2]": "input_range is [1 2], want [lo, hi] with 0 between them",
		"input_range: [0]":    "input_range is [0]",
		"input_range: [0, 0]": "input_range is [0 0]", "input_range: [.nan, 1]": "input_range is [NaN 1]",
		"input_range: [-1, 1]\ninput_bits: 1": "input_bits is 1, want 2..8 with values below 0",
	} {
		if _, err := ParseSpec([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}
