package blocktest

import "math/bits"

// units makes the unit of each module from the numbers among its parameters. A new block adds a
// line here, and its recurrences below.
var units = map[string]func(p map[string]int, e Ends) Unit{
	"fifo": func(p map[string]int, e Ends) Unit { return &queue{e, p["DEPTH"]} },
	"replay_buffer": func(p map[string]int, e Ends) Unit {
		return &replay{Ends: e, length: p["LENGTH"], repeats: p["REPEATS"], slots: max(2, p["LENGTH"])}
	},
	"width_converter": func(p map[string]int, e Ends) Unit {
		if in, out := p["S_WORDS"], p["M_WORDS"]; in > out {
			return &split{e, in / out}
		} else {
			return &gather{e, out / in}
		}
	},
	"fork_stream": func(p map[string]int, e Ends) Unit { return &fork{e, p["OUTPUTS"]} },
	// Behind the held operands (add.v): products by the factors, tree, search of thresholds.v.
	"add": func(p map[string]int, e Ends) Unit {
		stages := half(p["FACTOR_BITS"]) + clog2(p["OPERANDS"]) + max(0, 2*p["OUTPUT_BITS"]-1)
		s := &sum{Ends: e, operands: p["OPERANDS"]}
		s.line = line{Ends: Ends{In: s.goes, Out: e.Out}, stages: stages, period: 1}
		return s
	},
	// Latency from the last beat of a fold, without the spill register (mvau.v): operands, digits
	// of the products, tree, accumulator, and what the search of thresholds.v takes.
	"mvau": func(p map[string]int, e Ends) Unit {
		stages := 2 + half(p["WEIGHT_BITS"]) + clog2(p["SIMD"]) + max(0, 2*p["OUTPUT_BITS"]-1)
		return &line{Ends: e, stages: stages, period: p["MW"] / p["SIMD"]}
	},
	// The same of label_select.v: operands, score, comparison, best row; tournament, product.
	"label_select": func(p map[string]int, e Ends) Unit {
		stages := 4 + clog2(p["PE"])
		if p["GAIN_SHIFT"] < 0 {
			stages += half(p["GAIN_BITS"])
		}
		return &line{Ends: e, stages: stages, period: p["MH"] / p["PE"]}
	},
}

// half is n/2, rounded up; clog2 the exponent of the lowest power of two that is at least n.
func half(n int) int { return (n + 1) / 2 }

// clog2 implements what half says.
func clog2(n int) int { return bits.Len(uint(n - 1)) }

// queue is a FIFO: its beats are seen a cycle later, a slot is free a cycle after its beat left.
type queue struct {
	Ends
	depth int
}

// Offers implements Unit.
func (q *queue) Offers(_, n int) int64 { return q.In(0, n) + 1 }

// Takes implements Unit.
func (q *queue) Takes(_, n int, t int64) int64 { return max(t, q.Out(0, n-q.depth)+1) }

// gather joins ratio parts; the last of them waits until the beat before has left.
type gather struct {
	Ends
	ratio int
}

// Offers implements Unit.
func (g *gather) Offers(_, n int) int64 { return g.In(0, (n+1)*g.ratio-1) + 1 }

// Takes implements Unit.
func (g *gather) Takes(_, n int, t int64) int64 {
	if n%g.ratio != g.ratio-1 {
		return t
	}
	return max(t, g.Out(0, n/g.ratio-1)+1)
}

// split holds a beat that it gives in ratio parts, and one that waits.
type split struct {
	Ends
	ratio int
}

// loaded returns the cycle in which input beat n becomes the one that is given.
func (s *split) loaded(n int) int64 { return max(s.In(0, n), s.Out(0, n*s.ratio-1)) }

// Offers implements Unit.
func (s *split) Offers(_, n int) int64 { return s.loaded(n/s.ratio) + 1 }

// Takes implements Unit.
func (s *split) Takes(_, n int, t int64) int64 {
	if n == 0 {
		return t
	}
	return max(t, s.loaded(n-1)+1)
}

// replay reads each vector of length beats repeats times through an output register.
type replay struct {
	Ends
	length, repeats, slots int
	reads                  []int64
}

// read returns the cycle of memory read n: after the one before, with the register free,
// and in a first pass after its beat came.
func (r *replay) read(n int) int64 {
	if n < 0 {
		return notYet
	}
	for k := len(r.reads); k <= n; k++ {
		t := max(r.Out(0, k-1), 0)
		if k > 0 {
			t = max(t, r.reads[k-1]+1)
		}
		if vector := k / (r.length * r.repeats); k%(r.length*r.repeats) < r.length {
			t = max(t, r.In(0, vector*r.length+k%r.length)+1)
		}
		if k == len(r.reads) { // not read meanwhile, on behalf of Out
			r.reads = append(r.reads, t)
		}
	}
	return r.reads[n]
}

// Offers implements Unit.
func (r *replay) Offers(_, n int) int64 { return r.read(n) + 1 }

// Takes implements Unit: the slot of beat n is that of beat n-slots, free after its last read.
func (r *replay) Takes(_, n int, t int64) int64 {
	before := n - r.slots
	if before < 0 {
		return t
	}
	last := before/r.length*r.length*r.repeats + (r.repeats-1)*r.length + before%r.length
	return max(t, r.read(last)+1)
}

// line is a pipeline that halts as a whole: a result that stands at its end stops all
// behind it until the spill register has room.
type line struct {
	Ends
	stages, period int
	stands, leaves []int64 // cycles in which each result comes to the end, and leaves it
}

// result computes when result n stands at the end and when it leaves it.
func (l *line) result(n int) (stands, leaves int64) {
	for k := len(l.stands); k <= n; k++ {
		came := l.In(0, (k+1)*l.period-1)
		stands := came + int64(l.stages)
		for j := k - 1; j >= 0 && l.stands[j] > came; j-- {
			stands += l.leaves[j] - l.stands[j] // it stood in the way meanwhile
		}
		leaves := max(stands, l.Out(0, k-2)+1)
		if k == len(l.stands) {
			l.stands, l.leaves = append(l.stands, stands), append(l.leaves, leaves)
		}
	}
	return l.stands[n], l.leaves[n]
}

// Offers implements Unit.
func (l *line) Offers(_, n int) int64 {
	_, leaves := l.result(n)
	return leaves + 1
}

// Takes implements Unit.
func (l *line) Takes(_, n int, t int64) int64 {
	before := n / l.period // results whose beats have all come
	for k := max(0, before-l.stages-2); k < before; k++ {
		if stands, leaves := l.result(k); stands <= t && t < leaves {
			t = leaves
		}
	}
	return t
}

// fork stores two beats; a store is free a cycle after the last reader took what it holds.
type fork struct {
	Ends
	readers int
}

// Offers implements Unit.
func (f *fork) Offers(_, n int) int64 { return f.In(0, n) + 1 }

// Takes implements Unit.
func (f *fork) Takes(_, n int, t int64) int64 {
	for i := range f.readers {
		t = max(t, f.Out(i, n-2)+1)
	}
	return t
}

// sum holds an operand until all are there, and the pipeline behind them moves.
type sum struct {
	Ends
	operands int
	line     line
	went     []int64 // cycles in which the operands entered the pipeline
}

// goes returns the cycle in which operands n leave their registers.
func (s *sum) goes(_, n int) int64 {
	if n < 0 {
		return notYet
	}
	for k := len(s.went); k <= n; k++ {
		t := s.goes(0, k-1) + 1
		for i := range s.operands {
			t = max(t, s.In(i, k)+1)
		}
		t = s.line.Takes(0, k, t)
		if k == len(s.went) { // not found meanwhile, on behalf of line
			s.went = append(s.went, t)
		}
	}
	return s.went[n]
}

// Offers implements Unit.
func (s *sum) Offers(_, n int) int64 { return s.line.Offers(0, n) }

// Takes implements Unit: a register is free in the cycle in which it is emptied.
func (s *sum) Takes(_, n int, t int64) int64 { return max(t, s.goes(0, n-1)) }
