package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

// RunsFolder is the folder of the runs in the output directory of a sweep. It also marks a
// directory as a sweep's.
const RunsFolder = "runs"

// Sweep trains the network of a spec with several methods, at several accumulator widths or
// within several limits of LUT, with several seeds. Plan, Open and Run are called in this
// order; what can be refused without training is refused before Run.
type Sweep struct {
	// Spec is the network; methods, widths and seeds take the place of its own.
	Spec *train.Spec
	// Command is the command line that repeats the sweep, for its report.
	Command string
	// Methods are names that SetMethod takes. base knows no accumulator and runs once per
	// seed.
	Methods []string
	// Widths are accumulator widths P, bits, of all layers under the method; LUTs limit whole
	// designs instead, whose layers have widths of their own up to the largest of Widths.
	Widths, LUTs []int
	// Seeds are as many from the spec's on.
	Seeds int
	// Folding, unless nil, asks for the LUT of each design, folded so.
	Folding *hwgen.Options
	// Out is the output directory: runs in RunsFolder, float phases in another folder.
	Out string
	// Trainer trains the runs; its data set is opened by Open.
	Trainer Trainer
	// Progress gets a line for each run.
	Progress Progress
	// After, unless nil, gets the report of what there is after every cell: a sweep that is
	// stopped has given all that it knows.
	After func(*SweepReport) error

	// cells times seeds are the runs, in this order: a cell is complete over all seeds
	// before the next begins, so that what a stopped sweep reports has a spread.
	cells []cell
	// fingerprint identifies program and samples.
	fingerprint string
}

// cell is a method at a limit, trained once per seed. The spec has all but the seed.
type cell struct {
	method string // "base", "a2q+", "budget/shifted", ...
	Limit
	spec *train.Spec
}

// Limit is the accumulator width P of all layers under the method, or the LUT that the whole
// design may take, with P and M of each layer's own; neither for base. AccBits is the most
// that a layer may get then.
type Limit struct {
	AccBits  int `json:"acc_bits"`
	LUTLimit int `json:"lut_limit,omitempty"`
}

// Name is the head of the limit's column.
func (l Limit) Name() string {
	if l.LUTLimit > 0 {
		return fmt.Sprintf("%d LUT", l.LUTLimit)
	}
	return fmt.Sprintf("P=%d", l.AccBits)
}

// Plan lists the cells and checks the spec of every one. Its errors are of the sweep's own
// fields alone.
func (s *Sweep) Plan() error {
	for _, text := range s.Methods {
		own := train.Overrides{}
		if err := SetMethod(&own, text); err != nil {
			return fmt.Errorf("methods: %w", err)
		}
		limits := s.limits()
		// The widths do not apply: one cell without any limit, whatever they are.
		if *own.Method == quant.Base {
			limits = []Limit{{}}
		}
		// The loop's l is a new variable each time, so its address may be kept in the
		// overrides.
		for _, l := range limits {
			if l.AccBits > 0 {
				own.AccBits = &l.AccBits
			}
			spec, err := s.Spec.With(own)
			if err != nil {
				return fmt.Errorf("method %s at %s: %w", text, l.Name(), err)
			}
			s.cells = append(s.cells, cell{method: text, Limit: l, spec: spec})
		}
	}
	return nil
}

// limits are sorted and without repetitions, so that a cell cannot be trained twice. Within
// a LUT limit widths are chosen from the least up to the largest that was asked for.
func (s *Sweep) limits() (all []Limit) {
	for _, p := range compact(s.Widths) {
		all = append(all, Limit{AccBits: p})
	}
	for _, n := range compact(s.LUTs) {
		all = append(all, Limit{AccBits: slices.Max(s.Widths), LUTLimit: n})
	}
	return all
}

// compact returns the different values, sorted.
func compact(v []int) []int { return slices.Compact(slices.Sorted(slices.Values(v))) }

// SetMethod sets the method that text names, and the rule where text is METHOD/RULE.
func SetMethod(o *train.Overrides, text string) error {
	name, rule, ruled := strings.Cut(text, "/")
	method, err := quant.ParseMethod(name)
	if err != nil {
		return err
	}
	o.Method = &method
	if !ruled {
		return nil
	}
	// A2Q and A2Q+ start their accumulators at 0, and have no choice.
	if !method.Ruled() {
		return fmt.Errorf("%s names a rule, want budget/%s or dq/%[2]s: these alone have rules", text, rule)
	}
	r, err := quant.ParseRule(rule)
	o.Rule = &r
	return err
}

// Open opens the data set and checks spec and folding against it: what the samples rule out,
// the first run would find in a folder of the sweep's.
func (s *Sweep) Open() (err error) {
	if s.Trainer.Sets, err = OpenSpec(s.Spec); err != nil {
		return err
	}
	sets := s.Trainer.Sets
	// Hashed once: reading all samples for every run would take longer than its identity
	// is worth.
	if s.fingerprint, err = train.Fingerprint(s.Spec, sets.Train, sets.Test); err != nil {
		return err
	}
	if s.Folding != nil {
		if err := CheckFolding(s.Spec, sets, *s.Folding); err != nil {
			return err
		}
	}
	return train.Check(s.Spec, sets.Train, sets.Test)
}
