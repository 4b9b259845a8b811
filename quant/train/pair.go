package train

import "sync"

// pairMin is the number of elements from which a second goroutine pays.
const pairMin = 8192

// pair runs a loop in two halves at once. The halves must not share what they
// write, so the result does not depend on who runs when. It is built once and run
// many times: run does not allocate. Two halves, not one per core: the sums of a
// batch are then in the same order on every machine, which is what makes a run
// reproducible.
type pair struct {
	half   func(half int) // 0 and 1
	second func()
	alone  bool
	wg     sync.WaitGroup
}

// newPair returns the pair of half(0) and half(1), which together go over
// size elements.
func newPair(size int, half func(half int)) *pair {
	p := &pair{half: half, alone: size < pairMin}
	p.second = func() {
		p.half(1)
		p.wg.Done()
	}
	return p
}

// run returns when both halves are done. Alone or not, they do the same work, so
// the bits are the same.
func (p *pair) run() {
	if p.alone {
		p.half(0)
		p.half(1)
		return
	}
	p.wg.Add(1)
	go p.second()
	p.half(0)
	p.wg.Wait()
}

// bounds returns the range of n elements that a half goes over. The second half has
// one more where n is odd.
func bounds(half, n int) (lo, hi int) {
	return half * (n / 2), n/2 + half*(n-n/2)
}

// cut returns v[lo:hi], or nil where v is.
func cut(v []float32, lo, hi int) []float32 {
	if v == nil {
		return nil
	}
	return v[lo:hi]
}
