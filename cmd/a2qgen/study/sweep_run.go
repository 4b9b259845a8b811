package study

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

	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/train"
)

// Run trains what is missing and returns all results. The seeds of a cell follow each other,
// and the float phase of each is in the cache after the first cell.
func (s *Sweep) Run(ctx context.Context) (*SweepReport, error) {
	doc := &SweepReport{Command: s.Command, Name: s.Spec.Name, Data: s.Trainer.Sets.String()}
	for i := range s.Seeds {
		doc.Seeds = append(doc.Seeds, s.Spec.Seed+uint64(i))
	}
	total := len(s.cells) * s.Seeds
	for i := range s.cells {
		c := &s.cells[i]
		r := SweepResult{Method: c.method, Limit: c.Limit}
		for k, seed := range doc.Seeds {
			run, err := s.one(ctx, c, seed)
			if err != nil {
				return nil, fmt.Errorf("%s, %s, seed %d: %w", c.method, c.Name(), seed, err)
			}
			s.Progress.note("%d/%d  %s %s seed %d: %.2f %%", i*s.Seeds+k+1, total, c.method, c.Name(), seed,
				run.IntegerPercent)
			r.Runs = append(r.Runs, *run)
		}
		r.finish()
		doc.Results = append(doc.Results, r)
		if s.After == nil {
			continue
		}
		if err := s.After(doc); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// one returns a run from its file, or trains it. The file is written last: a run that was
// stopped has none and is done again, from its float phase.
func (s *Sweep) one(ctx context.Context, c *cell, seed uint64) (*SweepRun, error) {
	spec, err := c.spec.With(train.Overrides{Seed: &seed})
	if err != nil {
		return nil, err
	}
	id, err := s.identity(spec, c.LUTLimit)
	if err != nil {
		return nil, err
	}
	base := filepath.Join(s.Out, RunsFolder, c.file(seed))
	if r := readRun(base + ".json"); r != nil && r.Spec == id {
		return r, s.price(r, base+".onnx")
	}
	r, err := s.train(ctx, c, spec, base)
	if err != nil {
		return nil, err
	}
	r.Spec = id
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return r, maybe.WriteFile(base+".json", append(text, '\n'), 0o644)
}

// train trains a run into the files that begin with base.
func (s *Sweep) train(ctx context.Context, c *cell, spec *train.Spec, base string) (*SweepRun, error) {
	var chosen *Allocation
	if c.LUTLimit > 0 {
		// The folding is the sweep's: its LUT and those in the report are of the same
		// designs.
		chosen = &Allocation{Family: DefaultFamily, Limit: c.LUTLimit, Folding: *s.Folding}
	}
	out := base + ".onnx"
	done, err := s.Trainer.Train(ctx, spec, train.Options{Out: out, FloatCache: filepath.Join(s.Out, "float"),
		Allocate: chosen.Allocator()})
	if err != nil {
		return nil, err
	}
	os.Remove(out + ".ckpt")
	r := newSweepRun(c, done)
	if chosen != nil {
		for _, l := range chosen.Layers {
			r.Widths = append(r.Widths, LayerWidths{l.Name, l.AccBits, l.WeightBits})
		}
	}
	return r, s.price(r, out)
}

// file is the name of a run's files, without ending. It has no slash, since METHOD/RULE
// must not become a folder, and no data: a run on other samples is told by its identity.
func (c *cell) file(seed uint64) string {
	name := fmt.Sprintf("%s-p%d", strings.ReplaceAll(c.method, "/", "-"), c.AccBits)
	if c.LUTLimit > 0 {
		name += fmt.Sprintf("-lut%d", c.LUTLimit)
	}
	return fmt.Sprintf("%s-s%d", name, seed)
}

// price sets the LUT of the design in a run's network file, where asked to. It is
// computed anew for runs that are read back too: folding and formulas may be others than
// when they were trained.
func (s *Sweep) price(r *SweepRun, path string) error {
	if r.LUT = 0; s.Folding == nil {
		return nil
	}
	net, err := qonnx.Read(path)
	if err != nil {
		return err
	}
	e, err := Price(net, *s.Folding, DefaultFamily)
	if err == nil {
		r.LUT = e.Total.LUT
	}
	return err
}

// identity hashes everything that a run's result depends on, the program included. The
// name of the file cannot tell it: epochs, data and the program may have changed since.
// Within LUT the folding counts too, as it decides which widths were chosen.
func (s *Sweep) identity(spec *train.Spec, lut int) (string, error) {
	text, err := yaml.Marshal(spec)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", text, s.fingerprint)
	if lut > 0 {
		fmt.Fprintf(h, "%d %+v\n", lut, *s.Folding)
	}
	// 64 bits tell the specs of one folder apart by far.
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// readRun returns the run in a file, or nil where there is none to use. A file that does
// not parse, left by another version or a full disk, is no error: the run is done again.
func readRun(path string) *SweepRun {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var r SweepRun
	if json.Unmarshal(data, &r) != nil {
		return nil
	}
	return &r
}
