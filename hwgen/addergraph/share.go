package addergraph

import (
	"math/bits"
	"slices"
)

// New returns the graph of a matrix of rows of so many columns, row by row. The same matrix gives
// the same graph.
func New(weights []int32, columns int) *Graph {
	g := &Graph{Inputs: columns}
	g.Rows = g.share(termsOf(weights, columns))
	// Which of the two is smaller only shows when both are there.
	if rests, sums, alike := span(weights, columns); alike {
		if other := spanned(rests, columns, sums); len(other.Adders) < len(g.Adders) {
			return other
		}
	}
	return g
}

// spanned returns the graph of a matrix whose rows are sums of rests.
func spanned(rests []int32, columns int, sums [][]Term) *Graph {
	g := &Graph{Inputs: columns}
	nodes := g.share(termsOf(rests, columns))
	rows := make([][]Term, len(sums))
	for r, terms := range sums {
		for _, t := range terms {
			of := nodes[t.Node]
			of.Negative = of.Negative != t.Negative
			rows[r] = plus(rows[r], of)
		}
	}
	g.Rows = g.share(rows)
	return g
}

// plus appends a term to a sum; one that is there already cancels out, or doubles.
func plus(terms []Term, t Term) []Term {
	for i, other := range terms {
		if other.Node != t.Node || other.Shift != t.Shift {
			continue
		}
		terms = slices.Delete(terms, i, i+1)
		if other.Negative != t.Negative {
			return terms
		}
		t.Shift++
		return plus(terms, t)
	}
	if t.Node == Zero {
		return terms
	}
	return append(terms, t)
}

// termsOf returns the digits of a matrix, row by row.
func termsOf(weights []int32, columns int) [][]Term {
	var rows [][]Term
	for from := 0; from < len(weights); from += columns {
		var terms []Term
		for input, w := range weights[from : from+columns] {
			terms = digits(terms, input, w)
		}
		rows = append(rows, terms)
	}
	return rows
}

// share adds rows of terms up and returns their sums.
func (g *Graph) share(rows [][]Term) []Term {
	s := &sharing{graph: g, count: map[pair]int32{}, has: map[pair][]int32{}}
	for _, terms := range rows {
		s.addRow(terms)
	}
	for p, ok := s.most(); ok; p, ok = s.most() {
		s.share(p)
	}
	levels := g.Levels()
	var roots []Term
	for _, terms := range s.rows {
		var root Term
		root, levels = g.sum(terms, levels)
		roots = append(roots, root)
	}
	return roots
}

// Terms returns how many digits of weights are not 0: what rows would add up if they shared nothing.
func Terms(weights []int32) int {
	n := 0
	for _, w := range weights {
		n += terms(w)
	}
	return n
}

// terms returns len(digits(nil, 0, w)): digits of v are those of 3v less those of v, digit by digit,
// halved (Reitwieser 1960).
func terms(w int32) int {
	v := int64(w)
	return bits.OnesCount64(uint64(3*v ^ v))
}

// digits appends the canonical signed digits of w times an input: no two that are not 0 are side by
// side, which no other form beats in number.
func digits(terms []Term, input int, w int32) []Term {
	// int64, as the sum of the lowest number and a carry has a bit more.
	for v, shift := int64(w), 0; v != 0; v, shift = v>>1, shift+1 {
		if v&1 == 0 {
			continue
		}
		// Of the two odd digits the one that leaves an even number behind: ..01 is 1, ..11 is 4-1.
		negative := v&3 == 3
		terms = append(terms, Term{input, shift, negative})
		if negative {
			v += 2
		}
	}
	return terms
}

// pair is two terms of a row, up to a shift and a sign of both: first plus second times 2^shift, or
// minus. The first has the lower node, or the lower shift where both are of one node.
type pair struct {
	first, second int32
	shift         int16
	minus         bool
}

// pairOf returns the pair that two terms make.
func pairOf(a, b Term) pair {
	if a.Node > b.Node || a.Node == b.Node && a.Shift > b.Shift {
		a, b = b, a
	}
	return pair{int32(a.Node), int32(b.Node), int16(b.Shift - a.Shift), a.Negative != b.Negative}
}

// adder returns the adder of a pair: shifts are those that one of the two does not need.
func (p pair) adder() Adder {
	return Adder{Left: Term{Node: int(p.first), Shift: max(0, -int(p.shift))},
		Right: Term{Node: int(p.second), Shift: max(0, int(p.shift)), Negative: p.minus}}
}

// sharing is a graph under way: rows as sums of terms, and how often each pair comes in them.
type sharing struct {
	graph *Graph
	rows  [][]Term
	count map[pair]int32
	// has are the rows in which a pair came up, once for each time; it may be gone from some.
	has map[pair][]int32
	// ranked are the pairs by how often they came when they were put there: a pair may be in
	// several, and counts where it is as often as that.
	ranked [][]pair
}

// addRow takes a row in.
func (s *sharing) addRow(terms []Term) {
	for i, t := range terms {
		for _, other := range terms[:i] {
			s.found(pairOf(other, t), len(s.rows))
		}
	}
	s.rows = append(s.rows, slices.Clone(terms))
}

// found counts a pair in a row.
func (s *sharing) found(p pair, row int) {
	n := s.count[p] + 1
	s.count[p] = n
	s.has[p] = append(s.has[p], int32(row))
	if n > 1 {
		s.rank(p, n)
	}
}

func (s *sharing) rank(p pair, n int32) {
	for len(s.ranked) <= int(n) {
		s.ranked = append(s.ranked, nil)
	}
	s.ranked[n] = append(s.ranked[n], p)
}

// most returns the pair that comes most often, if one comes twice.
func (s *sharing) most() (pair, bool) {
	for n := len(s.ranked) - 1; n > 1; n-- {
		for len(s.ranked[n]) > 0 {
			last := len(s.ranked[n]) - 1
			p := s.ranked[n][last]
			s.ranked[n] = s.ranked[n][:last]
			switch c := s.count[p]; {
			case c == int32(n):
				return p, true
			case c > 1 && c < int32(n):
				s.rank(p, c) // it has come down since, and is not sure to be there
			}
		}
		s.ranked = s.ranked[:n]
	}
	return pair{}, false
}

// share makes an adder of a pair and puts it into all rows that have it.
func (s *sharing) share(p pair) {
	node := s.graph.Inputs + len(s.graph.Adders)
	rows := slices.Compact(slices.Sorted(slices.Values(s.has[p])))
	used := 0
	for _, r := range rows {
		for s.replace(int(r), p, node) {
			used++
		}
	}
	delete(s.count, p)
	delete(s.has, p)
	// Pairs that overlap are counted more often than they can be replaced: x + 2x + 4x is two of
	// them, or one and a rest.
	if used > 0 {
		s.graph.Adders = append(s.graph.Adders, p.adder())
	}
}

// replace puts node into the place of a pair of a row, and says whether there was one.
func (s *sharing) replace(row int, p pair, node int) bool {
	terms := s.rows[row]
	i, j, ok := find(terms, p)
	if !ok {
		return false
	}
	a := terms[i]
	together := Term{Node: node, Shift: min(a.Shift, terms[j].Shift), Negative: a.Negative}
	s.lose(terms, i, len(terms))
	s.lose(terms, j, i)
	terms = slices.Delete(terms, max(i, j), max(i, j)+1)
	terms = slices.Delete(terms, min(i, j), min(i, j)+1)
	for _, t := range terms {
		s.found(pairOf(t, together), row)
	}
	s.rows[row] = append(terms, together)
	return true
}

// lose takes the pairs of a term off the count, but for that with a term that is lost already.
func (s *sharing) lose(terms []Term, at, gone int) {
	for k, t := range terms {
		if k == at || k == gone {
			continue
		}
		p := pairOf(terms[at], t)
		if s.count[p]--; s.count[p] == 0 {
			delete(s.count, p)
			delete(s.has, p)
		}
	}
}

// find returns the places of the first and the second term of a pair.
func find(terms []Term, p pair) (first, second int, ok bool) {
	for i, a := range terms {
		if a.Node != int(p.first) {
			continue
		}
		for j, b := range terms {
			if i != j && b.Node == int(p.second) && b.Shift-a.Shift == int(p.shift) &&
				(a.Negative != b.Negative) == p.minus {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// sum adds the terms up in as few levels as there can be: the two that come first, again and again.
// It returns the sum, and the levels of all nodes.
func (g *Graph) sum(terms []Term, levels []int) (Term, []int) {
	if len(terms) == 0 {
		return Term{Node: Zero}, levels
	}
	early := func(a, b Term) int { return levels[a.Node] - levels[b.Node] }
	for len(terms) > 1 {
		slices.SortStableFunc(terms, early)
		a, b := terms[0], terms[1]
		// A negative sum would have to be turned round in the end.
		if a.Negative && !b.Negative {
			a, b = b, a
		}
		shift := min(a.Shift, b.Shift)
		g.Adders = append(g.Adders, Adder{Left: Term{Node: a.Node, Shift: a.Shift - shift},
			Right: Term{Node: b.Node, Shift: b.Shift - shift, Negative: a.Negative != b.Negative}})
		levels = append(levels, 1+max(levels[a.Node], levels[b.Node]))
		terms = append(terms[2:], Term{Node: len(levels) - 1, Shift: shift, Negative: a.Negative})
	}
	return terms[0], levels
}
