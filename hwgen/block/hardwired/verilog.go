package hardwired

import (
	"fmt"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/addergraph"
)

// module is what hardwired.v.tmpl is filled in with: numbers and names, no logic.
type module struct {
	Name, Layer            string
	Lines                  []string // of the header
	AccBits, Stages, Depth int
	InputBits, SBits       int // of an element, and of all
	ResultBits, MBits      int
	Signed                 bool // inputs
	Inputs                 []input
	Levels                 []level
	Rows                   []row
	Checks                 []check
	LevelBits              int // of the number of beats in the unit
}

// input is an element of the vector that some row reads.
type input struct {
	Name, Wide     string
	High, Low, Pad int
}

// level are the registers of a stage.
type level struct {
	Stage     int
	Registers []register
}

// register is an adder's, or one in which a node moves along.
type register struct {
	Name, Comment string
	Bits          int
	// Delay is what moves along. Of an adder Low are the bits that only one operand has, below the
	// sum or, where Minus, the difference of Left and Right; each may be missing.
	Delay, Low, Left, Right *operand
	Minus                   bool
}

// operand is bits High..Low of a signal, none where it is Empty; Pad copies of 0 or, where Signed,
// of bit Top lie above, Zeros below.
type operand struct {
	Signal         string
	High, Low, Top int
	Pad, Zeros     int
	Empty, Signed  bool
}

// Template implements hwgen.Generated.
func (b *Block) Template(name string) (string, any) {
	c, l := b.circuit(), b.Layer
	m := &module{Name: name, Layer: l.Name, Lines: b.Comment(), AccBits: b.AccBits, Stages: b.Stages(),
		Depth: b.Depth(), InputBits: l.Input.Bits, SBits: l.In * b.Type.Bits, ResultBits: b.output().Bits,
		Signed: l.Input.Signed}
	m.MBits = l.Out * m.ResultBits
	for depth := m.Depth; depth > 0; depth /= 2 {
		m.LevelBits++
	}
	for i := range l.In {
		// What a row sums has a wire, read by an adder or a row, or both.
		if c.last[i] < 0 {
			continue
		}
		m.Inputs = append(m.Inputs, input{Name: c.name(i, 0), Wide: fmt.Sprintf("w%d", i),
			High: i*b.Type.Bits + m.InputBits - 1, Low: i * b.Type.Bits, Pad: 64 - m.InputBits})
	}
	for stage := 1; stage <= c.levels; stage++ {
		m.Levels = append(m.Levels, level{stage, c.registers(stage)})
	}
	for r := range l.Out {
		m.Rows = append(m.Rows, b.row(r))
		m.Checks = append(m.Checks, b.check(r))
	}
	return "hardwired.v", m
}

// name returns the signal of a node at a stage.
func (c *circuit) name(node, stage int) string {
	if node < c.Inputs {
		return fmt.Sprintf("x%d_%d", node, stage)
	}
	return fmt.Sprintf("a%d_%d", node-c.Inputs, stage)
}

// registers returns those of a stage: adders that end there, and what moves along.
func (c *circuit) registers(stage int) []register {
	var all []register
	comments := c.comments()
	for node, last := range c.last {
		switch {
		case last < stage:
		case c.stage[node] == stage:
			r := c.adder(node - c.Inputs)
			r.Comment = comments[node]
			all = append(all, r)
		case c.stage[node] < stage:
			all = append(all, register{Name: c.name(node, stage), Bits: c.width[node],
				Delay: c.bits(node, stage-1, 0, c.width[node])})
		}
	}
	return all
}

// bits returns count bits of a node at a stage, from a bit on: beyond its width, its sign.
func (c *circuit) bits(node, stage, from, count int) *operand {
	w := c.width[node]
	high := min(w, from+count) - 1
	return &operand{Signal: c.name(node, stage), High: high, Low: from, Top: w - 1, Empty: high < from,
		Pad: from + count - 1 - max(high, from-1), Signed: c.signed(node)}
}

// adder returns the register of adder k.
func (c *circuit) adder(k int) register {
	node, a := c.Inputs+k, c.Adders[k]
	w, at := c.width[node], c.stage[node]-1
	r := register{Name: c.name(node, c.stage[node]), Bits: w, Minus: a.Right.Negative}
	// Below the shift of one operand the other is the sum; not so below that of a minuend.
	low, other := a.Right.Shift, a.Left
	if a.Left.Shift > 0 && !a.Right.Negative {
		low, other = a.Left.Shift, a.Right
	}
	low = min(low, w)
	if low > 0 {
		r.Low = c.bits(other.Node, at, 0, low)
	}
	if low == w {
		return r
	}
	r.Left, r.Right = c.shifted(a.Left, at, low, w-low), c.shifted(a.Right, at, low, w-low)
	return r
}

// shifted returns count bits of a term at a stage, from a bit on.
func (c *circuit) shifted(t addergraph.Term, stage, from, count int) *operand {
	zeros := min(max(0, t.Shift-from), count)
	o := c.bits(t.Node, stage, max(0, from-t.Shift), count-zeros)
	o.Zeros = zeros
	return o
}

// comments says of each node what it is a sum of, and which rows have it.
func (c *circuit) comments() []string {
	if c.said != nil {
		return c.said
	}
	users := make([][]int, len(c.width))
	for r, root := range c.Graph.Rows {
		c.mark(users, root.Node, r)
	}
	for node, weights := range c.Weights() {
		var terms []string
		for _, w := range weights {
			terms = append(terms, termText(w.Weight, fmt.Sprintf("x%d", w.Input)))
		}
		var rows []string
		for _, r := range users[node] {
			rows = append(rows, fmt.Sprint(r))
		}
		c.said = append(c.said, fmt.Sprintf("%s: %s", strings.TrimPrefix(few(terms, " ", 6), "+ "), few(rows, ", ", 6)))
	}
	return c.said
}

// mark adds row r to the users of a node and of all that it is made of.
func (c *circuit) mark(users [][]int, node, r int) {
	if node == addergraph.Zero || len(users[node]) > 0 && users[node][len(users[node])-1] == r {
		return
	}
	users[node] = append(users[node], r)
	if node >= c.Inputs {
		for _, t := range c.operands(node - c.Inputs) {
			c.mark(users, t.Node, r)
		}
	}
}

// termText returns a weight times a name, with its sign.
func termText(weight int64, name string) string {
	sign := "+"
	if weight < 0 {
		sign, weight = "-", -weight
	}
	if weight > 1 {
		name = fmt.Sprintf("%d*%s", weight, name)
	}
	return sign + " " + name
}

// few joins the first words of a list, and says how many more there are.
func few(words []string, between string, most int) string {
	if len(words) <= most {
		return strings.Join(words, between)
	}
	return strings.Join(words[:most], between) + fmt.Sprintf(" and %d more", len(words)-most)
}

// check is the sum of a row by its weights alone, in 64 bits.
type check struct {
	Row   int
	Start string
	Terms []checkTerm
}

type checkTerm struct {
	Negative bool
	Weight   int64
	Name     string
}

// check returns the sum of row r, which shares nothing with the adders.
func (b *Block) check(r int) check {
	c := check{Row: r, Start: "64'd0"}
	if b.Layer.Start != nil {
		c.Start = fmt.Sprintf("64'd%d", uint64(b.Layer.Start[r]))
	}
	for i, w := range b.Layer.Row(r) {
		if w != 0 {
			c.Terms = append(c.Terms, checkTerm{w < 0, max(int64(w), -int64(w)), fmt.Sprintf("w%d", i)})
		}
	}
	return c
}

var _ hwgen.Generated = (*Block)(nil)
