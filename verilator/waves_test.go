package verilator

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWaves(t *testing.T) {
	for _, sim := range simulators {
		t.Run(string(sim), func(t *testing.T) {
			bin := build(t, skidBench("testdata/skid"), sim, true)
			path := filepath.Join(t.TempDir(), "waves.vcd")
			trace(t, bin, onlyCycles(9), RunOptions{VCD: path})
			text, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(text, []byte("u_skid")) {
				t.Errorf("waves without u_skid: %d bytes, %v", len(text), err)
			}
		})
	}
	if _, err := builder(Verilator); err == nil && !testing.Short() {
		bin := build(t, skidBench("testdata/skid"), Verilator, false)
		if _, err := bin.Run(context.Background(), onlyCycles(9), RunOptions{VCD: "x.vcd"}, nil); err == nil {
			t.Error("waves from a binary without them: want an error")
		}
	}
}

// TestWavesFullDisk: a disk that fills ends the run with a line that names the
// file, and leaves none; the simulators by themselves would tell nothing (vvp) or
// wait for ever (Verilator).
func TestWavesFullDisk(t *testing.T) {
	for _, sim := range simulators {
		t.Run(string(sim), func(t *testing.T) {
			full, err := syscall.Open("/dev/full", syscall.O_WRONLY, 0)
			if err != nil {
				t.Skip(err)
			}
			bin := build(t, skidBench("testdata/skid"), sim, true)
			path := filepath.Join(t.TempDir(), "waves.vcd")
			w, err := openWaves(path)
			if err != nil {
				t.Fatal(err)
			}
			w.file.Close()
			w.file = os.NewFile(uintptr(full), w.file.Name()) // whose name is removed: not the device's
			wantFull(t, bin, w)
			if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
				t.Errorf("%d files left, %v", len(left), err)
			}
		})
	}
}

// wantFull runs the bench with waves that cannot be stored.
func wantFull(t *testing.T, bin *Binary, w *waves) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	temp, err := writeInputs(make([][]byte, 1), []byte{0, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	_, err = bin.simulate(ctx, bin.arguments(temp, RunOptions{VCD: w.path, NoTrace: true}), w, nil)
	if want := w.path + ": cannot write waves"; !errors.Is(err, syscall.ENOSPC) ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s and that the disk is full", err, want)
	}
}

// TestWavesOfAFailure: waves up to an error of the design are there to find it;
// those of a run that was stopped are not whole, and gone.
func TestWavesOfAFailure(t *testing.T) {
	for _, sim := range simulators {
		t.Run(string(sim), func(t *testing.T) {
			bin := build(t, skidBench(mutated(t, "rtl/skid.v", "$finish", "$stop")), sim, true) // as sim_stop.v
			path := filepath.Join(t.TempDir(), "waves.vcd")
			stop := errors.New("enough")
			_, err := bin.Run(t.Context(), onlyCycles(5000), RunOptions{VCD: path},
				func(int, *Cycle) error { return stop })
			if !errors.Is(err, stop) {
				t.Errorf("stopped: %v", err)
			}
			if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
				t.Errorf("stopped: %d files left, %v", len(left), err)
			}
			trap := Stimulus{Beats: [][]byte{append(beat(1), beat(0xEE)...)}, Cycles: 20}
			_, err = bin.Run(t.Context(), trap, RunOptions{VCD: path}, func(int, *Cycle) error { return nil })
			if _, none := os.Stat(path); err == nil || none != nil {
				t.Errorf("the design's own error: %v, waves %v", err, none)
			}
		})
	}
}
