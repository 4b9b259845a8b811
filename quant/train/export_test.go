package train

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// nearTie is how close to a rounding boundary, in units of the activation
// scale, float32 sums may fall on its other side; nearLogit the same for the
// two largest logits, relative to their size.
const (
	nearTie   = 1e-3
	nearLogit = 1e-4
)

// TestExportEqualsTraining compares the training graph with the integer network
// that is read back from its file, block by block: each block gets the
// integers that the executor computed before it, so a difference cannot hide
// behind an earlier one.
func TestExportEqualsTraining(t *testing.T) {
	for _, method := range []quant.Method{quant.Base, quant.A2Q, quant.A2QPlus} {
		t.Run(string(method), func(t *testing.T) {
			s := small()
			s.Method = method
			n, exported := trainedPair(t, s)
			checkLayers(t, s, n, exported)
			e := quant.NewExecutor(exported)
			set := blobs(200, 20, 4, 3)
			tab, err := newTable("test", set, 8)
			if err != nil {
				t.Fatal(err)
			}
			var tr quant.Trace
			x, sample := make([]int32, set.Size()), make([]float32, set.Size())
			for i := range tab.n {
				set.Sample(i, sample)
				exported.Input.Apply(sample, x)
				for j, code := range x {
					if code != int32(tab.codes[i*tab.size+j]) {
						t.Fatalf("sample %d: input %d is %d, training has %d", i, j, code, tab.codes[i*tab.size+j])
					}
				}
				e.Run(x, &tr)
				tab.row(i, n.x)
				compareBlocks(t, n, &tr)
			}
		})
	}
}

// trainedPair trains s, and returns its network and the one in the file.
func trainedPair(t *testing.T, s *Spec) (*net, *quant.Network) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "net.onnx")
	mustRun(t, s, Options{Out: out})
	// A finished run's checkpoint holds its network.
	r, err := newRun(s, smallSet(), nil, Options{Checkpoint: out + ".ckpt", Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.start(); err != nil {
		t.Fatal(err)
	}
	r.net.prepare()
	exported, err := qonnx.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	return r.net, exported
}

// checkLayers compares what is fixed: integer weights, types, widths.
func checkLayers(t *testing.T, s *Spec, n *net, exported *quant.Network) {
	t.Helper()
	if len(exported.Layers) != len(n.blocks) {
		t.Fatalf("%d layers, want %d", len(exported.Layers), len(n.blocks))
	}
	for i, b := range n.blocks {
		l := &exported.Layers[i]
		p := 0
		if b.lin.q.constrained() {
			p = s.AccBits
		}
		if l.Name != layerName(i) || l.In != b.lin.in || l.Out != b.lin.out || l.AccBits != p {
			t.Errorf("layer %d is %q, %dx%d, P=%d, want %q, %dx%d, P=%d",
				i, l.Name, l.Out, l.In, l.AccBits, layerName(i), b.lin.out, b.lin.in, p)
		}
		scales := b.lin.q.scales()
		for j, w := range b.lin.q.wq {
			if want := math.Round(float64(w) / float64(scales[min(j/l.In, len(scales)-1)])); float64(l.Weights[j]) != want {
				t.Fatalf("layer %q: weight %d is %d, training has %g", l.Name, j, l.Weights[j], want)
			}
		}
		if p > 0 {
			if err := l.Certify(p); err != nil {
				t.Error(err)
			}
		}
	}
	if sc := exported.Layers[len(n.blocks)-1].Score; sc == nil || !sc.Exact {
		t.Error("the last layer's score is not exact")
	}
}

// compareBlocks feeds each block of n the integers in tr (the first one n.x)
// and compares its outputs.
func compareBlocks(t *testing.T, n *net, tr *quant.Trace) {
	t.Helper()
	x := n.x
	for i, b := range n.blocks {
		b.lin.forward(x, b.pre, 1)
		if b.norm == nil {
			break
		}
		b.norm.evaluate(b.pre, b.z, 1)
		b.act.forward(b.z[:b.lin.out], b.y)
		s := b.act.scale()
		for c, code := range tr.Out[i] {
			had := int32(math.Round(float64(b.y[c] / s)))
			u := float64(b.z[c] / s)
			_, frac := math.Modf(u)
			if had != code && (max(had-code, code-had) > 1 || math.Abs(math.Abs(frac)-0.5) > nearTie) {
				t.Fatalf("layer %q: channel %d: %d, training has %d (%g before rounding)", layerName(i), c, code, had, u)
			}
			b.y[c] = float32(code) * s
		}
		x = b.y
	}
	logits := n.logits(1)
	if best := argmax(logits); best != tr.Label {
		if a, b := logits[best], logits[tr.Label]; a-b > nearLogit*max(a, -b, 1) {
			t.Fatalf("label %d (logit %g), training has %d (%g)", tr.Label, b, best, a)
		}
	}
}
