//go:build !amd64

package quant

// haveMadd is false where there is no madd16: packed words serve instead.
var haveMadd = false

func madd16(sum *[16]int32, x, w *int16, pairs int) { panic("quant: no madd16 on this processor") }
