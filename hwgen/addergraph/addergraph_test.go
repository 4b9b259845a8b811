package addergraph_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen/addergraph"
)

// draw draws a matrix: dense ones and sparse ones, rows that are equal, negative, zero, or alike.
func draw(rng *rand.Rand) (weights []int32, rows, columns int) {
	rows, columns = 1+rng.IntN(8), 1+rng.IntN(6)
	top, zeros := int32(1)<<rng.IntN(12), rng.Float64()
	for range rows * columns {
		w := int32(0)
		if rng.Float64() >= zeros {
			w = rng.Int32N(2*top+1) - top
		}
		weights = append(weights, w)
	}
	for r := 1; r < rows; r++ {
		by := []int32{1, -1, 2, 0, 0, 0}[rng.IntN(6)]
		if by == 0 {
			continue // as drawn
		}
		row, from := weights[r*columns:(r+1)*columns], weights[rng.IntN(r)*columns:]
		for i := range row {
			row[i] = by*from[i] + row[i]%2
		}
	}
	return weights, rows, columns
}

// product is the definition.
func product(weights []int32, columns int, x []int64) []int64 {
	var y []int64
	for from := 0; from < len(weights); from += columns {
		sum := int64(0)
		for i, v := range x {
			sum += int64(weights[from+i]) * v
		}
		y = append(y, sum)
	}
	return y
}

// outputs returns the rows of a graph for the values of its nodes.
func outputs(g *addergraph.Graph, values []int64) []int64 {
	var y []int64
	for _, t := range g.Rows {
		if t.Node == addergraph.Zero {
			y = append(y, 0)
			continue
		}
		y = append(y, t.Of(values[t.Node]))
	}
	return y
}

// TestProducts: rows are the matrix product, and each node's range has ends that it reaches and
// leaves, where inputs take all ends of theirs.
func TestProducts(t *testing.T) {
	networks := 2000
	if testing.Short() {
		networks = 200
	}
	for seed := range uint64(networks) {
		rng := rand.New(rand.NewPCG(seed, 1))
		weights, rows, columns := draw(rng)
		g := addergraph.New(weights, columns)
		if len(g.Rows) != rows {
			t.Fatalf("seed %d: %d rows, want %d", seed, len(g.Rows), rows)
		}
		checkForm(t, g)
		in := addergraph.Range{Min: -rng.Int64N(9), Max: rng.Int64N(20)}
		ranges := g.Ranges(in)
		seen := make([]addergraph.Range, len(ranges))
		// A sum is largest where each input is at an end.
		for corner := range 1 << columns {
			x := make([]int64, columns)
			for i := range x {
				x[i] = []int64{in.Min, in.Max}[corner>>i&1]
			}
			values := g.Evaluate(x)
			if diff := cmp.Diff(product(weights, columns, x), outputs(g, values)); diff != "" {
				t.Fatalf("seed %d: %v times %v (-want +have):\n%s", seed, weights, x, diff)
			}
			for n, v := range values {
				if corner == 0 {
					seen[n] = addergraph.Range{Min: v, Max: v}
				}
				seen[n] = addergraph.Range{Min: min(seen[n].Min, v), Max: max(seen[n].Max, v)}
			}
		}
		if diff := cmp.Diff(seen, ranges); diff != "" {
			t.Fatalf("seed %d: ranges (-want +have):\n%s", seed, diff)
		}
	}
}

// checkForm: adders are as their type says.
func checkForm(t *testing.T, g *addergraph.Graph) {
	t.Helper()
	for k, a := range g.Adders {
		if a.Left.Negative || a.Left.Shift < 0 || a.Right.Shift < 0 || a.Left.Shift > 0 && a.Right.Shift > 0 ||
			max(a.Left.Node, a.Right.Node) >= g.Inputs+k || min(a.Left.Node, a.Right.Node) < 0 {
			t.Fatalf("adder %d is %+v", k, a)
		}
	}
}

// TestCounts: matrices whose adders are known by hand.
func TestCounts(t *testing.T) {
	for _, c := range []struct {
		name    string
		weights []int32
		columns int
		adders  int
		deep    int
	}{
		{"zeros", []int32{0, 0, 0, 0}, 2, 0, 0},
		{"wires and shifts", []int32{0, 1, 8, 0, -4, 0}, 2, 0, 0},
		{"a tree of five", []int32{1, -1, 1, 1, -1}, 5, 4, 3},
		{"seven is eight less one", []int32{7}, 1, 1, 1},
		// 45 = 5*9: 5x = x + 4x, once, and 5x + 8*5x.
		{"a pair twice in one row", []int32{45}, 1, 2, 2},
		{"equal rows, negative and shifted", []int32{1, 1, -1, -1, 2, 2, 3, 3}, 2, 2, 2},
		// x0 + x1 in three rows, one more each.
		{"three rows share a pair", []int32{1, 1, 1, 0, 0, 1, 1, 0, 1, 0, -1, -1, 0, 0, 1}, 5, 4, 2},
	} {
		g := addergraph.New(c.weights, c.columns)
		deep := 0
		for _, l := range g.Levels() {
			deep = max(deep, l)
		}
		if len(g.Adders) != c.adders || deep != c.deep {
			t.Errorf("%s: %v, want %d adders in %d levels: %+v", c.name, g, c.adders, c.deep, g.Adders)
		}
	}
}

// TestRandomMatrices: N x N entries floor(127u)+129, the table that optimisers of constant matrix
// products are compared by: 98.1 adders at N=8, 343.2 at N=16.
func TestRandomMatrices(t *testing.T) {
	const matrices = 20
	for _, c := range []struct {
		n    int
		want float64
	}{{8, 98.1}, {16, 343.2}} {
		total := 0
		for seed := range uint64(matrices) {
			rng := rand.New(rand.NewPCG(seed, uint64(c.n)))
			weights := make([]int32, c.n*c.n)
			for i := range weights {
				weights[i] = int32(127*rng.Float64()) + 129
			}
			total += len(addergraph.New(weights, c.n).Adders)
		}
		mean := float64(total) / matrices
		t.Logf("N = %d: %.2f adders, published %.1f", c.n, mean, c.want)
		if mean > 1.03*c.want {
			t.Errorf("N = %d: %.2f adders, want at most 3 %% more than %.1f", c.n, mean, c.want)
		}
	}
}

// TestTaps: 256 x 256 rows of as many taps as a budget leaves at P = 6 and 8, drawn without what
// training puts in common, so that the counts of trained layers (docs/hardware.md) are not reached:
// sharing saves what pairs repeat, and it takes no longer than a plan may.
func TestTaps(t *testing.T) {
	const n = 256
	for _, taps := range []int{4, 17} {
		rng := rand.New(rand.NewPCG(uint64(taps), 2))
		weights := make([]int32, n*n)
		for r := range n {
			for _, i := range rng.Perm(n)[:taps] {
				weights[r*n+i] = 1 - 2*rng.Int32N(2)
			}
		}
		start := time.Now()
		g := addergraph.New(weights, n)
		took := time.Since(start)
		t.Logf("%d taps: %v, %v", taps, g, took)
		naive := n * (taps - 1)
		if len(g.Adders) >= naive || took > 5*time.Second {
			t.Errorf("%d taps: %d adders in %v, want less than %d in seconds", taps, len(g.Adders), took, naive)
		}
	}
}

// TestTerms: of the numbers of ten bits as many as a search over all forms of signed digits finds.
func TestTerms(t *testing.T) {
	least := map[int32]int{0: 0}
	front := []int32{0}
	for n := 1; n <= 5; n++ {
		var next []int32
		for _, v := range front {
			for shift := range 12 {
				for _, w := range []int32{v + 1<<shift, v - 1<<shift} {
					if _, seen := least[w]; !seen {
						least[w] = n
						next = append(next, w)
					}
				}
			}
		}
		front = next
	}
	for w := int32(-1 << 9); w < 1<<9; w++ {
		if have := addergraph.Terms([]int32{w}); have != least[w] {
			t.Errorf("%d has %d terms, want %d", w, have, least[w])
		}
	}
}
