package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// place is where a queue may stand: before a stream that a layer reads.
type place struct{ layer, operand int }

// queue finds the depths of queues, and with them the design.
//
// A queue may stand before each layer that cannot always take what it is offered: one that
// replays a vector, or waits for another operand. The design is run with queues of any depth,
// its source held to the rate that it then has, and begins with queues as deep as what they
// held at most. From there each is made as shallow as it can be, as far as runs with a held source
// tell: they take a few frames. What they find is measured with a free source, not argued, for a
// pipeline halts as a whole, so a beat that starts earlier may end later, and the mean of a run
// is none of a steady state; and each queue is tried a beat shallower by measurement, until nothing
// changes. Taking a queue away is another matter, since a cycle of latency goes with it, which the
// branch beside it may need: where branches meet that is tried last. So in the end each queue a beat
// shallower, or taken away, loses rate or locks.
//
// Whether a design locks does not depend on who pauses when: pauses only delay.
func (p *planner) queue() error {
	found, open := p.asked()
	if len(open) == 0 {
		return p.settle(found)
	}
	deep, interval, paced, err := p.unbounded(found, open)
	if err != nil {
		return err
	}
	measured := func(d depths) bool { return p.keeps(d, interval) }
	// Most chains need few queues, and a short fork none.
	if paced(found) && measured(found) {
		return p.settle(found)
	}
	if found = p.shallow(deep, open, paced); !measured(found) {
		if found, interval, err = p.measured(deep, interval); err != nil {
			return err
		}
		found = p.shallow(found, open, measured)
	}
	for changed := true; changed; {
		changed = false
		for _, at := range open {
			less := least(found, at, measured)
			// From 2 to 1 the queue goes: rate does not have to fall with that, hence not by bisection.
			if less == 2 && measured(found.with(at, 1)) {
				less = 1
			}
			changed = changed || less < found[at]
			found = found.with(at, less)
		}
	}
	return p.settle(found)
}

// measured returns deep and the interval that it has: the one that was asked for, or what it can do.
func (p *planner) measured(deep depths, wanted cycle.Period) (depths, cycle.Period, error) {
	if p.keeps(deep, wanted) {
		return deep, wanted, nil
	}
	has, err := p.interval(deep)
	return deep, has, err
}

// shallow makes each open queue of depths that keep the interval as shallow as it can be, one after the
// other, as far as keeps tells.
func (p *planner) shallow(d depths, open []place, keeps func(depths) bool) depths {
	// Where branches meet one waits for the other; in a chain between them most need none.
	chains, joins := d, []place(nil)
	for _, at := range open {
		if len(p.layers[at.layer].Layer.From) == 1 {
			chains = chains.with(at, 1)
		} else {
			joins = append(joins, at)
		}
	}
	if keeps(chains) {
		d, open = chains, joins
	}
	for _, at := range open {
		if none := d.with(at, 1); !slices.Contains(joins, at) && keeps(none) {
			d = none
			continue
		}
		d = d.with(at, least(d, at, keeps))
	}
	return d
}

// least returns the least depth, of 2 beats or more, that the queue at a place can do with beside the
// others, as far as it can be found by bisection: the depth itself, or one of which a beat less does not.
func least(d depths, at place, keeps func(depths) bool) int {
	most := d[at]
	// In steps that double: what a queue held at most is little more than what it needs, and of one that is as
	// shallow as can be it takes one run to see that.
	for step := 1; most > 2; step *= 2 {
		less := max(2, most-step)
		if !keeps(d.with(at, less)) {
			return less + 1 + sort.Search(most-less-1, func(more int) bool { return keeps(d.with(at, less+1+more)) })
		}
		most = less
	}
	return most
}

// depths are of queues by their place: below 2 there is none.
type depths map[place]int

func (d depths) of(layer, operand int) int { return d[place{layer, operand}] }

// with returns d with another depth at a place.
func (d depths) with(at place, depth int) depths {
	other := depths{at: depth}
	for k, v := range d {
		if k != at {
			other[k] = v
		}
	}
	return other
}

// asked returns the depths that the folding gives, and the places that are open.
func (p *planner) asked() (depths, []place) {
	d, open := depths{}, []place(nil)
	for i, lp := range p.layers {
		// Each operand may have a queue: which of them waits for the others depends on the folds.
		for k, from := range lp.Layer.From {
			at := place{i, k}
			switch depth := lp.Fold.FIFO.Of(k); {
			case depth > 0:
				// Asked for, and not touched again, even where it is too shallow: rate and locks are
				// reported, not mended.
				d[at] = depth
			// The source of the design waits for as long as it takes.
			case p.units[i].waits(lp.Layer, lp.Fold) && (from != quant.Source || p.readers(quant.Source) > 1):
				open = append(open, at)
			}
		}
	}
	return d, open
}

// readers counts who reads a layer, or the source.
func (p *planner) readers(from int) int {
	n := 0
	for _, lp := range p.layers {
		n += reads(lp.Layer, from)
	}
	return n
}

// settle writes the depths into the folds and makes the design.
func (p *planner) settle(d depths) error {
	for i := range p.layers {
		lp := &p.layers[i]
		lp.Fold.FIFO = nil
		for k := range lp.Layer.From {
			depth := max(1, d.of(i, k))
			if depth > hwgen.MaxFIFO {
				return fmt.Errorf("hwgen: layer %q: operand %d wants a queue of %d beats at this rate, want at most %d: "+
					"ask for another fold or depth", lp.Layer.Name, k, depth, hwgen.MaxFIFO)
			}
			// 1 says that there is none; 0 would leave it to the next planner.
			lp.Fold.FIFO = append(lp.Fold.FIFO, depth)
		}
	}
	p.design, _ = p.build(d.of)
	// The end of a search is measured already.
	if t, was := p.tried[d.key()]; was && t.err == nil {
		p.timing = &t.Steady
	}
	return nil
}

// interval returns that of the design with queues of these depths.
func (p *planner) interval(d depths) (cycle.Period, error) {
	t, err := p.timed(d)
	return t.Period, err
}

// timed returns what a design with queues of these depths does, measured once.
func (p *planner) timed(d depths) (cycle.Steady, error) {
	key := d.key()
	if t, was := p.tried[key]; was {
		return t.Steady, t.err
	}
	design, _ := p.build(d.of)
	err := measure(design)
	if p.tried == nil {
		p.tried = map[string]trial{}
	}
	p.tried[key] = trial{design.Timing, err}
	return design.Timing, err
}

// trial is what became of depths that were tried.
type trial struct {
	cycle.Steady
	err error
}

// key names depths: a queue of one beat is none.
func (d depths) key() string {
	var deep []string
	for at, depth := range d {
		if depth > 1 {
			deep = append(deep, fmt.Sprintf("%d %d %d", at.layer, at.operand, depth))
		}
	}
	slices.Sort(deep)
	return strings.Join(deep, ",")
}

// keeps says whether a design with queues of these depths has the interval, and does not lock.
func (p *planner) keeps(d depths, wanted cycle.Period) bool {
	// A deadlock: of the depths tried here some are too shallow, which is no error of the plan's.
	has, err := p.interval(d)
	// Periods are compared as fractions without division: rounding would let a slow design pass.
	return err == nil && has.Cycles*wanted.Frames <= wanted.Cycles*has.Frames
}

// paced returns what says of depths whether the design keeps up with a source that offers a frame per
// interval, where that shows in so many cycles: twice those in which it does of deep ones. A free source
// fills the queues before a layer that is a little slower, by a few beats per frame, for hundreds of frames,
// until the design repeats itself; of one that is held a few frames tell.
func (p *planner) paced(interval cycle.Period, limit int64) func(depths) bool {
	return func(d depths) bool {
		design, _ := p.build(d.of)
		e, err := cycle.New(design.Graph())
		if err != nil {
			return false
		}
		keeps, _, err := e.KeepsUp(interval, limit, nil)
		return err == nil && keeps
	}
}

// endless is the depth of a queue that never fills. (The cycle model counts its beats only.)
const endless = 1 << 40

// unbounded runs the design with endless queues at the open places and returns depths that are
// enough: what the queues hold at most where the source offers a frame per interval; that interval; and
// what says of shallower ones whether they keep it.
func (p *planner) unbounded(d depths, open []place) (depths, cycle.Period, func(depths) bool, error) {
	for _, at := range open {
		d = d.with(at, endless)
	}
	design, queues := p.build(d.of)
	// A queue of one beat is none (builder.depth): the shallowest there is holds two.
	enough := func(held map[place]int) depths {
		for _, at := range open {
			d = d.with(at, max(2, held[at]))
		}
		return d
	}
	interval, under, err := p.rateOf(design)
	if err != nil {
		return nil, interval, nil, err
	}
	frames := int64(p.manyFrames()) + 3*under
	most, keeps, cycles, err := paceEndless(design, queues, interval, frames*interval.Cycles/interval.Frames)
	if err != nil {
		return nil, interval, nil, err
	}
	if d = enough(most); !keeps {
		// It does not come back to a state in so long: what it held is a guess, and what that does is measured.
		d, interval, err = p.measured(d, interval)
	}
	return d, interval, p.paced(interval, 2*cycles), err
}

// manyFrames are so many that every layer has begun to work at its own rate, and ended some.
func (p *planner) manyFrames() int { return 8 + 4*len(p.layers) }

// paceEndless runs a design with endless queues, its source held to a rate, and returns what they held at
// most, whether the design kept up, and the cycles that it took to see that.
func paceEndless(design *hwgen.Design, queues map[int]place, interval cycle.Period, limit int64) (
	held map[place]int, keeps bool, cycles int64, err error) {
	g := design.Graph()
	e, err := cycle.New(g)
	if err != nil {
		return nil, false, 0, fmt.Errorf("hwgen: %w", err)
	}
	nodes, most, state := slices.Collect(maps.Keys(queues)), make([]int, len(g.Nodes)), make([]int64, 0, 1)
	keeps, cycles, err = e.KeepsUp(interval, limit, func(r *cycle.Run) {
		for _, i := range nodes {
			// What a queue holds rises with a beat that comes in: of room for that, also where another
			// leaves in the same cycle, as a full queue takes none.
			if r.Fired(g.Nodes[i].In[0]) {
				state = g.Nodes[i].Machine.Registers(state[:0])
				most[i] = max(most[i], int(state[0])+1)
			}
		}
	})
	held = map[place]int{}
	for i, at := range queues {
		held[at] = most[i]
	}
	if err != nil {
		err = explain(design, err)
	}
	return held, keeps, cycles, err
}

// rateOf returns the interval of a design whose queues are endless, and how many frames are under way at
// once. Its queues fill for ever, so that it comes back to no state: frames tell.
func (p *planner) rateOf(design *hwgen.Design) (interval cycle.Period, under int64, err error) {
	e, err := cycle.New(design.Graph())
	if err != nil {
		return interval, 0, fmt.Errorf("hwgen: %w", err)
	}
	for frames, many := 8, p.manyFrames(); ; frames = min(2*frames, many) {
		timing, err := e.Run(frames, nil, 0, nil)
		if err != nil {
			return interval, 0, explain(design, err)
		}
		// The earlier half is left out: the design is not in its steady state yet.
		ends := timing.FrameEnds
		interval = between(ends, frames/2, frames-1)
		under = timing.Latency() * interval.Frames / interval.Cycles
		// As many again as are under way at once, where they are more than that.
		if under > 4 {
			many = max(many, p.manyFrames()+2*int(under))
		}
		// The slowest block's rate cannot get better; one that has not changed for long would have by then.
		steady := between(ends, frames/4, frames/2) == between(ends, frames/2, frames*3/4) && under < int64(frames)/8
		if frames == many || steady || interval.Cycles == slowest(design)*interval.Frames {
			return interval, under, nil
		}
	}
}

// between returns the mean interval of frames.
func between(ends []int64, from, to int) cycle.Period {
	return cycle.Period{Cycles: ends[to] - ends[from], Frames: int64(to - from)}
}

// slowest returns the cycles per frame of the slowest block: no design is faster.
func slowest(d *hwgen.Design) int64 {
	most := 0
	for _, n := range d.Nodes {
		most = max(most, n.Cycles())
	}
	return int64(most)
}

// explain says of a deadlock which queue to deepen.
func explain(design *hwgen.Design, err error) error {
	var d *cycle.Deadlock
	if !errors.As(err, &d) || len(d.Deepen) == 0 {
		return fmt.Errorf("hwgen: %w", err)
	}
	for _, n := range design.Nodes {
		for k, s := range design.StreamsAt(n.In) {
			if s.Name == d.Deepen[0] {
				return fmt.Errorf("hwgen: layer %q: the design locks in cycle %d: stream %q is full before "+
					"what it is to meet has come: a deeper queue is needed there "+
					"(operand %d of the layer's key fifo)", n.Serves(), d.Cycle, s.Name, k)
			}
		}
	}
	return fmt.Errorf("hwgen: %w", err)
}
