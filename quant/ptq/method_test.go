package ptq

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/mat"
)

// axeByHand is MATH 7 for unsigned inputs of n bits and the identity for H,
// tile by tile: soft threshold of the centred tile at the budget, then each
// weight clipped to what is left of its sign's allowance less a half, rounded.
func axeByHand(u []float64, p, n, tile int, clip float64) []int32 {
	q := make([]int32, len(u))
	z := (math.Exp2(float64(p)) - 2) / (math.Exp2(float64(n)) - 1)
	for lo := 0; lo < len(u); lo += tile {
		part := u[lo:min(lo+tile, len(u))]
		mean := 0.0
		for _, x := range part {
			mean += x / float64(len(part))
		}
		left := func(theta float64) (sum float64) {
			for _, x := range part {
				sum += max(math.Abs(x-mean)-theta, 0)
			}
			return sum
		}
		theta, high := 0.0, 1e3
		for range 200 { // bisection
			if mid := (theta + high) / 2; left(mid) > z {
				theta = mid
			} else {
				high = mid
			}
		}
		if left(0) <= z {
			theta = 0
		}
		room := [2]float64{z / 2, z / 2}
		for i, x := range part {
			side := 0
			if x < 0 {
				side = 1
			}
			size := min(max(math.Abs(x)-theta, 0), max(room[side]-0.5, 0))
			size = min(math.RoundToEven(size), clip)
			room[side] -= size
			q[lo+i] = int32(math.Copysign(size, x))
		}
	}
	return q
}

func TestAXEByHand(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	for range 400 {
		n, m := 1+rng.IntN(5), 3+rng.IntN(3)
		p := &Problem{Name: "a", Rows: 1, K: 1 + rng.IntN(20), WeightBits: m,
			Input: quant.DataType{Bits: n}, Scale: []float64{0.5}}
		p.Acc = Accumulator{Bits: n + 1 + rng.IntN(8), Tile: rng.IntN(p.K + 1)}
		u := make([]float64, p.K)
		for i := range u {
			u[i] = 2*rng.NormFloat64() + 1.5 // the mean counts
			p.Weights = append(p.Weights, u[i]/2)
		}
		got, err := p.Solve(AXE)
		if err != nil {
			t.Fatal(err)
		}
		want := axeByHand(u, p.Acc.Bits, n, p.Acc.tileSize(p.K), float64(p.clip()))
		if !same(got.Q, want) {
			t.Fatalf("%+v, inputs of %d bits: %v becomes %v, want %v", p.Acc, n, u, got.Q, want)
		}
	}
}

// TestChooseScales: layers do not lose less, in real units, when all scales are
// twice or half of those chosen.
func TestChooseScales(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 2))
	for i, m := range []Method{RTN, AXE, Budget, RTN, AXE, Budget} {
		p := gaussianProblem(rng, 12, 24, 4, quant.DataType{Bits: 4}, Accumulator{Bits: 9})
		if i >= 3 {
			p.WeightBits, p.Acc = 2, Accumulator{} // many weights are better clipped
		}
		if err := p.ChooseScales(m); err != nil {
			t.Fatal(err)
		}
		loss := func(factor float64) float64 {
			c := *p
			c.Options.Sweeps = -1 // as the search for scales does
			c.Scale = nil
			for _, s := range p.Scale {
				c.Scale = append(c.Scale, s*factor)
			}
			sol, err := c.Solve(m)
			if err != nil {
				t.Fatal(err)
			}
			return sol.RelativeLoss()
		}
		for _, f := range []float64{0.5, 2} {
			if chosen, other := loss(1), loss(f); other < chosen {
				t.Errorf("%s: loss %.4f, with %g times the scales %.4f", m, chosen, f, other)
			}
		}
	}
}

// TestSystemDefaults: a hundredth of the mean of the diagonal is added to it, and
// GPTQ begins with the input of the largest moment.
func TestSystemDefaults(t *testing.T) {
	p := &Problem{Name: "a", Rows: 1, K: 3, Weights: []float64{1, 1, 1}, Scale: []float64{1}, WeightBits: 4,
		Input: quant.DataType{Bits: 4}, Moment: mat.NewSymDense(3, []float64{2, 0, 0, 0, 9, 0, 0, 0, 4})}
	sys, err := p.system(true)
	if err != nil {
		t.Fatal(err)
	}
	if sys.order[0] != 1 || sys.order[1] != 2 || sys.order[2] != 0 {
		t.Errorf("order %v, want 1, 2, 0", sys.order)
	}
	for i, want := range []float64{2.05, 9.05, 4.05} {
		if d := sys.diag(i); math.Abs(d-want) > 1e-12 {
			t.Errorf("diagonal %d is %g, want %g", i, d, want)
		}
	}
}

// TestProjectKeepsMeans: on the calibration samples, each channel's sum has the
// mean that it has in the float network, for all that quantisation did before.
func TestProjectKeepsMeans(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 5))
	c, err := Calibrate(context.Background(), graphModel(rng), Samples{Values: uniforms(rng, 40*96), High: 1}, 8, true)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := mustProject(t, c, settings(Budget, Accumulator{Bits: 10}))
	g, err := newGraph(m)
	if err != nil {
		t.Fatal(err)
	}
	err = g.Walk(context.Background(), c.source, func(i int, in []*nn.Tensor) (*nn.Tensor, error) {
		means := make([]float64, g.Shapes[i].C)
		out := g.Run(i, in, means)
		for k, got := range means {
			if want := c.means[i][k]; g.Layers[i].Kind.Weighted() && math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
				t.Errorf("layer %q, channel %d: mean %g, want %g", g.Layers[i].Name, k, got, want)
			}
		}
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCollect: what weighs the errors of a layer is the covariance of its
// windows, since the bias takes their mean off.
func TestCollect(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 6))
	m := &nn.Model{Name: "a", InputShape: []int{3},
		Layers: []nn.Layer{{Name: "a", Kind: quant.Linear, In: 3, Out: 1, Weights: randoms(rng, 3, 1)}}}
	g, err := newGraph(m)
	if err != nil {
		t.Fatal(err)
	}
	const n = 50
	in := &nn.Tensor{Shape: quant.Vector(3), V: make([]float32, 3*n), Scale: 1, Type: quant.DataType{Bits: 4}}
	mean, second := make([]float64, 3), mat.NewSymDense(3, nil)
	for s := range n {
		row := in.V[3*s : 3*s+3]
		for i := range row {
			row[i] = float32(rng.IntN(16))
			mean[i] += float64(row[i]) / n
		}
		x := mat.NewVecDense(3, []float64{float64(row[0]), float64(row[1]), float64(row[2])})
		second.SymRankOne(second, 1.0/n, x)
	}
	seen := (&Site{g: g, in: in}).see(0, true)
	for i := range 3 {
		if math.Abs(seen.mean[i]-mean[i]) > 1e-9 {
			t.Errorf("mean %d is %g, want %g", i, seen.mean[i], mean[i])
		}
		for j := range 3 {
			if got, want := seen.moment.At(i, j), second.At(i, j)-mean[i]*mean[j]; math.Abs(got-want) > 1e-9 {
				t.Errorf("moment %d, %d is %g, want %g", i, j, got, want)
			}
		}
	}
}

// TestRepairHeedsSamples: where an input is never there, its units go first and
// cost nothing.
func TestRepairHeedsSamples(t *testing.T) {
	layer := func(name string, in, out int, w []int32) quant.Layer {
		l := quant.Layer{Name: name, Kind: quant.Linear, In: in, Out: out, Input: quant.DataType{Bits: 4},
			WeightBits: 4, Weights: w}
		th := &quant.Thresholds{Output: quant.DataType{Bits: 4}}
		for range out {
			for k := range 15 {
				th.Values = append(th.Values, int64(k))
			}
		}
		l.Thresholds = th
		return l
	}
	net, err := quant.NewNetwork(quant.Network{
		Name: "a",
		Input: quant.InputQuantizer{Type: quant.DataType{Bits: 4},
			Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{
			layer("first", 2, 2, []int32{1, 0, 0, 1}),
			layer("hidden", 2, 1, []int32{5, 5}),
			layer("last", 1, 1, []int32{1}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	samples := []float32{7, 0, 9, 0, 3, 0} // the second input is never there
	changes, reports, err := NetworkRepair{Bits: 8, Samples: samples}.Repair(context.Background(), net)
	if err != nil {
		t.Fatal(err)
	}
	if w := changes["hidden"].Weights; len(w) != 2 || w[0] != 5 || w[1] != 3 { // 8*15 = 120 fits in 8 bits
		t.Errorf("weights %v, want 5, 3", w)
	}
	if len(reports) != 1 || reports[0].RelativeLoss != 0 {
		t.Errorf("reports %+v, want no loss", reports)
	}
}
