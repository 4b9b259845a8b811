package quant

import "golang.org/x/sys/cpu"

// haveMadd says that the processor has the instructions of madd16.
var haveMadd = cpu.X86.HasAVX2

// madd16 adds, for o of 0..15, the products of pairs, 1 or more, of inputs and weights: sum[o]
// += x[2*k]*w[32*k+2*o] + x[2*k+1]*w[32*k+2*o+1] over k of 0..pairs-1. Sums are exact as long
// as they, and all parts of them, fit in 32 bits.
//
//go:noescape
func madd16(sum *[16]int32, x, w *int16, pairs int)
