package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen/emit"
)

// Exit statuses. The contract of scripts, documented in appHelp: 1 says that other files
// or a smaller network may help, 2 that this command line never will.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
)

// usageError is a command line that is wrong, whatever the files hold: it cannot be
// understood, a value is out of range, or flags contradict each other or the spec that
// they override. A value that is well-formed and does not suit the network, the data or
// the board that is read (a fold that does not divide a layer) is a failure.
type usageError struct{ error }

// Unwrap keeps causes visible to errors.Is: a usage error may wrap a spec's own.
func (e usageError) Unwrap() error { return e.error }

// usagef is fmt.Errorf for a usageError.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

const appHelp = `An accumulator of P bits is certified, not hoped for: the bound is computed from
the integers that go into the hardware. A first round, end to end:

   a2qgen demo

or step by step:

   a2qgen train examples/fmnist-mlp.yaml --out net.onnx
   a2qgen inspect net.onnx
   a2qgen generate net.onnx --out build/net --fps 100000
   a2qgen sim build/net --frames 200 --stall 0.3
   a2qgen estimate build/net --acc 8:32

Exit status: 0 done; 1 failed: a file is missing, unreadable or wrong, a value does not
suit the network, the data or the board (a fold that does not divide a layer), or the
check found a difference; 2 wrong usage: a command, flag or value that no file could
make right, flags that contradict each other or the spec, or an output that would
replace an input. With --json an error, if no result was printed, is one JSON document
on stdout too: {"error": {"message": "...", "exit_status": 1}}.`

// run executes a command line, without the program's name, and returns the exit
// status. The one place where an error becomes a line for the user.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// With --json a script reads exactly one document: where a result was printed already,
	// as by a sim whose verdict is then an error, no second one may follow it.
	printed := &watchedWriter{Writer: stdout}
	app := newApp(printed, stderr)
	line, err := reorder(app, args)
	// A line that cannot be put in order is not run: the parser would take a value for an
	// argument.
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, line...))
	}
	if err == nil {
		return statusDone
	}
	status, message := statusFailed, oneLine(err.Error()+advice(err))
	// By type, however deep it is wrapped on the way.
	if errors.As(err, new(usageError)) {
		status = statusUsage
	}
	fmt.Fprintf(stderr, "a2qgen: %s\n", message)
	if wantsJSON(app, args) && !printed.used {
		printError(stdout, message, status)
	}
	return status
}

// advice says which flags may help with an error of a package that knows none.
func advice(err error) string {
	if e := new(study.AssumedError); errors.As(err, &e) {
		return "; give the input's type where the network is read (eval, inspect, estimate, generate), such as " +
			"--input-range " + showRange(e.Low, e.High)
	}
	return ""
}

// errorReport is the JSON of an error.
type errorReport struct {
	Error struct {
		// Message is what stderr has, in one line; ExitStatus is 1 or 2.
		Message    string `json:"message"`
		ExitStatus int    `json:"exit_status"`
	} `json:"error"`
}

// printError prints an error as JSON; that it cannot be printed is no news.
func printError(w io.Writer, message string, status int) {
	var doc errorReport
	doc.Error.Message, doc.Error.ExitStatus = message, status
	if text, err := toJSON(&doc); err == nil {
		w.Write(text)
	}
}

// watchedWriter knows whether something was written: a script that asks for JSON gets
// one document, the result or the error.
type watchedWriter struct {
	io.Writer
	used bool
}

// A write of no bytes counts too: the command has begun to print.
func (w *watchedWriter) Write(p []byte) (int, error) {
	w.used = true
	return w.Writer.Write(p)
}

// newApp returns the command line's tree. Every command gets the same two hooks: Before
// applies the rules of its flags (checkFlags) ahead of any reading, and OnUsageError puts
// the parser's own complaints into the words of those rules.
func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name: "a2qgen", Version: emit.Version,
		Usage:       "integer networks as streaming Verilog with accumulators of exactly P bits",
		Description: appHelp,
		Writer:      stdout, ErrWriter: stderr,
		// --fold fc1=4,8 is one value, not two.
		DisableSliceFlagSeparator: true,
		Action:                    noCommand,
		OnUsageError:              onUsageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // run reports
		Commands: []*cli.Command{
			trainCommand(), sweepCommand(), projectCommand(), inspectCommand(), evalCommand(), generateCommand(),
			simCommand(),
			estimateCommand(), demoCommand(), boardsCommand(),
		},
	}
	for _, c := range app.Commands {
		c.Before = checkFlags
		// Else "a2qgen inspect help" would print a help text in place of reading a file
		// "help".
		c.HideHelpCommand = true
		c.OnUsageError = onUsageError
	}
	return app
}

// onUsageError is called for what the flag parser itself refuses, such as --frames x.
func onUsageError(c *cli.Context, err error, _ bool) error { return parseError(c, err) }

// noCommand is the action of a line without a known command; a usage error either way, so
// that a script with a misspelt command does not see status 0 and a help text.
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

// oneArgument returns the positional argument of a command that takes one. An empty one
// counts as missing: it comes from an unset shell variable. More than one is refused: what
// looks like a second network is most often a value whose flag was forgotten.
func oneArgument(c *cli.Context, name string) (string, error) {
	switch n := c.Args().Len(); {
	case n == 0 || c.Args().First() == "":
		return "", usagef("%s: %s is missing; see a2qgen %[1]s --help", c.Command.Name, name)
	case n > 1:
		return "", usagef("%s: one %s, please, not also %q", c.Command.Name, name, c.Args().Get(1))
	}
	return c.Args().First(), nil
}

// noArgument refuses positional arguments. An argument that is ignored was meant for
// something.
func noArgument(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("%s takes no argument, has %q", c.Command.Name, c.Args().First())
	}
	return nil
}

// oneLine joins the lines of a message. Errors of tools and of the YAML reader have
// several; run promises one per failure, which tests and scripts rely on.
func oneLine(s string) string {
	var parts []string
	for _, line := range strings.Split(s, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, " ")
}
