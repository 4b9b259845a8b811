package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen"
)

// Exit statuses.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
)

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

const appHelp = `An accumulator of P bits is certified, not hoped for: the bound is computed from
the integers that go into the hardware. A first round, end to end:

   a2qgen demo

or step by step:

   a2qgen train examples/fmnist-mlp.yaml --out net.onnx
   a2qgen inspect net.onnx
   a2qgen generate net.onnx --out build/net --fps 100000
   a2qgen sim build/net --frames 200 --stall 0.3
   a2qgen estimate build/net --acc 8:32`

// run executes a command line, without the program's name, and returns the exit
// status. The one place where an error becomes a line for the user.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app := newApp(stdout, stderr)
	args, err := reorder(app, args)
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, args...))
	}
	if err == nil {
		return statusDone
	}
	fmt.Fprintf(stderr, "a2qgen: %s\n", oneLine(err.Error()))
	if errors.As(err, new(usageError)) {
		return statusUsage
	}
	return statusFailed
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name: "a2qgen", Version: hwgen.Version,
		Usage:       "integer networks as streaming Verilog with accumulators of exactly P bits",
		Description: appHelp,
		Writer:      stdout, ErrWriter: stderr,
		// --fold fc1=4,8 is one value, not two.
		DisableSliceFlagSeparator: true,
		Action:                    noCommand,
		OnUsageError:              onUsageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // run reports
		Commands: []*cli.Command{
			trainCommand(), sweepCommand(), projectCommand(), inspectCommand(), evalCommand(), generateCommand(), simCommand(),
			estimateCommand(), demoCommand(), boardsCommand(),
		},
	}
	for _, c := range app.Commands {
		c.HideHelpCommand = true
		c.OnUsageError = onUsageError
	}
	return app
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	return usagef("%w; see %s --help", err, c.Command.HelpName)
}

func noCommand(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("no command %q; see a2qgen --help", c.Args().First())
	}
	var names []string
	for _, cmd := range c.App.VisibleCommands() {
		names = append(names, cmd.Name)
	}
	return usagef("no command given, want one of %s; see a2qgen --help", strings.Join(names, ", "))
}

// oneArgument returns the positional argument of a command that takes one.
func oneArgument(c *cli.Context, name string) (string, error) {
	switch n := c.Args().Len(); {
	case n == 0 || c.Args().First() == "":
		return "", usagef("%s: %s is missing; see a2qgen %[1]s --help", c.Command.Name, name)
	case n > 1:
		return "", usagef("%s: one %s, please, not also %q", c.Command.Name, name, c.Args().Get(1))
	}
	return c.Args().First(), nil
}

// noArgument refuses positional arguments.
func noArgument(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("%s takes no argument, has %q", c.Command.Name, c.Args().First())
	}
	return nil
}

// oneLine joins the lines of a message.
func oneLine(s string) string {
	var parts []string
	for _, line := range strings.Split(s, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, " ")
}
