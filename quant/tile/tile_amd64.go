package tile

import (
	"math"

	"golang.org/x/sys/cpu"
)

// block is one tile for a kernel: what Product is for a matrix. Strides are in bytes; the
// names are those of tile_amd64.s.
type block struct {
	c, a, b                 *float32
	cRow, aRow, aK, aRun    int
	bK, bRun, k, runs, rows int
	mask, add               uint64    // a bit for each column that is there, or added to
	lanes, adds             [16]int32 // the same, -1 for each
}

//go:noescape
func wide16x16(p *block)

//go:noescape
func wide8x32(p *block)

//go:noescape
func wide8x16(p *block)

//go:noescape
func half4x16(p *block)

// Instruction sets that there are kernels for.
var (
	haveWide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ
	haveHalf = cpu.X86.HasAVX2 && cpu.X86.HasFMA
)

// Fast says that this processor has a kernel, without which Multiply is slow.
var Fast = haveWide || haveHalf

// bytes is the size of a float32.
const bytes = 4

// fast multiplies with the kernels.
func (p *Product) fast() {
	b := block{
		cRow: p.CRow * bytes, aRow: p.ARow * bytes, aK: p.AK * bytes, aRun: p.ARun * bytes,
		bK: p.BK * bytes, bRun: p.BRun * bytes, k: p.K, runs: p.Runs,
	}
	for j := 0; j < p.N; {
		j += p.strip(&b, j)
	}
}

// strip multiplies by the next columns of B, from j on, and returns how many.
func (p *Product) strip(b *block, j int) int {
	n := min(p.N-j, 16)
	double := haveWide && p.N-j >= 32
	b.columns(n, p.Add)
	for i := 0; i < p.M; {
		b.c, b.a, b.b = &p.C[i*p.CRow+j], &p.A[i*p.ARow], &p.B[j]
		left := p.M - i
		switch {
		case double:
			b.rows = min(left, 8)
			wide8x32(b)
		case haveWide && left >= 16:
			b.rows = 16
			wide16x16(b)
		case haveWide:
			b.rows = min(left, 8)
			wide8x16(b)
		default:
			b.rows = min(left, 4)
			half4x16(b)
		}
		i += b.rows
	}
	if double {
		return 32
	}
	return n
}

// columns sets the masks for n columns, 1 to 16.
func (b *block) columns(n int, add bool) {
	b.mask, b.add = math.MaxUint16>>(16-n), 0
	b.lanes, b.adds = [16]int32{}, [16]int32{}
	for j := range n {
		b.lanes[j] = -1
	}
	if add {
		b.add, b.adds = b.mask, b.lanes
	}
}
