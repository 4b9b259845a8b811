package quant

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// roleNames writes roles as one letter per layer: F first, L last, B both, H hidden,
// - without weights.
func roleNames(roles []Role) string {
	var b strings.Builder
	for _, r := range roles {
		switch {
		case !r.Weighted:
			b.WriteByte('-')
		case r.First && r.Last:
			b.WriteByte('B')
		case r.First:
			b.WriteByte('F')
		case r.Last:
			b.WriteByte('L')
		default:
			b.WriteByte('H')
		}
	}
	return b.String()
}

// TestRoles: what MATH 5 says of chains, and what Roles says of graphs. Nothing here
// is measured: each row follows from the definition, by the paths of its graph.
func TestRoles(t *testing.T) {
	const s = Source
	for _, c := range []struct {
		what  string
		from  [][]int
		kinds []Kind
		want  string
	}{
		{"one layer", [][]int{nil}, []Kind{Linear}, "B"},
		{"two", [][]int{nil, nil}, []Kind{Linear, ""}, "FL"},
		{"a chain", make([][]int, 4), make([]Kind, 4), "FHHL"},
		{"no weights", [][]int{nil, nil}, []Kind{MaxPool, Requantize}, "--"},
		{"behind pools and moves", make([][]int, 6),
			[]Kind{AvgPool, Upsample, Conv, Conv, Linear, Requantize}, "--FHL-"},
		{"a residual", [][]int{{s}, {0}, {1}, {0, 2}, {3}}, []Kind{Conv, Conv, Conv, Add, Linear}, "FHH-L"},
		{"the input added", [][]int{{s}, {0}, {1, s}, {2}, {3}}, []Kind{Conv, Conv, Add, Conv, Linear}, "FH-FL"},
		{"the other way round", [][]int{{s}, {0}, {s, 1}, {2}, {3}}, []Kind{Conv, Conv, Add, Conv, Linear}, "FH-FL"},
		{"the input added twice", [][]int{{s}, {s, 0}, {1}, {1, 2}, {3}},
			[]Kind{Conv, Add, Conv, Add, Linear}, "F-F-B"},
		{"the input joined", [][]int{{s}, {s, 0}, {1}, {2}}, []Kind{Conv, Concat, Conv, Linear}, "F-FL"},
		{"the input pooled and joined", [][]int{{s}, {s}, {1, 0}, {2}, {3}},
			[]Kind{MaxPool, Conv, Concat, Conv, Linear}, "-F-FL"},
		{"the output a sum", [][]int{{s}, {0}, {0}, {1, 2}}, []Kind{Conv, Conv, Conv, Add}, "FLL-"},
		{"the output two sums", [][]int{{s}, {0}, {1}, {0, 2}, {3}, {3, 4}},
			[]Kind{Conv, Conv, Conv, Add, Conv, Add}, "BHL-L-"},
		{"the sum moved", [][]int{{s}, {0}, {0, 1}, {2}}, []Kind{Conv, Conv, Add, PixelShuffle}, "BL--"},
		{"two outputs", [][]int{{s}, {0}, {0}, {1}}, []Kind{Conv, Conv, Conv, Conv}, "FHLL"},
	} {
		if got := roleNames(Roles(c.from, c.kinds)); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// TestRolesByPaths: on random graphs every role is that of an enumeration of all paths,
// and the order of operands changes none.
func TestRolesByPaths(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 7))
	n := 2000
	if testing.Short() {
		n = 200
	}
	for range n {
		from, kinds := randomGraph(rng)
		got := Roles(from, kinds)
		if d := cmp.Diff(rolesByPaths(from, kinds), got); d != "" {
			t.Fatalf("%v of %v (-want +got):\n%s", from, kinds, d)
		}
		for i := range from {
			rng.Shuffle(len(from[i]), func(a, b int) { from[i][a], from[i][b] = from[i][b], from[i][a] })
		}
		if d := cmp.Diff(got, Roles(from, kinds)); d != "" {
			t.Fatalf("%v of %v: operands in another order change roles:\n%s", from, kinds, d)
		}
	}
}

// randomGraph draws up to eight layers, half of them weighted and some with several
// operands.
func randomGraph(rng *rand.Rand) (from [][]int, kinds []Kind) {
	for i := range 1 + rng.IntN(8) {
		kind, reads := Linear, 1
		if rng.IntN(2) == 0 {
			kind, reads = Concat, 1+rng.IntN(3)
		}
		var in []int
		for range reads {
			in = append(in, rng.IntN(i+1)-1)
		}
		from, kinds = append(from, in), append(kinds, kind)
	}
	return from, kinds
}

// rolesByPaths is Roles by its definition: walks along every path.
func rolesByPaths(from [][]int, kinds []Kind) []Role {
	readers := make([][]int, len(kinds))
	for i := range from {
		for _, k := range from[i] {
			if k != Source {
				readers[k] = append(readers[k], i)
			}
		}
	}
	var input, output func(i int) bool // reached past no weights
	input = func(i int) bool {
		return slices.ContainsFunc(from[i], func(k int) bool { return k == Source || !kinds[k].Weighted() && input(k) })
	}
	output = func(i int) bool {
		return len(readers[i]) == 0 ||
			slices.ContainsFunc(readers[i], func(k int) bool { return !kinds[k].Weighted() && output(k) })
	}
	roles := make([]Role, len(kinds))
	for i, kind := range kinds {
		if kind.Weighted() {
			roles[i] = Role{Weighted: true, First: input(i), Last: output(i)}
		}
	}
	return roles
}

// TestConstrained: declared targets count; without any the hidden layers have them, or
// all with weights where none is hidden (the doc of Network.Constrained).
func TestConstrained(t *testing.T) {
	pool := Layer{Kind: MaxPool}
	for _, c := range []struct {
		what   string
		layers []Layer
		want   []bool
	}{
		{"none hidden", []Layer{{}, pool, {}}, []bool{true, false, true}},
		{"hidden ones", []Layer{{}, {}, pool, {}, {}}, []bool{false, true, false, true, false}},
		{"declared", []Layer{{AccBits: 14}, {}, {}, {}}, []bool{true, false, false, false}},
		// Layer 3 reads the input too, so layer 1 alone is hidden.
		{"the input joined", []Layer{{}, {}, {Kind: Concat, From: []int{1, Source}}, {}, {}},
			[]bool{false, true, false, false, false}},
	} {
		n := Network{Layers: c.layers}
		if d := cmp.Diff(c.want, n.Constrained()); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, d)
		}
	}
}
