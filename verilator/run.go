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

// RunOptions varies a Run.
type RunOptions struct {
	VCD     string // file to write waves to, empty for none; wants a Build with vcd
	NoTrace bool   // only simulate: visit is not called
	Seed    int    // of the registers' values before reset (Verilator only); 0 means 1
}

// RunResult is what a Run measured.
type RunResult struct {
	Cycles  int     // simulated after reset
	Seconds float64 // Verilator: in the cycle loop, less the wait for the visitor; Icarus: all of the process
}

// Run simulates the bench and calls visit for each cycle, in order, while the
// simulator runs. It ends the simulator and returns as soon as visit fails, with
// visit's error, or ctx ends. A line that starts with ERROR, a simulator's
// warning (such as of a $readmemh that finds no file) or an early end is an
// error that holds the line.
func (bin *Binary) Run(ctx context.Context, st Stimulus, opt RunOptions,
	visit func(cycle int, c *Cycle) error) (RunResult, error) {
	if opt.VCD != "" && !bin.vcd {
		return RunResult{}, errors.New("verilator: waves: built without them")
	}
	stim, err := st.pack(bin.bench.DataBits / 8)
	if err != nil {
		return RunResult{}, err
	}
	temp, err := os.MkdirTemp("", "a2qgen-sim-")
	if err != nil {
		return RunResult{}, fmt.Errorf("verilator: %w", err)
	}
	defer os.RemoveAll(temp)
	files := map[string][]byte{"beats": st.Beats, "stim": stim}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(temp, name), content, 0o600); err != nil {
			return RunResult{}, fmt.Errorf("verilator: %w", err)
		}
	}
	if opt.VCD != "" {
		if opt.VCD, err = filepath.Abs(opt.VCD); err != nil {
			return RunResult{}, fmt.Errorf("verilator: waves: %w", err)
		}
	}
	if opt.NoTrace {
		visit = nil
	}
	res, err := bin.simulate(ctx, bin.arguments(temp, opt), visit)
	if err == nil && res.Cycles != len(stim) {
		err = fmt.Errorf("verilator: want %d cycles, have %d", len(stim), res.Cycles)
	}
	return res, err
}

// arguments returns the command that runs the bench; the trace goes to its file
// descriptor 3.
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
			args = append(args, "+vcd="+opt.VCD)
		}
		return args
	}
	var streams []string
	for _, s := range b.Streams {
		streams = append(streams, fmt.Sprintf("%d:%d", s.Offset, s.Bits))
	}
	args := []string{bin.Path, "--beats", beats, "--stim", stim,
		"--beat-bytes", fmt.Sprint(b.DataBits / 8), "--frame", fmt.Sprint(b.FrameBeats),
		"--streams", strings.Join(streams, ","), "--seed", fmt.Sprint(max(opt.Seed, 1))}
	if opt.NoTrace {
		args = append(args, "--no-trace")
	}
	if opt.VCD != "" {
		args = append(args, "--vcd", opt.VCD)
	}
	return args
}

// simulate runs the command in rtl/, reads its trace and settles which of the
// things that can go wrong is the cause.
func (bin *Binary) simulate(ctx context.Context, args []string,
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
	var said watcher
	cmd.Stdout, cmd.Stderr = &said.out, &said.err
	said.out.to, said.err.to = &said, &said
	start := time.Now()
	err = cmd.Start()
	child.Close()
	if errors.Is(err, exec.ErrNotFound) {
		return RunResult{}, MissingTool{Tool: args[0], Package: packages[args[0]]}
	}
	if err != nil {
		return RunResult{}, fmt.Errorf("verilator: %w", err)
	}
	unblock := context.AfterFunc(ctx, func() { trace.SetReadDeadline(time.Now()) })
	defer unblock()
	res, readErr := bin.read(trace, visit)
	if readErr != nil && !errors.Is(readErr, errNoEnd) {
		stop()
	}
	waitErr := cmd.Wait()
	said.finish()
	if bin.Sim == Icarus {
		res.Seconds = time.Since(start).Seconds()
	}
	return res, cause(ctx, readErr, waitErr, &said)
}

// read reads the trace in the form that the simulator writes.
func (bin *Binary) read(trace io.Reader, visit func(int, *Cycle) error) (RunResult, error) {
	if bin.Sim == Icarus {
		return readTextTrace(trace, bin.bench, visit)
	}
	return readTrace(trace, bin.bench.Streams, visit)
}

// cause picks the error to return: the caller's own first, then what the design
// said, then how the simulator ended.
func cause(ctx context.Context, readErr, waitErr error, said *watcher) error {
	var mine visitError
	switch {
	case errors.As(readErr, &mine):
		return mine.error
	case ctx.Err() != nil:
		return ctx.Err()
	case said.complaint() != "":
		return fmt.Errorf("verilator: simulation: %s", said.complaint())
	case readErr != nil && !errors.Is(readErr, errNoEnd):
		return readErr
	case waitErr != nil:
		return fmt.Errorf("verilator: simulation: %s: %w", said.lastLine(), waitErr)
	}
	return readErr
}
