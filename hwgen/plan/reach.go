package plan

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	linebuffer "github.com/a2qgen/a2qgen/hwgen/block/line_buffer"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	"github.com/a2qgen/a2qgen/hwgen/block/pad"
	"github.com/a2qgen/a2qgen/hwgen/block/pool"
	"github.com/a2qgen/a2qgen/quant"
)

// Reach says of a rate that a design does not have what keeps it from it, and which one could be had.
type Reach struct {
	// FPS were asked for, Reached is what the design does, in frames per second.
	FPS     float64 `json:"fps_asked"`
	Reached float64 `json:"fps_reached"`
	// Limits are the slowest layer of the design, and others that are too slow for the rate, as they are
	// built.
	Limits []Limit `json:"limits"`
	// Unfolded is the rate with every layer computing all at once that its unit can, in frames per second,
	// and Fastest what limits that.
	Unfolded float64 `json:"fps_unfolded"`
	Fastest  Limit   `json:"unfolded_limit"`
}

// Limit is a layer that is slower than a rate.
type Limit struct {
	Layer  string `json:"layer"`
	Cycles int    `json:"cycles"` // per frame
	Why    string `json:"why"`
}

// Lines says what was asked for, what was reached, and why, in sentences for people.
func (r *Reach) Lines() []string {
	lines := []string{fmt.Sprintf("%.0f frames/s were asked for, %.0f are reached", r.FPS, r.Reached)}
	for i, l := range r.Limits {
		if i == shownLimits {
			lines = append(lines, fmt.Sprintf("and %d more layers are too slow", len(r.Limits)-i))
			break
		}
		lines = append(lines, l.String())
	}
	last := fmt.Sprintf("with everything unfolded %.0f frames/s could be reached", r.Unfolded)
	if !slices.Contains(r.Limits, r.Fastest) {
		last += ": then " + r.Fastest.String()
	}
	return append(lines, last)
}

// shownLimits is how many layers are named of those that are too slow, the slowest first.
const shownLimits = 3

// String implements fmt.Stringer.
func (l Limit) String() string {
	return fmt.Sprintf("layer %q takes %d cycles per frame: %s", l.Layer, l.Cycles, l.Why)
}

// ReachOf returns nil where d has the rate of o, or o asks for none; else what keeps it from it. o are the
// options that d was planned with: without a rate they ask for the usual one, unless every layer has a fold.
func ReachOf(d *hwgen.Design, o hwgen.Options) (*Reach, error) {
	if o.FPS == 0 && len(o.Folding) == len(d.Layers) {
		return nil, nil
	}
	o = o.WithDefaults()
	// A cycle per frame is what a rate may be below its own by rounding.
	if d.IntervalCycles() <= o.Cycles() {
		return nil, nil
	}
	p := &planner{given: d.Given, network: d.Given, options: o, searches: newSearches()}
	// A layer is as fast as its fastest unit: what was asked for binds the design, not this question.
	p.options.Folding, p.options.Unit = nil, ""
	for _, pass := range []func(*planner) error{(*planner).check, (*planner).choose} {
		if err := pass(p); err != nil {
			return nil, err
		}
	}
	r := &Reach{FPS: o.FPS, Reached: d.FramesPerSecond()}
	for i := range p.network.Layers {
		l := &p.network.Layers[i]
		built := slowestOf(d, l.Name, d.Layers[i])
		fastest := p.fastest(i)
		if fastest.Cycles > r.Fastest.Cycles {
			r.Fastest = fastest
		}
		if built.Cycles > o.Cycles() {
			if f := d.Layers[i].Fold; built.Cycles > fastest.Cycles && !isUnfolded(l, f) {
				built.Why = folded(l, f)
			}
			r.Limits = append(r.Limits, built)
		}
	}
	if len(r.Limits) == 0 { // every block is fast enough
		r.Limits = []Limit{{Layer: d.Layers[len(d.Layers)-1].Layer.Name, Cycles: d.IntervalCycles(),
			Why: "queues that are asked for are too shallow for the rate of the blocks"}}
	}
	slices.SortStableFunc(r.Limits, func(a, b Limit) int { return b.Cycles - a.Cycles })
	r.Unfolded = o.ClockMHz * 1e6 / float64(r.Fastest.Cycles)
	return r, nil
}

// isUnfolded says that nothing of a layer is left to be computed at once: what is slow is what comes to it.
func isUnfolded(l *quant.Layer, f hwgen.Fold) bool {
	most := fullyParallel(l)
	if !l.Kind.Weighted() {
		most.PE = together(l)
	}
	return f.Lanes == 0 && f.PE == most.PE && f.SIMD == most.SIMD
}

// folded says how a layer is built that could be faster.
func folded(l *quant.Layer, f hwgen.Fold) string {
	s := fmt.Sprintf("it is folded to PE %d of %d rows, SIMD %d of %d columns", f.PE, fullyParallel(l).PE, f.SIMD, l.In)
	if f.Lanes > 0 {
		s = fmt.Sprintf("a tap unit of %d PEs of %d lanes does its taps", f.PE, f.Lanes)
	}
	return s + ", by the folding that was given or by the unit"
}

// slowestOf returns the slowest block of a design that serves a layer, or what its blocks take together where
// that is more.
func slowestOf(d *hwgen.Design, layer string, lp hwgen.LayerPlan) Limit {
	var blocks []hwgen.Block
	for _, n := range d.Nodes {
		if n.Serves() == layer {
			blocks = append(blocks, n.Block)
		}
	}
	limit := limitOf(layer, blocks)
	if lp.Layer.Kind == quant.Conv && lp.Fold.Lanes == 0 {
		if c := cyclesOf(lp.Layer, lp.Fold); c > limit.Cycles {
			limit.Cycles, limit.Why = c, "its replay buffer holds one window, and the next is gathered behind its last pass"
		}
	}
	return limit
}

// limitOf returns the slowest of blocks.
func limitOf(layer string, blocks []hwgen.Block) Limit {
	most := Limit{Layer: layer}
	for _, b := range blocks {
		if c := b.Cycles(); c > most.Cycles {
			most.Cycles, most.Why = c, whyOf(b)
		}
	}
	return most
}

// fastest returns how fast a layer can be, by the fastest of its units.
func (p *planner) fastest(i int) Limit {
	l := &p.network.Layers[i]
	var best Limit
	for _, u := range p.choices[i] {
		// Where the positions of a window can come at once, that may be faster.
		for _, way := range []hwgen.Window{"", hwgen.Serial, hwgen.Parallel} {
			f, ok := p.unfolded(l, u, way)
			if !ok {
				continue
			}
			acc, _ := neededBits(l)
			if at := limitOf(l.Name, u.blocks(p, l, f, acc)); best.Cycles == 0 || at.Cycles < best.Cycles {
				best = at
			}
		}
	}
	return best
}

// unfolded returns the fold of a unit that computes as much at once as it can. Of those of layers with
// weights none is faster than the dense one, which takes a vector per cycle.
func (p *planner) unfolded(l *quant.Layer, u *unit, way hwgen.Window) (hwgen.Fold, bool) {
	f := fullyParallel(l)
	if !l.Kind.Weighted() {
		f = hwgen.Fold{PE: together(l), SIMD: l.In}
	}
	if f.Unit, f.Window = u.name, way; way != "" && !comesAtOnce(l, f) {
		return f, false
	}
	return f, (u.word == "dense" || !l.Kind.Weighted()) && u.check(p, l, f) == nil
}

// whyOf says what takes a block its cycles, of which none is more parallel.
func whyOf(b hwgen.Block) string {
	switch b := b.(type) {
	case *linebuffer.Block:
		if in, out := b.Beats(); in >= out {
			return fmt.Sprintf("its image comes in %d beats of %d of its %d channels: one position's channels per cycle at most",
				in, b.Input.Lanes, b.Shape.C)
		}
		return fmt.Sprintf("its windows come in %d beats of %d elements: with SIMD = columns and their positions at once it "+
			"is one window per cycle at most", b.Cycles(), b.Outputs()[0].Bits/b.Input.Bits)
	case *mvau.Block:
		return fmt.Sprintf("of %d vectors one is computed per cycle at most, with PE = rows and SIMD = columns", b.Cycles())
	case *pool.Block:
		return fmt.Sprintf("its windows come in %d beats: one position's channels per cycle at most", b.Cycles())
	case *pad.Block:
		return fmt.Sprintf("its image comes with its border in %d beats, an element per cycle", b.Cycles())
	}
	return fmt.Sprintf("%d beats pass its %s, one per cycle at most", b.Cycles(), hwgen.KindOf(b))
}
