package quant

import "fmt"

// Method names a weight quantiser (MATH 3).
type Method string

// The weight quantisers.
const (
	// Base rounds to nearest and knows no accumulator.
	Base Method = "base"
	// A2Q bounds the l1 norm of each row (arXiv 2308.13504).
	A2Q Method = "a2q"
	// A2QPlus bounds the l1 norm of each centred row (arXiv 2401.10432).
	A2QPlus Method = "a2q+"
)

// ParseMethod returns the method of that name: "base", "a2q" or "a2q+".
func ParseMethod(s string) (Method, error) {
	switch m := Method(s); m {
	case Base, A2Q, A2QPlus:
		return m, nil
	}
	return "", fmt.Errorf("quant: unknown method %q, want base, a2q or a2q+", s)
}

// Quantizer quantises a weight matrix, one output channel a row.
type Quantizer struct {
	Method Method
	// WeightBits is M, 2..16: integers are clipped to +-(2^(M-1)-1).
	WeightBits int
	// Input is the type of the layer's inputs. Base ignores it.
	Input DataType
	// AccBits is P, 1..64: what a2q and a2q+ must fit. Base ignores it.
	AccBits int
}

// Init returns the parameters that float training starts quantised training
// with.
func (z Quantizer) Init(w []float32, rows, k int) (v, d, t []float32) {
	panic("quant: not written yet")
}

// Forward quantises.
func (z Quantizer) Forward(v []float32, rows, k int, d, t []float32, wq []float32, q []int32) {
	panic("quant: not written yet")
}

// Backward differentiates.
func (z Quantizer) Backward(v []float32, rows, k int, d, t, grad, gradV, gradD, gradT []float32) {
	panic("quant: not written yet")
}

// Regularizer penalises.
func (z Quantizer) Regularizer(rows int, d, t []float32, lambda float64, gradD, gradT []float32) float64 {
	panic("quant: not written yet")
}
