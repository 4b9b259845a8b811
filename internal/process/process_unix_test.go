//go:build unix

package process

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary stand for a program that waits for a stop.
func TestMain(m *testing.M) {
	if os.Getenv("PROCESS_TEST_WAIT") == "" {
		os.Exit(m.Run())
	}
	ctx, stop := Context()
	defer stop()
	cmd := Command(ctx, "", "sh", "-c", tree)
	cmd.Stdout = os.Stdout
	cmd.Run()
	if ctx.Err() != nil {
		os.Exit(7) // the context ended, and so did the child
	}
}

// tree is a shell with a child and a grandchild, each of which would sleep a minute;
// it prints their numbers.
const tree = `sh -c 'sleep 60 & echo $!; wait' & echo $!; echo $$; wait`

// wantGone fails for each of the processes that is still there after a second.
func wantGone(t *testing.T, numbers []int) {
	t.Helper()
	for _, n := range numbers {
		gone := false
		for range 100 {
			if gone = errors.Is(syscall.Kill(n, 0), syscall.ESRCH) || zombie(n); gone {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !gone {
			t.Errorf("process %d is left", n)
			syscall.Kill(n, syscall.SIGKILL)
		}
	}
}

// zombie says whether a process has ended and waits for a parent to ask, as those
// of a container without an init do for ever.
func zombie(n int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(n) + "/stat")
	_, state, _ := strings.Cut(string(text), ") ")
	return err == nil && strings.HasPrefix(state, "Z")
}

// readNumbers reads the three numbers that tree prints.
func readNumbers(t *testing.T, cmd *exec.Cmd) (numbers []int) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for len(numbers) < 3 && lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) < 3 {
		t.Fatalf("the tree has processes %v, want 3", numbers)
	}
	return numbers
}

func TestCommandDiesWhole(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd := Command(ctx, t.TempDir(), "sh", "-c", tree)
	numbers := readNumbers(t, cmd)
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("the shell ended well, want killed")
	}
	wantGone(t, numbers)
}

// TestSignals: each signal that asks to stop ends the program in its own way, and with
// it the children in groups of their own; a signal that was ignored does nothing.
func TestSignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(s) {
			continue // as these tests were started: it ends nobody
		}
		t.Run(s.String(), func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "PROCESS_TEST_WAIT=1")
			numbers := readNumbers(t, cmd)
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != 7 {
				t.Errorf("status %d, want 7: by the end of the context", got)
			}
			wantGone(t, numbers)
		})
	}
}

// TestNohup: nohup runs programs with SIGHUP ignored, and they go on.
func TestNohup(t *testing.T) {
	cmd := exec.Command("sh", "-c", `trap "" HUP; exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), "PROCESS_TEST_WAIT=1")
	numbers := readNumbers(t, cmd)
	cmd.Process.Signal(syscall.SIGHUP)
	time.Sleep(100 * time.Millisecond)
	for _, n := range numbers {
		if err := syscall.Kill(n, 0); err != nil || zombie(n) {
			t.Errorf("process %d ended with SIGHUP, which was ignored: %v", n, err)
		}
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 7 {
		t.Errorf("after SIGTERM: status %d, want 7", got)
	}
	wantGone(t, numbers)
}
