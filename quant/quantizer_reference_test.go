package quant

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// referenceCase is a case of testdata/a2q_reference_cases.json: forward and
// gradients of the reference PyTorch implementation, in float32.
type referenceCase struct {
	Method      string      `json:"method"`
	K           int         `json:"k"`
	WeightBits  int         `json:"weight_bits"`
	InputBits   int         `json:"input_bits"`
	AccBits     int         `json:"acc_bits"`
	InputSigned bool        `json:"input_signed"`
	Budget      float64     `json:"budget_l1"`
	V           [][]float32 `json:"v"`
	S           []float32   `json:"s"`
	G           []float32   `json:"g"`
	Q           [][]int32   `json:"q"`
	GradOut     [][]float32 `json:"grad_out"`
	GradV       [][]float32 `json:"grad_v"`
	GradT       []float32   `json:"grad_t"`
	GradD       []float32   `json:"grad_d"`
}

func (c *referenceCase) quantizer(t *testing.T) Quantizer {
	m, err := ParseMethod(c.Method)
	if err != nil {
		t.Fatal(err)
	}
	return Quantizer{Method: m, WeightBits: c.WeightBits, AccBits: c.AccBits,
		Input: DataType{Bits: c.InputBits, Signed: c.InputSigned}}
}

func readReference(t *testing.T) []referenceCase {
	data, err := os.ReadFile("testdata/a2q_reference_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []referenceCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 16 {
		t.Fatalf("%d cases, want 16", len(file.Cases))
	}
	return file.Cases
}

func TestQuantizerReference(t *testing.T) {
	for i, c := range readReference(t) {
		t.Run(fmt.Sprintf("%d_%s", i, c.Method), func(t *testing.T) { c.check(t) })
	}
}

func (c *referenceCase) check(t *testing.T) {
	z := c.quantizer(t)
	if b := z.policy().budget; math.Abs(b-c.Budget) > 1e-6*b {
		t.Errorf("budget %v, want %v", b, c.Budget)
	}
	rows := len(c.V)
	v, grad := flat(c.V), flat(c.GradOut)
	d, g := log2(c.S), log2(c.G)
	wq, q := make([]float32, len(v)), make([]int32, len(v))
	z.Forward(v, rows, c.K, d, g, wq, q)
	gradV, gradD, gradT := make([]float32, len(v)), make([]float32, rows), make([]float32, rows)
	z.Backward(v, rows, c.K, d, g, grad, gradV, gradD, gradT)
	for i, want := range flat(c.Q) {
		if q[i] != want {
			t.Errorf("channel %d: q[%d] = %d, want %d", i/c.K, i%c.K, q[i], want)
		}
		if s := c.S[i/c.K]; math.Abs(float64(wq[i]-s*float32(want))) > 1e-6*float64(s)*math.Abs(float64(want)) {
			t.Errorf("channel %d: wq[%d] = %v, want %v", i/c.K, i%c.K, wq[i], s*float32(want))
		}
	}
	// Rounding of the reference: 2^-24 of each term of a sum of K.
	for r := range rows {
		scale := norm1(grad[r*c.K:(r+1)*c.K], 0)
		close := func(what string, got, want float32, unit float64) {
			t.Helper()
			if diff := math.Abs(float64(got - want)); !(diff <= 4e-7*unit) {
				t.Errorf("channel %d: %s = %v, want %v (off by %.2g of %v)", r, what, got, want, diff/unit, unit)
			}
		}
		top := 0.0
		for _, x := range c.GradV[r] {
			top = max(top, math.Abs(float64(x)))
		}
		for i, want := range c.GradV[r] {
			close(fmt.Sprintf("gradV[%d]", i), gradV[r*c.K+i], want, max(top, 1)*4)
		}
		close("gradT", gradT[r], c.GradT[r], scale*float64(c.G[r]))
		close("gradD", gradD[r], c.GradD[r], scale*float64(c.S[r])*z.policy().clip)
	}
}

func flat[T any](m [][]T) []T {
	var out []T
	for _, row := range m {
		out = append(out, row...)
	}
	return out
}

func log2(x []float32) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(math.Log2(float64(v)))
	}
	return out
}
