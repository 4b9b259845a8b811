package train

import (
	"fmt"

	"github.com/a2qgen/a2qgen/quant"
)

// hidden returns the weight quantiser of a hidden layer, without the type of
// its input.
func (p *plan) hidden(l *LayerSpec, depthwise bool) *quant.Quantizer {
	s := p.spec
	method := s.Method
	if depthwise {
		method = s.depthwiseMethod()
	}
	if l.Method != "" {
		method = l.Method
	}
	return &quant.Quantizer{
		Method: method, WeightBits: or(l.WeightBits, s.WeightBits),
		AccBits: or(l.AccBits, s.AccBits), Rule: s.Rule, Taps: orTaps(l.Taps, s.Taps),
	}
}

// orTaps returns t, or what stands for none.
func orTaps(t, none quant.Taps) quant.Taps {
	if t.Any() {
		return t
	}
	return none
}

// depthwiseMethod returns the method of depthwise layers: by default that of
// the others, but a2q under a2q+, whose zero mean takes one of the nine
// degrees of freedom of a 3x3 kernel (arXiv 2401.10432, section 4).
func (s *Spec) depthwiseMethod() quant.Method {
	switch {
	case s.DepthwiseMethod != "":
		return s.DepthwiseMethod
	case s.Method == quant.A2QPlus:
		return quant.A2Q
	}
	return s.Method
}

// first sets the quantiser of a first layer (see quant.Roles): 8-bit weights without
// target, unless the spec gives it one.
func (p *plan) first(st *step) {
	p.end(st, p.spec.FirstWeightBits, p.spec.FirstAccBits, p.spec.FirstTaps)
}

// last sets the quantiser of a last layer. One that ends in scores has one scale for all
// channels, which keeps the order of scores exact and spares hardware a product for each;
// not so under methods with norms, whose targets are each row's in units of its scale.
func (p *plan) last(st *step) {
	p.end(st, p.spec.LastWeightBits, p.spec.LastAccBits, p.spec.LastTaps)
	if !st.quantiser.HasNorm() && st.act == nil {
		st.scales = 1
	}
}

// end sets the quantiser of an end of the network. What the layer says of itself
// comes before what the spec says of ends; a width of its own puts it under the
// method. Without a width from either it is Base.
func (p *plan) end(st *step, weightBits, accBits int, taps quant.Taps) {
	z, own := st.quantiser, st.own
	z.WeightBits, z.AccBits = or(own.WeightBits, weightBits), or(own.AccBits, accBits)
	z.Taps = orTaps(own.Taps, taps)
	if z.AccBits == 0 {
		if z.Taps.Any() {
			p.fail(st.path+".taps", "want acc_bits too: the ends of a network have no target by default")
		}
		if own.Method != "" && own.Method != quant.Base {
			p.fail(st.path+".method", "%s without acc_bits, want them too: "+
				"the ends of a network have no target by default", own.Method)
		}
		z.Method = quant.Base
	}
}

// checkTarget refuses an accumulator in which no channel can hold a weight. The
// spec was checked for inputs of its act_bits; here the type is known that the
// layer does read.
func (p *plan) checkTarget(st *step) {
	if st.quantiser.Taps.Any() {
		p.checkTaps(st)
	}
	if st.quantiser.Method == quant.Base {
		st.quantiser.AccBits = 0
		return
	}
	least := leastAccBits(*st.quantiser)
	if st.quantiser.AccBits < least {
		p.fail(st.path, "acc_bits is %d, want %d..%d for method %s with inputs of %v",
			st.quantiser.AccBits, least, maxAccBits, st.quantiser.Method, st.quantiser.Input)
	}
}

// checkTaps refuses taps of a layer that no projection keeps.
func (p *plan) checkTaps(st *step) {
	switch z := st.quantiser; {
	case st.Kind != quant.Linear:
		p.fail(st.path, "taps of %s, want none: banks are those of a vector", withArticle(st.Kind))
	case !z.Method.Ruled():
		p.fail(st.path, "taps under method %s, want none: budget and dq alone have them", z.Method)
	default:
		if _, err := z.Allowance(); err != nil {
			p.fail(st.path+".taps", "%v", err)
		}
	}
}

// leastAccBits returns the smallest P whose budget (MATH 2) lets a channel hold any
// weight: one unit, or one of each sign under a2q+. Budgets grow with P without
// bound, so the search ends.
func leastAccBits(z quant.Quantizer) int {
	for p := 1; ; p++ {
		z.AccBits = p
		switch z.Method {
		case quant.A2QPlus:
			if quant.BudgetA2QPlus(p, z.Input) >= 2 {
				return p
			}
		case quant.Budget, quant.DQ:
			if a, err := z.Allowance(); err == nil && a.Units >= 1 {
				return p
			}
		default:
			if quant.BudgetA2Q(p, z.Input) >= 1 {
				return p
			}
		}
	}
}

// Uses says whether a method of s, or one that a layer has of its own, is m.
func (s *Spec) Uses(m quant.Method) bool {
	return s.Method == m || s.depthwiseMethod() == m || s.Layers.any(func(l *LayerSpec) bool { return l.Method == m })
}

// Ruled says whether a method of s, or one that a layer has of its own, has rules and taps.
func (s *Spec) Ruled() bool { return s.Uses(quant.Budget) || s.Uses(quant.DQ) }

// limited says whether a method of s, or one that a layer has of its own, knows
// accumulators.
func (s *Spec) limited() bool {
	own := func(l *LayerSpec) bool { return l.Method != "" && l.Method != quant.Base }
	return s.Method != quant.Base || s.depthwiseMethod() != quant.Base || s.Layers.any(own)
}

// methods checks the fields that say how weights are quantised. The targets of the
// ends are checked with the inputs that they have: those of the network, and
// activations.
func (c *checker) methods(s *Spec) {
	for _, m := range []struct {
		field  string
		method quant.Method
	}{{"method", s.Method}, {"depthwise_method", s.depthwiseMethod()}} {
		_, err := quant.ParseMethod(string(m.method))
		c.that(err == nil, m.field, m.method, methods)
	}
	_, err := quant.ParseRule(string(s.Rule))
	c.that(err == nil, "rule", s.Rule, "split or shifted")
	c.target("acc_bits", s.AccBits, s.Method, s.Rule, quant.DataType{Bits: s.ActBits})
	c.that(s.FirstAccBits == 0 || s.limited(), "first_acc_bits", s.FirstAccBits,
		"0 with method base, which has no limit")
	c.that(s.LastAccBits == 0 || s.limited(), "last_acc_bits", s.LastAccBits, "0 with method base, which has no limit")
	if s.FirstAccBits != 0 {
		c.target("first_acc_bits", s.FirstAccBits, s.Method, s.Rule, s.inputCoding().typ)
	}
	if s.LastAccBits != 0 {
		c.target("last_acc_bits", s.LastAccBits, s.Method, s.Rule, quant.DataType{Bits: s.ActBits})
	}
	c.taps("taps", s.Taps, s)
	c.taps("first_taps", s.FirstTaps, s)
	c.taps("last_taps", s.LastTaps, s)
	c.that(!s.FirstTaps.Any() || s.FirstAccBits != 0, "first_acc_bits", 0, "the first layer's P with first_taps")
	c.that(!s.LastTaps.Any() || s.LastAccBits != 0, "last_acc_bits", 0, "the last layer's P with last_taps")
}

// taps checks a bound on units by itself. What the accumulator makes of it, the plan
// knows (plan.checkTaps).
func (c *checker) taps(field string, t quant.Taps, s *Spec) {
	if err := t.Check(); err != nil && c.err == nil {
		c.err = fmt.Errorf("train: %s: %w", field, err)
	}
	c.that(!t.Any() || s.Ruled(), field, t, "none without method budget or dq, which alone have taps")
}

// target checks an accumulator width for inputs of a type. Base takes any width: it
// has none.
func (c *checker) target(field string, v int, m quant.Method, r quant.Rule, input quant.DataType) {
	least := 0
	if m != quant.Base && c.err == nil {
		least = leastAccBits(quant.Quantizer{Method: m, Rule: r, Input: input})
	}
	c.between(field, v, least, maxAccBits)
}
