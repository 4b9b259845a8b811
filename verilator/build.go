package verilator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Binary is a compiled bench.
type Binary struct {
	Sim          Simulator
	Path         string  // the program (Verilator) or vvp file (Icarus), in the cache
	BuildSeconds float64 // what Build took, a cache hit included
	Cached       bool    // Build found it in the cache
	// vcd says that the program can write waves; bench that Run reads its probes by.
	vcd   bool
	bench Bench
}

// Verilator's flags. --output-split off keeps the design in few files, which
// verilatorMake compiles as two units; unique X and initial values come from a
// seeded generator, so a register that lacks its reset shows and every run of
// it is the same. Lint is Lint's job: a mutated design must build.
var verilatorFlags = []string{
	"--cc", "--exe", "-O3", "--output-split", "100000000",
	"--x-assign", "unique", "--x-initial", "unique",
	"-Wno-fatal", "-Wno-lint", "-Wno-style",
	"--top-module", "bench", "--prefix", "Vbench",
}

// The compiler's effort, for the shortest build plus run. Measured on four
// layers of 8x16 multipliers, Verilator 5.006, g++ 12, 100,000 cycles: -O0
// builds in 1.7 s and runs in 2.1 s, -O1 in 3.5 and 0.17, -O2 in 5.9 and 0.13.
// With start-up code, which runs once, at -O0 the -O1 build takes 1.5 s. The
// run-time library (4 s) is compiled once per cache.
var makeFlags = []string{"OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O2"}

// Icarus's flags: the RTL is Verilog-2005 and nothing else.
var icarusFlags = []string{"-g2005", "-s", "icarus_harness"}

// Build compiles the bench for a simulator, or finds it in cacheDir (empty: the
// user's cache folder). The key is the plan hash, the contents of the design's
// .v files, the harness, the flags and the tools' versions; .mem files are read
// at run time and do not count. With vcd the program can write waves, at a
// slower pace (Icarus always can). Two processes may build the same bench at
// once. Errors: MissingTool, or a BuildError with the tool's first message.
func Build(ctx context.Context, b Bench, sim Simulator, vcd bool, cacheDir string) (*Binary, error) {
	start := time.Now()
	if err := b.check(); err != nil {
		return nil, err
	}
	compile, err := builder(sim)
	if err != nil {
		return nil, err
	}
	if b.Dir, err = filepath.Abs(b.Dir); err != nil {
		return nil, fmt.Errorf("verilator: %w", err)
	}
	if cacheDir, err = openCache(cacheDir); err != nil {
		return nil, err
	}
	// Icarus writes waves by a plus argument at run time, so that one build serves both.
	job, err := newJob(ctx, b, sim, vcd && sim == Verilator, cacheDir)
	if err != nil {
		return nil, err
	}
	bin := &Binary{Sim: sim, Path: filepath.Join(job.entry, "bench"), vcd: vcd || sim == Icarus, bench: b}
	// An entry is made by one rename, so a folder that is there is whole.
	if bin.Cached = isFolder(job.entry); !bin.Cached {
		if err := job.run(ctx, compile); err != nil {
			return nil, err
		}
	}
	bin.BuildSeconds = time.Since(start).Seconds()
	return bin, nil
}

// builder returns the function that compiles for sim, if its tools are there.
func builder(sim Simulator) (func(context.Context, *job) error, error) {
	switch sim {
	case Verilator:
		return buildVerilator, need("verilator", "make", "g++")
	case Icarus:
		return buildIcarus, need("iverilog", "vvp")
	}
	return nil, fmt.Errorf("verilator: simulator: want %q or %q, have %q", Verilator, Icarus, sim)
}

// job is one Build on its way.
type job struct {
	bench   Bench
	vcd     bool
	sources []source
	entry   string // the folder in the cache that the build ends as
	runtime string // the folder in the cache of Verilator's compiled library
	// work is a private folder; its out/ becomes entry. The tools run in it on copies
	// of the sources and get paths below it only: whatever the names of the design's
	// folder and of the cache hold (blanks, quotes, $, #), neither make, nor a shell
	// that a tool starts, nor a tool's own list of flags ever reads them.
	work string
}

// newJob reads the sources and computes the cache's key from all that the result depends
// on. The versions are the tools' own words: another compiler may make other code. The
// shape of the bench is compiled in, and counts too.
func newJob(ctx context.Context, b Bench, sim Simulator, vcd bool, cacheDir string) (*job, error) {
	sources, err := b.sources()
	if err != nil {
		return nil, err
	}
	versions, err := toolVersions(ctx, sim)
	if err != nil {
		return nil, err
	}
	// All flags of both simulators are in every key: simple, and no entry outlives a
	// change.
	tool := []string{string(sim), versions, strconv.FormatBool(vcd)}
	tool = append(append(tool, verilatorFlags...), makeFlags...)
	tools := []byte(strings.Join(append(tool, icarusFlags...), "\n"))
	parts := [][]byte{tools, harnessFile("harness.cpp"), harnessFile("icarus_harness.v"), []byte(b.Hash),
		shape(b, "shape.h"), shape(b, "shape.vh")}
	for _, f := range sources {
		parts = append(parts, []byte(f.name), f.text)
	}
	return &job{
		bench: b, vcd: vcd, sources: sources,
		entry:   filepath.Join(cacheDir, string(sim)+"-"+cacheKey(parts...)),
		runtime: filepath.Join(cacheDir, "runtime-"+cacheKey(tools)),
	}, nil
}

// run builds in a private folder beside the entry and renames the result. Beside the entry
// means the same file system, where a rename is one step: a build that was killed leaves a
// folder of another name, never half an entry.
func (j *job) run(ctx context.Context, build func(context.Context, *job) error) (err error) {
	if j.work, err = os.MkdirTemp(filepath.Dir(j.entry), "build-"); err != nil {
		return unwritable(err)
	}
	defer os.RemoveAll(j.work)
	if err := os.Mkdir(j.out(), 0o755); err != nil {
		return fmt.Errorf("verilator: cache: %w", err)
	}
	if err := j.writeSources(); err != nil {
		return err
	}
	if err := build(ctx, j); err != nil {
		// Callers that try mutated designs must tell a design that does not compile from a
		// machine that cannot build.
		if errors.As(err, new(*exec.ExitError)) { // a tool's verdict, not a cache that is full
			return &BuildError{err}
		}
		return err
	}
	return publish(j.out(), j.entry)
}

// out is the folder that becomes the entry.
func (j *job) out() string { return filepath.Join(j.work, "out") }

// writeSources copies the design's Verilog, as the key has it, into the private folder.
func (j *job) writeSources() error {
	for _, f := range j.sources {
		if err := j.write(f.name, f.text); err != nil {
			return err
		}
	}
	return nil
}

// write puts a file into the private folder.
func (j *job) write(name string, text []byte) error {
	path := filepath.Join(j.work, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
		return fmt.Errorf("verilator: cache: %w", err)
	}
	return nil
}

// names returns the sources as the tools are given them. Relative to work, in which the
// tools run: their own names are plain (see job.work).
func (j *job) names() []string {
	var names []string
	for _, f := range j.sources {
		names = append(names, f.name)
	}
	return names
}

// buildIcarus compiles harness and design to a vvp file, out/bench.
func buildIcarus(ctx context.Context, j *job) error {
	const top = "icarus_harness.v"
	if err := j.write(top, harnessFile(top)); err != nil {
		return err
	}
	if err := j.write("shape.vh", shape(j.bench, "shape.vh")); err != nil {
		return err
	}
	args := append(append([]string{}, icarusFlags...), "-o", "out/bench", top)
	_, err := output(ctx, j.work, "iverilog", append(args, j.names()...)...)
	return err
}

// buildVerilator translates the design to C++, takes the run-time library's objects from
// the cache where they are there, compiles the rest and links out/bench. make sees objects
// that are newer than their sources and leaves them alone.
func buildVerilator(ctx context.Context, j *job) error {
	const main = "harness.cpp"
	if err := errors.Join(j.write(main, harnessFile(main)), j.write("shape.h", shape(j.bench, "shape.h"))); err != nil {
		return err
	}
	objects := filepath.Join(j.work, "obj")
	args := append([]string{}, verilatorFlags...)
	if j.vcd {
		args = append(args, "--trace")
	}
	args = append(append(args, "-Mdir", "obj"), j.names()...)
	// Verilator translates, make compiles: the two are apart so that units can be merged
	// and the library's objects put in between.
	if _, err := output(ctx, j.work, "verilator", append(args, main)...); err != nil {
		return err
	}
	if err := copyObjects(j.runtime, "", objects); err != nil {
		return err
	}
	if err := verilatorMake(ctx, objects); err != nil {
		return err
	}
	if err := j.keepRuntime(objects); err != nil {
		return err
	}
	// The program alone is kept: a design's C++ and objects are of no more use.
	if err := os.Rename(filepath.Join(objects, "Vbench"), filepath.Join(j.out(), "bench")); err != nil {
		return fmt.Errorf("verilator: cache: %w", err)
	}
	return nil
}

// verilatorMake compiles with Verilator's makefile, but as two units instead of
// a dozen: each reads the same large headers, which takes longer than its code.
// Start-up code, often the greater part, goes apart to be compiled with -O0.
func verilatorMake(ctx context.Context, objects string) error {
	units, err := filesIn(objects, "Vbench", ".cpp")
	if err != nil {
		return fmt.Errorf("verilator: %w", err)
	}
	var fast, slow strings.Builder
	for _, name := range units {
		unit := &fast
		if strings.Contains(name, "__Slow") || strings.Contains(name, "__Syms") {
			unit = &slow
		}
		fmt.Fprintf(unit, "#include \"%s\"\n", name)
	}
	fast.WriteString("#include \"../harness.cpp\"\n")
	for name, text := range map[string]string{"unit_fast": fast.String(), "unit_slow": slow.String()} {
		if err := os.WriteFile(filepath.Join(objects, name+".cpp"), []byte(text), 0o644); err != nil {
			return fmt.Errorf("verilator: cache: %w", err)
		}
	}
	// Verilator's makefile refuses a folder with a blank in its name, by CURDIR, which
	// make only tells: nothing that it runs here has that name in a path.
	args := append([]string{"-j2", "-f", "Vbench.mk", "CURDIR=.", "VM_PARALLEL_BUILDS=1", "VM_USER_CLASSES=",
		"VM_SUPPORT_FAST=", "VM_SUPPORT_SLOW=", "VM_CLASSES_FAST=unit_fast", "VM_CLASSES_SLOW=unit_slow"},
		makeFlags...)
	_, err = output(ctx, objects, "make", append(args, "Vbench")...)
	return err
}

// keepRuntime puts the objects of Verilator's library into the cache, for the builds of
// other designs. They depend on tools and flags alone (job.runtime), and take half of a
// first build.
func (j *job) keepRuntime(objects string) error {
	if isFolder(j.runtime) {
		return nil
	}
	kept := filepath.Join(j.work, "runtime")
	if err := os.Mkdir(kept, 0o755); err != nil {
		return fmt.Errorf("verilator: cache: %w", err)
	}
	if err := copyObjects(objects, "verilated", kept); err != nil {
		return err
	}
	return publish(kept, j.runtime)
}
