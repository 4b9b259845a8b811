package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
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

// result prints the outcome of a command: doc as JSON, or what text writes. Both are
// rendered in memory first, so that an error leaves no half of a document on stdout, and a
// full disk or a closed pipe is reported and not lost.
func (c *console) result(doc any, text func(w io.Writer)) error {
	var b bytes.Buffer
	if c.json {
		data, err := toJSON(doc)
		if err != nil {
			return err
		}
		b.Write(data)
	} else {
		text(&b)
	}
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

// bar returns a progress bar over steps, which shows on a terminal only. It is throttled:
// a step of a training or of the executor is far shorter than a redraw.
func (c *console) bar(steps int, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(c.err),
		progressbar.OptionSetVisibility(c.terminal),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true))
}

// table prints aligned columns: the first to the left, the others to the right. Rows are
// as long as the head. Columns of numbers end at the same place, so that digits of one
// weight stand below each other; names begin at the same place.
type table struct{ rows [][]string }

// row adds a row; cells are printed as fmt.Sprint does.
func (t *table) row(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = fmt.Sprint(c)
	}
	t.rows = append(t.rows, row)
}

// print writes the table; its padding also indents it by two columns.
func (t *table) print(w io.Writer) {
	// tabwriter aligns all columns to one side. The first is padded here to a common
	// width, in runes, so that to its right-alignment all names are equally long.
	wide := 0
	for _, r := range t.rows {
		wide = max(wide, len([]rune(r[0])))
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, r := range t.rows {
		pad := strings.Repeat(" ", wide-len([]rune(r[0])))
		fmt.Fprintf(tw, "%s%s\t%s\t\n", r[0], pad, strings.Join(r[1:], "\t"))
	}
	tw.Flush() // errors are those of w, a buffer
}

// percent returns part of total in percent, 0 where total is 0. 0 of 0 is nothing, where
// NaN would be no JSON.
func percent(part, total int) float64 {
	if total == 0 {
		return 0
	}
	return 100 * float64(part) / float64(total)
}

// seconds returns the time since start, rounded to milliseconds. More digits would only
// make two runs differ in more places.
func seconds(start time.Time) float64 {
	return float64(time.Since(start).Milliseconds()) / 1000
}
