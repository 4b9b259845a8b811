package quanttest

import (
	"fmt"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
)

// outputNames are those of networks with several outputs: as exporters write them, no Verilog
// names, and two that differ in case alone.
var outputNames = []string{"logits", "/head.1/Add_output_0", "Logits"}

// drawOutputs gives one network in three a second output, and half of those a third: any layer
// that ends in no scores, whether others read it or not, now and then one that is an output
// already, or a new layer that head appends, where that is not nil. Outputs are in any order.
// rng must not be that of the other draws, so that seeds keep their networks and what is drawn
// behind them (apart).
func drawOutputs(rng *rand.Rand, n *quant.Network, head func()) {
	if rng.IntN(3) > 0 {
		return
	}
	at := []int{len(n.Layers) - 1}
	for range 1 + rng.IntN(2) {
		if head != nil && rng.IntN(2) == 0 {
			head()
			at = append(at, len(n.Layers)-1)
		} else if i := rng.IntN(len(n.Layers)); n.Layers[i].Score == nil {
			at = append(at, i)
		}
	}
	rng.Shuffle(len(at), func(i, j int) { at[i], at[j] = at[j], at[i] })
	for k, i := range at {
		n.Outputs = append(n.Outputs, quant.Output{Name: outputNames[k], Layer: i})
	}
}

// apart returns a source of draws of its own for a network, which depends on that alone.
func apart(n *quant.Network) *rand.Rand {
	// FNV-1a, of numbers in place of bytes.
	const prime = 1099511628211
	hash := uint64(14695981039346656037)
	add := func(v int) { hash = (hash ^ uint64(v)) * prime }
	for i := range n.Layers {
		l := &n.Layers[i]
		add(l.In)
		add(l.Out)
		add(len(l.Kind))
		for _, w := range l.Weights {
			add(int(w))
		}
		if l.Thresholds != nil {
			add(int(l.Thresholds.Values[0]))
		}
	}
	return rand.New(rand.NewPCG(hash, 0x0475))
}

// drawOutputs is drawOutputs with heads that are classifiers of any activations.
func (g *graph) drawOutputs() {
	own := *g
	own.rng = apart(&g.net)
	drawOutputs(own.rng, &g.net, func() {
		x := g.made[0]
		// Accumulators that no staircase ends are for sums alone.
		if y := g.made[own.rng.IntN(len(g.made))]; y.from != quant.Source && g.net.Layers[y.from].Thresholds != nil {
			x = y
		}
		own.net = g.net
		own.classify(fmt.Sprint("head", len(g.net.Layers)), x)
		g.net = own.net
	})
}
