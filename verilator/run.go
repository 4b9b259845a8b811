package verilator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// RunOptions varies a Run. None of them changes what the design does, but Seed where a
// register lacks its reset.
type RunOptions struct {
	VCD     string // file to write waves to, empty for none; wants a Build with vcd. It is whole or not there
	NoTrace bool   // only simulate: visit is not called
	Seed    int    // of the registers' values before reset (Verilator only); 0 means 1
}

// RunResult is what a Run measured. Verilator's time is measured within the process, so
// that the start of a process and of files does not enter speed ratios.
type RunResult struct {
	Cycles  int     // simulated after reset
	Seconds float64 // Verilator: in the cycle loop, less the wait for the visitor; Icarus: all of the process
}

// Run simulates the bench and calls visit for each cycle, in order, while the simulator
// runs. It ends the simulator and returns as soon as visit fails, with visit's error, or
// ctx ends. A line that starts with ERROR is a CheckError, an unknown bit an UnknownError;
// a simulator's own error, its warning of a $readmemh that finds no file, or an early end
// is a CrashError that holds the line. The trace is read while it is written, through a
// pipe: a run of 10^7 cycles needs neither its space on disk nor its memory, and a
// difference ends it early.
func (bin *Binary) Run(ctx context.Context, st Stimulus, opt RunOptions,
	visit func(cycle int, c *Cycle) error) (RunResult, error) {
	if opt.VCD != "" && !bin.vcd {
		return RunResult{}, errors.New("verilator: waves: built without them")
	}
	// Refused here, before a process starts: a beat that is not whole, patterns of other
	// lengths, no cycle.
	stim, err := st.pack(bin.bench)
	if err != nil {
		return RunResult{}, err
	}
	temp, err := writeInputs(st.Beats, stim)
	if err != nil {
		return RunResult{}, fmt.Errorf("verilator: %w", err)
	}
	defer os.RemoveAll(temp)
	w, err := openWaves(opt.VCD)
	if err != nil {
		return RunResult{}, err
	}
	if opt.NoTrace {
		visit = nil
	}
	res, err := bin.simulate(ctx, bin.arguments(temp, opt), w, visit)
	// The end record is the simulator's word that it ran to the end; that it is the right
	// end is compared here.
	if err == nil && res.Cycles != st.Cycles {
		err = &CrashError{fmt.Errorf("want %d cycles, have %d", st.Cycles, res.Cycles)}
	}
	return res, err
}

// wavesLink names the pipe for waves in a run's own folder: vvp adds .vcd to a name
// without an ending, such as /dev/fd/4.
const wavesLink = "waves.vcd"

// writeInputs makes a run's own folder with the files that a simulator opens. One folder
// per run, of private mode: runs may go on side by side.
func writeInputs(beats [][]byte, stim []byte) (string, error) {
	dir, err := os.MkdirTemp(tempFolder(), "a2qgen-sim-")
	if err != nil {
		return "", err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "stim"), stim, 0o600),
		os.Symlink("/dev/fd/4", filepath.Join(dir, wavesLink)))
	for i, b := range beats {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprint("beats", i)), b, 0o600))
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return dir, err
}

// maxTempPath is the longest folder of temporary files, in bytes, that leaves room for the
// files' names in what icarus_harness holds of a path (PATH_BITS) and in PATH_MAX.
const maxTempPath = 3800

// tempFolder is where a run's own files go: the system's folder, or /tmp where vvp
// opens no file of it, since it refuses names with other than printable ASCII.
func tempFolder() string {
	dir := os.TempDir()
	odd := strings.ContainsFunc(dir, func(r rune) bool { return r < ' ' || r > '~' })
	if odd || len(dir) > maxTempPath {
		return "/tmp"
	}
	return dir
}

// arguments returns the command that runs the bench; the trace goes to its file descriptor
// 3, the waves to 4. The descriptors are fixed by exec: ExtraFiles begins at 3.
func (bin *Binary) arguments(temp string, opt RunOptions) []string {
	b, beats, stim := bin.bench, filepath.Join(temp, "beats"), filepath.Join(temp, "stim")
	if bin.Sim == Icarus {
		// -N: $stop ends it too. -l -: text also goes to standard error at once;
		// standard output comes late, or never after a kill.
		args := []string{"vvp", "-N", "-l", "-", bin.Path, "+beats=" + beats, "+stim=" + stim, "+trace=/dev/fd/3"}
		if opt.NoTrace {
			args = append(args, "+no_trace")
		}
		if opt.VCD != "" {
			args = append(args, "+vcd="+filepath.Join(temp, wavesLink))
		}
		return args
	}
	var sources, streams []string
	for _, s := range b.Sources {
		sources = append(sources, fmt.Sprintf("%d:%d", s.Bytes(), s.FrameBeats))
	}
	for _, s := range b.Streams {
		streams = append(streams, fmt.Sprint(s.Bits))
	}
	args := []string{bin.Path, "--beats", beats, "--stim", stim, "--sources", strings.Join(sources, ","),
		"--sinks", fmt.Sprint(b.Sinks), "--streams", strings.Join(streams, ","), "--seed", fmt.Sprint(max(opt.Seed, 1))}
	if opt.NoTrace {
		args = append(args, "--no-trace")
	}
	if opt.VCD != "" {
		args = append(args, "--vcd")
	}
	return args
}

// simulate runs the command in rtl/, reads its trace, stores its waves and settles which
// of the things that can go wrong is the cause. rtl/ is the folder since $readmemh in the
// modules names its files without one.
func (bin *Binary) simulate(ctx context.Context, args []string, w *waves,
	visit func(int, *Cycle) error) (RunResult, error) {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	trace, child, err := os.Pipe()
	if err != nil {
		return RunResult{}, fmt.Errorf("verilator: %w", err)
	}
	defer trace.Close()
	cmd := command(inner, filepath.Join(bin.bench.Dir, "rtl"), args[0], args[1:]...)
	cmd.ExtraFiles = []*os.File{child}
	if w != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, w.child)
	}
	var said watcher
	// With writers that are no files, exec copies in goroutines of its own, and Wait waits
	// for them: after it said has everything.
	cmd.Stdout, cmd.Stderr = &said.out, &said.err
	said.out.to, said.err.to = &said, &said
	start := time.Now()
	err = cmd.Start()
	// The parent's copy must go, or the trace would have no end of file when the simulator
	// dies.
	child.Close()
	w.start(stop)
	if err != nil {
		w.finish(false)
		return RunResult{}, notStarted(args[0], err)
	}
	// A killed simulator's children may still hold the pipe: the read must end all the
	// same.
	unblock := context.AfterFunc(ctx, func() { trace.SetReadDeadline(time.Now()) })
	defer unblock()
	res, readErr := bin.read(trace, visit)
	// The visitor has seen enough, or the trace cannot be read on: the simulator, blocked
	// on a full pipe, would never end by itself. An early end needs no stop.
	if readErr != nil && !errors.Is(readErr, errNoEnd) {
		stop()
	}
	waitErr := cmd.Wait()
	said.finish()
	if bin.Sim == Icarus {
		res.Seconds = time.Since(start).Seconds()
	}
	// Waves up to the design's own error are whole, and wanted to find it.
	if err := w.finish(inner.Err() == nil && cmd.ProcessState.Exited()); err != nil {
		return res, err
	}
	return res, cause(ctx, readErr, waitErr, &said)
}

// notStarted is the error of a program that could not be started: most often vvp, which a
// machine that built the bench may lack when the cache is shared.
func notStarted(tool string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return MissingTool{Tool: tool, Package: packages[tool]}
	}
	return fmt.Errorf("verilator: %w", err)
}

// read reads the trace in the form that the simulator writes.
func (bin *Binary) read(trace io.Reader, visit func(int, *Cycle) error) (RunResult, error) {
	if bin.Sim == Icarus {
		return readTextTrace(trace, bin.bench, visit)
	}
	return readTrace(trace, bin.bench.Streams, visit)
}

// cause picks the error to return: the caller's own first, then what the design said, then
// how the simulator ended. One fault shows in several places: a check that ends the run
// also cuts off the trace and gives an exit status. The most specific of them is what
// helps.
func cause(ctx context.Context, readErr, waitErr error, said *watcher) error {
	var mine visitError
	switch {
	case errors.As(readErr, &mine):
		return mine.error
	// A stop by the user explains all that follows from it.
	case ctx.Err() != nil:
		return ctx.Err()
	case said.failure() != nil:
		return said.failure()
	case readErr != nil && !errors.Is(readErr, errNoEnd):
		return readErr
	// The last line is quoted since a simulator that dies mostly says why just before.
	case waitErr != nil:
		return &CrashError{fmt.Errorf("%s: %w", said.lastLine(), waitErr)}
	case readErr != nil:
		return &CrashError{readErr}
	}
	return nil
}
