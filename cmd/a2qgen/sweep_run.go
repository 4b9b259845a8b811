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

// sweepRun is one trained network. It is also the JSON of a file in runs/: what is read
// back there is all that the report needs, so a finished sweep is reported again without
// training.
type sweepRun struct {
	// Method is as given, with its rule: "budget/shifted".
	Method  string `json:"method"`
	AccBits int    `json:"acc_bits"`
	// LUTLimit is 0 where all layers have AccBits. Within a limit they have P and M
	// of their own, Widths, and AccBits is the most.
	LUTLimit int         `json:"lut_limit,omitempty"`
	Widths   []sweepBits `json:"widths,omitempty"`
	// LUT of the design by estimate, where a folding was asked for.
	LUT int `json:"lut,omitempty"`
	// Seed draws the weights and the order of samples.
	Seed uint64 `json:"seed"`
	// FloatPercent and IntegerPercent are accuracies on the test samples or, where
	// images are trained to images, PSNRs in dB.
	FloatPercent   float64 `json:"float_percent"`
	IntegerPercent float64 `json:"integer_percent"`
	// ValidationPercent is the final accuracy on held-out training samples, by
	// which settings are chosen; 0 where the spec holds out none.
	ValidationPercent float64 `json:"validation_percent"`
	// NeededBits is the largest accumulator width that a layer under the method needs,
	// L1Max the largest l1 norm of a channel of such a layer, TapsMax the most nonzero
	// weights, and WeightBits the widest weights. These four say how far a method used its
	// budget: L1Max at the bound and TapsMax at the row's length are a method that left
	// nothing over.
	NeededBits int   `json:"needed_bits"`
	L1Max      int64 `json:"l1_max"`
	TapsMax    int   `json:"taps_max"`
	WeightBits int   `json:"weight_bits"`
	// SamplesPerSecond is the mean speed of the training.
	SamplesPerSecond float64 `json:"samples_per_second"`
	// Spec identifies spec, data and program: a run with another one is done again.
	Spec string `json:"spec"`
}

// sweepBits are P and M of a layer. They differ from layer to layer only within a LUT
// limit.
type sweepBits struct {
	// AccBits is P, WeightBits M, of the layer of this name.
	Layer      string `json:"layer"`
	AccBits    int    `json:"acc_bits"`
	WeightBits int    `json:"weight_bits"`
}

// run trains what is missing and returns all results. The files of the report are written
// after every cell. The seeds of a cell follow each other, and the float phase of each is
// in the cache after the first cell.
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
			s.con.line("%d/%d  %s %v seed %d: %.2f %%", i*len(s.seeds)+k+1, total,
				cell.method, cell.sweepLimit, seed, r.IntegerPercent)
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

// one returns a run from its file, or trains it. The file is written last: a run that was
// stopped has none and is done again, from its float phase.
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
		// folding is the sweep's: its LUT and those in the report are of the same designs.
		chosen = &allocation{Family: defaultFamily, Limit: cell.lut, folding: s.folding}
	}
	o := train.Options{Out: base + ".onnx", FloatCache: filepath.Join(s.out, "float"), Allocate: chosen.allocator()}
	// A line per epoch of hundreds of runs would bury the line per run.
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

// file is the name of a run's files, without ending. It has no slash, since METHOD/RULE
// must not become a folder, and no data: a run on other samples is told by its identity.
func (c *sweepCell) file(seed uint64) string {
	name := fmt.Sprintf("%s-p%d", strings.ReplaceAll(c.method, "/", "-"), c.acc)
	if c.lut > 0 {
		name += fmt.Sprintf("-lut%d", c.lut)
	}
	return fmt.Sprintf("%s-s%d", name, seed)
}

// estimate sets the LUT of the design in a run's network file, where asked to. It is
// computed anew for runs that are read back too: folding and formulas may be others than
// when they were trained.
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

// newSweepRun takes from a training, which made net, what a sweep compares. Under base,
// which declares no accumulators, the hidden layers count: those that the other methods
// constrain.
func newSweepRun(cell sweepCell, seed uint64, doc *trainReport, net *quant.Network) *sweepRun {
	r := &sweepRun{Method: cell.method, AccBits: cell.acc, LUTLimit: cell.lut, Seed: seed,
		SamplesPerSecond: doc.SamplesPerSecond, FloatPercent: doc.FloatAccuracyPercent,
		IntegerPercent: doc.IntegerAccuracyPercent}
	if doc.task == train.Regress {
		r.FloatPercent, r.IntegerPercent = doc.FloatPSNR, doc.IntegerPSNR
	}
	// The last epoch's, not the best one's: choosing among epochs would fit the held-out
	// part.
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

// identity hashes everything that a run's result depends on, the program included. The
// name of the file cannot tell it: epochs, data and the program may have changed since.
// Within LUT the folding counts too, as it decides which widths were chosen.
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
	// 64 bits tell the specs of one folder apart by far.
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// readRun returns the run in a file, or nil where there is none to use. A file that does
// not parse, left by another version or a full disk, is no error: the run is done again.
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
