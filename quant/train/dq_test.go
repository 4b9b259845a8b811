package train

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// direct is rich under dq at a P of 17 units a row (255/15), with everything on that a run
// remembers: averages, weight decay and a fitted scale among them.
func direct() *Spec {
	s := rich()
	s.Method, s.AccBits, s.ActScale = quant.DQ, 8, ScaleWeighted
	s.QAT.LR = 0.02
	return s
}

// integers returns the layer of a node's integers, as training has them at the moment.
func integers(node *node) *quant.Layer {
	w := node.w.parameters()
	l := &quant.Layer{Name: node.Name, In: w.k, Out: w.out, Input: w.q.z.Input, Weights: make([]int32, len(w.w.v))}
	for i, q := range w.w.v {
		l.Weights[i] = int32(q)
	}
	return l
}

// certifyNow returns an error unless the integers of every layer under dq fit their P.
func certifyNow(n *net) error {
	for _, node := range n.weighted() {
		z := node.step.quantiser
		if z.Method != quant.DQ {
			continue
		}
		l := integers(node)
		if z.Rule == quant.Split {
			if err := l.Certify(z.AccBits); err != nil {
				return err
			}
			continue
		}
		for c := range l.Out {
			if _, ok := l.ShiftedStart(c, z.AccBits); !ok {
				return fmt.Errorf("layer %q, channel %d: %v does not fit %d bits", l.Name, c, l.Row(c), z.AccBits)
			}
		}
	}
	return nil
}

// TestDirectIterates: the integers of every layer kind fit P at each step of training, and
// they move.
func TestDirectIterates(t *testing.T) {
	for _, c := range []struct {
		name, layers string
		classifier   bool
	}{{"graph", graphSpec, true}, {"cnn", refCNN, true}, {"super", superSpec, false},
		{"transposed", transposedSpec, true}} {
		for _, rule := range []quant.Rule{quant.Split, quant.Shifted} {
			in, outputs := quant.Shape{H: 8, W: 8, C: 3}, 5
			if !c.classifier {
				outputs = 4 * 64
			}
			// The ends too, so that one scale of many rows is there.
			text := fmt.Sprintf("method: dq\nrule: %s\nacc_bits: 9\nfirst_acc_bits: 12\nlast_acc_bits: 9\n%s", rule, c.layers)
			n := quantised(t, text, in, outputs, c.classifier)
			rng := rand.New(rand.NewPCG(3, 1))
			start := make([][]float32, len(n.weighted()))
			for i, node := range n.weighted() {
				start[i] = slices.Clone(node.w.parameters().w.v)
			}
			for step := range 30 {
				for _, node := range n.weighted() {
					q := node.w.parameters().q
					for i := range q.move.v {
						q.move.v[i] -= float32(math.Abs(rng.NormFloat64())-1) * quant.Scale(q.d.v[0]) / 4
					}
				}
				n.advance.run()
				if err := certifyNow(n); err != nil {
					t.Fatalf("%s, %s, step %d: %v", c.name, rule, step, err)
				}
			}
			for i, node := range n.weighted() {
				if node.step.quantiser.Method == quant.DQ && slices.Equal(start[i], node.w.parameters().w.v) {
					t.Errorf("%s, %s: no weight of %q has moved", c.name, rule, node.Name)
				}
			}
		}
	}
}

// TestDirectTrains: every step of real training keeps P, training learns, and what is written
// has the integers that it ended with.
func TestDirectTrains(t *testing.T) {
	for _, rule := range []quant.Rule{quant.Split, quant.Shifted} {
		s := small()
		s.Method, s.Rule, s.AccBits, s.Float.Epochs, s.QAT.Epochs = quant.DQ, rule, 8, 6, 6
		s.Float.LR, s.QAT.LR = 0.01, 0.01
		out := filepath.Join(t.TempDir(), "net.onnx")
		r, err := newRun(s, smallSet(), blobs(200, 20, 4, 2), Options{Out: out})
		if err != nil {
			t.Fatal(err)
		}
		r.opts.Progress = func(e Event) {
			if e.Phase != QATPhase {
				return
			}
			if err := certifyNow(r.net); err != nil {
				t.Fatalf("%s, epoch %d, step %d: %v", rule, e.Epoch, e.Step, err)
			}
		}
		for !r.done() {
			if err := r.trainEpoch(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.endEpoch(); err != nil {
				t.Fatal(err)
			}
		}
		res, err := r.finish()
		if err != nil {
			t.Fatal(err)
		}
		if res.QATAccuracy < 0.9 {
			t.Errorf("%s: accuracy %.3f, want 0.9", rule, res.QATAccuracy)
		}
		network, err := qonnx.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		for i, node := range r.net.weighted() {
			if l := &network.Layers[i]; node.step.quantiser.Method == quant.DQ &&
				(!slices.Equal(l.Weights, integers(node).Weights) || l.AccBits != 8) {
				t.Errorf("%s: layer %q of the file has other integers, or %d bits", rule, l.Name, l.AccBits)
			}
		}
	}
}

// TestDirectProcessors: one processor gives the bytes of two.
func TestDirectProcessors(t *testing.T) {
	s := direct()
	s.Layers = Linears(128, 96) // above pairMin: below it one goroutine does both halves
	_, two := mustRun(t, s, Options{})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if _, one := mustRun(t, s, Options{}); !bytes.Equal(one, two) {
		t.Error("another file on one processor")
	}
}

// TestDirectDecay: weight decay pulls on integer and move together, (1-lr*decay) of s*q + r.
func TestDirectDecay(t *testing.T) {
	p := param{v: []float32{0.25, -0.5}, g: make([]float32, 2), decay: true, held: []float32{2, -4}}
	o := newOptimiser(&Phase{Optimiser: SGD, WeightDecay: 0.5}, []param{p})
	o.step(0.25)
	for i, want := range []float32{2.25*0.875 - 2, -4.5*0.875 + 4} {
		if math.Abs(float64(p.v[i]-want)) > 1e-6 {
			t.Errorf("move %d is %v, want %v", i, p.v[i], want)
		}
	}
}

// TestDirectTaps: dq keeps the bounds on units that budget has, to their ends.
func TestDirectTaps(t *testing.T) {
	s := tapped()
	s.Method = quant.DQ
	out := filepath.Join(t.TempDir(), "net.onnx")
	mustRun(t, s, Options{Out: out})
	n, err := qonnx.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	for i, taps := range []quant.Taps{{Lanes: 4, Cap: 2}, {Lanes: 4, Cap: 1}, {Lanes: 2, Cap: 2, Units: 3}, {Units: 5}} {
		l := &n.Layers[i]
		if n := l.L1Max(); n > int64(taps.MaxUnits()) || n == 0 {
			t.Errorf("%s: %d units in a row, want %v", l.Name, n, taps)
		}
		if taps.Lanes > 0 && l.BankPeak(taps.Lanes) > int64(taps.Cap) {
			t.Errorf("%s: %d units in a bank, want %v", l.Name, l.BankPeak(taps.Lanes), taps)
		}
	}
}

// TestDirectRefused: what dq cannot have, by field and reason.
func TestDirectRefused(t *testing.T) {
	_, err := ParseSpec([]byte("method: dq\nacc_bits: 3"))
	if err == nil || !strings.Contains(err.Error(), "acc_bits is 3, want 4..32") {
		t.Errorf("error %v", err)
	}
	// Banks are those of a vector; the layer and the reason are told before the first epoch.
	s, err := ParseSpec([]byte("method: dq\ntaps: {units: 8}\n" +
		"layers: [{conv: {out: 4, kernel: 1}}, {conv: {out: 4, kernel: 1}}]"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(s, images(32, 5, 4, 1), nil); err == nil ||
		!strings.Contains(err.Error(), "layers[1].conv: taps of a conv, want none") {
		t.Errorf("error %v", err)
	}
}
