package train

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// residual appends the branches of a residual and their sum. Operands of an
// addition are integers of one scale and sign (MATH 5), so the last step of
// each branch gets the quantiser that they share.
func (p *plan) residual(st step, l *LayerSpec) int {
	from, shared := st.From[0], p.act(l)
	// Branches end without ReLU by default, so either may be negative; one that is
	// not loses a bit, which the common sign takes.
	shared.signed = true
	body := p.branch(l.Body, st.path+".body", from, shared)
	shortcut := p.branch(l.Shortcut, st.path+".shortcut", from, shared)
	if p.err != nil {
		return from
	}
	st.Kind, st.From, st.act = quant.Add, []int{body, shortcut}, p.act(l)
	return p.add(st, "add")
}

// branch appends a branch of a residual, which ends in the quantiser shared. Its
// last layer, perhaps moved, has no ReLU unless it says so. ReLU comes after the
// sum (arXiv 1512.03385, figure 2).
func (p *plan) branch(l Layers, path string, from int, shared *actPlan) int {
	last := len(l) - 1
	for last > 0 && (l[last].Kind == UpsampleLayer || l[last].Kind == PixelShuffleLayer) {
		last--
	}
	// A copy: the spec is the caller's.
	if last >= 0 && l[last].Relu == nil {
		l = l.clone()
		none := false
		l[last].Relu = &none
	}
	first := len(p.steps)
	return p.share(p.layers(l, path, from), first, shared, path)
}

// concat appends the branches of a concat and their union, which has one scale: its
// channels are the inputs of one dot product. Heights and widths of all branches
// must be those of the first.
func (p *plan) concat(st step, l *LayerSpec) int {
	from, shared := st.From[0], p.act(l)
	st.Kind, st.From, st.Relu = quant.Concat, nil, false
	for i, b := range l.Branches {
		path := fmt.Sprintf("%s.branches[%d]", st.path, i)
		first := len(p.steps)
		end := p.layers(b, path, from)
		if p.err != nil {
			return from
		}
		st.From = append(st.From, p.share(end, first, shared, path))
	}
	return p.add(st, "concat")
}

// share gives the last step, end, or what it moves, the quantiser that it shares
// with others, and returns the last step then. A step that is not the branch's
// own, from first on, or has no quantiser of its own is followed by one that
// only requantises.
func (p *plan) share(end, first int, shared *actPlan, path string) int {
	if p.err != nil {
		return end
	}
	i := p.moved(end, first)
	// A step before first is read by others too, which have its own quantiser.
	if i >= first && p.steps[i].act != nil {
		p.steps[i].act = shared
		return end
	}
	// The requantiser goes before the moves, which then copy its integers: the
	// steps behind i are taken off and put back after it, renumbered.
	at := max(i+1, first)
	moves := slices.Clone(p.steps[at:])
	p.steps = p.steps[:at]
	end = p.add(step{Layer: nn.Layer{Kind: quant.Requantize, From: []int{i}}, path: path, act: shared}, "requantize")
	for _, st := range moves {
		st.From = []int{end}
		p.steps = append(p.steps, st)
		end = len(p.steps) - 1
	}
	return end
}

// moved returns the step from first on whose values step end gives in other places:
// end itself where it computes some. first 0 is for the whole graph; the result is
// below first where the branch only moves what it reads.
func (p *plan) moved(end, first int) int {
	for end >= first && (p.steps[end].Kind == quant.Upsample || p.steps[end].Kind == quant.PixelShuffle) {
		end = p.steps[end].From[0]
	}
	return end
}

// quantisers settles what depends on the whole graph: the sign of each quantiser,
// the type of what each step gives and reads, and the methods of the ends. Steps are
// in order, so what a step reads has its type by then.
func (p *plan) quantisers() {
	roles := p.roles()
	p.signs()
	for i := range p.steps {
		st := &p.steps[i]
		in := p.typ(st.From[0])
		st.typ = in
		if st.act != nil {
			if st.act.signed && st.act.bits < 2 {
				p.fail(st.path+".act_bits", "%d bits for values of both signs, want at least 2", st.act.bits)
			}
			st.act.steps++
			st.typ = st.act.typ()
		}
		if st.quantiser == nil {
			continue
		}
		st.scales, st.role = st.out.C, roles[i]
		st.quantiser.Input = in
		switch {
		case st.role.First:
			p.first(st)
		case st.role.Last:
			p.last(st)
		}
		st.quantiser.Bare = st.quantiser.Method == quant.Budget && !st.norm
		p.checkTarget(st)
	}
}

// signs marks the quantisers that get values of both signs (nn.Layer.Negative); a
// quantiser of fixed scale says itself. Unsigned quantisers have twice the
// resolution of signed ones.
func (p *plan) signs() {
	negative := make([]bool, len(p.steps))
	for i := range p.steps {
		st := &p.steps[i]
		negative[i] = st.Negative(func(from int) bool {
			return from == quant.Source && p.typ(from).Signed || from != quant.Source && negative[from]
		})
		if st.act != nil && st.act.scale == 0 && negative[i] {
			st.act.signed = true
		}
		if st.act != nil && st.act.scale > 0 {
			negative[i] = st.act.signed
		}
	}
}

// typ returns the type of what step i gives, or of the input.
func (p *plan) typ(i int) quant.DataType {
	if i == quant.Source {
		return p.spec.inputCoding().typ
	}
	return p.steps[i].typ
}

// roles returns the role of each step.
func (p *plan) roles() []quant.Role {
	from, kinds := make([][]int, len(p.steps)), make([]quant.Kind, len(p.steps))
	for i := range p.steps {
		from[i], kinds[i] = p.steps[i].From, p.steps[i].Kind
	}
	return quant.Roles(from, kinds)
}
