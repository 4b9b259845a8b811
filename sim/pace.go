package sim

import (
	"errors"
	"math"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Pace is what long pauses of a design are sized by. Its times come from the cycle model,
// so that they follow the design's capacity and latency whatever its blocks are.
type Pace struct {
	// Fill is how many cycles the sink must be blocked for everything to stand still, up
	// to a source that always offers a beat.
	Fill int64
	// Drain is how many cycles the source must pause for everything to run dry.
	Drain int64
	// Interval is the steady state's cycles per frame.
	Interval int64
	// InRate and OutRate are beats per cycle in the steady state, at most 1.
	InRate, OutRate float64
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
	p.InRate = min(1, float64(m.design.Source().Beats)/float64(p.Interval))
	p.OutRate = min(1, float64(m.design.Sink().Beats)/float64(p.Interval))
	return p, nil
}

// measureFill blocks the sink of an empty design.
func (p *Pace) measureFill(m *Model) error {
	// The engine stops at the first cycle that is still long enough: frames cost nothing.
	const frames = 1 << 12 // more than any design holds, but for a queue that its user made deep
	blocked := blockedSink(m)
	still := int64(m.design.LatencyCycles()) // a beat inside a block shows within it
	beats := 0
	source := m.design.Sources[0].Stream
	_, err := m.Run(frames, blocked, 0, func(r *cycle.Run) error {
		if r.Moves() {
			p.Fill = r.Cycle + 1
		} else if r.Cycle-p.Fill > still {
			return errStill
		}
		beats += int(bit(r.Fired(source)))
		return nil
	})
	p.Holds = (beats + m.design.Source().Beats - 1) / m.design.Source().Beats
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
	blocked := blockedSink(m)
	timing, err = m.Run(p.Holds, blocked, 0, func(r *cycle.Run) error {
		if r.Cycle >= p.Fill {
			blocked.stall = Pattern{}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Drain = max(p.Drain, timing.Cycles-p.Fill)
	return nil
}

// blockedSink is a stimulus under which the source always offers and the sink never takes.
func blockedSink(m *Model) *Stimulus {
	return &Stimulus{stall: Pattern{Probability: 1}, rng: rand.New(rand.NewPCG(0, 0)), phaseEnd: endless,
		sources: len(m.design.Sources), sinks: len(m.design.Sinks)}
}
