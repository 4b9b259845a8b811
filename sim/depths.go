package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// DepthProof says what a design does with a buffer of one beat less.
type DepthProof struct {
	// Block is the instance, Kind its module, Layer the one that it serves.
	Block string `json:"block"`
	Kind  string `json:"kind"`
	Layer string `json:"layer"`
	// Depth is the places that the plan found to be needed, in beats of Bits; Built those of the memory,
	// which may have more where that costs nothing.
	Depth int `json:"depth"`
	Built int `json:"built"`
	Bits  int `json:"bits"`
	// Within is what it was tried in: the design, or the block alone between a source and a sink that never
	// pause.
	Within string `json:"within"`
	// Cycles per Frames frames are the steady state as it is, LessCycles per LessFrames that of a beat less,
	// 0 where it locks.
	Cycles     int64 `json:"cycles"`
	Frames     int64 `json:"frames"`
	LessCycles int64 `json:"less_cycles"`
	LessFrames int64 `json:"less_frames"`
	// Overlap is how many frames were under way at once, at most.
	Overlap int64 `json:"overlapping_frames"`
	// Locks says in which cycle the design stops for ever with a beat less, 0 where it does not.
	Locks int64 `json:"locks_in_cycle,omitempty"`
	// Least says that a beat less loses rate or locks.
	Least bool `json:"least"`
}

// Where a buffer is tried.
const (
	WithinDesign = "design"
	Alone        = "alone"
)

// depthCycles is how long the model is given to repeat itself, in cycles of a block (hwgen/plan.measure).
const depthCycles = 1 << 27

// ProveDepths takes a beat from each buffer of a design, one after the other, and runs the model: until two
// frames begin in the same state, so that what it does is known for ever, joins and frames that overlap
// included. A queue is tried in the design, since what it holds depends on what is around it; a line buffer
// alone, since it is to give a beat, or take one, in every cycle whatever is around it.
func ProveDepths(d *hwgen.Design) ([]DepthProof, error) {
	whole, err := steady(d.Graph())
	if err != nil {
		return nil, err
	}
	all := []DepthProof{} // not null in JSON
	for i, n := range d.Nodes {
		b, is := n.Block.(hwgen.Buffer)
		if !is {
			continue
		}
		p := DepthProof{Block: n.Name(), Kind: hwgen.KindOf(n.Block), Layer: n.Serves(), Depth: b.Needed(), Built: b.Places(),
			Bits: d.Streams[n.In[0]].Bits}
		graph := func() cycle.Graph { return d.Graph() }
		with, node := whole, i
		if p.Within = WithinDesign; !b.Elastic() {
			p.Within, node = Alone, 0
			graph = func() cycle.Graph { return alone(d, i) }
			g := graph()
			g.Nodes[0].Machine = b.MachineOf(p.Depth)
			if with, err = steady(g); err != nil {
				return nil, fmt.Errorf("sim: %s alone: %w", p.Block, err)
			}
		}
		if err := p.prove(graph(), node, b, with); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// prove runs a graph in which the block of a node keeps a beat less than it needs. with is what it does with
// all.
func (p *DepthProof) prove(g cycle.Graph, node int, b hwgen.Buffer, with cycle.Steady) error {
	p.Cycles, p.Frames = with.Cycles, with.Frames
	// A frame is under way for its latency, and one comes per interval.
	p.Overlap = 1 + (with.Latency-1)*with.Frames/with.Cycles
	switch {
	case p.Depth > b.Fewest():
		g.Nodes[node].Machine = b.MachineOf(p.Depth - 1)
	case b.Elastic():
		g = without(g, node)
	default:
		p.Least = true // there is none with fewer
		return nil
	}
	less, err := steady(g)
	var lock *cycle.Deadlock
	switch {
	case errors.As(err, &lock):
		p.Locks, p.Least = lock.Cycle, true
		return nil
	case err != nil:
		return err
	}
	p.LessCycles, p.LessFrames = less.Cycles, less.Frames
	// Fractions, without division: a rounded rate would hide a loss of a cycle in some frames.
	p.Least = less.Cycles*with.Frames > with.Cycles*less.Frames
	return nil
}

// steady runs a graph until it repeats itself.
func steady(g cycle.Graph) (cycle.Steady, error) {
	e, err := cycle.New(g)
	if err != nil {
		return cycle.Steady{}, err
	}
	return e.Steady(int64(depthCycles / len(g.Nodes)))
}

// alone returns the graph of one block of a design between a source and a sink. Its machine is the caller's.
func alone(d *hwgen.Design, i int) cycle.Graph {
	n := d.Nodes[i]
	return cycle.Graph{Streams: []string{"in", "out"},
		Nodes:   []cycle.Node{{Name: n.Name(), In: []int{0}, Out: []int{1}}},
		Sources: []cycle.Port{{Stream: 0, Beats: d.Streams[n.In[0]].Beats}},
		Sinks:   []cycle.Port{{Stream: 1, Beats: d.Streams[n.Out[0]].Beats}}}
}

// without returns a graph without a node of one input and one output: whoever reads it reads what it read.
func without(g cycle.Graph, node int) cycle.Graph {
	in, out := g.Nodes[node].In[0], g.Nodes[node].Out[0]
	// The stream behind it is gone, and those above it move down by one.
	moved := func(s int) int {
		if s == out {
			s = in
		}
		if s > out {
			s--
		}
		return s
	}
	ends := func(streams []int) (all []int) {
		for _, s := range streams {
			all = append(all, moved(s))
		}
		return all
	}
	less := cycle.Graph{Streams: slices.Delete(slices.Clone(g.Streams), out, out+1)}
	for i, n := range g.Nodes {
		if i != node {
			less.Nodes = append(less.Nodes, cycle.Node{Name: n.Name, Machine: n.Machine, In: ends(n.In), Out: ends(n.Out)})
		}
	}
	for _, p := range g.Sources {
		less.Sources = append(less.Sources, cycle.Port{Stream: moved(p.Stream), Beats: p.Beats})
	}
	for _, p := range g.Sinks {
		less.Sinks = append(less.Sinks, cycle.Port{Stream: moved(p.Stream), Beats: p.Beats})
	}
	return less
}
