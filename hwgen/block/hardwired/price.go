package hardwired

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// Price implements hwgen.Block. It builds the adders stage by stage as the template does, with
// the widths that they have, and counts what is beside them.
//
// A bit of an adder is a LUT and a flip-flop; not a LUT is what only one operand has: the low bits
// below a shift, and the carry or the sign on top. A table of up to six bits is a LUT per bit of
// the activation; of more it is functions of seven and eight inputs, in which ABC finds much that is
// alike: fitted for each width, as LUTs of its structure. Comparisons are fitted by their bits.
// Behind are the queue, a RAM in LUTs with two pointers and its level, and the count of beats.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	p := &price{Netlist: fabric.NewNetlist(f), circuit: b.circuit(), block: b, tables: map[int]int{}}
	p.adders()
	for r := range b.Layer.Out {
		p.row(r)
	}
	ff, shift := p.RegistersLeft()
	width, depth := b.Outputs()[0].Bits, b.Depth()
	pointer, level := fabric.AddressWidth(depth), fabric.AddressWidth(depth+1)
	terms := []fabric.Term{fabric.Exactly("shift_registers", float64(shift)),
		fabric.Fitted("compared_bits", float64(p.compared), 0.2)}
	for w := 7; w <= tableBits; w++ {
		terms = append(terms, fabric.Fitted(fmt.Sprint("tables_of_", w), float64(p.tables[w]), 1))
	}
	// The write pointer, the read pointer twice (block/fifo), and both levels.
	return fabric.Shape{FF: ff + b.Stages() + 3*pointer + 2*level, Terms: slices.Concat(p.MemoryTerms(), terms,
		f.ControlTerms([]int{pointer, pointer}, []int{level, level}), f.RAMTerms(width, depth))}
}

// price is a unit's netlist under way.
type price struct {
	*fabric.Netlist
	*circuit
	block *Block
	// at are the signals of each node, at its first stage and those after it.
	at [][][]fabric.Signal
	// tables are the LUTs of tables by the bits that they read, compared the bits of comparisons.
	tables   map[int]int
	compared int
}

// adders builds all stages.
func (p *price) adders() {
	p.at = make([][][]fabric.Signal, len(p.width))
	for i := range p.Inputs {
		p.at[i] = append(p.at[i], p.Word(p.width[i]))
	}
	for stage := 0; stage <= p.levels; stage++ {
		for node := range p.width {
			if p.stage[node] == stage && node >= p.Inputs {
				p.at[node] = append(p.at[node], p.RegisterAll(p.sum(node)))
			}
		}
		for node, last := range p.last {
			if p.stage[node] <= stage && stage < last {
				p.at[node] = append(p.at[node], p.RegisterAll(p.at[node][stage-p.stage[node]]))
			}
		}
	}
}

// sum returns what the adder of a node gives.
func (p *price) sum(node int) []fabric.Signal {
	r := p.adder(node - p.Inputs)
	a, at := p.Adders[node-p.Inputs], p.stage[node]-1
	var low, high []fabric.Signal
	if r.Low != nil {
		of := a.Left
		if a.Left.Shift > 0 {
			of = a.Right
		}
		low = p.word(of.Node, at, r.Low)
	}
	if r.Left != nil {
		left, right := p.word(a.Left.Node, at, r.Left), p.word(a.Right.Node, at, r.Right)
		if r.Minus {
			high = p.Subtract(left, right)
		} else {
			high = p.Add(left, right, len(left))
		}
	}
	return append(low[:len(low):len(low)], high...)
}

// word returns the signals of an operand that is bits of a node at a stage.
func (p *price) word(node, stage int, o *operand) []fabric.Signal {
	word := slices.Repeat([]fabric.Signal{fabric.No}, o.Zeros)
	of := p.at[node][stage-p.stage[node]]
	if !o.Empty {
		word = append(word, of[o.Low:o.High+1]...)
	}
	sign := fabric.No
	if o.Signed {
		sign = of[o.Top]
	}
	return append(word, slices.Repeat([]fabric.Signal{sign}, o.Pad)...)
}

// row builds the result of row r.
func (p *price) row(r int) {
	y := p.block.row(r)
	if y.Constant != nil {
		return
	}
	root := p.Graph.Rows[r]
	sum := p.word(root.Node, p.stage[root.Node], y.Sum)
	var result []fabric.Signal
	switch {
	case y.Cases != nil:
		result = p.table(y, sum)
	case y.Steps != nil:
		p.Use(sum...)
		for _, s := range y.Steps.Steps {
			if s.Value > 0 && s.Value < 1<<(s.Bits-1) {
				p.compared += len(sum)
			}
		}
		result = p.Word(y.Bits)
	case y.Negative:
		result = p.Subtract(fabric.Number(int64(y.Start.Value), y.Bits), sum)
	case y.Start != nil:
		result = p.Add(sum, fabric.Number(int64(y.Start.Value), y.Bits), y.Bits)
	default:
		result = sum
	}
	for range 1 + len(y.Later) {
		result = p.RegisterAll(result)
	}
	p.Use(result...)
}

// table returns the bits of a result that a table of the sum gives.
func (p *price) table(y row, sum []fabric.Signal) []fabric.Signal {
	values := make([]uint64, 1<<len(sum))
	for _, c := range y.Cases {
		for _, line := range c.Lines {
			for _, n := range line {
				values[n.Value] = c.Result.Value
			}
		}
	}
	if len(sum) > 6 {
		p.Use(sum...)
		p.tables[len(sum)] += y.Bits << (len(sum) - 6)
		return p.Word(y.Bits)
	}
	var result []fabric.Signal
	for bit := range y.Bits {
		var table uint64
		for i := range 64 {
			table |= values[i%len(values)] >> bit & 1 << i
		}
		result = append(result, p.Logic(table, sum...))
	}
	return result
}
