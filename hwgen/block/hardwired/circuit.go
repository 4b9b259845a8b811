package hardwired

import (
	"math/bits"

	"github.com/a2qgen/a2qgen/hwgen/addergraph"
	"github.com/a2qgen/a2qgen/quant"
)

// circuit is a graph of adders in a pipeline: each in the stage of its own level, as wide as its
// readers need. It follows from the weights and P alone.
type circuit struct {
	*addergraph.Graph
	ranges []addergraph.Range
	// stage of a node is that whose registers hold it first, 0 for inputs. It is read at first by
	// adders, and moves along in registers until last, where it is read for the last time; -1 where
	// it never is.
	stage, first, last []int
	// width is the bits of a node that are built: those that tell its values apart or, of wider
	// ones, as many as its readers need. 0 where it is not read.
	width []int
	// rows are the bits of each row's node that the row reads.
	rows []int
	// levels are the stages of adders.
	levels int
	said   []string // comments, once they were asked for
}

// newCircuit returns the circuit of a layer, whose weights g computes, with accumulators of accBits bits.
func newCircuit(l *quant.Layer, g *addergraph.Graph, accBits int) *circuit {
	c := &circuit{Graph: g}
	c.ranges = c.Ranges(addergraph.Range{Min: l.Input.Min(), Max: l.Input.Max()})
	c.size(l, accBits)
	c.schedule(resultType(l, accBits).Bits)
	return c
}

// signed says whether a node has values below 0.
func (c *circuit) signed(node int) bool { return c.ranges[node].Min < 0 }

// exact returns the bits of the smallest number, signed where it must be, that holds all values.
func (c *circuit) exact(node int) int {
	r := c.ranges[node]
	if r.Min < 0 {
		return quant.AccRange(r).Bits()
	}
	return max(1, bits.Len64(uint64(r.Max)))
}

// size sets the widths, from the rows down: what no reader looks at is not built.
//
// Sums are right modulo any power of two, so the low bits of a node follow from those of its
// operands. A staircase needs as many as tell the values of its row apart, which P bits do by the
// certificate, whatever signs the row has. An accumulator that leaves is extended to P bits by its
// sign, where it is narrower.
func (c *circuit) size(l *quant.Layer, accBits int) {
	c.width = make([]int, c.Inputs+len(c.Adders))
	for _, root := range c.Graph.Rows {
		if root.Node == addergraph.Zero {
			c.rows = append(c.rows, 0)
			continue
		}
		w := min(c.exact(root.Node), max(1, accBits-root.Shift))
		if l.Thresholds != nil {
			r := c.ranges[root.Node]
			w = min(accBits, max(1, bits.Len64(uint64(r.Max-r.Min))))
		}
		c.rows = append(c.rows, w)
		c.width[root.Node] = max(c.width[root.Node], w)
	}
	for k := len(c.Adders) - 1; k >= 0; k-- {
		node := c.Inputs + k
		c.width[node] = min(c.width[node], c.exact(node))
		for _, t := range c.operands(k) {
			c.width[t.Node] = max(c.width[t.Node], c.width[node]-t.Shift)
		}
	}
	for i := range c.Inputs {
		c.width[i] = min(c.width[i], l.Input.Bits)
	}
}

// operands returns both terms of adder k.
func (c *circuit) operands(k int) []addergraph.Term {
	return []addergraph.Term{c.Adders[k].Left, c.Adders[k].Right}
}

// schedule sets the stages: as early as can be, then later where that saves registers. A row's
// result is there a stage after its sum, of so many bits, and waits for the others.
func (c *circuit) schedule(resultBits int) {
	c.stage = c.Levels()
	for _, s := range c.stage {
		c.levels = max(c.levels, s)
	}
	c.reads()
	results := make([]int, len(c.width)) // bits of the rows that read a node
	for _, root := range c.Graph.Rows {
		if root.Node != addergraph.Zero {
			results[root.Node] += resultBits
		}
	}
	// From the last adder on, so that a chain of them moves in one pass.
	for moved := true; moved; {
		moved = false
		for k := len(c.Adders) - 1; k >= 0; k-- {
			node := c.Inputs + k
			if c.stage[node] < c.first[node] && c.width[node]+results[node] > c.kept(k) {
				c.stage[node]++
				c.reads()
				moved = true
			}
		}
	}
}

// reads sets first and last from stage.
func (c *circuit) reads() {
	c.first, c.last = make([]int, len(c.width)), make([]int, len(c.width))
	for n := range c.last {
		c.first[n], c.last[n] = c.levels, -1
	}
	for k := range c.Adders {
		for _, t := range c.operands(k) {
			at := c.stage[c.Inputs+k] - 1
			c.first[t.Node], c.last[t.Node] = min(c.first[t.Node], at), max(c.last[t.Node], at)
		}
	}
	for _, root := range c.Graph.Rows {
		// A row goes on as soon as its sum is there: a result is seldom wider.
		if root.Node != addergraph.Zero {
			c.last[root.Node] = max(c.last[root.Node], c.stage[root.Node])
		}
	}
}

// kept returns the bits that have to be kept for a stage more if adder k moves to the next one:
// those of operands that nobody else reads as late.
func (c *circuit) kept(k int) int {
	bits := 0
	for _, t := range c.operands(k) {
		if c.last[t.Node] < c.stage[c.Inputs+k] {
			bits += c.width[t.Node]
		}
	}
	return bits
}
