package taps

// Signs returns the sign bits of a step for the lanes of one PE, as templates/tap_tree.v takes
// them: one per node of a tree of adders, level by level from the leaves on, then that of the
// whole.
//
// A node gives its left operand plus or minus its right one, so its bit says whether their signs
// differ; the sign of a node is that of its left operand, and that of the whole lane 0's
// (derived: s0*x0 + s1*x1 = s0*(x0 + s0*s1*x1), at every level again).
func Signs(lanes []Tap) []bool {
	level := make([]sign, len(lanes))
	for i, t := range lanes {
		level[i] = sign{t.Minus, t.Used}
	}
	var bits []bool
	for len(level) > 1 {
		above := make([]sign, 0, (len(level)+1)/2)
		for i := 0; i < len(level); i += 2 {
			if i+1 == len(level) {
				above = append(above, level[i])
				continue
			}
			node, differ := join(level[i], level[i+1])
			bits, above = append(bits, differ), append(above, node)
		}
		level = above
	}
	return append(bits, level[0].minus)
}

// sign is that of a sum of taps, which may be of any where nothing is summed.
type sign struct{ minus, matters bool }

// join returns the sign of a node, and whether its operands' signs differ. An operand that is 0
// takes the other's sign.
func join(left, right sign) (sign, bool) {
	switch {
	case !left.matters:
		return right, false
	case !right.matters:
		return left, false
	}
	return left, left.minus != right.minus
}
