package train

import (
	"fmt"
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
			tab, err := newTable("test", set, unitCoding(8))
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
	if len(exported.Layers) != len(n.nodes) {
		t.Fatalf("%d layers, want %d", len(exported.Layers), len(n.nodes))
	}
	for i, node := range n.nodes {
		l, w := &exported.Layers[i], node.w.parameters()
		p := 0
		if w.q.z.Method != quant.Base {
			p = s.AccBits
		}
		if l.Name != fmt.Sprint("fc", i+1) || l.In != w.k || l.Out != w.out || l.AccBits != p {
			t.Errorf("layer %d is %q, %dx%d, P=%d, want %q, %dx%d, P=%d",
				i, l.Name, l.Out, l.In, l.AccBits, fmt.Sprint("fc", i+1), w.out, w.k, p)
		}
		scales := w.q.scales()
		for j, v := range w.q.wq {
			scale := float64(scales[min(j/l.In, len(scales)-1)])
			if want := math.Round(float64(v) / scale); float64(l.Weights[j]) != want {
				t.Fatalf("layer %q: weight %d is %d, training has %g", l.Name, j, l.Weights[j], want)
			}
		}
		if p > 0 {
			if err := l.Certify(p); err != nil {
				t.Error(err)
			}
		}
	}
	if sc := exported.Layers[len(n.nodes)-1].Score; sc == nil || !sc.Exact {
		t.Error("the last layer's score is not exact")
	}
}

// compareBlocks feeds each block of n the integers in tr (the first one n.x)
// and compares its outputs.
func compareBlocks(t *testing.T, n *net, tr *quant.Trace) {
	t.Helper()
	for i, node := range n.nodes {
		solo(node).evaluate(1)
		if node.act == nil {
			continue
		}
		a := node.act
		for e, code := range tr.Out[i] {
			c := e % a.f
			had := int32(math.Round(float64(node.out.v[e] / a.s)))
			u := float64(node.pre[e]*a.gain[c] + a.shift[c])
			_, frac := math.Modf(u)
			if had != code && (max(had-code, code-had) > 1 || math.Abs(math.Abs(frac)-0.5) > nearTie) {
				t.Fatalf("layer %q: channel %d: %d, training has %d (%g before rounding)", node.Name, c, code, had, u)
			}
			node.out.v[e] = float32(code) * a.s
		}
	}
	logits := n.outputs(1)
	if best := argmax(logits); best != tr.Label[0] {
		if a, b := logits[best], logits[tr.Label[0]]; a-b > nearLogit*max(a, -b, 1) {
			t.Fatalf("label %d (logit %g), training has %d (%g)", tr.Label[0], b, best, a)
		}
	}
}
