package train

import (
	"fmt"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

// Target is a linear layer under budget or dq, for whoever bounds its taps.
type Target struct {
	Name string
	// In is the length of its rows, Out their number.
	In, Out int
	// Role is its place in the network.
	Role quant.Role
	// Quantizer has P, the rule and the type of the inputs.
	Quantizer quant.Quantizer
}

// Units returns the most units that P permits a row: under the rule split what either sign has,
// since taps are counted over both (quant.Allowance.Within).
func (t *Target) Units() int64 {
	return t.Quantizer.Rule.Allowance(t.Quantizer.AccBits, t.Quantizer.Input).Units
}

// target describes a step, if it is one whose taps may be bounded and are not yet.
func (st *step) target() (Target, bool) {
	z := st.quantiser
	if z == nil || st.Kind != quant.Linear || !z.Method.Ruled() || z.Taps.Any() {
		return Target{}, false
	}
	return Target{Name: st.Name, In: st.In, Out: st.out.C, Role: st.role, Quantizer: *z}, true
}

// WithTaps returns a copy of s in which each layer that could have taps and has none gets those that
// choose returns for it; none leaves it as it is. The shapes are those for samples like set's.
func (s *Spec) WithTaps(set *data.Set, choose func(Target) quant.Taps) (*Spec, error) {
	r, err := newRun(s, set, nil, Options{})
	if err != nil {
		return nil, err
	}
	c := *s
	c.Layers = s.Layers.clone()
	byPath := map[string]*LayerSpec{}
	c.Layers.walk("layers", func(path string, l *LayerSpec) { byPath[path] = l })
	for _, node := range r.net.nodes {
		t, ok := node.step.target()
		if !ok {
			continue
		}
		switch own := byPath[node.step.path]; {
		case own != nil:
			own.Taps = choose(t)
		// The layer to the classes is in no list. It is last, unless nothing with weights is before it.
		case node.step.role.First:
			c.FirstTaps = choose(t)
		default:
			c.LastTaps = choose(t)
		}
	}
	return &c, c.Validate()
}

// walk calls do for each layer of the lists with its path, as errors name it (plan.layer).
func (l Layers) walk(path string, do func(path string, l *LayerSpec)) {
	for i := range l {
		at := fmt.Sprintf("%s[%d].%s", path, i, l[i].Kind)
		do(at, &l[i])
		l[i].Body.walk(at+".body", do)
		l[i].Shortcut.walk(at+".shortcut", do)
		for k, b := range l[i].Branches {
			b.walk(fmt.Sprintf("%s.branches[%d]", at, k), do)
		}
	}
}
