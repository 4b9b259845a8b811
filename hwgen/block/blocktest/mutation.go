package blocktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

// Mutation is a single fault of an emitted file.
type Mutation struct {
	name, file string
	// edit returns the changed text, nil to remove the file.
	edit func(text []byte) ([]byte, error)
}

// Replace is a fault of the Verilog: in a file of templates that the block uses, the first old
// becomes new.
func Replace(name, file, old, new string) Mutation {
	return Mutation{name, "rtl/" + file, func(text []byte) ([]byte, error) {
		// A fault whose text is gone would pass for caught, or for one that cannot be: the template has
		// changed, and the fault must be written anew.
		if !bytes.Contains(text, []byte(old)) {
			return nil, fmt.Errorf("%s does not contain %q", file, old)
		}
		return bytes.Replace(text, []byte(old), []byte(new), 1), nil
	}}
}

// Rewrite is a fault of a generated module, whose text is another one for each case: the first match
// of a pattern becomes with, in which $1 is its first group. A case that has no match has no such
// fault, but one must.
func Rewrite(name, file, pattern, with string) Mutation {
	p := regexp.MustCompile(pattern)
	return Mutation{name, "rtl/" + file, func(text []byte) ([]byte, error) {
		at := p.FindSubmatchIndex(text)
		if at == nil {
			return text, nil
		}
		return slices.Concat(text[:at[0]], p.Expand(nil, []byte(with), text, at), text[at[1]:]), nil
	}}
}

// memoryFaults are a wrong bit in a memory file, and a missing one.
func memoryFaults(file string) []Mutation {
	return []Mutation{{"wrong bit in " + file, "rtl/" + file, flipMiddle},
		{file + " missing", "rtl/" + file, func([]byte) ([]byte, error) { return nil, nil }}}
}

// flipMiddle returns a memory file with the lowest bit of the word in the middle flipped.
func flipMiddle(text []byte) ([]byte, error) {
	// By the digit, as memory files are text; the lowest bit, as it moves a number least.
	const hex, flipped = "0123456789abcdef", "1032547698badcfe"
	words := bytes.Count(text, []byte("\n"))
	line := len(text) / words // of so many bytes each, the end of the line included
	text = slices.Clone(text)
	digit := &text[words/2*line+line-2]
	*digit = flipped[strings.IndexByte(hex, *digit)]
	return text, nil
}

// Mutate breaks the Verilog of the kind's cases, and their memories, in one way after the other:
// each must show on one of them, by a difference or by a check of the design that stops the
// simulation. A mutant that does not compile is an error.
func Mutate(t *testing.T, k Kind) {
	tooltest.Need(t, "iverilog")
	// On the fixed cases, not on drawn ones: which case catches a fault must not depend on a seed.
	targets, err := newTargets(k.Cases, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range slices.Concat(k.Mutations, targets.memoryFaults()) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			shows, err := targets.show(t.Context(), m, t.TempDir)
			if err != nil {
				t.Fatal(err)
			}
			// Either the cases do not reach the fault, or the line that it breaks is not needed.
			if shows == "" {
				t.Fatalf("passes on all of %d blocks", len(targets.benches))
			}
			t.Log("caught:", shows)
		})
	}
}

// targets are the cases that faults are tried on.
type targets struct {
	benches []*bench
	cache   string // of compiled benches
}

// newTargets emits the cases.
func newTargets(cases []Case, cache string) (*targets, error) {
	t := &targets{cache: cache}
	for i := range cases {
		b, err := cases[i].bench(uint64(i))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cases[i].Name, err)
		}
		t.benches = append(t.benches, b)
	}
	return t, nil
}

// memoryFaults are those of each memory file that some target has.
func (t *targets) memoryFaults() []Mutation {
	var all []Mutation
	// Cases of a kind name their memories alike: each name is a fault once, on all that have it.
	seen := map[string]bool{}
	for _, b := range t.benches {
		for _, m := range b.design.Memories() {
			if !seen[m.File] {
				seen[m.File] = true
				all = append(all, memoryFaults(m.File)...)
			}
		}
	}
	return all
}

// show says how a fault shows on some target; empty if on none.
func (t *targets) show(ctx context.Context, m Mutation, tempDir func() string) (string, error) {
	mutants := make([]*mutant, len(t.benches))
	has := false
	for i, b := range t.benches {
		// Of every target, as a fault may show only on one that has what it breaks.
		mutants[i] = &mutant{bench: b, cache: t.cache}
		if err := mutants[i].apply(m); err != nil {
			return "", err
		}
		has = has || mutants[i].files != nil
	}
	if !has {
		return "", fmt.Errorf("no block has a file %s with what it changes", path.Base(m.file))
	}
	// All targets under the first pauses, then under the next: most faults show at once on the one
	// that has what they break, and those behind it are not even built.
	for _, p := range stress {
		for _, one := range mutants {
			if shows, err := one.shows(ctx, p, tempDir); shows != "" || err != nil {
				return shows, err
			}
		}
	}
	return "", nil
}

// mutant is a target with a fault. Without files it has none: the faulty one is not among its.
type mutant struct {
	*bench
	files []emit.File
	bin   *verilator.Binary // nil until it is built
	cache string
}

// apply puts the fault into the target's files.
func (m *mutant) apply(fault Mutation) error {
	i := slices.IndexFunc(m.bench.files, func(f emit.File) bool { return f.Path == fault.file })
	if i < 0 {
		return nil
	}
	// The emitted text, so that old stands as in the template whatever the parameters are.
	data, err := fault.edit(m.bench.files[i].Data)
	if err != nil {
		return err
	}
	if data != nil && bytes.Equal(data, m.bench.files[i].Data) {
		return nil
	}
	// The bench's own stay whole: mutants run side by side.
	m.files = slices.Clone(m.bench.files)
	m.files[i].Data = data
	if data == nil {
		m.files = slices.Delete(m.files, i, i+1)
	}
	return nil
}

// shows says how a mutant shows under pauses; empty if it does not. An error is that of a mutant
// that does not compile, or does not run to its end: nothing is caught then.
func (m *mutant) shows(ctx context.Context, p pause, tempDir func() string) (_ string, err error) {
	if m.files == nil {
		return "", nil
	}
	if m.bin == nil {
		if m.bin, err = m.build(ctx, verilator.Icarus, m.files, tempDir(), m.cache); err != nil {
			return "", err
		}
	}
	// FirstOnly: that it shows is all that is asked.
	o := sim.Options{Seed: 3, Gap: p.gap, Stall: p.stall, FirstOnly: true}
	r, err := sim.Compare(ctx, m.design, m.bin, m.samples, o)
	check := new(verilator.CheckError)
	switch {
	case errors.As(err, &check):
		// A check of the design that stops the run has found the fault before any stream differs.
		return check.Line, nil
	case err != nil:
		return "", err
	case r.Mismatches > 0:
		return p.name + ": " + r.First, nil
	}
	return "", nil
}

// stress are the pauses that faults must show under: bubbles, a sink that hardly takes anything,
// which fills every register and queue, full speed, and both ends as slow as each other, so that
// the end of a fold comes to every stage while the sink stalls.
var stress = []pause{
	{"gaps and stalls", sim.Pattern{Probability: 0.5}, sim.Pattern{Probability: 0.4}},
	{"blocked", sim.Pattern{}, sim.Pattern{Probability: 0.99, Period: 100}},
	{"no pauses", sim.Pattern{}, sim.Pattern{}},
	{"slow", sim.Pattern{Probability: 0.8}, sim.Pattern{Probability: 0.9}},
}
