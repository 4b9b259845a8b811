package sim

import (
	"fmt"
	"math/rand/v2"
)

// Pattern is how gaps of the source or stalls of the sink are drawn.
type Pattern struct {
	// Probability of a pause in a cycle, 0 to less than 1.
	Probability float64
	// Period, where above 0, makes the pauses periodic instead of random: in every
	// Period cycles the first floor(Period*Probability) pause.
	Period int
}

func (p Pattern) check(what string) error {
	if !(p.Probability >= 0 && p.Probability <= 0.99) {
		return fmt.Errorf("sim: %s is %v, want 0..0.99", what, p.Probability)
	}
	return nil
}

// Stimulus says in which cycles the source pauses and the sink stalls. The same
// seed gives the same cycles, however far they are asked for.
type Stimulus struct {
	gap, stall Pattern
	rng        *rand.Rand
	bits       []byte // bit 0 gap, bit 1 stall, a byte a cycle
}

// NewStimulus returns the stimulus of two patterns and a seed.
func NewStimulus(gap, stall Pattern, seed uint64) (*Stimulus, error) {
	if err := gap.check("gap"); err != nil {
		return nil, err
	}
	if err := stall.check("stall"); err != nil {
		return nil, err
	}
	return &Stimulus{gap: gap, stall: stall, rng: rand.New(rand.NewPCG(seed, 0xa2))}, nil
}

// quiet says that there are no pauses at all.
func (s *Stimulus) quiet() bool { return s.gap.Probability == 0 && s.stall.Probability == 0 }

// At returns whether the source pauses and the sink stalls in a cycle.
func (s *Stimulus) At(cycle int64) (gap, stall bool) {
	if s.quiet() {
		return false, false
	}
	s.grow(cycle + 1)
	b := s.bits[cycle]
	return b&1 != 0, b&2 != 0
}

// grow draws up to cycle n. A cycle takes one random number, half a pattern.
func (s *Stimulus) grow(n int64) {
	for c := int64(len(s.bits)); c < n; c++ {
		u := s.rng.Uint64()
		gap, stall := s.gap.pauses(c, uint32(u)), s.stall.pauses(c, uint32(u>>32))
		s.bits = append(s.bits, byte(bit(gap)|bit(stall)<<1))
	}
}

// pauses says whether the pattern pauses in a cycle, for a number drawn for it.
func (p Pattern) pauses(cycle int64, drawn uint32) bool {
	if p.Period > 0 {
		return cycle%int64(p.Period) < int64(float64(p.Period)*p.Probability)
	}
	return float64(drawn) < p.Probability*(1<<32)
}
