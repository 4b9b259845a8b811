package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Pattern is how gaps of the source or stalls of the sink are drawn, between the long
// pauses that a Pace brings.
type Pattern struct {
	// Probability of a pause in a cycle, 0 to less than 1.
	Probability float64
	// Period, where above 0, makes the pauses periodic instead of random: of every
	// Period cycles floor(Period*Probability) pause, the first ones in the source and
	// the last ones in the sink, so that the two do not fall together. Of several sinks, or
	// sources, each begins its period at another time.
	Period int
}

func (p Pattern) check(what string) error {
	// Written so that NaN fails too. Above 0.99 a run takes more than a hundred times its cycles:
	// a typing error more often than a wish.
	if !(p.Probability >= 0 && p.Probability <= 0.99) {
		return fmt.Errorf("sim: %s is %v, want 0..0.99", what, p.Probability)
	}
	return nil
}

// Stimulus says in which cycles the source pauses and the sink stalls. The same
// seed gives the same cycles, however far they are asked for.
type Stimulus struct {
	gap, stall Pattern
	pace       Pace
	rng        *rand.Rand
	// Ports of the design that pause by themselves.
	sources, sinks int
	// bits has, for every cycle, a bit for the gap of each source and then one for the stall of
	// each sink, in whole bytes.
	bits     []byte
	turns    []turn
	at       int   // index into turns
	phaseEnd int64 // first cycle of the next turn
}

// NewStimulus returns the stimulus of two patterns and a seed, for one source and one sink,
// without long pauses.
func NewStimulus(gap, stall Pattern, seed uint64) (*Stimulus, error) {
	if err := gap.check("gap"); err != nil {
		return nil, err
	}
	if err := stall.check("stall"); err != nil {
		return nil, err
	}
	return &Stimulus{gap: gap, stall: stall, rng: rand.New(rand.NewPCG(seed, 0xa2)), sources: 1, sinks: 1,
		turns: slices.Clone(turns), phaseEnd: endless}, nil
}

// quiet says that there are no pauses at all.
func (s *Stimulus) quiet() bool { return s.gap.Probability == 0 && s.stall.Probability == 0 }

// At returns who pauses in a cycle: bit i of gaps stands for source i, of stalls for sink i.
func (s *Stimulus) At(cycle int64) (gaps, stalls uint64) {
	if s.quiet() {
		return 0, 0
	}
	s.grow(cycle + 1)
	var bits uint64
	for k, b := range s.bits[cycle*s.stride() : (cycle+1)*s.stride()] {
		bits |= uint64(b) << (8 * k)
	}
	return bits & (1<<s.sources - 1), bits >> s.sources
}

// stride is the bytes of a cycle.
func (s *Stimulus) stride() int64 { return int64(s.sources+s.sinks+7) / 8 }

// grow draws up to cycle n. A cycle takes one random number for each pair of a source and a
// sink, half per side.
func (s *Stimulus) grow(n int64) {
	stride := s.stride()
	for c := int64(len(s.bits)) / stride; c < n; c++ {
		// endless never comes: without a Pace the first phase, mixed, lasts for ever.
		if c == s.phaseEnd {
			s.at = (s.at + 1) % len(s.turns)
			s.phaseEnd = c + s.phaseLength()
		}
		bits := s.draw(c)
		for k := range stride {
			s.bits = append(s.bits, byte(bits>>(8*k)))
		}
	}
}

// draw draws the bits of a cycle.
func (s *Stimulus) draw(cycle int64) uint64 {
	var bits uint64
	for i := range max(s.sources, s.sinks) {
		// One number however the patterns use it: a changed probability of the one side leaves
		// the other side's draws as they were.
		u := s.rng.Uint64()
		gap, stall := s.turns[s.at].pauses(s, cycle, i, uint32(u), uint32(u>>32))
		if i < s.sources {
			bits |= bit(gap) << i
		}
		if i < s.sinks {
			bits |= bit(stall) << (s.sources + i)
		}
	}
	return bits
}

// phase is a stretch of the stimulus in which both sides keep to one manner.
type phase int

const (
	mixed        phase = iota // each side by its own pattern
	starved                   // no beats come: what is under way runs dry
	slowSource                // beats come at half the design's rate, the sink takes all
	allBlocked                // no beats are taken: the design fills up to its source
	slowSink                  // beats are taken at half the design's rate, the source offers all
	blockedAlone              // one sink takes nothing, the others all
)

// turn is a phase of the stimulus, and the sink that it is of where it is of one.
type turn struct {
	phase
	sink int
}

// turns are the phases in turn. In a run of few frames the starved one comes first: a
// blocked one that follows has beats left to fill the design with. Behind them come those of
// single sinks.
var turns = []turn{{phase: mixed}, {phase: starved}, {phase: slowSource}, {phase: mixed}, {phase: allBlocked},
	{phase: slowSink}}

// phaseLength draws the length of the phase that begins, in cycles.
func (s *Stimulus) phaseLength() int64 {
	p := &s.pace
	switch s.turns[s.at].phase {
	case starved:
		return p.Drain
	case allBlocked, blockedAlone:
		return p.Fill
	case slowSource, slowSink:
		return slowFrames * 2 * p.Interval
	}
	return 1 + s.rng.Int64N(p.Mixed)
}

// slowFrames is how many frames a slow side passes before the other phases go on.
const slowFrames = 2

// pauses says whether source and sink i pause in a cycle, for a number drawn for each; of those of
// the two that there are not, it says anything.
func (t turn) pauses(s *Stimulus, cycle int64, i int, source, sink uint32) (gap, stall bool) {
	switch t.phase {
	case starved:
		return true, false
	case allBlocked:
		return false, true
	case blockedAlone:
		return false, i == t.sink
	// Half the rate: slower than the design, so that queues drain between beats, and far from
	// so slow that the design stands still most of the time.
	case slowSource:
		return i < s.sources && !happens(source, s.pace.InRates[i]/2), false
	case slowSink:
		return false, i < s.sinks && !happens(sink, s.pace.OutRates[i]/2)
	}
	return s.gap.pauses(s.gap.shifted(cycle, i, s.sources), source, false),
		s.stall.pauses(s.stall.shifted(cycle, i, s.sinks), sink, true)
}

// shifted returns the cycle of the pattern that port i of so many is in.
func (p Pattern) shifted(cycle int64, i, ports int) int64 {
	return cycle + int64(i)*int64(p.Period)/int64(ports)
}

// pauses says whether the pattern pauses in a cycle, for a number drawn for it; atEnd
// puts periodic pauses at the end of the period instead of its start.
func (p Pattern) pauses(cycle int64, drawn uint32, atEnd bool) bool {
	if p.Period == 0 {
		return happens(drawn, p.Probability)
	}
	at := cycle % int64(p.Period)
	if atEnd {
		at = int64(p.Period) - 1 - at
	}
	return at < int64(float64(p.Period)*p.Probability)
}

// happens says whether a uniformly drawn number falls into a part of its range.
func happens(drawn uint32, part float64) bool { return float64(drawn) < part*(1<<32) }
