#include "textflag.h"

// func madd16(sum *[16]int32, x, w *int16, pairs int)
TEXT ·madd16(SB), NOSPLIT, $0-32
	MOVQ sum+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), DX
	MOVQ pairs+24(FP), CX
	VMOVDQU (DI), Y0
	VMOVDQU 32(DI), Y1

loop:
	// Two inputs to all lanes; each lane multiplies them by its two weights and adds.
	VPBROADCASTD (SI), Y2
	VPMADDWD     (DX), Y2, Y3
	VPMADDWD     32(DX), Y2, Y4
	VPADDD       Y3, Y0, Y0
	VPADDD       Y4, Y1, Y1
	ADDQ         $4, SI
	ADDQ         $64, DX
	DECQ         CX
	JNZ          loop
	VMOVDQU      Y0, (DI)
	VMOVDQU      Y1, 32(DI)
	VZEROUPPER
	RET
