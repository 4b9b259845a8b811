package sim

import (
	"errors"
	"math"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Pace is what long pauses of a design are sized by. Its times come from the cycle model,
// so that they follow the design's capacity and latency whatever its blocks are.
type Pace struct {
	// Fill is how many cycles the sinks, all or any of them alone, must be blocked for
	// everything to stand still, up to a source that always offers a beat.
	Fill int64
	// Drain is how many cycles the source must pause for everything to run dry.
	Drain int64
	// Interval is the steady state's cycles per frame.
	Interval int64
	// InRates and OutRates are beats per cycle in the steady state at each source and sink,
	// at most 1.
	InRates, OutRates []float64
	// Mixed is the longest stretch between two long pauses, in cycles.
	Mixed int64
	// Holds is how many frames a full design has taken in, the last in part.
	Holds int
}

// endless is a cycle that no run reaches.
const endless = math.MaxInt64

// errStill ends a run in which nothing moves any more.
var errStill = errors.New("sim: nothing moves")

// pacedStimulus is NewStimulus for a run of so many frames of m. Where there are pauses
// at all, long ones of either side alone are among them.
func pacedStimulus(m *Model, frames int, o Options) (*Stimulus, Pace, error) {
	st, err := NewStimulus(o.Gap, o.Stall, o.Seed)
	if err != nil || st.quiet() {
		return st, Pace{}, err
	}
	st.sources, st.sinks = len(m.design.Sources), len(m.design.Sinks)
	p, err := paceOf(m)
	if err != nil {
		return nil, Pace{}, err
	}
	// In a short run both kinds of long pauses must come while there are frames left.
	p.Mixed = max(p.Interval, min(int64(frames)*p.Interval/8, 4*max(p.Fill, p.Drain)))
	st.pace = p
	// What one output has under way while another is blocked is not what both have.
	if st.sinks > 1 {
		for i := range st.sinks {
			st.turns = append(st.turns, turn{blockedAlone, i})
		}
	}
	st.phaseEnd = 1 + st.rng.Int64N(p.Interval)
	return st, p, nil
}

// paceOf measures m, all of Pace but Mixed.
func paceOf(m *Model) (Pace, error) {
	p := Pace{Interval: int64(m.design.IntervalCycles())}
	if err := p.measureFill(m); err != nil {
		return p, err
	}
	if err := p.measureDrain(m); err != nil {
		return p, err
	}
	// A design that is blocked at work may first have to come to the end of a frame.
	p.Fill += p.Interval
	p.InRates, p.OutRates = p.rates(m.design, m.design.Sources), p.rates(m.design, m.design.Sinks)
	return p, nil
}

// rates returns the beats per cycle at ports of d.
func (p *Pace) rates(d *hwgen.Design, ports []hwgen.Port) []float64 {
	var all []float64
	for _, port := range ports {
		all = append(all, min(1, float64(d.Streams[port.Stream].Beats)/float64(p.Interval)))
	}
	return all
}

// measureFill blocks the sinks of an empty design: all, and each alone.
func (p *Pace) measureFill(m *Model) error {
	if err := p.fillBehind(m, ^uint64(0)); err != nil || len(m.design.Sinks) == 1 {
		return err
	}
	for i := range m.design.Sinks {
		if err := p.fillBehind(m, 1<<i); err != nil {
			return err
		}
	}
	return nil
}

// fillBehind blocks some of the sinks of an empty design.
func (p *Pace) fillBehind(m *Model, sinks uint64) error {
	// The engine stops at the first cycle that is still long enough: frames cost nothing.
	const frames = 1 << 12                   // more than any design holds, but for a queue that its user made deep
	still := int64(m.design.LatencyCycles()) // a beat inside a block shows within it
	beats, moved := 0, int64(0)
	source := m.design.Sources[0].Stream
	_, err := m.engine.Run(frames, blocked(&sinks), 0, func(r *cycle.Run) error {
		if r.Moves() {
			moved = r.Cycle + 1
		} else if r.Cycle-moved > still {
			return errStill
		}
		beats += int(bit(r.Fired(source)))
		return nil
	})
	p.Fill, p.Holds = max(p.Fill, moved), max(p.Holds, (beats+m.design.Source().Beats-1)/m.design.Source().Beats)
	if errors.Is(err, errStill) {
		return nil
	}
	return err
}

// measureDrain ends the input of a design that is as full as it gets while the sink takes
// everything: full, where the last layer is the slowest.
func (p *Pace) measureDrain(m *Model) error {
	none, err := NewStimulus(Pattern{}, Pattern{}, 0)
	if err != nil {
		return err
	}
	// The cycle of the last input beat, from which on the design drains.
	var last int64
	// 8 frames beyond those that fill it: by then the design is in its steady state.
	source := m.design.Sources[0].Stream
	timing, err := m.Run(p.Holds+8, none, 0, func(r *cycle.Run) error {
		if r.Fired(source) {
			last = r.Cycle
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Drain = timing.Cycles - last
	// Stalls may have filled it to the brim before the source pauses: then that takes longer.
	sinks := ^uint64(0)
	timing, err = m.engine.Run(p.Holds, blocked(&sinks), 0, func(r *cycle.Run) error {
		if r.Cycle >= p.Fill {
			sinks = 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Drain = max(p.Drain, timing.Cycles-p.Fill)
	return nil
}

// blocked is a world in which sources always offer, and those of the sinks never take.
func blocked(sinks *uint64) cycle.Pauses {
	return func(int64) (gaps, stalls uint64) { return 0, *sinks }
}
