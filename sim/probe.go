package sim

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
)

// Coverage says what the vectors that drive a layer alone reach.
type Coverage struct {
	Vectors int `json:"vectors"`
	// Extremes are the ends of accumulator ranges that were driven, two per channel.
	Extremes int `json:"extremes"`
	// Edges are the accumulators next to a threshold, t and t+1, that lie in their
	// channel's certified range; EdgesReached are those that some vector brought about.
	// The others cannot be reached, or were not found, or there was no time for them.
	Edges        int `json:"edges,omitempty"`
	EdgesReached int `json:"edges_reached,omitempty"`
	// ClassesWon are the classes that had the largest score once.
	ClassesWon int `json:"classes_won,omitempty"`
}

const (
	// probeCycles bounds the time that a layer is driven for: some 4 s in Verilator.
	probeCycles = 1 << 21
	// denseVectors without a zero show each weight in the accumulators, where those are
	// seen, that is, before a label selection.
	denseVectors = 64
	// reachTries are drawn starts, reachKicks changes of one input in each, before an
	// accumulator counts as out of reach.
	reachTries, reachKicks = 4, 16
)

// prober collects vectors for one layer alone.
type prober struct {
	layer   *quant.Layer
	exec    *quant.Executor
	trace   quant.Trace
	rng     *rand.Rand
	vectors [][]int32
	most    int              // vectors that there is time for
	open    []map[int64]bool // accumulators next to a threshold that are still to come, by channel
	won     map[int]bool     // classes
}

// probeVectors returns vectors that show a fault of a layer alone, for a network of that
// layer only, which takes so many cycles per vector.
//
// An accumulator that is exactly at a threshold, and one just above it, show every wrong
// bit of that threshold; and since nearly no input is zero there, every wrong bit of the
// channel's weights, which moves the accumulator across. A class must win once for its
// bias and gain to show.
func probeVectors(n *quant.Network, interval int, seed uint64) ([][]int32, Coverage) {
	p := &prober{layer: &n.Layers[0], exec: quant.NewExecutor(n), rng: rand.New(rand.NewPCG(seed, 2)), won: map[int]bool{}}
	p.most = max(2*p.layer.Out+denseVectors+p.layer.Out, probeCycles/interval)
	var done Coverage
	done.Edges = p.openEdges()
	for c := range p.layer.Out {
		p.add(p.layer.MaxInput(c, 1))
		p.add(p.layer.MaxInput(c, -1))
		done.Extremes += 2
	}
	for range denseVectors {
		p.add(p.dense())
	}
	if p.layer.Score != nil {
		p.letAllWin()
		done.ClassesWon = len(p.won)
	}
	p.reachEdges()
	done.Vectors, done.EdgesReached = len(p.vectors), done.Edges
	for _, left := range p.open {
		done.EdgesReached -= len(left)
	}
	return p.vectors, done
}

// openEdges lists the accumulators to reach and returns their number.
func (p *prober) openEdges() int {
	p.open = make([]map[int64]bool, p.layer.Out)
	count := 0
	for c := range p.open {
		p.open[c] = map[int64]bool{}
		if p.layer.Thresholds == nil {
			continue
		}
		r := p.layer.AccRange(c)
		for _, t := range p.layer.Thresholds.Channel(c) {
			for _, acc := range []int64{t, t + 1} {
				if acc >= r.Min && acc <= r.Max {
					p.open[c][acc] = true
				}
			}
		}
		count += len(p.open[c])
	}
	return count
}

// add takes a vector and strikes out what it reaches, by chance in other channels too.
func (p *prober) add(x []int32) {
	p.vectors = append(p.vectors, x)
	p.exec.Run(x, &p.trace)
	for c, acc := range p.trace.Acc[0] {
		delete(p.open[c], acc)
	}
	p.won[p.trace.Label] = true
}

// dense draws a vector without zeros.
func (p *prober) dense() []int32 {
	lo, hi := int32(p.layer.Input.Min()), int32(p.layer.Input.Max())
	x := make([]int32, p.layer.In)
	for i := range x {
		for x[i] == 0 { // every type has a value that is not 0
			x[i] = lo + p.rng.Int32N(hi-lo+1)
		}
	}
	return x
}

// reachEdges looks for a vector for each accumulator that is still to come.
func (p *prober) reachEdges() {
	for _, c := range p.rng.Perm(p.layer.Out) {
		for _, t := range p.targets(c) {
			if len(p.vectors) >= p.most {
				return
			}
			if !p.open[c][t] {
				continue // another channel's vector brought it about
			}
			if x := p.reach(c, t); x != nil {
				p.add(x)
			}
		}
	}
}

// targets returns the accumulators still to come of channel c, in the thresholds' order.
func (p *prober) targets(c int) []int64 {
	if p.layer.Thresholds == nil {
		return nil
	}
	var out []int64
	for _, t := range p.layer.Thresholds.Channel(c) {
		out = append(out, t, t+1)
	}
	return out
}

// reach returns a vector that brings channel c's accumulator to a value, nil if it finds
// none.
func (p *prober) reach(c int, value int64) []int32 {
	row := p.layer.Row(c)
	for range reachTries {
		x := p.dense()
		left := value - p.sum(c, x)
		for range reachKicks {
			if left = p.approach(row, x, left); left == 0 {
				return x
			}
			i := p.rng.IntN(len(x))
			left -= int64(row[i]) * p.move(x, i, 1-2*p.rng.Int64N(2))
		}
	}
	return nil
}

// sum returns channel c's accumulator for x.
func (p *prober) sum(c int, x []int32) int64 {
	var acc int64
	if p.layer.Start != nil {
		acc = p.layer.Start[c]
	}
	for i, w := range p.layer.Row(c) {
		acc += int64(w) * int64(x[i])
	}
	return acc
}

// approach changes inputs, in a drawn order, by as much as brings the sum nearer to what
// is left, and returns what is left then.
func (p *prober) approach(row []int32, x []int32, left int64) int64 {
	for _, i := range p.rng.Perm(len(x)) {
		if w := int64(row[i]); w != 0 {
			left -= w * p.move(x, i, left/w)
		}
		if left == 0 {
			break
		}
	}
	return left
}

// move changes an input by a step, within its type, and returns the step that it took.
func (p *prober) move(x []int32, i int, step int64) int64 {
	lo, hi := p.layer.Input.Min(), p.layer.Input.Max()
	to := max(lo, min(hi, int64(x[i])+step))
	step = to - int64(x[i])
	x[i] = int32(to)
	return step
}

// winRounds bounds how often a class that loses is raised against those that beat it.
const winRounds = 8

// letAllWin looks for a vector for each class that has not won.
func (p *prober) letAllWin() {
	for c := range p.layer.Out {
		rivals := []int{}
		for round := 0; round < winRounds && !p.won[c]; round++ {
			p.add(p.favour(c, rivals))
			rivals = append(rivals, p.trace.Label)
		}
	}
}

// favour returns the vector that does most for class c over the sum of its rivals.
func (p *prober) favour(c int, rivals []int) []int32 {
	gain := p.layer.Score.Gain
	x := make([]int32, p.layer.In)
	for i := range x {
		better := int64(len(rivals)) * gain[c] * int64(p.layer.Row(c)[i])
		for _, r := range rivals {
			better -= gain[r] * int64(p.layer.Row(r)[i])
		}
		x[i] = int32(p.layer.Input.Min())
		if better > 0 {
			x[i] = int32(p.layer.Input.Max())
		}
	}
	return x
}
