package labelselect

import (
	"slices"

	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// labelSelect builds the netlist of a label_select.v.
//
// ff and counters are what the netlist does not see: counters by their bits, valid bits, and
// best_q.
type labelSelect struct {
	*Block
	*fabric.Netlist
	ff       int
	counters []int
}

// Price implements hwgen.Block. It returns what a label_select.v of these gains, biases and P is made of.
//
// A pair is {score, label}, low bits first the label; the spill register behind it is as in
// mvauShape. "folded" is what several beats per vector need on top of counters: the choice
// between over_beat_q and over_best_q, first and valid, about three LUTs, and is fitted.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	s := &labelSelect{Block: b, Netlist: fabric.NewNetlist(f)}
	scores, labels := s.scores(), s.labels()
	best := s.best(s.tournament(scores, labels))
	s.control()
	s.Use(best...)
	ff, shift := s.RegistersLeft()
	pair := len(best)
	return fabric.Shape{FF: ff + s.ff + 2*pair + 2, Terms: slices.Concat(s.MemoryTerms(),
		f.ControlTerms(s.counters, nil), []fabric.Term{
			fabric.Fitted("folded", float64(fabric.OneIf(b.Folds() > 1)), 3),
			fabric.Exactly("shift_registers", float64(shift)), fabric.Exactly("spill_bits", float64(pair))})}
}

// control counts counters and valid bits; the marks of the first and last beat travel from
// the scores to the best row.
//
// A vector of one beat needs none of them. fold_q and base_q (the row of lane 0) run beside the
// scores; gains are read ceil(GAIN_BITS/2) stages earlier and have a counter of their own.
func (s *labelSelect) control() {
	s.ff += s.Stages()
	if s.Folds() == 1 {
		return
	}
	counter := fabric.AddressWidth(s.Folds())
	s.counters = []int{counter, s.LabelBits()}
	if s.GainShift() < 0 {
		s.counters = append(s.counters, counter)
	}
	for _, bits := range s.counters {
		s.ff += bits
	}
	first, last := s.Fresh(), s.Fresh()
	// Stages SCALED to MATCH: scaled, score, ceil(log2(PE)) matches, and the best of the beat.
	for i := range fabric.AddressWidth(s.PE) + 3 {
		if i == 1 {
			s.Use(last) // the row counter starts again
		}
		first, last = s.Register(first), s.Register(last)
	}
	s.Use(first, last)
}

// scores returns acc * gain + bias of each lane.
//
// PE words of ScoreBits, low bit first. Where every gain is one power of two the product is a
// shift, that is wires; else it is product.v with the gain as the weight, so that the gain's
// bits are the digits: ceil(GainBits/2) rows of adders.
func (s *labelSelect) scores() [][]fabric.Signal {
	memories := s.Memories()
	// fold_q; with one fold the columns are constant and nothing reads it.
	fold := s.Word(max(1, fabric.AddressWidth(s.Folds())))
	biases := s.RegisterAll(s.ROM(fabric.ColumnsOf(memories[0].Words, 0, memories[0].Bits), fold))
	var gains []fabric.Signal
	if s.GainShift() < 0 {
		fold := s.Word(len(fold)) // a counter of their own, some stages ahead
		gains = s.RegisterAll(s.ROM(fabric.ColumnsOf(memories[1].Words, 0, memories[1].Bits), fold))
	}
	scores := make([][]fabric.Signal, s.PE)
	for pe := range scores {
		scaled := s.RegisterAll(s.Word(s.AccBits))
		if gains != nil {
			g := s.GainBits()
			scaled = s.Product(gains[pe*g:(pe+1)*g], scaled, true, min(s.ScoreBits(), g+s.AccBits))
		} else {
			// Zeros below: add makes no LUT of them but takes the bias's bits as they are.
			scaled = append(make([]fabric.Signal, s.GainShift()), scaled...)
		}
		bias := biases[pe*s.ScoreBits() : (pe+1)*s.ScoreBits()]
		scores[pe] = s.RegisterAll(s.Add(scaled, bias, s.ScoreBits()))
	}
	return scores
}

// labels returns the row of each lane: constant with one fold, else the counter and the
// number of the lane.
//
// PE words of LabelBits: label_q = base_q + pe. base_q is what control counts; here it is an
// input. Bits of base_q below the lowest set bit of pe pass as they are, and lanes share their
// registers.
func (s *labelSelect) labels() [][]fabric.Signal {
	labels := make([][]fabric.Signal, s.PE)
	base := s.Word(s.LabelBits())
	for pe := range labels {
		number := make([]fabric.Signal, s.LabelBits())
		for i := range number {
			number[i] = fabric.Signal(pe >> i & 1)
		}
		if s.Folds() > 1 {
			number = s.RegisterAll(s.Add(number, base, s.LabelBits()))
		}
		labels[pe] = number
	}
	return labels
}

// tournament returns the best pair {label, score} of a beat.
//
// Lanes meet in pairs, ceil(log2(PE)) levels with a register behind each: PE-1 comparators and
// as many choices of a pair. A lane without a rival keeps step by registers only.
func (s *labelSelect) tournament(scores, labels [][]fabric.Signal) []fabric.Signal {
	var pairs [][]fabric.Signal
	for pe := range scores {
		pairs = append(pairs, append(labels[pe], scores[pe]...))
	}
	for len(pairs) > 1 {
		above := make([][]fabric.Signal, (len(pairs)+1)/2)
		for i := range above {
			winner := pairs[2*i]
			if 2*i+1 < len(pairs) {
				winner = s.match(winner, pairs[2*i+1])
			}
			above[i] = s.RegisterAll(winner)
		}
		pairs = above
	}
	return pairs[0]
}

// match returns the pair with the larger score, left on a tie, so that the lowest row wins: a
// comparator (2/3 of a LUT per score bit) and one LUT per bit of the pair. Label bits that are
// constant and equal on both sides go through as constants.
func (s *labelSelect) match(left, right []fabric.Signal) []fabric.Signal {
	wins := s.Greater(right[s.LabelBits():], left[s.LabelBits():])
	winner := make([]fabric.Signal, len(left))
	for i := range winner {
		winner[i] = s.Choose(wins, right[i], left[i])
	}
	return winner
}

// best returns the register of the best pair so far. A beat is compared with it and with
// the beat before, and taken a cycle later.
//
// It is taken under an enable of its own (en && take), which the registers of the netlist do
// not have, so its flip-flops are counted here; constant bits of labels have none. Comparing
// with both costs a second comparator, so that the loop over take is one LUT deep
// (label_select.v).
func (s *labelSelect) best(beat []fabric.Signal) []fabric.Signal {
	held := s.RegisterAll(beat)
	// best_q reads them under its own enable: no shift register goes through.
	s.Use(held...)
	best := make([]fabric.Signal, len(beat))
	for i, b := range held {
		best[i] = b
		if !b.Constant() {
			best[i] = s.Fresh()
			s.ff++
		}
	}
	if s.Folds() > 1 {
		for _, other := range [][]fabric.Signal{held, best} {
			s.Use(s.Register(s.Greater(beat[s.LabelBits():], other[s.LabelBits():])))
		}
		s.ff++ // whether the beat before was taken
	}
	return best
}
