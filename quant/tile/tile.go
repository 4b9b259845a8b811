// Package tile multiplies float32 matrices whose rows may overlap, as the windows of a
// convolution do over an image that lies in memory with its channels last. So windows
// need not be copied out: what would be k times the image is read where it lies. Sums are kept in
// registers, for a tile of the result at a time.
package tile

// Product is C = A B or C += A B. The sum over k goes in Runs of K terms each, such as the rows
// of a window:
//
//	C[i*CRow+j] (+)= sum over r < Runs, k < K of A[r*ARun + i*ARow + k*AK] * B[r*BRun + k*BK + j]
//
// for i < M and j < N. Each is summed from 0 on in this order, with one rounding a term where the
// processor has a kernel (fused multiplication and addition) and one for the addition to
// C: the bits depend neither on M and N nor on which kernel it is.
type Product struct {
	M, N, K, Runs  int // all at least 1
	A              []float32
	ARow, AK, ARun int
	B              []float32
	BK, BRun       int
	C              []float32
	CRow           int
	Add            bool
}

// Slack is how many rows of A beyond M the kernels may read, and ignore: they work on whole
// tiles. A must have room for them.
const Slack = 7

// Multiply sets C. It panics where A, B or C are too short.
func (p *Product) Multiply() {
	if !Fast {
		p.plain()
		return
	}
	p.check()
	p.fast()
}

// check panics where an index is out of range: the kernels themselves do not look.
func (p *Product) check() {
	last := func(n, stride int) int { return (n - 1) * stride }
	_ = p.C[last(p.M, p.CRow)+p.N-1]
	_ = p.A[last(p.M+Slack, p.ARow)+last(p.K, p.AK)+last(p.Runs, p.ARun)]
	_ = p.B[last(p.K, p.BK)+last(p.Runs, p.BRun)+p.N-1]
}

// plain is Multiply in Go.
func (p *Product) plain() {
	for i := range p.M {
		for j := range p.N {
			sum := float32(0)
			for r := range p.Runs {
				for k := range p.K {
					sum += p.A[r*p.ARun+i*p.ARow+k*p.AK] * p.B[r*p.BRun+k*p.BK+j]
				}
			}
			if p.Add {
				sum += p.C[i*p.CRow+j]
			}
			p.C[i*p.CRow+j] = sum
		}
	}
}

// Clear sets C to 0.
func (p *Product) Clear() {
	for i := range p.M {
		clear(p.C[i*p.CRow:][:p.N])
	}
}
