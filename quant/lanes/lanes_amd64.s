#include "go_asm.h"
#include "textflag.h"

// The loops of plain.go on eight channels, a row per turn. Products and sums are rounded
// one by one, as Go does on this processor. AX is the block, SI and DI are the rows of x and y, R8
// the bytes to the next, CX the rows left.

// 1.5*2^23 eight times
DATA magic<>+0(SB)/4, $0x4b400000
GLOBL magic<>(SB), RODATA|NOPTR, $4

#define BEGIN \
	MOVQ b+0(FP), AX; \
	MOVQ block_x(AX), SI; \
	MOVQ block_y(AX), DI; \
	MOVQ block_rows(AX), CX; \
	MOVQ block_stride(AX), R8

// Loads the channels' constant or sum of this number.
#define OF(i, y) \
	MOVQ    (block_of+8*i)(AX), BX; \
	VMOVUPS (BX), y

#define SUM(i, y) \
	MOVQ    (block_sums+8*i)(AX), BX; \
	VMOVUPS (BX), y

#define END(i, y) \
	MOVQ    (block_sums+8*i)(AX), BX; \
	VMOVUPS y, (BX)

#define NEXT(loop) \
	ADDQ R8, SI; \
	ADDQ R8, DI; \
	DECQ CX; \
	JNZ  loop

// func momentsVector(b *block)
TEXT ·momentsVector(SB), NOSPLIT, $0-8
	BEGIN
	OF(0, Y0)
	SUM(0, Y1)
	SUM(1, Y2)

loop:
	VMOVUPS (SI), Y3
	VSUBPS  Y0, Y3, Y3
	VADDPS  Y3, Y1, Y1
	VMULPS  Y3, Y3, Y3
	VADDPS  Y3, Y2, Y2
	NEXT(loop)
	END(0, Y1)
	END(1, Y2)
	VZEROUPPER
	RET

// func limitVector(b *block)
TEXT ·limitVector(SB), NOSPLIT, $0-8
	BEGIN
	OF(0, Y0)
	OF(1, Y1)
	VPBROADCASTD block_first(AX), Y2

loop:
	VMULPS  (SI), Y0, Y3
	VADDPS  Y1, Y3, Y3
	VPSRAD  $31, Y3, Y4
	VPAND   Y2, Y4, Y4
	VPANDN  Y3, Y4, Y4
	VSUBPS  Y3, Y3, Y3
	VADDPS  Y3, Y4, Y4
	VMOVUPS Y4, (DI)
	NEXT(loop)
	VZEROUPPER
	RET

// func quantiseVector(b *block)
TEXT ·quantiseVector(SB), NOSPLIT, $0-8
	BEGIN
	OF(0, Y0)
	OF(1, Y1)
	VBROADCASTSS magic<>(SB), Y2
	VPBROADCASTD block_first(AX), Y5
	VPBROADCASTD block_last(AX), Y6
	VBROADCASTSS block_scale(AX), Y7

loop:
	VMULPS  (SI), Y0, Y3
	VADDPS  Y1, Y3, Y3
	VADDPS  Y2, Y3, Y4
	VPMAXSD Y5, Y4, Y4
	VPMINSD Y6, Y4, Y4
	VSUBPS  Y2, Y4, Y4
	VSUBPS  Y3, Y3, Y3
	VADDPS  Y3, Y4, Y4
	VMULPS  Y7, Y4, Y4
	VMOVUPS Y4, (DI)
	NEXT(loop)
	VZEROUPPER
	RET

// func limitBackVector(b *block)
TEXT ·limitBackVector(SB), NOSPLIT, $0-8
	BEGIN
	OF(0, Y0)
	OF(1, Y1)
	OF(2, Y2)
	SUM(0, Y8)
	SUM(1, Y9)
	VBROADCASTSS block_lo(AX), Y5

loop:
	VMOVUPS (SI), Y7
	VMULPS  Y7, Y0, Y3
	VADDPS  Y1, Y3, Y3
	VCMPPS  $0x1e, Y5, Y3, Y3 // u > lo
	VPAND   (DI), Y3, Y3
	VMOVUPS Y3, (DI)
	VADDPS  Y3, Y8, Y8
	VSUBPS  Y2, Y7, Y7
	VMULPS  Y7, Y3, Y3
	VADDPS  Y3, Y9, Y9
	NEXT(loop)
	END(0, Y8)
	END(1, Y9)
	VZEROUPPER
	RET

// func quantiseBackVector(b *block)
TEXT ·quantiseBackVector(SB), NOSPLIT, $0-8
	BEGIN
	OF(0, Y0)
	OF(1, Y1)
	OF(2, Y2)
	SUM(0, Y8)
	SUM(1, Y9)
	SUM(2, Y10)
	VBROADCASTSS block_lo(AX), Y5
	VBROADCASTSS block_hi(AX), Y6
	VPBROADCASTD block_first(AX), Y11
	VPBROADCASTD block_last(AX), Y12
	VBROADCASTSS magic<>(SB), Y13

loop:
	VMOVUPS (SI), Y7
	VMOVUPS (DI), Y14
	VMULPS  Y7, Y0, Y3
	VADDPS  Y1, Y3, Y3
	VCMPPS  $0x1d, Y6, Y3, Y15 // u >= hi
	VCMPPS  $0x1e, Y5, Y3, Y4  // u > lo
	VPANDN  Y4, Y15, Y15       // keep
	VADDPS  Y13, Y3, Y4
	VPMAXSD Y11, Y4, Y4
	VPMINSD Y12, Y4, Y4
	VSUBPS  Y13, Y4, Y4        // q
	VPAND   Y15, Y3, Y3
	VSUBPS  Y3, Y4, Y4
	VMULPS  Y14, Y4, Y4
	VADDPS  Y4, Y10, Y10
	VPAND   Y15, Y14, Y14
	VMOVUPS Y14, (DI)
	VADDPS  Y14, Y8, Y8
	VSUBPS  Y2, Y7, Y7
	VMULPS  Y7, Y14, Y14
	VADDPS  Y14, Y9, Y9
	NEXT(loop)
	END(0, Y8)
	END(1, Y9)
	END(2, Y10)
	VZEROUPPER
	RET

// func combineVector(b *block)
TEXT ·combineVector(SB), NOSPLIT, $0-8
	BEGIN
	OF(0, Y0)
	OF(1, Y1)
	OF(2, Y2)

loop:
	VMULPS  (DI), Y0, Y3
	VMULPS  (SI), Y1, Y4
	VADDPS  Y4, Y3, Y3
	VADDPS  Y2, Y3, Y3
	VMOVUPS Y3, (DI)
	NEXT(loop)
	VZEROUPPER
	RET
