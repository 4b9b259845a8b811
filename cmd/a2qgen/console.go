package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
)

// console is where a command prints: the result on out, progress on err.
type console struct {
	out, err io.Writer
	// json asks for the result as one JSON document.
	json bool
	// terminal says that err is one, so that progress may move.
	terminal bool
	// quiet leaves out the lines of progress.
	quiet bool
}

const jsonName = "json"

// jsonFlag is --json, the same for every command: the schema is the command's report type,
// whose keys only grow.
func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: jsonName, DisableDefaultText: true, Usage: "print the result as one JSON document"}
}

// newConsole returns the console of a command line.
func newConsole(c *cli.Context) *console {
	con := &console{out: c.App.Writer, err: c.App.ErrWriter, json: c.Bool(jsonName)}
	// Tests pass buffers and CI a pipe: neither is a terminal, and bars would fill their
	// logs with carriage returns.
	if f, ok := con.err.(*os.File); ok {
		con.terminal = term.IsTerminal(int(f.Fd()))
	}
	return con
}

// printer is a report: its JSON is for programs, and it prints itself for people.
type printer interface{ print(w io.Writer) }

// result prints the outcome of a command, as JSON or for people, unless err is one.
func (c *console) result(doc printer, err error) error {
	switch {
	case err != nil:
		return err
	case c.json:
		return c.document(doc)
	}
	return c.text(doc.print)
}

// document prints doc as JSON.
func (c *console) document(doc any) error {
	data, err := toJSON(doc)
	if err != nil {
		return err
	}
	return c.text(func(w io.Writer) { w.Write(data) })
}

// text prints what write writes. It is rendered in memory first, so that an error leaves no
// half of it on stdout, and a full disk or a closed pipe is reported and not lost.
func (c *console) text(write func(w io.Writer)) error {
	var b bytes.Buffer
	write(&b)
	if _, err := c.out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	return nil
}

// toJSON returns doc as indented JSON with a final newline. Encode ends with a newline by
// itself, which a terminal and a file both want.
func toJSON(doc any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	// Names and messages with <, > and & stay readable: the document does not go into
	// HTML.
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// note says what happens next, where somebody watches. Logs of CI do without it, since the
// result follows anyway.
func (c *console) note(format string, args ...any) {
	if c.terminal {
		c.line(format, args...)
	}
}

// line prints a line of progress whoever watches, unless the console is quiet. Warnings go
// here too: they are no part of a result.
func (c *console) line(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.err, format+"\n", args...)
	}
}

// warn prints warnings, as studies give them.
func (c *console) warn(warnings []string) {
	for _, w := range warnings {
		c.line("warning: %s", w)
	}
}

// progress returns what shows a study: its lines, and a bar for the work that it is at,
// which shows on a terminal only.
func (c *console) progress() study.Progress {
	// Workers of a study may step at the same time.
	var mu sync.Mutex
	var bar *progressbar.ProgressBar
	return study.Progress{Note: func(line string) { c.line("%s", line) }, Step: func(work string, done, total int) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case done < total && bar == nil:
			bar = c.bar(total)
		case done >= total && bar != nil:
			bar.Finish()
			bar = nil
		}
		if bar != nil {
			bar.Describe(work)
			bar.Set(done)
		}
	}}
}

// bar returns a progress bar over steps. It is throttled: a step of a training or of the
// executor is far shorter than a redraw.
func (c *console) bar(steps int) *progressbar.ProgressBar {
	return progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(c.err),
		progressbar.OptionSetVisibility(c.terminal),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true))
}
