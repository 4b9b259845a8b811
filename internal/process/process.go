// Package process runs other programs so that none of them, nor what they start,
// outlives a stop of this one, and turns the signals that ask for a stop into the
// end of a context.
package process

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// killDelay is how long a killed child may keep its pipes open.
const killDelay = 2 * time.Second

// Command prepares a child that runs in dir, empty for the current folder, and dies
// with its own children when ctx ends.
func Command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.WaitDelay = killDelay
	groupKill(cmd)
	return cmd
}

// stops are the signals that ask a program to end: of a key, of kill, and of a
// terminal that was closed. Children have groups of their own, so that a terminal's
// signals reach this program alone, which must end them.
var stops = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// Context returns a context that ends with the first signal that asks to stop; a
// second one kills at once. A signal that was ignored when the program started, as
// nohup has SIGHUP ignored, stays so.
func Context() (context.Context, context.CancelFunc) {
	var heard []os.Signal
	for _, s := range stops {
		if !signal.Ignored(s) {
			heard = append(heard, s)
		}
	}
	if len(heard) == 0 { // NotifyContext takes none for all
		return context.WithCancel(context.Background())
	}
	ctx, stop := signal.NotifyContext(context.Background(), heard...)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
