package train

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// fitted returns an activation of f channels with ReLU and bits bits, whose scale is fitted in
// a way and starts at s.
func fitted(f, bits int, s float32, way string) *activation {
	a := newActivation(f, true, nil)
	q := newActScale(&actPlan{bits: bits}, f)
	q.fitIn(way)
	q.e.v[0] = float32(math.Log2(float64(s)))
	a.quantise(q)
	a.set(nil)
	return a
}

// drawChannels draws rows of two channels: one of small variance, one of ten times as much.
func drawChannels(rng *rand.Rand, rows int) []float32 {
	x := make([]float32, 2*rows)
	for i := range x {
		x[i] = float32(rng.NormFloat64()) * []float32{0.3, 3}[i%2]
	}
	return x
}

// weighedError is the objective by its definition: of the channels' mean squared errors at
// scale s, each by 1/variance or by 1.
func weighedError(x []float32, s float64, most float64, pooled bool) float64 {
	var mean, square, miss [2]float64
	n := float64(len(x) / 2)
	for i, v := range x {
		u := max(float64(v), 0)
		k := min(math.RoundToEven(u/s), most)
		mean[i%2] += u / n
		square[i%2] += u * u / n
		miss[i%2] += (u - s*k) * (u - s*k) / n
	}
	v := [2]float64{square[0] - mean[0]*mean[0], square[1] - mean[1]*mean[1]}
	if pooled {
		return miss[0] + miss[1]
	}
	floor := fitFloor * (v[0] + v[1]) / 2
	return miss[0]/(v[0]+floor) + miss[1]/(v[1]+floor)
}

// TestFitMinimises: a step goes a tenth of the way to sum w x k / sum w k^2 at the codes of
// the batch; repeated on one batch the scale ends where small changes make the objective
// worse, and the weighted one is the finer: it minds the channel that varies little.
func TestFitMinimises(t *testing.T) {
	rng := rand.New(rand.NewPCG(81, 1))
	x := drawChannels(rng, 500)
	ends := map[string]float64{}
	for _, way := range []string{ScaleWeighted, ScalePooled} {
		a := fitted(2, 3, 1, way)
		for range 300 {
			a.set(nil)
			// Two halves, which add up.
			a.mask(x[:400], make([]float32, 400), 0)
			a.mask(x[400:], make([]float32, 600), 1)
			a.learn()
			a.q.follow()
		}
		s := float64(a.q.scale())
		ends[way] = s
		least := weighedError(x, s, 7, way == ScalePooled)
		for _, other := range []float64{0.97, 1.03} {
			if e := weighedError(x, s*other, 7, way == ScalePooled); e < least {
				t.Errorf("%s: error %v at %v, %v at %v times as much", way, least, s, e, other)
			}
		}
	}
	if ends[ScaleWeighted] > 0.8*ends[ScalePooled] {
		t.Errorf("scales %v, want the weighted one well below the pooled", ends)
	}
}

// TestFitFormula: one batch by hand. Channel values 0.5, 1 and 3.25, 1 at s = 1 have the codes
// 0, 1 and 3, 1 (ties to even); pooled alpha is (1*1 + 3.25*3 + 1*1)/(1 + 9 + 1) = 11.75/11.
func TestFitFormula(t *testing.T) {
	a := fitted(2, 2, 1, ScalePooled)
	a.mask([]float32{0.5, 3.25, 1, 1}, make([]float32, 4), 0)
	a.learn()
	a.q.follow()
	if got, want := float64(a.q.scale()), 0.9+0.1*11.75/11; math.Abs(got-want) > 1e-6 {
		t.Errorf("scale %v, want %v", got, want)
	}
	// Nothing but zeros leaves the scale as it is, and so do no values at all.
	before := a.q.e.v[0]
	a.mask(make([]float32, 4), make([]float32, 4), 0)
	a.learn()
	a.q.follow()
	a.q.follow()
	if a.q.e.v[0] != before {
		t.Errorf("zeros change the scale from 2^%v to 2^%v", before, a.q.e.v[0])
	}
}

// TestFitTrains: scales that are fitted get no gradient, move with the batches under either
// weight method, and make another network in each way.
func TestFitTrains(t *testing.T) {
	for _, m := range []quant.Method{quant.Budget, quant.DQ} {
		var files [][]byte
		for _, way := range ActScales() {
			s := small()
			s.Method, s.ActScale = m, way
			_, file := mustRun(t, s, Options{})
			if slices.ContainsFunc(files, func(other []byte) bool { return bytes.Equal(file, other) }) {
				t.Errorf("%s: act_scale %s makes no difference", m, way)
			}
			files = append(files, file)
		}
	}
	s := small()
	s.ActScale, s.Float.Epochs = ScaleWeighted, 0
	r, err := newRun(s, smallSet(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.turn(); err != nil {
		t.Fatal(err)
	}
	before := r.net.acts[0].e.v[0]
	r.step([]int32{0, 1, 2, 3, 4, 5, 6, 7}, 1e-30)
	if e := r.net.acts[0].e; e.g[0] != 0 || e.v[0] == before {
		t.Errorf("gradient %v, scale from 2^%v to 2^%v", e.g[0], before, e.v[0])
	}
}
