package quant

import (
	"math"
	"testing"
)

func TestAffine(t *testing.T) {
	uniform := func(typ DataType, scale, zero float64) func(int, float64) int32 {
		return func(_ int, v float64) int32 {
			return int32(math.Min(math.Max(math.RoundToEven(v/scale+zero), float64(typ.Min())), float64(typ.Max())))
		}
	}
	byElement := func(i int, v float64) int32 {
		return uniform(DataType{Bits: 4}, 0.1*float64(i+1), 0)(i, v)
	}
	for _, c := range []struct {
		name        string
		typ         DataType
		quantize    func(int, float64) int32
		scale, zero float64
		ok          bool
	}{
		{"pixels", DataType{Bits: 8}, uniform(DataType{Bits: 8}, 1.0/255, 0), 1.0 / 255, 0, true},
		{"signed", DataType{Bits: 6, Signed: true}, uniform(DataType{Bits: 6, Signed: true}, 0.37, 0), 0.37, 0, true},
		{"zero point", DataType{Bits: 4}, uniform(DataType{Bits: 4}, 3, 7), 3, 7, true},
		{"tiny", DataType{Bits: 2}, uniform(DataType{Bits: 2}, 1e-20, 0), 1e-20, 0, true},
		{"two integers", DataType{Bits: 1}, uniform(DataType{Bits: 1}, 1, 0), 0, 0, false},
		{"elements differ", DataType{Bits: 4}, byElement, 0, 0, false},
		{"uneven", DataType{Bits: 3}, func(_ int, v float64) int32 {
			return int32(min(max(math.Sqrt(max(v, 0)), 0), 7))
		}, 0, 0, false},
		{"constant", DataType{Bits: 3}, func(int, float64) int32 { return 3 }, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := InputQuantizer{Type: c.typ, Shape: Vector(5), Quantize: c.quantize}
			scale, zero, ok := q.Affine()
			if ok != c.ok || math.Abs(scale-c.scale) > 1e-12*c.scale || zero != c.zero {
				t.Errorf("got %g, %g, %v, want %g, %g, %v", scale, zero, ok, c.scale, c.zero, c.ok)
			}
		})
	}
}
