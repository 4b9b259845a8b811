package tile

import "testing"

// kernelSet is a choice among the kernels.
type kernelSet struct {
	name string
	wide bool
}

// kernelSets returns those that this processor has.
func kernelSets() []kernelSet {
	var sets []kernelSet
	if haveWide {
		sets = append(sets, kernelSet{"512 bits", true})
	}
	if haveHalf {
		sets = append(sets, kernelSet{"256 bits", false})
	}
	return sets
}

// use makes the set the one in use until the test ends.
func (s kernelSet) use(t *testing.T) {
	was := haveWide
	haveWide = s.wide
	t.Cleanup(func() { haveWide = was })
}

// TestSameBits says that both sets of kernels round alike.
func TestSameBits(t *testing.T) {
	if len(kernelSets()) < 2 {
		t.Skip("one kind of kernel at most")
	}
	rng := newRand()
	for range 200 {
		p := random(rng, 1+rng.IntN(40), 1+rng.IntN(70))
		q := *p
		q.C = append([]float32(nil), p.C...)
		haveWide = false
		q.Multiply()
		haveWide = true
		p.Multiply()
		for i, v := range p.C {
			if v != q.C[i] {
				t.Fatalf("%d x %d: C[%d] is %v in 512 bits, %v in 256", p.M, p.N, i, v, q.C[i])
			}
		}
	}
}
