package quant

import (
	"math"
	"testing"
)

// uniform returns the quantiser round(v/scale) of n elements, element i with
// i+1 times the scale.
func uniform(t DataType, scale float64, n int, round func(float64) float64) *InputQuantizer {
	return &InputQuantizer{Type: t, Shape: Vector(n), Quantize: func(i int, v float64) int32 {
		return int32(round(max(float64(t.Min()), min(v/scale/float64(i+1), float64(t.Max())))))
	}}
}

// Span by hand: with rounding to nearest integer k stands for (k-1/2)s..(k+1/2)s,
// so the ends are half a step beyond the first and the last; with floor, for
// ks..(k+1)s.
func TestSpan(t *testing.T) {
	neg := uniform(DataType{Bits: 4, Signed: true}, 0.5, 1, math.RoundToEven)
	falling := *neg
	falling.Quantize = func(i int, v float64) int32 { return neg.Quantize(i, -v) }
	for _, c := range []struct {
		name      string
		q         *InputQuantizer
		i         int
		low, high float64
		ok        bool
	}{
		{"UINT8 pixels", uniform(DataType{Bits: 8}, 1.0/255, 1, math.RoundToEven), 0,
			-0.5 / 255, 255.5 / 255, true},
		{"INT4", neg, 0, -4.25, 3.75, true},
		{"INT4, the second scale", uniform(DataType{Bits: 4, Signed: true}, 0.5, 2, math.RoundToEven), 1, -8.5, 7.5, true},
		{"UINT2", uniform(DataType{Bits: 2}, 1, 1, math.RoundToEven), 0, -0.5, 3.5, true},
		{"a chain that falls", &falling, 0, -3.75, 4.25, true},
		{"UINT4, floor", uniform(DataType{Bits: 4}, 2, 1, math.Floor), 0, 0, 32, true},
		{"a sign", uniform(DataType{Bits: 1}, 1, 1, math.RoundToEven), 0, 0, 0, false},
	} {
		s, ok := c.q.Span(c.i)
		if ok != c.ok || math.Abs(s.Low-c.low) > 1e-5 || math.Abs(s.High-c.high) > 1e-5 {
			t.Errorf("%s: %v, %v; want %v..%v, %v", c.name, s, ok, c.low, c.high, c.ok)
		}
	}
}

// TestSaturation: of 4 samples of two elements with spans -4.25..3.75 and
// -8.5..7.5 three values lie outside, by hand.
func TestSaturation(t *testing.T) {
	q := uniform(DataType{Bits: 4, Signed: true}, 0.5, 2, math.RoundToEven)
	x := [][]float32{{0, 7.4}, {3.8, -8.4}, {-4.3, 1}, {3.7, 100}}
	s := q.Saturation(len(x), func(i int, dst []float32) { copy(dst, x[i]) })
	if s.Values != 8 || s.Outside != 3 || s.Low != float64(float32(-8.4)) || s.High != 100 || !s.Ends {
		t.Errorf("%+v, want 3 of 8 values outside, -8.4..100", s)
	}
	// The widest of both without half steps: -8..7 times 1.
	if math.Abs(s.Span.Low+8) > 1e-5 || math.Abs(s.Span.High-7) > 1e-5 || s.Share() != 3.0/8 {
		t.Errorf("span %+v, share %v, want -8..7 and 3/8", s.Span, s.Share())
	}
	sign := uniform(DataType{Bits: 1}, 1, 1, math.RoundToEven)
	if s := sign.Saturation(1, func(_ int, dst []float32) { dst[0] = 99 }); s.Outside != 0 || s.Ends {
		t.Errorf("a sign saturates: %+v", s)
	}
}
