package sim

import (
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// Coverage says what the vectors, or images, that drive a layer alone reach.
type Coverage struct {
	Vectors int `json:"vectors"`
	// Extremes are the ends of accumulator ranges that were driven, two per channel; fewer where no
	// window of a convolution lies within the image, or its images take long.
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
	// imageCycles bounds the time of a convolution over large images, at the cost of extremes.
	imageCycles = 8 * probeCycles
	// probeElements bounds the memory of what it is driven with, in elements of 4 bytes.
	probeElements = 1 << 24
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
	at      int // of the layer in the network
	input   quant.InputQuantizer
	exec    *quant.Executor
	trace   quant.Trace
	rng     *rand.Rand
	vectors [][]int32
	most    int              // vectors that there is time for
	open    []map[int64]bool // accumulators next to a threshold that are still to come, by channel
	won     map[int]bool     // classes
	// places are the positions of a convolution's output whose windows lie within the image, or all
	// where none does; place is the one that the last vector was for.
	places []int
	place  int
}

// probeVectors returns vectors that show a fault of a layer alone, for a network that ends in that
// layer only, which takes so many cycles per vector.
//
// An accumulator that is exactly at a threshold, and one just above it, show every wrong
// bit of that threshold; and since nearly no input is zero there, every wrong bit of the
// channel's weights, which moves the accumulator across. A class must win once for its
// bias and gain to show.
func probeVectors(n *quant.Network, interval int, seed uint64) ([][]int32, Coverage) {
	last := len(n.Layers) - 1
	p := &prober{layer: &n.Layers[last], at: last, exec: quant.NewExecutor(n), rng: rand.New(rand.NewPCG(seed, 2)),
		input: n.Input, won: map[int]bool{}}
	// Extremes and dense vectors are never cut, however slow the fold.
	p.most = max(2*p.layer.Out+denseVectors+p.layer.Out, min(probeCycles/interval, probeElements/n.InputSize()))
	if p.layer.Kind == quant.Conv {
		p.most = min(p.most, max(denseVectors, imageCycles/interval))
		p.findPlaces()
	}
	var done Coverage
	done.Edges = p.openEdges()
	if !p.layer.Kind.Weighted() {
		done.Extremes = p.driveSums(p.most)
		if p.layer.Score != nil {
			done.ClassesWon = len(p.won)
		}
		return p.vectors, p.covered(done)
	}
	for c := range p.layer.Out {
		if p.full() {
			break
		}
		done.Extremes += p.extreme(c, 1) + p.extreme(c, -1)
	}
	for k := 0; k < denseVectors && !p.full(); k++ {
		p.add(p.dense(n.InputSize()))
	}
	// Before the edges: their vectors are many, and time ends with them.
	if p.layer.Score != nil {
		p.letAllWin()
		done.ClassesWon = len(p.won)
	}
	p.reachEdges()
	return p.vectors, p.covered(done)
}

// covered adds what the vectors have reached.
func (p *prober) covered(done Coverage) Coverage {
	done.Vectors, done.EdgesReached = len(p.vectors), done.Edges
	for _, left := range p.open {
		done.EdgesReached -= len(left)
	}
	return done
}

// sumVectors drive a sum: two operands of four bits have 256 pairs of values, so nearly every
// channel meets every pair. Of an image every position is one, but some are at its edges.
const (
	sumVectors = 2048
	sumImages  = 16 // at least
)

// driveSums drives a layer without weights, at most so many times: all elements at either end of
// their type, which are the ends of every sum, since factors are positive, then drawn ones. It
// returns the ends.
func (p *prober) driveSums(most int) int {
	t := p.input.Type
	for _, v := range []int64{t.Min(), t.Max()} {
		p.add(slices.Repeat([]int32{int32(v)}, p.input.Shape.Size()))
	}
	for range min(most, max(sumImages, sumVectors/p.input.Shape.Positions())) {
		x := make([]int32, p.input.Shape.Size())
		for i := range x {
			x[i] = int32(t.Min() + p.rng.Int64N(t.Max()-t.Min()+1))
		}
		p.add(x)
	}
	return 2 * p.layer.Out
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
			// acc > t: false at t, true at t+1. A comparator that is wrong by one, or a threshold
			// with any bit flipped, differs at one of the two if it can differ at all nearby.
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
	// One vector drives all channels: in wide layers most edges come by themselves.
	if p.layer.Kind != quant.Conv {
		p.strike(p.trace.Acc[p.at])
	}
	// An accumulator of a window that is partly outside shows no fault of the weights there.
	for _, at := range p.places {
		p.strike(p.trace.Acc[p.at][at*p.layer.Out : (at+1)*p.layer.Out])
	}
	for _, label := range p.labels() {
		p.won[int(label)] = true
	}
}

// strike strikes out accumulators of all channels, at one position or at several.
func (p *prober) strike(accs []int64) {
	for e, acc := range accs {
		if open := p.open[e%p.layer.Out]; len(open) > 0 {
			delete(open, acc)
		}
	}
}

// labels returns those of the vector last added, one for each position.
func (p *prober) labels() []int32 {
	all := make([]int32, p.layer.Shape.Positions())
	p.exec.Labels(&p.trace, 0, all)
	return all
}

// dense draws a vector of so many elements without zeros.
func (p *prober) dense(size int) []int32 {
	lo, hi := int32(p.layer.Input.Min()), int32(p.layer.Input.Max())
	x := make([]int32, size)
	for i := range x {
		for x[i] == 0 { // every type has a value that is not 0
			x[i] = lo + p.rng.Int32N(hi-lo+1)
		}
	}
	return x
}

// reachEdges looks for a vector for each accumulator that is still to come.
func (p *prober) reachEdges() {
	// In a drawn order: where time ends before the edges do, no channel is left out for its
	// number, and other seeds reach others.
	for _, c := range p.rng.Perm(p.layer.Out) {
		for _, t := range p.targets(c) {
			if len(p.vectors) >= p.most {
				return
			}
			if !p.open[c][t] {
				continue // another channel's vector brought it about
			}
			if x := p.reach(c, t); x != nil {
				p.add(p.frameOf(c, x))
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
		// Dense starts, so that nearly no weight is multiplied by 0 when the value is reached:
		// a wrong bit of it then moves the accumulator off its edge.
		x := p.dense(p.layer.In)
		left := value - p.sum(c, x)
		for range reachKicks {
			if left = p.approach(row, x, left); left == 0 {
				return x
			}
			// Stuck: what is left is less than every weight that could still move. One random step
			// leaves that corner (a step of hill climbing with kicks).
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
		// A threshold is compared with start + sum (MATH 2, shifted range).
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
		// left/w rounds to 0, so a step never goes beyond the value.
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
	// Clipped to the type; the caller learns how much of the step was possible.
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
		// No rival at first: all coefficients are 0, which gives the lowest input, also a try.
		rivals := []int{}
		for round := 0; round < winRounds && !p.won[c] && !p.full(); round++ {
			// The winner of each round joins the rivals, as constraints do in a cutting-plane
			// method. A class that is dominated everywhere never wins, whatever the input.
			p.add(p.frameOf(c, p.favour(c, rivals)))
			rivals = append(rivals, int(p.labels()[p.place]))
		}
	}
}

// favour returns the vector that does most for class c over the sum of its rivals.
func (p *prober) favour(c int, rivals []int) []int32 {
	gain := p.layer.Score.Gain
	x := make([]int32, p.layer.In)
	for i := range x {
		// The sum of score differences is linear in x: each input belongs at an end of its
		// range, by the sign of its coefficient. Biases do not depend on x and drop out.
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
