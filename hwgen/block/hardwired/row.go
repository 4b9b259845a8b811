package hardwired

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen/addergraph"
)

// row is the result of a row of the matrix: a staircase of the bits of its sum, or the
// accumulator itself.
type row struct {
	Index, Bits int
	// At is the stage of its register, and Later are those in which it moves along.
	At    int
	Later []delay
	// Sum are the bits of the sum.
	Sum *operand
	// Constant is the result where it depends on no input, in which case there is no register.
	Constant *number
	// Cases are the staircase as a table, Steps as numbers to compare with: one of both, or, of an
	// accumulator, none.
	Cases []step
	Steps *stairs
	// An accumulator is Start plus the sum or, where Negative, minus it.
	Start    *number
	Negative bool
}

// delay is a stage, and the one before.
type delay struct{ Stage, Before int }

// number is a constant of so many bits.
type number struct {
	Bits  int
	Value uint64
}

// step are the sums, as their bits read, that give a result.
type step struct {
	Lines  [][]number
	Result number
}

// stairs are the parameters of staircase.v.
type stairs struct {
	Bits   int
	Origin number
	Steps  []number // the last first, as a concatenation has them
	Flip   number
}

// tableBits are the most bits of a sum whose staircase is a table: 256 lines of a ROM, of which
// synthesis makes less than of comparators. Above, tables would be longer than all else.
const tableBits = 8

// row returns row r.
func (b *Block) row(r int) row {
	c := b.circuit()
	root, out := c.Graph.Rows[r], b.output()
	y := row{Index: r, Bits: out.Bits}
	if root.Node == addergraph.Zero {
		y.Constant = &number{out.Bits, b.result(r, 0)}
		return y
	}
	at := c.stage[root.Node]
	y.At = at + 1
	for s := y.At + 1; s <= b.Stages(); s++ {
		y.Later = append(y.Later, delay{s, s - 1})
	}
	if b.Layer.Thresholds == nil {
		y.Sum = c.bits(root.Node, at, 0, out.Bits-min(root.Shift, out.Bits-1))
		y.Sum.Zeros = min(root.Shift, out.Bits-1)
		y.Negative = root.Negative
		if start := b.start(r); start != 0 || y.Negative {
			y.Start = &number{out.Bits, low(start, out.Bits)}
		}
		return y
	}
	y.Sum = c.bits(root.Node, at, 0, c.rows[r])
	b.stairs(&y, r)
	return y
}

// start returns what the accumulator of row r begins with.
func (b *Block) start(r int) int64 {
	if b.Layer.Start == nil {
		return 0
	}
	return b.Layer.Start[r]
}

// result returns the bits of row r's result where the sum of its node is v.
func (b *Block) result(r int, v int64) uint64 {
	acc := b.circuit().Graph.Rows[r].Of(v) + b.start(r)
	if t := b.Layer.Thresholds; t != nil {
		return low(t.Apply(r, acc), t.Output.Bits)
	}
	return low(acc, b.AccBits)
}

// low returns the low bits of v.
func low(v int64, bits int) uint64 {
	if bits == 64 {
		return uint64(v)
	}
	return uint64(v) & (1<<bits - 1)
}

// stairs makes the staircase of row r: all constants of the row go into it, the start value of its
// accumulator, the sign and shift of its sum and where its values lie among those of so many bits.
func (b *Block) stairs(y *row, r int) {
	c := b.circuit()
	values, w := c.ranges[c.Graph.Rows[r].Node], c.rows[r]
	// Where P is too narrow for the row, as estimates may have it: the first of each pattern.
	values.Max = min(values.Max, values.Min+int64(1)<<w-1)
	jumps := b.jumps(r, values)
	if len(jumps) == 1 {
		y.Constant = &number{y.Bits, b.result(r, values.Min)}
		return
	}
	if w > tableBits {
		y.Steps = b.steps(r, values, jumps, w)
		return
	}
	for i, from := range jumps {
		to := values.Max + 1
		if i+1 < len(jumps) {
			to = jumps[i+1]
		}
		s := step{Result: number{y.Bits, b.result(r, from)}}
		for v := from; v < to; v++ {
			if last := len(s.Lines) - 1; last >= 0 && len(s.Lines[last]) < perLine {
				s.Lines[last] = append(s.Lines[last], number{w, low(v, w)})
				continue
			}
			s.Lines = append(s.Lines, []number{{w, low(v, w)}})
		}
		y.Cases = append(y.Cases, s)
	}
}

// perLine is how many numbers of a table stand in a line.
const perLine = 8

// jumps returns the sums from which on row r has another result than below, the least sum first.
func (b *Block) jumps(r int, values addergraph.Range) []int64 {
	jumps, last := []int64{values.Min}, b.result(r, values.Max)
	for at := values.Min; b.result(r, at) != last; {
		at = b.beyond(r, at, values.Max)
		jumps = append(jumps, at)
	}
	return jumps
}

// beyond returns the first sum after from with another result, by bisection: staircases rise or
// fall, and the result at most is another one.
func (b *Block) beyond(r int, from, most int64) int64 {
	at := b.result(r, from)
	same, other := from, most
	for other-same > 1 {
		if mid := same + (other-same)/2; b.result(r, mid) == at {
			same = mid
		} else {
			other = mid
		}
	}
	return other
}

// steps returns the staircase of row r, which jumps at the given sums, as numbers to compare with:
// how many values lie below each step. Falling ones count the other way.
func (b *Block) steps(r int, values addergraph.Range, jumps []int64, w int) *stairs {
	t, origin := b.Layer.Thresholds, b.origin(values, w)
	falls := b.circuit().Graph.Rows[r].Negative != (t.Inverted != nil && t.Inverted[r])
	s := &stairs{Bits: w, Origin: number{w, low(origin, w)}}
	// The level of a result is how many steps it is above the least.
	flip := uint64(0)
	if t.Output.Signed {
		flip = 1 << (t.Output.Bits - 1)
	}
	if falls {
		flip ^= 1<<t.Output.Bits - 1
	}
	s.Flip = number{t.Output.Bits, flip}
	for k := uint64(t.Levels()); k >= 1; k-- {
		below := int64(1) << w // never
		// Levels rise with the sums, so the first that is as high is at a jump.
		at := slices.IndexFunc(jumps, func(v int64) bool { return b.result(r, v)^flip >= k })
		if at >= 0 {
			below = jumps[at] - origin
		}
		s.Steps = append(s.Steps, number{w + 1, uint64(below)})
	}
	return s
}

// origin returns the value at which patterns of w bits begin to be counted: the least of the row, or
// below it a multiple of 2^(w-1) where no other value has its pattern, for then comparisons need not
// turn over.
func (b *Block) origin(values addergraph.Range, w int) int64 {
	half := int64(1) << (w - 1)
	if at := values.Min &^ (half - 1); values.Max-at < 2*half {
		return at
	}
	return values.Min
}

// String returns the number as Verilog has it.
func (n number) String() string { return fmt.Sprintf("%d'd%d", n.Bits, n.Value) }
