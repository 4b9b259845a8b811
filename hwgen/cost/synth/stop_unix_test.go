//go:build unix

package synth

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// TestStop: the end of the context ends Yosys and what it started, such as ABC. The
// Yosys is a script with a child, both of which would sleep for a minute; it writes
// down their numbers.
func TestStop(t *testing.T) {
	bin := t.TempDir()
	numbers := filepath.Join(bin, "numbers")
	script := "#!/bin/sh\nsleep 62 & echo $$ $! > " + numbers + ".part\nmv " + numbers + ".part " + numbers + "\nwait\n"
	if err := os.WriteFile(filepath.Join(bin, "yosys"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() {
		_, err := run(ctx, &fabric.Synthesis{}, nil, "top")
		done <- err
	}()
	var text []byte
	for err := error(os.ErrNotExist); err != nil; time.Sleep(2 * time.Millisecond) {
		if text, err = os.ReadFile(numbers); err != nil && len(done) > 0 {
			t.Fatal(<-done)
		}
	}
	stop()
	if err := <-done; err == nil {
		t.Error("no error")
	}
	for _, field := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			stat, _ := os.ReadFile("/proc/" + field + "/stat")
			// One that has ended may wait for an init that never asks.
			if err = syscall.Kill(n, 0); errors.Is(err, syscall.ESRCH) || strings.Contains(string(stat), ") Z ") {
				err = nil
				break
			}
			err = errors.New("is left")
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("process %d %v", n, err)
			syscall.Kill(n, syscall.SIGKILL)
		}
	}
}
