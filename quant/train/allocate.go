package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Allocator chooses the widths of each layer when the float phase is over
// (Options.Allocate).
type Allocator struct {
	// Limit is what all layers together may cost, in the unit of Choose's costs.
	Limit int
	// Choose returns a candidate of each layer, by index, with Widths.Choose or
	// otherwise.
	Choose func(*Widths) ([]int, error)
	// Taps, unless nil, returns the bounds on taps to try for a layer at a P, none among
	// them where it may go without. It is asked for layers that have none of the spec's.
	Taps func(Target) []quant.Taps
}

// Width is what the integers of a layer must fit: an accumulator of P bits, weights of
// M, and the taps of a unit. The zero value is that of a layer without a target.
type Width struct {
	AccBits, WeightBits int
	Taps                quant.Taps
}

// Widths are what the layers under a method may be given.
type Widths struct {
	// Layers names these layers, in order.
	Layers []string
	// Candidates of each layer, in the order of P: each from the least that
	// holds a weight to what the spec gives the layer, with each bound on its taps,
	// and with each M up to the spec's that the budget of P can fill. M is chosen
	// with P because at a low P most integers are 0 and +-1, and because what a layer
	// costs is known only with it. A bound that the allocator adds has the largest M
	// alone: to a unit that does taps M is nothing.
	Candidates [][]Width
	// Loss is by how much the training loss of the float network, with all its
	// quantisers, rises when one layer's weights are projected for a candidate
	// instead of its last, before any training: on labels or targets, without a
	// teacher, over the first training samples, with the statistics of their
	// batches, to which training adapts too.
	Loss [][]float64

	run   *run
	nodes []*node
	float [][]float32 // weights of the nodes
}

// calibrationLoss is how many training samples Widths.Loss is measured on.
const calibrationLoss = 2048

// newWidths measures the layers of r's network, which has just got its quantisers;
// float are the weights of its nodes before. Layers under Base have no accumulator
// to choose. It returns an error where there is no other.
func (r *run) newWidths(float map[*node][]float32) (*Widths, error) {
	w := &Widths{run: r}
	for _, node := range r.net.nodes {
		if node.w == nil || node.w.parameters().q.z.Method == quant.Base {
			continue
		}
		w.Layers = append(w.Layers, node.Name)
		w.Candidates = append(w.Candidates, candidates(node.step, r.opts.Allocate.Taps))
		w.nodes, w.float = append(w.nodes, node), append(w.float, float[node])
	}
	if len(w.nodes) == 0 {
		return nil, errors.New("no layer is under a method with accumulators")
	}
	w.measure()
	return w, nil
}

// candidates returns the widths up to those of a step, with the bounds that bound adds.
func candidates(st *step, bound func(Target) []quant.Taps) (c []Width) {
	z := *st.quantiser
	t, free := st.target()
	for p := leastAccBits(z); p <= st.quantiser.AccBits; p++ {
		z.AccBits, t.Quantizer.AccBits = p, p
		if !free || bound == nil {
			c = append(c, weightWidths(z)...)
			continue
		}
		for _, z.Taps = range bound(t) {
			widths := weightWidths(z)
			if z.Taps.Any() {
				widths = widths[len(widths)-1:]
			}
			c = append(c, widths...)
		}
	}
	return c
}

// weightWidths returns each M, up to that of z, with the P and the taps of z.
func weightWidths(z quant.Quantizer) (c []Width) {
	units := unitsOf(z)
	for m := 2; m <= z.WeightBits; m++ {
		// A budget of so many units holds no larger integer: a wider M has the
		// same integers and costs more.
		if m == 2 || int64(1)<<(m-2)-1 < units {
			c = append(c, Width{z.AccBits, m, z.Taps})
		}
	}
	return c
}

// unitsOf returns the largest integer that a weight may be. A2Q+ splits its
// budget evenly between the signs of a zero-mean row, hence a half (arXiv
// 2401.10432); A2Q may spend all on one weight (arXiv 2308.13504).
func unitsOf(z quant.Quantizer) int64 {
	switch z.Method {
	case quant.Budget, quant.DQ:
		a, err := z.Allowance()
		if err != nil {
			return 0
		}
		if a.Lanes > 0 {
			return min(a.Units, a.Cap)
		}
		return a.Units
	case quant.A2QPlus:
		return int64(quant.BudgetA2QPlus(z.AccBits, z.Input) / 2)
	}
	return int64(quant.BudgetA2Q(z.AccBits, z.Input))
}

// measure sets Loss and leaves every layer at its last candidate. Losses of single
// layers are taken to add up: trying the layers' candidates together would take
// their product.
func (w *Widths) measure() {
	full := w.run.calibrationLoss()
	for i, c := range w.Candidates {
		last := len(c) - 1
		loss := make([]float64, len(c))
		for k := range last {
			w.set(i, k)
			loss[k] = w.run.calibrationLoss() - full
		}
		w.set(i, last)
		w.Loss = append(w.Loss, loss)
	}
}

// apply sets the widths of a quantiser.
func (w Width) apply(z *quant.Quantizer) {
	z.AccBits, z.WeightBits, z.Taps = w.AccBits, w.WeightBits, w.Taps
}

// set starts layer i again from its float weights, under candidate k.
func (w *Widths) set(i, k int) {
	z := w.nodes[i].step.quantiser
	w.Candidates[i][k].apply(z)
	w.nodes[i].w.parameters().requantise(w.float[i], *z)
}

// calibrationLoss returns the loss over the first training samples. It normalises
// by the statistics of the batches and leaves the running ones as they are
// (momentum 0); no gradient is taken from it. The objective is still the float
// phase's, without a teacher: the loss is that on labels or targets alone.
func (r *run) calibrationLoss() float64 {
	r.net.prepare()
	sum, seen, samples := 0.0, 0, min(r.train.n, calibrationLoss)
	for k := range batches(samples, r.spec.Batch) {
		at := k * r.spec.Batch
		index := make([]int32, min(r.spec.Batch, samples-at))
		for i := range index {
			index[i] = int32(at + i)
		}
		r.train.gather(index, r.net.x)
		loss, _ := r.judge(index, r.net.forward(len(index), 0))
		sum, seen = sum+loss*float64(len(index)), seen+len(index)
	}
	return sum / float64(seen)
}

// Model returns the network as it starts into training, with every layer so many
// candidates below its last, or at its first. It declares all of M, also where its
// integers are smaller before training. Widths are the last ones again when it
// returns.
func (w *Widths) Model(below int) *nn.Model {
	for i, c := range w.Candidates {
		w.set(i, max(len(c)-1-below, 0))
	}
	spec, keep := *w.run.spec, false
	spec.ShrinkWeights = &keep
	m := w.run.net.export(&spec, inputShape(w.run.sample))
	for i, c := range w.Candidates {
		w.set(i, len(c)-1)
	}
	return m
}

// Choose returns the candidates whose costs, cost[layer][candidate], sum to at
// most limit with the least sum of losses: exactly, by dynamic programming over
// what is left of the limit. It returns an error where the cheapest cost more.
//
// Time and memory grow with what the dearest candidates cost beyond the cheapest,
// not with limit: beyond the sum of the dearest nothing is left to buy.
func (w *Widths) Choose(cost [][]int, limit int) ([]int, error) {
	least, most := 0, 0
	for _, c := range cost {
		least, most = least+slices.Min(c), most+slices.Max(c)
	}
	if least > limit {
		return nil, fmt.Errorf("the least is %d, the limit %d", least, limit)
	}
	limit = min(limit, most)
	// best[c] is the least loss of the layers so far with c to spend beside
	// their cheapest candidates, chosen[i][c] the candidate of layer i in it.
	best, chosen := make([]float64, limit-least+1), make([][]int, len(cost))
	for i, costs := range cost {
		next, floor := make([]float64, len(best)), slices.Min(costs)
		chosen[i] = make([]int, len(best))
		for c := range best {
			next[c] = math.Inf(1)
			for k := len(costs) - 1; k >= 0; k-- { // the widest of equals
				if extra := costs[k] - floor; extra <= c && best[c-extra]+w.Loss[i][k] < next[c] {
					next[c], chosen[i][c] = best[c-extra]+w.Loss[i][k], k
				}
			}
		}
		best = next
	}
	// Back from the whole limit: what layer i cost beyond its cheapest was not
	// there for the layers before.
	out, c := make([]int, len(cost)), len(best)-1
	for i := len(cost) - 1; i >= 0; i-- {
		out[i] = chosen[i][c]
		c -= cost[i][out[i]] - slices.Min(cost[i])
	}
	return out, nil
}

// allocate gives each layer the widths that the allocator chooses.
func (r *run) allocate(float map[*node][]float32) error {
	w, err := r.newWidths(float)
	if err != nil {
		return fmt.Errorf("train: widths by layer: %w", err)
	}
	chosen, err := r.opts.Allocate.Choose(w)
	if err != nil {
		return fmt.Errorf("train: widths by layer: %w", err)
	}
	for i, k := range chosen {
		w.set(i, k)
	}
	return nil
}

// floatWeights returns copies of the weights of all nodes. quantise overwrites them
// (A2Q keeps a direction and a norm), and every candidate starts from them.
func (n *net) floatWeights() map[*node][]float32 {
	float := map[*node][]float32{}
	for _, node := range n.nodes {
		if node.w != nil {
			float[node] = slices.Clone(node.w.parameters().w.v)
		}
	}
	return float
}

// widths returns those of each node; zero where it has none to keep.
func (n *net) widths() []Width {
	w := make([]Width, len(n.nodes))
	for i, node := range n.nodes {
		if node.w != nil && node.step.quantiser.Method != quant.Base {
			z := node.step.quantiser
			w[i] = Width{z.AccBits, z.WeightBits, z.Taps}
		}
	}
	return w
}

// setWidths sets what widths returned, before the network is quantised. They must
// be in place before the quantisers are made, which have parameters by method and
// numbers by width.
func (n *net) setWidths(w []Width) error {
	if len(w) != len(n.nodes) {
		return errors.New("holds widths of another network")
	}
	for i, node := range n.nodes {
		if w[i] != (Width{}) && node.w != nil {
			w[i].apply(node.step.quantiser)
		}
	}
	return nil
}
