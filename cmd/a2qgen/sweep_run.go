package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"gopkg.in/yaml.v3"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

// sweepRun is one trained network.
type sweepRun struct {
	Method  string `json:"method"`
	AccBits int    `json:"acc_bits"`
	// LUTLimit is 0 where all layers have AccBits. Within a limit they have P and M
	// of their own, Widths, and AccBits is the most.
	LUTLimit int         `json:"lut_limit,omitempty"`
	Widths   []sweepBits `json:"widths,omitempty"`
	// LUT of the design by estimate, where a folding was asked for.
	LUT  int    `json:"lut,omitempty"`
	Seed uint64 `json:"seed"`
	// FloatPercent and IntegerPercent are accuracies on the test samples or, where
	// images are trained to images, PSNRs in dB.
	FloatPercent   float64 `json:"float_percent"`
	IntegerPercent float64 `json:"integer_percent"`
	// ValidationPercent is the final accuracy on held-out training samples, by
	// which settings are chosen; 0 where the spec holds out none.
	ValidationPercent float64 `json:"validation_percent"`
	// NeededBits is the largest accumulator width that a layer under the
	// method needs, L1Max the largest l1 norm of a channel of such a layer, TapsMax
	// the most nonzero weights, and WeightBits the widest weights.
	NeededBits       int     `json:"needed_bits"`
	L1Max            int64   `json:"l1_max"`
	TapsMax          int     `json:"taps_max"`
	WeightBits       int     `json:"weight_bits"`
	SamplesPerSecond float64 `json:"samples_per_second"`
	// Spec identifies spec, data and program: a run with another one is done again.
	Spec string `json:"spec"`
}

// sweepBits are P and M of a layer.
type sweepBits struct {
	Layer      string `json:"layer"`
	AccBits    int    `json:"acc_bits"`
	WeightBits int    `json:"weight_bits"`
}

// run trains what is missing and returns all results. The files of the report are
// written after every cell.
func (s *sweep) run(ctx context.Context) (*sweepReport, error) {
	doc := &sweepReport{Title: s.title, Name: s.spec.Name, Data: s.sets.describe(), Seeds: s.seeds}
	total := len(s.cells) * len(s.seeds)
	for i, cell := range s.cells {
		c := sweepResult{Method: cell.method, AccBits: cell.acc, LUTLimit: cell.lut}
		for k, seed := range s.seeds {
			r, err := s.one(ctx, cell, seed)
			if err != nil {
				return nil, fmt.Errorf("%s, %v, seed %d: %w", cell.method, cell.sweepLimit, seed, err)
			}
			s.con.line("%d/%d  %s %v seed %d: %.2f %%", i*len(s.seeds)+k+1, total, cell.method, cell.sweepLimit, seed, r.IntegerPercent)
			c.add(r)
		}
		c.finish()
		doc.Results = append(doc.Results, c)
		if err := doc.write(s.out); err != nil { // what there is, should the sweep be stopped
			return nil, err
		}
	}
	return doc, nil
}

// one returns a run from its file, or trains it.
func (s *sweep) one(ctx context.Context, cell sweepCell, seed uint64) (*sweepRun, error) {
	spec, err := cell.spec.With(train.Overrides{Seed: &seed})
	if err != nil {
		return nil, err
	}
	id, err := s.identity(spec, cell.lut)
	if err != nil {
		return nil, err
	}
	base := filepath.Join(s.out, sweepRuns, cell.file(seed))
	if r := readRun(base + ".json"); r != nil && r.Spec == id {
		return r, s.estimate(r, base+".onnx")
	}
	var chosen *allocation
	if cell.lut > 0 {
		chosen = &allocation{Family: defaultFamily, Limit: cell.lut, folding: s.folding}
	}
	o := train.Options{Out: base + ".onnx", FloatCache: filepath.Join(s.out, "float"), Allocate: chosen.allocator()}
	quiet := *s.con
	quiet.quiet = true
	doc, net, err := trainNetwork(ctx, &quiet, spec, s.sets, o)
	if err != nil {
		return nil, err
	}
	os.Remove(base + ".onnx.ckpt")
	r := newSweepRun(cell, seed, doc, net)
	r.Spec = id
	if chosen != nil {
		for _, l := range chosen.Layers {
			r.Widths = append(r.Widths, sweepBits{l.Name, l.AccBits, l.WeightBits})
		}
	}
	if err := s.estimate(r, base+".onnx"); err != nil {
		return nil, err
	}
	data, err := toJSON(r)
	if err != nil {
		return nil, err
	}
	return r, maybe.WriteFile(base+".json", data, 0o644)
}

// file is the name of a run's files, without ending.
func (c *sweepCell) file(seed uint64) string {
	name := fmt.Sprintf("%s-p%d", strings.ReplaceAll(c.method, "/", "-"), c.acc)
	if c.lut > 0 {
		name += fmt.Sprintf("-lut%d", c.lut)
	}
	return fmt.Sprintf("%s-s%d", name, seed)
}

// estimate sets the LUT of the design in a run's network file, where asked to.
func (s *sweep) estimate(r *sweepRun, path string) error {
	if r.LUT = 0; !s.hardware {
		return nil
	}
	net, err := readNetwork(path)
	if err != nil {
		return err
	}
	e, err := estimateOwn(net, s.folding, defaultFamily)
	if err != nil {
		return err
	}
	r.LUT = e.Total.LUT
	return nil
}

// newSweepRun is a run of cell that doc reports and that made net. Its widths are those
// of the layers that take part in a target: without one, under base, of the hidden ones,
// so that the rows of a table compare the same layers.
func newSweepRun(cell sweepCell, seed uint64, doc *trainReport, net *quant.Network) *sweepRun {
	r := &sweepRun{Method: cell.method, AccBits: cell.acc, LUTLimit: cell.lut, Seed: seed, SamplesPerSecond: doc.SamplesPerSecond,
		FloatPercent: doc.FloatAccuracyPercent, IntegerPercent: doc.IntegerAccuracyPercent}
	if doc.task == train.Regress {
		r.FloatPercent, r.IntegerPercent = doc.FloatPSNR, doc.IntegerPSNR
	}
	if n := len(doc.History); n > 0 {
		r.ValidationPercent = doc.History[n-1].ValidationPercent
	}
	for i, constrained := range net.Constrained() {
		if !constrained {
			continue
		}
		l := inspectLayer(net, &net.Layers[i])
		r.NeededBits, r.L1Max = max(r.NeededBits, l.AccBitsNeeded), max(r.L1Max, l.L1Max)
		r.TapsMax, r.WeightBits = max(r.TapsMax, l.TapsMax), max(r.WeightBits, l.WeightBits)
	}
	return r
}

// identity hashes everything that a run's result depends on, the program included.
func (s *sweep) identity(spec *train.Spec, lut int) (string, error) {
	text, err := yaml.Marshal(spec)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", text, s.fingerprint)
	if lut > 0 {
		fmt.Fprintf(h, "%d %+v\n", lut, s.folding)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// readRun returns the run in a file, or nil where there is none to use.
func readRun(path string) *sweepRun {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var r sweepRun
	if json.Unmarshal(data, &r) != nil {
		return nil
	}
	return &r
}
