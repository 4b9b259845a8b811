package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"

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
// held at most. The rate that it has with these is the one to keep: measured, not argued, for a
// pipeline halts as a whole, so a beat that starts earlier may end later, and the mean of a run
// is none of a steady state. From there each is made as shallow as it can be, by bisection; no
// depth is taken at which the rate was not measured. Taking a queue away is another matter, since
// a cycle of latency goes with it, which the branch beside it may need: that is tried last, again
// and again until nothing changes. So in the end each queue a beat shallower, or taken away,
// loses rate or locks.
//
// Whether a design locks does not depend on who pauses when: pauses only delay.
func (p *planner) queue() error {
	depths, open := p.asked()
	if len(open) == 0 {
		return p.settle(depths)
	}
	deep, err := p.unbounded(depths, open)
	if err != nil {
		return err
	}
	interval, err := p.interval(deep)
	if err != nil {
		return err
	}
	// Most chains need few queues, and a short fork none.
	if p.keeps(depths, interval) {
		return p.settle(depths)
	}
	// Where branches meet one waits for the other; in a chain between them most need none.
	joins := deep
	for _, at := range open {
		if len(p.layers[at.layer].Layer.From) == 1 {
			joins = joins.with(at, 1)
		}
	}
	if depths = deep; p.keeps(joins, interval) {
		depths = joins
	}
	for _, at := range open {
		if depths[at] <= 2 {
			continue
		}
		depths[at] = 2 + sort.Search(depths[at]-2, func(more int) bool {
			return p.keeps(depths.with(at, 2+more), interval)
		})
	}
	for changed := true; changed; {
		changed = false
		for _, at := range open {
			// From 2 to 1 the queue goes, and with it its cycle of latency: rate does not have to fall with
			// that, hence not by bisection.
			for depths[at] > 1 && p.keeps(depths.with(at, depths[at]-1), interval) {
				depths[at]--
				changed = true
			}
		}
	}
	return p.settle(depths)
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
	return nil
}

// interval returns that of the design with queues of these depths.
func (p *planner) interval(d depths) (cycle.Period, error) {
	design, _ := p.build(d.of)
	err := measure(design)
	return design.Timing.Period, err
}

// keeps says whether a design with queues of these depths has the interval, and does not lock.
func (p *planner) keeps(d depths, wanted cycle.Period) bool {
	// A deadlock: of the depths tried here some are too shallow, which is no error of the plan's.
	has, err := p.interval(d)
	// Periods are compared as fractions without division: rounding would let a slow design pass.
	return err == nil && has.Cycles*wanted.Frames <= wanted.Cycles*has.Frames
}

// endless is the depth of a queue that never fills. (The cycle model counts its beats only.)
const endless = 1 << 40

// unbounded runs the design with endless queues at the open places and returns depths that are
// enough: what the queues hold at most where the source offers a frame per interval.
func (p *planner) unbounded(d depths, open []place) (depths, error) {
	for _, at := range open {
		d = d.with(at, endless)
	}
	design, queues := p.build(d.of)
	e, err := cycle.New(design.Graph())
	if err != nil {
		return nil, fmt.Errorf("hwgen: %w", err)
	}
	// In so many frames every layer has begun to work at its own rate, and ended some.
	frames := 8 + 4*len(p.layers)
	interval, latency, err := rate(design, e, frames)
	if err != nil {
		return nil, err
	}
	// As many again as are under way at once, where they are more than that.
	if under := latency * interval.Frames / interval.Cycles; under > 4 {
		frames += 2 * int(under)
		if interval, _, err = rate(design, e, frames); err != nil {
			return nil, err
		}
	}
	// The rate is known now; what queues hold at that rate is another run, with the source held to it: of a
	// few frames more than are under way at once, unless the rate says that those were too few.
	for run := min(frames, 6+3*int(latency*interval.Frames/interval.Cycles)); ; run = min(frames, 2*run) {
		held, err := held(design, queues, run, interval)
		if err != nil {
			return nil, err
		}
		for _, at := range open {
			// A queue of one beat is none (builder.depth): the shallowest there is holds two.
			d = d.with(at, max(2, held[at]))
		}
		if run == frames || p.keeps(d, interval) {
			return d, nil
		}
	}
}

// rate runs so many frames and returns the interval of the later half, and the first's latency.
func rate(design *hwgen.Design, e *cycle.Engine, frames int) (cycle.Period, int64, error) {
	timing, err := e.Run(frames, nil, 0, nil)
	if err != nil {
		return cycle.Period{}, 0, explain(design, err)
	}
	ends := timing.FrameEnds
	half := len(ends) / 2
	// The earlier half is left out: the design is not in its steady state yet.
	last := len(ends) - 1
	later := cycle.Period{Cycles: ends[last] - ends[half], Frames: int64(last - half)}
	return later, timing.Latency(), nil
}

// held returns what the queues among the nodes of a design hold at most.
func held(design *hwgen.Design, queues map[int]place, frames int, interval cycle.Period) (map[place]int, error) {
	g := design.Graph()
	// A new engine, since the machines are read below: they must be those that run.
	e, err := cycle.New(g)
	if err != nil {
		return nil, fmt.Errorf("hwgen: %w", err)
	}
	beats, sent := int64(design.Source().Beats), int64(0)
	source := design.Sources[0].Stream
	// Frame n begins n intervals after the first.
	late := func(c int64) (gaps, stalls uint64) {
		return cycle.Bit(sent/beats*interval.Cycles > c*interval.Frames), 0
	}
	nodes, most, state := slices.Collect(maps.Keys(queues)), make([]int, len(g.Nodes)), make([]int64, 0, 1)
	_, err = e.Run(frames, late, 0, func(r *cycle.Run) error {
		sent += int64(cycle.Bit(r.Fired(source)))
		for _, i := range nodes {
			// What a queue holds rises with a beat that comes in: of room for that, also where another
			// leaves in the same cycle, as a full queue takes none.
			if r.Fired(g.Nodes[i].In[0]) {
				state = g.Nodes[i].Machine.Registers(state[:0])
				most[i] = max(most[i], int(state[0])+1)
			}
		}
		return nil
	})
	held := map[place]int{}
	for i, at := range queues {
		held[at] = most[i]
	}
	return held, err
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
