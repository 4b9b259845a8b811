package train

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

func TestExampleSpecs(t *testing.T) {
	paths, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, p := range paths {
		if _, err := LoadSpec(p); err != nil {
			t.Error(err)
		}
	}
}

func TestParseSpecKeepsDefaults(t *testing.T) {
	s, err := ParseSpec([]byte("layers: [3]\nqat: {epochs: 7}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultSpec()
	want.Layers, want.QAT.Epochs = Linears(3), 7
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "empty",
		"a: 1":                           "field a not found",
		"float: {speed: 1}":              "line 1: field float.speed not found",
		"weight_bits: 4.5":               "line 1: weight_bits is 4.5, want a whole number",
		"name: a\nqat: {epochs: 1.5}":    "line 2: qat.epochs is 1.5, want a whole number",
		"seed: 1.5":                      "seed is 1.5, want a whole number",
		"layers: [4, 1.5]":               "layers[1] is 1.5, want a whole number",
		"layers: [{linear: {out: 2.5}}]": "layers[0].linear.out is 2.5",
		"act_bits: x":                    "act_bits is x, want a whole number",
		"batch: [3]":                     "batch is a list or map, want a whole number",
		"regulariser: big":               "regulariser is big, want a number",
		"shrink_weights: 3":              "shrink_weights is 3, want true or false",
		"distil: 3":                      "distil is no map of fields",
		"name: x\n---\nname: y":          "more than one document",
		"layers: [4, five]":              "five",
		"name: \"\"":                     "name is",
		"layers: []":                     "layers is an empty list, want 1..256 elements",
		"layers: [64, 0]":                "layers[1] is 0, want 1..8192",
		"layers: [9000]":                 "layers[0] is 9000",
		"weight_bits: 1":                 "weight_bits is 1, want 2..8",
		"act_bits: 9":                    "act_bits is 9, want 1..8",
		"act_scale: mean":                "act_scale is mean, want learned, weighted or pooled",
		"input_bits: 0":                  "input_bits is 0",
		"first_weight_bits: 1":           "first_weight_bits is 1",
		"last_weight_bits: 17":           "last_weight_bits is 17",
		"method: a3q":                    "method is a3q, want base, wn, a2q, a2q+, budget or dq",
		"rule: fair":                     "rule is fair, want split or shifted",
		"{method: wn, acc_bits: 5}":      "acc_bits is 5, want 6..32",
		"{method: budget, acc_bits: 3}":  "acc_bits is 3, want 4..32",
		"{method: budget, rule: split, acc_bits: 4}": "acc_bits is 4, want 5..32",
		"acc_bits: 4":                           "acc_bits is 4, want 5..32",
		"{method: a2q, acc_bits: 5}":            "acc_bits is 5, want 6..32",
		"{method: base, acc_bits: 33}":          "acc_bits is 33, want 0..32",
		"{method: base, first_acc_bits: 14}":    "first_acc_bits is 14, want 0 with method base",
		"{method: base, last_acc_bits: 14}":     "last_acc_bits is 14, want 0 with method base",
		"regulariser: -1":                       "regulariser is -1",
		"regulariser: .nan":                     "regulariser is NaN",
		"batch: 1":                              "batch is 1, want 2..16384",
		"seed: -1":                              "seed is -1, want a whole number, 0..18446744073709551615",
		"validation: 0.6":                       "validation is 0.6, want 0..0.5",
		"float: {epochs: -1}":                   "float.epochs is -1, want 0..10000",
		"qat: {epochs: 0}":                      "qat.epochs is 0, want 1..10000",
		"qat: {optimiser: lamb}":                "qat.optimiser is lamb",
		"qat: {momentum: 1}":                    "qat.momentum is 1, want at least 0 and less than 1",
		"float: {lr: 0}":                        "float.lr is 0, want more than 0 and at most 10",
		"float: {lr: .inf}":                     "float.lr is +Inf, want more than 0 and at most 10",
		"float: {schedule: flat}":               "float.schedule is flat, want cosine, cosine_step or step",
		"float: {step_epochs: 0}":               "float.step_epochs is 0",
		"float: {step_factor: 2}":               "float.step_factor is 2, want more than 0 and at most 1",
		"float: {epochs: 3, warm_up: 3}":        "float.warm_up is 3, want 0..2",
		"qat: {warm_up: -1}":                    "qat.warm_up is -1, want 0..3",
		"qat: {weight_decay: 2}":                "qat.weight_decay is 2, want 0..1",
		"qat: {weight_decay: .nan}":             "qat.weight_decay is NaN, want 0..1",
		"qat: {clip_norm: -1}":                  "qat.clip_norm is -1, want 0..1e+06",
		"float: {average: 1}":                   "float.average is 1, want at least 0 and less than 1",
		"float: {average: -0.5}":                "float.average is -0.5, want at least 0 and less than 1",
		"qat: {augment: {crop: 2000}}":          "qat.augment.crop is 2000, want 0..1024",
		"float: {augment: {turn: 3}}":           "field float.augment.turn not found",
		"task: cluster":                         "task is cluster, want classify or regress",
		"{task: regress, super: {factor: 1}}":   "super.factor is 1, want 0 or 2..8",
		"super: {test: x}":                      "super.test is x, want none without super.factor",
		"super: {factor: 2}":                    "super.factor is 2, want 0 with task classify",
		"super: {patch: 0}":                     "super.patch is 0, want 1..1024",
		"super: {stride: -1}":                   "super.stride is -1, want 0..1024",
		"super: {channels: 2}":                  "super.channels is 2, want 1 or 3",
		"label_smoothing: 0.6":                  "label_smoothing is 0.6, want 0..0.5",
		"{task: regress, label_smoothing: 0.1}": "label_smoothing is 0.1, want 0 with task regress",
		"distil: {weight: 1.5}":                 "distil.weight is 1.5, want 0..1",
		"distil: {temperature: 0}":              "distil.temperature is 0, want 0.1..100",
		"{distil: {weight: 1}, float: {epochs: 0}}": "distil.weight is 1, want 0 where float.epochs " +
			"is 0 and there is no start",
		strings.Repeat("#", maxSpecBytes) + "##": "larger than",
	} {
		_, err := ParseSpec([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want one with %q", text, err, want)
		}
	}
}

func TestOverrides(t *testing.T) {
	s := DefaultSpec()
	got, err := s.With(Overrides{
		Method: new(quant.A2Q), Rule: new(quant.Split), AccBits: new(14), WeightBits: new(3), ActBits: new(2),
		Epochs: new(5), Seed: new(uint64(0)), Start: new("a.onnx"), ActScale: new(ScalePooled),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultSpec()
	want.Method, want.Rule, want.AccBits, want.WeightBits, want.ActBits, want.Seed, want.Start, want.ActScale =
		quant.A2Q, quant.Split, 14, 3, 2, 0, "a.onnx", ScalePooled
	want.Float.Epochs, want.QAT.Epochs = 2, 3
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !reflect.DeepEqual(s, DefaultSpec()) {
		t.Error("With changed its receiver")
	}
	for _, o := range []Overrides{{Epochs: new(0)}, {AccBits: new(3)}, {WeightBits: new(0)}} {
		if _, err := s.With(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// TestBaseTakesLimits: the network without limits is one override away from a spec
// whose ends have some; where layers have methods of their own, they stay.
func TestBaseTakesLimits(t *testing.T) {
	for text, want := range map[string]int{
		"{method: budget, first_acc_bits: 14, last_acc_bits: 9}":                                      0,
		"{method: budget, first_acc_bits: 14, first_taps: {units: 9}, taps: {units: 9}}":              0,
		"{method: budget, first_acc_bits: 14, layers: [{linear: {out: 4, method: a2q}}, 4]}":          14,
		"{method: base, first_acc_bits: 14, layers: [{linear: {out: 4, method: a2q, acc_bits: 14}}]}": 14,
	} {
		s, err := ParseSpec([]byte(text))
		if err == nil {
			s, err = s.With(Overrides{Method: new(quant.Base)})
		}
		if err != nil || s.FirstAccBits != want || s.LastAccBits != 0 || s.Taps.Any() || s.FirstTaps.Any() {
			t.Errorf("%s: %v, first %d, last %d, want %d and 0", text, err, s.FirstAccBits, s.LastAccBits, want)
		}
	}
}

// FuzzParseSpec: no panic, and what parses is small enough to train.
func FuzzParseSpec(f *testing.F) {
	f.Add([]byte("layers: [64, 64]\nfloat: {epochs: 4, lr: 1e-3}\n"))
	f.Add([]byte("a: &a [1, 1]\nlayers: *a\n"))
	f.Add([]byte("{method: a2q+, acc_bits: 12, act_bits: 4"))
	f.Add([]byte("&x {name: *x}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseSpec(text)
		if err != nil {
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		if len(s.Layers) > maxList || s.Batch > maxBatch {
			t.Fatalf("%d layers, batch %d", len(s.Layers), s.Batch)
		}
	})
}

// TestParseSpecLenient: other ways to write a value stay what they were.
func TestParseSpecLenient(t *testing.T) {
	s, err := ParseSpec([]byte("float: &p {epochs: 1e1, augment: {flip: yes}}\nqat: {<<: *p, lr: 1}\n" +
		"batch: null\nshrink_weights: off\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.QAT.Epochs != 10 || !s.QAT.Augment.Flip || s.QAT.LR != 1 || s.Batch != 128 || *s.ShrinkWeights {
		t.Errorf("got %+v", s)
	}
}
