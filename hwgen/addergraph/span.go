package addergraph

// span decomposes a matrix whose rows are alike: each row is another one, or its negative, plus a
// rest, where the rest has fewer digits than the row. It returns the rests as a matrix, and of each
// row the rests that it is a sum of, with their signs: a tree of rows that grows from 0 by the
// least rest (Prim's algorithm on the number of digits). alike is false where every row is its own
// rest.
//
// Rows of few taps have little in common. Dense ones do: of entries of one sign and size nearly
// all digits but the lowest cancel out.
func span(weights []int32, columns int) (rests []int32, sums [][]Term, alike bool) {
	rows := len(weights) / columns
	row := func(r int) []int32 { return weights[r*columns : (r+1)*columns] }
	rests, sums = make([]int32, len(weights)), make([][]Term, rows)
	// The nearest row of the tree to each that is not in it, and what is between them.
	type edge struct {
		digits, to int
		negative   bool
	}
	nearest := make([]edge, rows)
	for r := range nearest {
		nearest[r] = edge{count(row(r), nil, 0), Zero, false}
	}
	for range rows {
		next := Zero
		for r, e := range nearest {
			if sums[r] == nil && (next == Zero || e.digits < nearest[next].digits) {
				next = r
			}
		}
		e := nearest[next]
		copy(rests[next*columns:], row(next))
		if e.to != Zero {
			alike = true
			for _, t := range sums[e.to] {
				t.Negative = t.Negative != e.negative
				sums[next] = append(sums[next], t)
			}
			for i, w := range row(e.to) {
				rests[next*columns+i] -= sign(e.negative) * w
			}
		}
		sums[next] = append(sums[next], Term{Node: next})
		for r := range nearest {
			if sums[r] != nil {
				continue
			}
			for _, negative := range []bool{false, true} {
				// One more for the adder of the row and its rest.
				if d := count(row(r), row(next), -sign(negative)) + 1; d < nearest[r].digits {
					nearest[r] = edge{d, next, negative}
				}
			}
		}
	}
	return rests, sums, alike
}

// count returns the digits of a row plus by times another.
func count(row, other []int32, by int32) int {
	n := 0
	for i, w := range row {
		if by != 0 {
			w += by * other[i]
		}
		n += terms(w)
	}
	return n
}

func sign(negative bool) int32 {
	if negative {
		return -1
	}
	return 1
}
