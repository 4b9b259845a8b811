package main

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a2qgen/a2qgen/internal/tooltest"
)

// TestMain lets the test binary stand for the program, to be sent signals.
func TestMain(m *testing.M) {
	if os.Getenv("A2QGEN_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// mark is a variable of the environment by which a run's processes are found.
const mark = "A2QGEN_TEST_RUN="

// processes returns the programs that run in the environment of a marked run, by
// number; those that have ended and wait for their parent have none any more.
func processes(run string) map[int]string {
	found := map[int]string{}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(env, []byte(mark+run+"\x00")) {
			continue
		}
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		n, _ := strconv.Atoi(filepath.Base(dir))
		found[n] = strings.TrimSpace(string(name))
	}
	return found
}

// stopDuring runs the program until a child of the name runs, sends it a signal, and
// checks that it ends by itself, soon, and that none of its children is left.
func stopDuring(t *testing.T, s syscall.Signal, child string, env []string, args ...string) {
	t.Helper()
	cache := t.TempDir()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), "A2QGEN_TEST_MAIN=1", mark+cache, "XDG_CACHE_HOME="+cache), env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running := func() bool {
		for _, name := range processes(cache) {
			if name == child {
				return true
			}
		}
		return false
	}
	for deadline := time.Now().Add(time.Minute); !running(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("%s never ran: %s", child, errs.String())
		}
	}
	cmd.Process.Signal(s)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != statusFailed || !strings.Contains(errs.String(), "stopped") {
		t.Errorf("%v during %s: status %d, want %d; %s", s, child, code, statusFailed, errs.String())
	}
	time.Sleep(50 * time.Millisecond) // a kill takes a moment
	for n, name := range processes(cache) {
		t.Errorf("%v during %s: %s is left", s, child, name)
		syscall.Kill(n, syscall.SIGKILL)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "a2qgen", "build-*")); len(left) > 0 {
		t.Errorf("%v during %s: %v is left in the cache", s, child, left)
	}
}

// stopSignals are those that end a run: not the ones that these tests were started with
// ignored (nohup, a plain shell's background job), which their children then ignore too.
var stopSignals = slices.DeleteFunc([]syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP},
	func(s syscall.Signal) bool { return signal.Ignored(s) })

// TestSignalsWithTools: each of the real tools at work, with the children that it has.
func TestSignalsWithTools(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles benches")
	}
	tooltest.Need(t, "verilator", "make", "g++", "iverilog", "vvp")
	dir := tinyDesign(t)
	for _, s := range stopSignals {
		stopDuring(t, s, "verilator_bin", nil, "sim", dir)
		stopDuring(t, s, "cc1plus", nil, "sim", dir)
		stopDuring(t, s, "vvp", nil, "sim", dir, "--frames", "200000", "--simulator", "icarus")
	}
}

// TestSignalsWithFakes: programs in the tools' places that run for a minute, each with
// a child of its own that does.
func TestSignalsWithFakes(t *testing.T) {
	bin, dir := t.TempDir(), tinyDesign(t)
	for name, text := range map[string]string{
		"verilator": "[ \"$1\" = --version ] && echo Verilator 5.006 && exit\nsh -c 'sleep 61; :' & wait\n",
		"g++":       "echo g++ 12\n",
		"make":      "",
		"iverilog":  "[ \"$1\" = -V ] && echo Icarus Verilog version 11.0 && exit\nsh -c 'sleep 61; :' & wait\n",
		"vvp":       "",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := "PATH=" + bin + ":" + os.Getenv("PATH")
	for _, s := range stopSignals {
		for _, simulator := range []string{"verilator", "icarus"} {
			stopDuring(t, s, "sleep", []string{path}, "sim", dir, "--simulator", simulator)
		}
	}
}
