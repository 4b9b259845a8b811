package ptq

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// A repaired file holds integers that fit, with and without calibration data,
// under both rules; what fitted before stays as it was.
func TestRepairNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 3))
	x := Samples{Values: uniforms(rng, 40*96), High: 1}
	c, err := Calibrate(context.Background(), graphModel(rng), x, 8, false)
	if err != nil {
		t.Fatal(err)
	}
	m, net := mustProject(t, c, settings(RTN, Accumulator{}))
	file, err := qonnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []NetworkRepair{{Bits: 8}, {Bits: 8, Samples: x.Values},
		{Bits: 7, Rule: quant.Shifted, Samples: x.Values},
		{Bits: 9, Layers: []string{"a", "out"}}, {Bits: 40},
		{Taps: quant.Taps{Lanes: 3, Cap: 5}, Layers: []string{"out"}, Samples: x.Values}} {
		changes, reports, err := r.Repair(context.Background(), net)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) != len(reports) || (r.Bits == 40) != (len(changes) == 0) ||
			r.Layers == nil && changes["a"].Weights != nil {
			t.Errorf("%+v: %d layers changed, %d reports", r.Bits, len(changes), len(reports))
		}
		out, err := qonnx.Rewrite("net", file, changes)
		if err != nil {
			t.Fatal(err)
		}
		repaired, err := qonnx.Decode("net", out)
		if err != nil {
			t.Fatal(err)
		}
		for i := range repaired.Layers {
			l := &repaired.Layers[i]
			if ch, ok := changes[l.Name]; ok {
				bits := r.bitsOf(&net.Layers[i])
				if err := l.Certify(bits); err != nil {
					t.Error(err)
				}
				if !r.fits(l) || r.Taps.Any() && l.BankPeak(3) != 5 {
					t.Errorf("layer %s does not keep %+v: %d units in a bank", l.Name, r, l.BankPeak(3))
				}
				if l.AccBits != bits || ch.Shifted != (l.Start != nil) {
					t.Errorf("layer %s declares %d bits, shifted %v", l.Name, l.AccBits, l.Start != nil)
				}
			}
		}
		for _, l := range reports {
			if !r.Taps.Any() && l.Before <= r.Bits && l.Rule == quant.Split || l.Units < int64(l.Weights) ||
				l.Weights == 0 || l.RelativeLoss <= 0 {
				t.Errorf("report %+v", l)
			}
		}
	}
}

func TestRepairNetworkErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 4))
	c, err := Calibrate(context.Background(), graphModel(rng), Samples{Values: uniforms(rng, 96), High: 1}, 8, false)
	if err != nil {
		t.Fatal(err)
	}
	_, net := mustProject(t, c, settings(RTN, Accumulator{}))
	for _, c := range []struct {
		r    NetworkRepair
		want string
	}{
		{NetworkRepair{}, "accumulator of 0 bits"},
		{NetworkRepair{Bits: 8, Layers: []string{"sum"}}, `no layer "sum" with weights`},
		{NetworkRepair{Taps: quant.Taps{Lanes: 2}}, "taps: lanes is 2 without cap"},
		{NetworkRepair{Taps: quant.Taps{Units: 2}}, `layer "b": taps of a conv layer`},
		{NetworkRepair{Bits: 8, Samples: make([]float32, 7)}, "samples of 96"},
	} {
		if _, _, err := c.r.Repair(context.Background(), net); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestCalibrateErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 5))
	ctx := context.Background()
	bare := &nn.Model{Name: "bare", InputShape: []int{1, 2, 2},
		Layers: []nn.Layer{{Name: "p", Kind: quant.Requantize, Relu: true}}}
	skip := &nn.Model{Name: "skip", InputShape: []int{4}, Layers: []nn.Layer{
		{Name: "fc", Kind: quant.Linear, In: 4, Out: 4, Weights: make([]float32, 16)},
		{Name: "sum", Kind: quant.Add, From: []int{quant.Source, 0}}}}
	good := graphModel(rng)
	nan := uniforms(rng, 96)
	nan[5] /= 0 * nan[5]
	for _, c := range []struct {
		m    *nn.Model
		x    []float32
		bits int
		want string
	}{
		{good, nil, 8, "samples of 96"},
		{good, make([]float32, 95), 8, "samples of 96"},
		{good, nan, 8, "sample 0: element 5"},
		{good, make([]float32, 96), 0, "input of 0 bits"},
		{bare, make([]float32, 4), 8, "no layer with weights"},
		{skip, make([]float32, 4), 8, `layer "sum": reads the network's input`},
		{&nn.Model{Name: "empty", InputShape: []int{1}}, make([]float32, 1), 8, "no layers"},
	} {
		if _, err := Calibrate(ctx, c.m, Samples{Values: c.x, High: 1}, c.bits, true); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	c, err := Calibrate(ctx, good, Samples{Values: uniforms(rng, 960), High: 1}, 8, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		change func(s *Settings)
		want   string
	}{
		{func(s *Settings) { s.Method = "magic" }, "magic"},
		{func(s *Settings) { s.WeightBits = 1 }, "weights of 1 bits"},
		{func(s *Settings) { s.ActBits = 0 }, "activations of 0 bits"},
		{func(s *Settings) { s.Acc.Bits = 64 }, "accumulator of 64 bits"},
		{func(s *Settings) { s.Acc.Bits = 2 }, "no room for a single unit"},
	} {
		bad := settings(Budget, Accumulator{Bits: 10})
		s.change(&bad)
		if _, _, err := c.Project(ctx, bad); err == nil || !strings.Contains(err.Error(), s.want) {
			t.Errorf("error %v, want %q", err, s.want)
		}
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := c.Project(stopped, settings(Budget, Accumulator{Bits: 10})); err == nil {
		t.Error("a stopped projection gives no error")
	}
}

// TestSomeWindows: of 2^15 samples of one window each, twice as many as a moment takes,
// every other one is read.
func TestSomeWindows(t *testing.T) {
	one := quant.Vector(1)
	op := nn.NewOp(&quant.Layer{Kind: quant.Linear, In: 1, Out: 1}, []quant.Shape{one}, one)
	for s, want := range []int{1, 0, 1, 0} {
		got := someWindows(op, []int32{int32(s)}, 0, s, 2*maxWindows)
		if len(got) != want || want > 0 && got[0] != int32(s) {
			t.Errorf("sample %d: windows %v, want %d", s, got, want)
		}
	}
}
