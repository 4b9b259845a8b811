package quant

import "math"

// RangeScale returns the smallest scale at which integers of type t, times the
// scale, reach from lo to hi, which hold 0: max(lo/min, hi/max), rounded up to
// float32 so that the ends are not cut off.
func RangeScale(t DataType, lo, hi float64) float32 {
	scale := hi / float64(t.Max())
	if t.Signed {
		scale = max(scale, lo/float64(t.Min()))
	}
	s := float32(scale)
	if float64(s) < scale {
		s = math.Nextafter32(s, math.MaxFloat32)
	}
	return s
}
