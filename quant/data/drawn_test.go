package data

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

func TestDrawIsDeterministic(t *testing.T) {
	a, b, c := Draw(300, 7), Draw(200, 7), Draw(200, 8)
	if !bytes.Equal(a.Slice(0, 200).Bytes, b.Bytes) || !bytes.Equal(a.Slice(0, 200).Labels, b.Labels) {
		t.Error("sample i depends on more than seed and i")
	}
	if bytes.Equal(b.Bytes, c.Bytes) {
		t.Error("two seeds give the same samples")
	}
	if Draw(0, 1).Len() != 0 {
		t.Error("Draw(0) is not empty")
	}
}

func TestDrawnCoversClasses(t *testing.T) {
	s := Drawn(false)
	var count [10]int
	for _, l := range s.Labels {
		count[l]++
	}
	for d, n := range count { // binomial: 400 with a deviation of 19
		if n < 300 || n > 500 {
			t.Errorf("digit %d: %d of %d samples, want about 400", d, n, s.Len())
		}
	}
	if err := s.CheckOutputs(10); err != nil {
		t.Error(err)
	}
}

// TestFontsStayInside checks that every outline and stroke lies in the unit
// square, give or take the width of wide glyphs: warps rely on it.
func TestFontsStayInside(t *testing.T) {
	check := func(kind string, digit int, p point) {
		if p.x < -0.1 || p.x > 1.1 || p.y < -0.02 || p.y > 1.02 {
			t.Errorf("%s, digit %d: point %v outside the unit square", kind, digit, p)
		}
	}
	for _, f := range outlineFonts() {
		for d, o := range f {
			for _, c := range o[1:] {
				check("outline", d, c.p[0])
			}
		}
	}
	for d, variants := range strokeDigits {
		for _, lines := range variants {
			for _, line := range lines {
				for _, p := range line {
					check("stroke", d, p)
				}
			}
		}
	}
}

// TestDrawnDifficulty holds the drawn digits to what they are for: a linear
// model stays below 95 %, and a small MLP does clearly better.
func TestDrawnDifficulty(t *testing.T) {
	train, test, epochs := Drawn(true), Drawn(false), 8
	if testing.Short() {
		train, test, epochs = train.Slice(0, 8000), test.Slice(0, 1000), 5
	}
	linear := newMLP(784, 10).fit(train, epochs).accuracy(test)
	mlp := newMLP(784, 64, 10).fit(train, epochs).accuracy(test)
	t.Logf("%d training samples, %d epochs: linear %.2f %%, MLP 784-64-10 %.2f %%", train.Len(), epochs, linear, mlp)
	if linear > 95 || mlp < linear+5 {
		t.Errorf("linear %.2f %%, MLP %.2f %%: want linear below 95 and the MLP 5 points better", linear, mlp)
	}
}

func BenchmarkDraw(b *testing.B) {
	for b.Loop() {
		Draw(1000, 1)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "samples/s")
}

// mlp is a plain ReLU network with softmax cross-entropy, momentum SGD and a
// cosine learning rate: just enough to measure how hard a data set is.
type mlp struct {
	w, v []blas32.General // weights (out x in+1, bias last) and momentum
	rng  *rand.Rand
}

const mlpBatch = 50

func newMLP(sizes ...int) *mlp {
	m := &mlp{rng: rand.New(rand.NewPCG(3, 4))}
	for i := range sizes[1:] {
		w := matrix(sizes[i+1], sizes[i]+1)
		for k := range w.Data {
			w.Data[k] = float32(m.rng.NormFloat64() * math.Sqrt(1/float64(sizes[i])))
		}
		m.w, m.v = append(m.w, w), append(m.v, matrix(w.Rows, w.Cols))
	}
	return m
}

func matrix(rows, cols int) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: make([]float32, rows*cols)}
}

// forward returns the input of every layer, with a constant 1 appended, and
// the scores.
func (m *mlp) forward(s *Set, idx []int) []blas32.General {
	x := matrix(len(idx), s.Size()+1)
	for r, i := range idx {
		s.Sample(i, x.Data[r*x.Cols:(r+1)*x.Cols-1])
		x.Data[(r+1)*x.Cols-1] = 1
	}
	acts := []blas32.General{x}
	for l, w := range m.w {
		last := l == len(m.w)-1
		y := matrix(len(idx), w.Rows)
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, acts[l], w, 0, y)
		if last {
			return append(acts, y)
		}
		h := matrix(len(idx), w.Rows+1)
		for r := range idx {
			for c, v := range y.Data[r*y.Cols : (r+1)*y.Cols] {
				h.Data[r*h.Cols+c] = max(v, 0)
			}
			h.Data[(r+1)*h.Cols-1] = 1
		}
		acts = append(acts, h)
	}
	return acts
}

// backward takes one step on the given samples.
func (m *mlp) backward(s *Set, idx []int, rate float32) {
	acts := m.forward(s, idx)
	g := acts[len(acts)-1]
	for r, i := range idx {
		row := g.Data[r*g.Cols : (r+1)*g.Cols]
		softmax(row)
		row[s.Labels[i]]--
	}
	for l := len(m.w) - 1; l >= 0; l-- {
		next := matrix(len(idx), m.w[l].Cols)
		if l > 0 {
			blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, g, m.w[l], 0, next)
		}
		blas32.Gemm(blas.Trans, blas.NoTrans, 1/float32(len(idx)), g, acts[l], 0.9, m.v[l])
		for k, v := range m.v[l].Data {
			m.w[l].Data[k] -= rate * v
		}
		if l > 0 {
			g = reluGradient(next, acts[l])
		}
	}
}

// reluGradient drops the column of the constant and what did not fire.
func reluGradient(g, act blas32.General) blas32.General {
	out := matrix(g.Rows, g.Cols-1)
	for r := range g.Rows {
		for c := range out.Cols {
			if act.Data[r*act.Cols+c] > 0 {
				out.Data[r*out.Cols+c] = g.Data[r*g.Cols+c]
			}
		}
	}
	return out
}

func softmax(row []float32) {
	top, sum := row[0], float32(0)
	for _, v := range row {
		top = max(top, v)
	}
	for k, v := range row {
		row[k] = float32(math.Exp(float64(v - top)))
		sum += row[k]
	}
	for k := range row {
		row[k] /= sum
	}
}

func (m *mlp) fit(s *Set, epochs int) *mlp {
	steps := s.Len() / mlpBatch
	for e := range epochs {
		order := m.rng.Perm(s.Len())
		for b := range steps {
			done := float64(e*steps+b) / float64(epochs*steps)
			m.backward(s, order[b*mlpBatch:(b+1)*mlpBatch], float32(0.05*(1+math.Cos(math.Pi*done))/2))
		}
	}
	return m
}

func (m *mlp) accuracy(s *Set) float64 {
	correct := 0
	for i := range s.Len() {
		acts := m.forward(s, []int{i})
		row, best := acts[len(acts)-1].Data, 0
		for c, v := range row {
			if v > row[best] {
				best = c
			}
		}
		if best == int(s.Labels[i]) {
			correct++
		}
	}
	return 100 * float64(correct) / float64(s.Len())
}
