package finn_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/finn"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// network is an image of 4x4 positions of 2 channels, a convolution of 3x3 to 4 channels, a depthwise one, a
// maximum pool, and a linear layer to 3 scores: numbers small enough to say the divisors of each by heart.
func network(t *testing.T) *quant.Network {
	t.Helper()
	x := quant.DataType{Bits: 2}
	stairs := func(channels int) *quant.Thresholds {
		th := &quant.Thresholds{Output: x}
		for range channels {
			th.Values = append(th.Values, 0, 1, 2)
		}
		return th
	}
	weights := func(n int) []int32 {
		w := make([]int32, n)
		for i := range w {
			w[i] = int32(i%3) - 1
		}
		return w
	}
	window := quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}
	n, err := quant.NewNetwork(quant.Network{Name: "small", InputShape: []int{2, 4, 4},
		Input: quant.InputQuantizer{Type: x, Shape: quant.Shape{H: 4, W: 4, C: 2},
			Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{
			{Name: "conv", Kind: quant.Conv, Groups: 1, In: 18, Out: 4, Input: x, WeightBits: 2, Window: window,
				Weights: weights(72), Thresholds: stairs(4)},
			{Name: "depthwise", Kind: quant.Conv, Groups: 4, In: 9, Out: 4, Input: x, WeightBits: 2, Window: window,
				Weights: weights(36), Thresholds: stairs(4)},
			{Name: "pool", Kind: quant.MaxPool, Out: 4, Window: quant.Window{H: 2, W: 2, StrideH: 2, StrideW: 2}},
			{Name: "fc", In: 16, Out: 3, Input: x, WeightBits: 2, Weights: weights(48),
				Score: &quant.Score{Gain: []int64{1, 1, 1}, Bias: []int64{0, 0, 0}}},
		}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRead: what files ask for, in the names that FINN has had for its nodes, and what is said of the rest.
func TestRead(t *testing.T) {
	n := network(t)
	for name, c := range map[string]struct {
		text string
		want hwgen.Folding
		left []string // parts of the warnings, in order
	}{
		"today's names": {`{"Defaults": {}, "ConvolutionInputGenerator_rtl_0": {"SIMD": 2, "ram_style": "block"},
			"MVAU_hls_0": {"PE": 2, "SIMD": 6, "ram_style": "distributed", "resType": "lut"}, "VVAU_hls_0": {"SIMD": 3},
			"StreamingMaxPool_hls_0": {"PE": 2}, "MVAU_hls_1": {"PE": 3, "SIMD": 4, "ram_style": "auto", "inFIFODepths": [7]}}`,
			hwgen.Folding{"conv": {Unit: "dense", PE: 2, SIMD: 6, Weights: hwgen.InLUTs, Replay: hwgen.InBlockRAM},
				"depthwise": {SIMD: 3}, "fc": {Unit: "dense", PE: 3, SIMD: 4, FIFO: hwgen.Depths{7}}}, nil},
		"older names": {`{"Defaults": {}, "MatrixVectorActivation_1": {"PE": 1, "SIMD": 8}, 
			"Vector_Vector_Activate_Batch_0": {"PE": 2}, "MatrixVectorActivation_0": {"PE": 4}}`,
			hwgen.Folding{"conv": {Unit: "dense", PE: 4}, "depthwise": {Unit: "dense", PE: 2},
				"fc": {Unit: "dense", PE: 1, SIMD: 8}}, nil},
		"windows at once": {`{"Defaults": {}, "ConvolutionInputGenerator_rtl_0": {"SIMD": 2, "parallel_window": 1},
			"MVAU_hls_0": {"PE": 1, "SIMD": 18}, "ConvolutionInputGenerator_rtl_1": {"parallel_window": 0}}`,
			hwgen.Folding{"conv": {Unit: "dense", PE: 1, SIMD: 18, Window: hwgen.Parallel}, "depthwise": {Window: hwgen.Serial}},
			nil},
		"oldest names": {`{"Defaults": {}, "StreamingFCLayer_Batch_1": {"PE": 3, "mem_mode": "decoupled"}}`,
			hwgen.Folding{"fc": {Unit: "dense", PE: 3}}, nil},
		"defaults": {`{"Defaults": {"PE": [2, ["StreamingMaxPool_hls"]], "ram_style": ["block", ["MVAU_rtl"]],
			"mem_mode": ["external", "all"]}, "MVAU_rtl_0": {"ram_style": "ultra"}}`,
			hwgen.Folding{"conv": {Weights: hwgen.InBlockRAM}, "pool": {PE: 2}, "fc": {Weights: hwgen.InBlockRAM}},
			[]string{`mem_mode "external" of MVAU`, `mem_mode "external" of VVAU`, "UltraRAM"}},
		// With two backends each is counted by itself: the file's order tells.
		"order": {`{"Defaults": {}, "MVAU_rtl_0": {"PE": 2}, "MVAU_hls_0": {"PE": 3}}`,
			hwgen.Folding{"conv": {Unit: "dense", PE: 2}, "fc": {Unit: "dense", PE: 3}}, nil},
		"no counterpart": {`{"Defaults": {}, "StreamingFIFO_rtl_0": {"depth": 32, "impl_style": "rtl"}, "FMPadding_rtl_0":
			{"SIMD": 1}, "FMPadding_rtl_1": {"SIMD": 1}, "Strange_0": {}, "Thresholding_rtl_0": {"PE": 1},
			"ConvolutionInputGenerator_rtl_1": {"SIMD": 4, "M": 2}}`, hwgen.Folding{},
			[]string{"FMPadding: left out: a line buffer", "M 2 of", "SIMD of windows", "Strange: left out",
				"StreamingFIFO: left out", "Thresholding: left out"}},
	} {
		got, left, err := finn.Read([]byte(c.text), n)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f, has := c.want["pool"]; !has && name == "today's names" {
			f = hwgen.Fold{PE: 2, SIMD: n.Layers[2].In}
			c.want["pool"] = f
		} else if has {
			f.SIMD = n.Layers[2].In
			c.want["pool"] = f
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
		for i, part := range c.left {
			if i >= len(left) || !strings.Contains(left[i], part) {
				t.Errorf("%s: warnings %q, want %q at %d", name, left, part, i)
			}
		}
		if len(left) != len(c.left) {
			t.Errorf("%s: warnings %q, want %d", name, left, len(c.left))
		}
	}
}

// TestReadRefuses: errors name the node.
func TestReadRefuses(t *testing.T) {
	n := network(t)
	for text, want := range map[string]string{
		`{"Defaults": {}, "MVAU_0": {"PE": 3}}`:   `node "MVAU_0": hwgen: layer "conv": PE is 3`,
		`{"Defaults": {}, "MVAU_1": {"SIMD": 5}}`: `node "MVAU_1": hwgen: layer "fc": SIMD is 5`,
		`{"Defaults": {}, "MVAU_0": {"PE": 0}}`:   `node "MVAU_0": layer "conv": PE is 0`,
		`{"Defaults": {}, "MVAU_0": {"PE": 1.5}}`: `PE is 1.5, want a whole number`,
		`{"Defaults": {}, "MVAU_0": {"PE": "2"}}`: `PE is "2", want a whole number`,
		`{"Defaults": {}, "VVAU_0": {"PE": 3}}`:   `node "VVAU_0": hwgen: layer "depthwise": PE is 3`,
		`{"Defaults": {}, "MVAU_0": {"SIMD": 2}, "ConvolutionInputGenerator_0": {"parallel_window": 1}}`: `node ` +
			`"ConvolutionInputGenerator_0": hwgen: layer "conv": window is "parallel" with SIMD 2`,
		`{"Defaults": {}, "ConvolutionInputGenerator_0": {"parallel_window": 2}}`: `parallel_window is 2, want 0 or 1`,

		`{"Defaults": {}, "MVAU_2": {"PE": 1}}`:             `node "MVAU_2" is the 3. of its kind, the network has 2`,
		`{"Defaults": {}, "MVAU_0": {"ram_style": "tape"}}`: `node "MVAU_0": layer "conv": ram_style is "tape"`,

		`{"Defaults": {}, "MVAU": {"PE": 1}}`:                        `node "MVAU": want a kind and a number`,
		`{"Defaults": {}, "MVAU_0": 4}`:                              `node "MVAU_0": is 4, want an object`,
		`{"Defaults": {}, "MVAU_0": {"PE": 1}, "MVAU_0": {"PE": 2}}`: `node "MVAU_0" is there twice`,

		`{"Defaults": {"PE": 3}}`: `Defaults: PE is 3, want a value and the kinds`,

		`{"Defaults": {"PE": [3, ["MVAU"]]}}`:                         `Defaults: hwgen: layer "conv": PE is 3`,
		`{"Defaults": {"PE": [3, "some"]}}`:                           `is for "some", want "all" or a list`,
		`{"Defaults": {}, "MVAU_1": {"PE": 1, "inFIFODepths": [-1]}}`: `inFIFODepths is -1 beats`,
		`{"Defaults": {}} {}`:                                         `something follows`,
		`{"Defaults": {}`:                                             `no JSON`,
		``:                                                            `no JSON`,
	} {
		if _, _, err := finn.Read([]byte(text), n); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestIs: a file of a2qgen's own in JSON, which is YAML too, is none of FINN's.
func TestIs(t *testing.T) {
	for text, want := range map[string]bool{`{"Defaults": {}}`: true, `{"fc1": {"pe": 1}}`: false, "fc1: {pe: 1}": false,
		"": false, `{"Defaults": 1`: false, "[]": false} {
		if finn.Is([]byte(text)) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}

// TestRoundTrip: a design's folding, written as YAML or as FINN's JSON and read again, gives the same design,
// for the network above and for random graphs of dense units. What FINN has no node for is left to the plan,
// so that only the folds of the others are compared.
func TestRoundTrip(t *testing.T) {
	nets := []*quant.Network{network(t)}
	for seed := range uint64(12) {
		nets = append(nets, quanttest.RandomGraph(rand.New(rand.NewPCG(seed, 0xf1))))
	}
	for i, n := range nets {
		d, err := plan.Plan(n, hwgen.Options{FPS: 1e6, Unit: "dense"})
		if err != nil {
			continue // a graph without hardware
		}
		checkYAML(t, i, n, d)
		text, left := finn.Write(d, n)
		folding, _, err := finn.Read(text, n)
		if err != nil {
			t.Fatalf("network %d: %v\n%s", i, err, text)
		}
		again, err := plan.Plan(n, hwgen.Options{FPS: 1e6, Unit: "dense", Folding: folding})
		if err != nil {
			t.Fatalf("network %d: %v\n%s", i, err, text)
		}
		if got, want := again.Folding(), d.Folding(); len(left) == 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("network %d: %+v, want %+v\n%s", i, got, want, text)
		}
	}
}

// checkYAML plans a design again from its folding as YAML.
func checkYAML(t *testing.T, i int, n *quant.Network, d *hwgen.Design) {
	t.Helper()
	var names []string
	for _, l := range d.Layers {
		names = append(names, l.Layer.Name)
	}
	text, err := d.Decided().YAML(names)
	if err != nil {
		t.Fatal(err)
	}
	folding, err := hwgen.ParseFolding(text)
	if err != nil {
		t.Fatalf("network %d: %v\n%s", i, err, text)
	}
	again, err := plan.Plan(n, hwgen.Options{Folding: folding})
	if err != nil {
		t.Fatalf("network %d: %v\n%s", i, err, text)
	}
	if got, want := again.Decided(), d.Decided(); !reflect.DeepEqual(got, want) ||
		!reflect.DeepEqual(again.Timing, d.Timing) {
		t.Errorf("network %d: %+v, %v; want %+v, %v\n%s", i, got, again.Timing, want, d.Timing, text)
	}
}
