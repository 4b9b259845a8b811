package ptq

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// rolesModel is a float network of these layers for 4 x 4 images of two channels, with
// weights drawn.
func rolesModel(rng *rand.Rand, layers []nn.Layer) *nn.Model {
	m := &nn.Model{Name: "roles", InputShape: []int{2, 4, 4}}
	for _, l := range layers {
		if l.Kind.Weighted() {
			l.Weights, l.Relu = randoms(rng, l.In*l.Out, 0.5), l.Name != "out"
		}
		m.Layers = append(m.Layers, l)
	}
	return m
}

// TestRolesAgree: Project gives the target to the same layers as Repair: the hidden ones
// (MATH 5, quant.Roles). Repair gave it to first layers behind a pool or a
// concatenation, and whether a layer was first hung on the order of operands.
func TestRolesAgree(t *testing.T) {
	conv := func(name string, in, out int, from ...int) nn.Layer {
		return nn.Layer{Name: name, Kind: quant.Conv, From: from, In: in, Out: out, Groups: 1,
			Window: quant.Window{H: 1, W: 1}}
	}
	pool := func(kind quant.Kind, from int) nn.Layer {
		return nn.Layer{Name: "pool", Kind: kind, From: []int{from},
			Window: quant.Window{H: 1, W: 1, StrideH: 1, StrideW: 1}}
	}
	join := func(kind quant.Kind, from ...int) nn.Layer {
		return nn.Layer{Name: "join", Kind: kind, From: from}
	}
	out := func(in, from int) nn.Layer {
		return nn.Layer{Name: "out", Kind: quant.Linear, From: []int{from}, In: in, Out: 3}
	}
	const s = quant.Source
	for _, c := range []struct {
		what, want string
		layers     []nn.Layer
	}{
		{"a chain", "b", []nn.Layer{conv("a", 2, 4, s), conv("b", 4, 4, 0), out(64, 1)}},
		{"behind a max pool", "b", []nn.Layer{
			pool(quant.MaxPool, s), conv("a", 2, 4, 0), conv("b", 4, 4, 1), out(64, 2)}},
		{"behind an average", "b", []nn.Layer{
			pool(quant.AvgPool, s), conv("a", 2, 4, 0), conv("b", 4, 4, 1), out(64, 2)}},
		{"the input joined", "c", []nn.Layer{pool(quant.AvgPool, s), conv("a", 2, 4, s), join(quant.Concat, 1, 0),
			conv("b", 6, 4, 2), conv("c", 4, 4, 3), out(64, 4)}},
		{"the other way round", "c", []nn.Layer{pool(quant.AvgPool, s), conv("a", 2, 4, s), join(quant.Concat, 0, 1),
			conv("b", 6, 4, 2), conv("c", 4, 4, 3), out(64, 4)}},
		{"a residual", "b c", []nn.Layer{conv("a", 2, 4, s), conv("b", 4, 4, 0), join(quant.Add, 0, 1),
			conv("c", 4, 4, 2), out(64, 3)}},
		{"one layer", "", []nn.Layer{out(32, s)}},
	} {
		rng := rand.New(rand.NewPCG(31, 7))
		x := Samples{Values: uniforms(rng, 20*32), High: 1}
		cal, err := Calibrate(context.Background(), rolesModel(rng, c.layers), x, 8, false)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if got := declaring(t, cal); got != c.want {
			t.Errorf("%s: Project gives a target to %q, want %q", c.what, got, c.want)
		}
		if got := repaired(t, cal); got != c.want {
			t.Errorf("%s: Repair gives a target to %q, want %q", c.what, got, c.want)
		}
	}
}

// TestSoleLayer: a sole layer with weights is first and last. As first it has the width
// of first layers, as in training, and as the output one scale for all rows, so that its
// scores rank as they are.
func TestSoleLayer(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 8))
	m := rolesModel(rng, []nn.Layer{{Name: "out", Kind: quant.Linear, In: 32, Out: 3}})
	c, err := Calibrate(context.Background(), m, Samples{Values: uniforms(rng, 20*32), High: 1}, 8, false)
	if err != nil {
		t.Fatal(err)
	}
	s := settings(Budget, Accumulator{Bits: 12})
	s.FirstWeightBits, s.LastWeightBits = 7, 6
	p, _ := mustProject(t, c, s)
	l := p.Layers[0]
	if l.WeightBits != 7 || l.AccBits != 0 || slices.Min(l.WeightScale) != slices.Max(l.WeightScale) {
		t.Errorf("weights of %d bits, accumulator %d, scales %v; want 7, 0, one scale",
			l.WeightBits, l.AccBits, l.WeightScale)
	}
}

// declaring lists the layers that Project gives a target.
func declaring(t *testing.T, c *Calibration) string {
	m, _ := mustProject(t, c, settings(Budget, Accumulator{Bits: 12}))
	var names []string
	for i := range m.Layers {
		if m.Layers[i].AccBits > 0 {
			names = append(names, m.Layers[i].Name)
		}
	}
	return strings.Join(names, " ")
}

// repaired lists the layers that Repair would change at one bit, in which no sum of
// several weights fits.
func repaired(t *testing.T, c *Calibration) string {
	_, net := mustProject(t, c, settings(RTN, Accumulator{}))
	layers, err := NetworkRepair{Bits: 1}.targets(net)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range layers {
		names = append(names, net.Layers[i].Name)
	}
	return strings.Join(names, " ")
}
