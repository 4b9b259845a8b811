package hwgen_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// shifted returns a drawn network whose layers begin at the start values of the
// narrowest accumulators that shifted ranges permit.
func shifted(t *testing.T) *quant.Network {
	t.Helper()
	n := *drawn(t, 4, 16, 8, 4)
	n.Layers = append([]quant.Layer(nil), n.Layers...)
	n.Dequantize = func(c int, v int64) float64 { return float64(v) * float64(c+1) }
	for i := range n.Layers {
		l := &n.Layers[i]
		for w := range l.In {
			l.Row(0)[w] = 3 // of one sign: needs a bit more than shifted
		}
		start, p := make([]int64, l.Out), 1
		for c := range l.Out {
			for ; ; p++ {
				if _, ok := l.ShiftedStart(c, p); ok {
					break
				}
			}
		}
		for c := range l.Out {
			start[c], _ = l.ShiftedStart(c, p)
			if l.Thresholds != nil {
				for k := range l.Thresholds.Channel(c) {
					l.Thresholds.Channel(c)[k] += start[c]
				}
			} else {
				l.Score.Bias[c] -= start[c] * l.Score.Gain[c]
			}
		}
		l.Start, l.AccBits = start, p
	}
	checked, err := quant.NewNetwork(n)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

// TestStartsFollowP: at every P the planned network computes what the given one does,
// certified where it is safe; wide accumulators begin at 0, narrow ones are shifted,
// and below that the plan is refused.
func TestStartsFollowP(t *testing.T) {
	n := shifted(t)
	first := n.Layers[0].AccBits
	for p, want := range map[int]struct{ safe, shifted bool }{
		first - 1: {false, true}, first: {true, true}, first + 1: {true, false}, first + 9: {true, false},
	} {
		o := hwgen.Options{AccBits: p}
		d, err := hwgen.Plan(n, o)
		var overflow *quant.Overflow
		if !want.safe {
			if !errors.As(err, &overflow) || overflow.Needed != first || overflow.Had != p {
				t.Errorf("P = %d: got %v, want an overflow: needs %d", p, err, first)
			}
			o.Unsafe = true
			d, err = hwgen.Plan(n, o)
		}
		if err != nil {
			t.Fatal(err)
		}
		lp := d.Layers[0]
		if lp.Safe() != want.safe || lp.Shifted() != want.shifted || lp.NeededBits != first {
			t.Errorf("P = %d: safe %v, shifted %v, needs %d; want %v, %v, %d", p, lp.Safe(), lp.Shifted(), lp.NeededBits, want.safe, want.shifted, first)
		}
		for i := range d.Layers {
			if err := d.Layers[i].Layer.Certify(d.Layers[i].AccBits); (err == nil) != d.Layers[i].Safe() {
				t.Errorf("P = %d, layer %d: safe is %v, certificate %v", p, i, d.Layers[i].Safe(), err)
			}
		}
		checkSame(t, n, d.Network)
	}
}

// checkSame compares outputs, scores and real outputs of two networks.
func checkSame(t *testing.T, a, b *quant.Network) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 4))
	ea, eb := quant.NewExecutor(a), quant.NewExecutor(b)
	var ta, tb quant.Trace
	ra, rb := make([]float64, a.OutputSize()), make([]float64, a.OutputSize())
	for range 200 {
		x := quanttest.RandomInput(rng, a)
		ea.Run(x, &ta)
		eb.Run(x, &tb)
		ea.Real(&ta, ra)
		eb.Real(&tb, rb)
		for c := range ta.Scores {
			if ta.Scores[c] != tb.Scores[c] || ra[c] != rb[c] {
				t.Fatalf("class %d: score %d, real %g; want %d, %g", c, tb.Scores[c], rb[c], ta.Scores[c], ra[c])
			}
		}
	}
}

// TestShiftedManifest: the manifest of a shifted design plans it again, at its own P and
// at another, and says which layers are shifted.
func TestShiftedManifest(t *testing.T) {
	n := shifted(t)
	for _, o := range []hwgen.Options{{}, {AccBits: n.Layers[0].AccBits + 1}} {
		dir := filepath.Join(t.TempDir(), "design")
		if err := hwgen.WriteDir(dir, emitted(t, n, o)); err != nil {
			t.Fatal(err)
		}
		m, err := hwgen.ReadManifest(dir)
		if err != nil {
			t.Fatal(err)
		}
		d, err := hwgen.Plan(n, m.Plan())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Emit(nil); err != nil {
			t.Fatal(err)
		}
		if d.Hash != m.Hash || m.Layers[0].Shifted != (o.AccBits == 0) {
			t.Errorf("acc %d: hash %s, want %s; shifted %v", o.AccBits, d.Hash, m.Hash, m.Layers[0].Shifted)
		}
	}
}

// TestZeroStarts: start values of 0 give the hardware of a network without any; only the
// comments know that its accumulators could be shifted.
func TestZeroStarts(t *testing.T) {
	g := goldens(t)["typical"]
	zero := *g.n
	zero.Layers = append([]quant.Layer(nil), g.n.Layers...)
	o := g.o
	o.Folding = hwgen.Folding{}
	for i := range zero.Layers {
		l := &zero.Layers[i]
		f := g.o.Folding[l.Name]
		f.AccBits, _ = l.NeededBits()
		o.Folding[l.Name] = f
		l.Start = make([]int64, l.Out)
	}
	code := func(n *quant.Network) string {
		var b strings.Builder
		for _, f := range emitted(t, n, o) {
			for line := range strings.Lines(string(f.Data)) {
				if strings.HasPrefix(f.Path, "rtl/") && !strings.HasPrefix(strings.TrimSpace(line), "//") {
					b.WriteString(f.Path + ": " + line)
				}
			}
		}
		return b.String()
	}
	if diff := cmp.Diff(code(g.n), code(&zero)); diff != "" {
		t.Error(diff)
	}
}
