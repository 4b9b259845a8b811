#include "go_asm.h"
#include "textflag.h"

// The kernels read their arguments out of block (tile_amd64.go), all strides in bytes. Registers: DI
// the tile of C and R15 its row stride; SI the window of A, R8 its row stride and R9, R10, R11 three, five and
// seven times that, R12 its step in k; DX the row of B and R13 its step in k. AX and BX are SI and
// DX at the beginning of the run. R14 counts runs and CX the steps of one.

#define LOAD \
	MOVQ p+0(FP), CX; \
	MOVQ block_c(CX), DI; \
	MOVQ block_cRow(CX), R15; \
	MOVQ block_a(CX), AX; \
	MOVQ block_aRow(CX), R8; \
	LEAQ (R8)(R8*2), R9; \
	LEAQ (R8)(R8*4), R10; \
	LEAQ (R10)(R8*2), R11; \
	MOVQ block_aK(CX), R12; \
	MOVQ block_b(CX), BX; \
	MOVQ block_bK(CX), R13; \
	MOVQ block_runs(CX), R14

// Each run begins at AX and BX, which move on to the next one.
#define RUN \
	MOVQ AX, SI; \
	MOVQ BX, DX; \
	MOVQ p+0(FP), CX; \
	ADDQ block_aRun(CX), AX; \
	ADDQ block_bRun(CX), BX; \
	MOVQ block_k(CX), CX

#define CLEAR8(a, b, c, d, e, f, g, h) \
	VPXORQ a, a, a; VPXORQ b, b, b; VPXORQ c, c, c; VPXORQ d, d, d; \
	VPXORQ e, e, e; VPXORQ f, f, f; VPXORQ g, g, g; VPXORQ h, h, h

// Adds to eight rows of 16 columns, the accumulators a to h, the products of A from
// base on with b.
#define MADD8(base, v, a, b, c, d, e, f, g, h) \
	VFMADD231PS.BCST (base), v, a; \
	VFMADD231PS.BCST (base)(R8*1), v, b; \
	VFMADD231PS.BCST (base)(R8*2), v, c; \
	VFMADD231PS.BCST (base)(R9*1), v, d; \
	VFMADD231PS.BCST (base)(R8*4), v, e; \
	VFMADD231PS.BCST (base)(R10*1), v, f; \
	VFMADD231PS.BCST (base)(R9*2), v, g; \
	VFMADD231PS.BCST (base)(R11*1), v, h

// Writes one row of 16 columns, or adds to it where K2 says so: K1 has the
// columns, K2 those to add to.
#define STORE(off, mask, add, acc) \
	VMOVUPS.Z off(DI), add, Z16; \
	VADDPS    Z16, acc, acc; \
	VMOVUPS   acc, mask, off(DI)

// func wide16x16(p *block)
TEXT ·wide16x16(SB), NOSPLIT, $0-8
	LOAD
	KMOVW block_mask(CX), K1
	KMOVW block_add(CX), K2
	CLEAR8(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	CLEAR8(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)

run16:
	RUN
	LEAQ (SI)(R8*8), DI

step16:
	VMOVUPS.Z (DX), K1, Z16
	MADD8(SI, Z16, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	MADD8(DI, Z16, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	ADDQ R12, SI
	ADDQ R12, DI
	ADDQ R13, DX
	DECQ CX
	JNZ  step16
	DECQ R14
	JNZ  run16

	MOVQ p+0(FP), CX
	MOVQ block_c(CX), DI
	STORE(0, K1, K2, Z0)
	ADDQ R15, DI
	STORE(0, K1, K2, Z1)
	ADDQ R15, DI
	STORE(0, K1, K2, Z2)
	ADDQ R15, DI
	STORE(0, K1, K2, Z3)
	ADDQ R15, DI
	STORE(0, K1, K2, Z4)
	ADDQ R15, DI
	STORE(0, K1, K2, Z5)
	ADDQ R15, DI
	STORE(0, K1, K2, Z6)
	ADDQ R15, DI
	STORE(0, K1, K2, Z7)
	ADDQ R15, DI
	STORE(0, K1, K2, Z8)
	ADDQ R15, DI
	STORE(0, K1, K2, Z9)
	ADDQ R15, DI
	STORE(0, K1, K2, Z10)
	ADDQ R15, DI
	STORE(0, K1, K2, Z11)
	ADDQ R15, DI
	STORE(0, K1, K2, Z12)
	ADDQ R15, DI
	STORE(0, K1, K2, Z13)
	ADDQ R15, DI
	STORE(0, K1, K2, Z14)
	ADDQ R15, DI
	STORE(0, K1, K2, Z15)
	VZEROUPPER
	RET

// One row of A meets both halves of 32 columns.
#define MADD2(addr, a, b) \
	VBROADCASTSS addr, Z18; \
	VFMADD231PS  Z16, Z18, a; \
	VFMADD231PS  Z17, Z18, b

// Writes a row of 32 columns and goes on to the next, or to the end where it was the last.
#define STORE2(a, b) \
	STORE(0, K1, K2, a); \
	STORE(64, K1, K2, b); \
	ADDQ R15, DI; \
	DECQ CX; \
	JZ   end32

// func wide8x32(p *block)
TEXT ·wide8x32(SB), NOSPLIT, $0-8
	LOAD
	KMOVW block_mask(CX), K1
	KMOVW block_add(CX), K2
	CLEAR8(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	CLEAR8(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)

run32:
	RUN

step32:
	VMOVUPS (DX), Z16
	VMOVUPS 64(DX), Z17
	MADD2((SI), Z0, Z1)
	MADD2((SI)(R8*1), Z2, Z3)
	MADD2((SI)(R8*2), Z4, Z5)
	MADD2((SI)(R9*1), Z6, Z7)
	MADD2((SI)(R8*4), Z8, Z9)
	MADD2((SI)(R10*1), Z10, Z11)
	MADD2((SI)(R9*2), Z12, Z13)
	MADD2((SI)(R11*1), Z14, Z15)
	ADDQ R12, SI
	ADDQ R13, DX
	DECQ CX
	JNZ  step32
	DECQ R14
	JNZ  run32

	MOVQ p+0(FP), CX
	MOVQ block_rows(CX), CX
	STORE2(Z0, Z1)
	STORE2(Z2, Z3)
	STORE2(Z4, Z5)
	STORE2(Z6, Z7)
	STORE2(Z8, Z9)
	STORE2(Z10, Z11)
	STORE2(Z12, Z13)
	STORE2(Z14, Z15)

end32:
	VZEROUPPER
	RET

// Writes a row of up to 16 columns and goes on to the next, or to the end where it was the last.
#define STORE1(a) \
	STORE(0, K1, K2, a); \
	ADDQ R15, DI; \
	DECQ CX; \
	JZ   end8

// func wide8x16(p *block)
TEXT ·wide8x16(SB), NOSPLIT, $0-8
	LOAD
	KMOVW block_mask(CX), K1
	KMOVW block_add(CX), K2
	CLEAR8(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)

run8:
	RUN

step8:
	VMOVUPS.Z (DX), K1, Z16
	MADD8(SI, Z16, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	ADDQ R12, SI
	ADDQ R13, DX
	DECQ CX
	JNZ  step8
	DECQ R14
	JNZ  run8

	MOVQ p+0(FP), CX
	MOVQ block_rows(CX), CX
	STORE1(Z0)
	STORE1(Z1)
	STORE1(Z2)
	STORE1(Z3)
	STORE1(Z4)
	STORE1(Z5)
	STORE1(Z6)
	STORE1(Z7)

end8:
	VZEROUPPER
	RET

// One row of A meets both halves of 16 columns, in 256 bits.
#define HALF2(addr, a, b) \
	VBROADCASTSS addr, Y10; \
	VFMADD231PS  Y8, Y10, a; \
	VFMADD231PS  Y9, Y10, b

// Writes a row of up to 16 columns, or adds to it: Y12 and Y13 have the columns, Y14 and Y15
// those to add to.
#define HALFSTORE(a, b) \
	VMASKMOVPS (DI), Y14, Y10; \
	VADDPS     Y10, a, a; \
	VMASKMOVPS a, Y12, (DI); \
	VMASKMOVPS 32(DI), Y15, Y10; \
	VADDPS     Y10, b, b; \
	VMASKMOVPS b, Y13, 32(DI); \
	ADDQ       R15, DI; \
	DECQ       CX; \
	JZ         end4

// func half4x16(p *block)
TEXT ·half4x16(SB), NOSPLIT, $0-8
	LOAD
	VMOVDQU block_lanes(CX), Y12
	VMOVDQU (block_lanes+32)(CX), Y13
	VXORPS  Y0, Y0, Y0
	VXORPS  Y1, Y1, Y1
	VXORPS  Y2, Y2, Y2
	VXORPS  Y3, Y3, Y3
	VXORPS  Y4, Y4, Y4
	VXORPS  Y5, Y5, Y5
	VXORPS  Y6, Y6, Y6
	VXORPS  Y7, Y7, Y7

run4:
	RUN

step4:
	VMASKMOVPS (DX), Y12, Y8
	VMASKMOVPS 32(DX), Y13, Y9
	HALF2((SI), Y0, Y1)
	HALF2((SI)(R8*1), Y2, Y3)
	HALF2((SI)(R8*2), Y4, Y5)
	HALF2((SI)(R9*1), Y6, Y7)
	ADDQ R12, SI
	ADDQ R13, DX
	DECQ CX
	JNZ  step4
	DECQ R14
	JNZ  run4

	MOVQ    p+0(FP), CX
	VMOVDQU block_adds(CX), Y14
	VMOVDQU (block_adds+32)(CX), Y15
	MOVQ    block_rows(CX), CX
	HALFSTORE(Y0, Y1)
	HALFSTORE(Y2, Y3)
	HALFSTORE(Y4, Y5)
	HALFSTORE(Y6, Y7)

end4:
	VZEROUPPER
	RET
