package widthconverter

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of width_converter.v: of its widening or its narrowing branch.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	if in, out := p["S_WORDS"], p["M_WORDS"]; in < out {
		return &gather{e, out / in}
	}
	return &split{e, p["S_WORDS"] / p["M_WORDS"]}
}

// gather joins ratio parts; the last of them waits until the beat before has left.
type gather struct {
	block.Ends
	ratio int
}

// Offers implements block.Unit.
func (g *gather) Offers(_, n int) int64 { return g.In(0, (n+1)*g.ratio-1) + 1 }

// Takes implements block.Unit.
func (g *gather) Takes(_, n int, t int64) int64 {
	if n%g.ratio != g.ratio-1 {
		return t
	}
	return max(t, g.Out(0, n/g.ratio-1)+1)
}

// split holds a beat that it gives in ratio parts, and one that waits.
type split struct {
	block.Ends
	ratio int
}

// loaded returns the cycle in which input beat n becomes the one that is given.
func (s *split) loaded(n int) int64 { return max(s.In(0, n), s.Out(0, n*s.ratio-1)) }

// Offers implements block.Unit.
func (s *split) Offers(_, n int) int64 { return s.loaded(n/s.ratio) + 1 }

// Takes implements block.Unit.
func (s *split) Takes(_, n int, t int64) int64 {
	if n == 0 {
		return t
	}
	return max(t, s.loaded(n-1)+1)
}
