package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// examine reads the network at path for --why and --explain, which want to know of one that
// is refused too.
func examine(c *cli.Context, path string) (*qonnx.Reading, error) {
	told, err := inputTold(c)
	if err != nil {
		return nil, err
	}
	return qonnx.Examine(path, told)
}

// whyReport is the JSON of inspect --why.
type whyReport struct {
	Network string `json:"network"`
	// Read says that the network is read: there are no causes then.
	Read bool `json:"read"`
	// Causes are all for which it is refused, but not what only follows from one.
	Causes []qonnx.Refusal `json:"causes"`
}

// whyAction is inspect --why. A refused network is what was asked about, and yet a failure:
// a script that goes on would use it.
func whyAction(c *cli.Context, path string) error {
	r, err := examine(c, path)
	if err != nil {
		return err
	}
	doc := &whyReport{Network: path, Read: r.File != nil, Causes: r.Refusals}
	if doc.Read {
		doc.Causes = []qonnx.Refusal{}
		return newConsole(c).result(doc, nil)
	}
	if err := newConsole(c).result(doc, nil); err != nil {
		return err
	}
	return fmt.Errorf("%s is not read: %s", path, hwgen.Count(len(doc.Causes), "cause"))
}

// print writes each cause on lines of its own: where, why, and what to change.
func (r *whyReport) print(w io.Writer) {
	if r.Read {
		fmt.Fprintf(w, "%s is read: nothing in it is refused\n", r.Network)
		return
	}
	for i, cause := range r.Causes {
		where := "the file"
		if cause.Node != "" {
			where = fmt.Sprintf("node %s (%s)", cause.Node, cause.Operator)
		}
		fmt.Fprintf(w, "%d. %s\n   reason  %s\n   change  %s\n", i+1, where, cause.Reason, cause.Remedy)
	}
}

// explainReport prints the JSON of inspect --explain.
type explainReport struct{ *qonnx.Explanation }

// explainAction is inspect --explain NODE.
func explainAction(c *cli.Context, path string) error {
	r, err := examine(c, path)
	if err != nil {
		return err
	}
	e, err := r.Explain(c.String("explain"))
	return newConsole(c).result(&explainReport{e}, err)
}

// mostChannels and mostThresholds are what print shows; JSON has all.
const (
	mostChannels   = 8
	mostThresholds = 15
)

// print says what became of the node, then shows the thresholds that it has a part in.
func (r *explainReport) print(w io.Writer) {
	shape := ""
	if r.Shape != nil {
		shape = fmt.Sprintf(", shape %v", r.Shape)
	}
	fmt.Fprintf(w, "node %s (%s)%s\n", r.Node, r.Operator, shape)
	for _, text := range r.Became {
		fmt.Fprintf(w, "  %s\n", text)
	}
	for i := range r.Staircases {
		printStaircase(w, &r.Staircases[i])
	}
}

// printStaircase writes a channel per line.
func printStaircase(w io.Writer, s *qonnx.Staircase) {
	fmt.Fprintf(w, "\nThresholds of %s, output %s: the output counts those below the accumulator\n", s.Layer, s.Output)
	for c, ch := range s.Channels[:min(len(s.Channels), mostChannels)] {
		falls := ""
		// Negative gains: the count goes down from the largest output.
		if ch.Inverted {
			falls = ", counted down"
		}
		fmt.Fprintf(w, "  channel %d, accumulator %d..%d%s: %s\n", c, ch.AccMin, ch.AccMax, falls,
			shownThresholds(ch.Thresholds))
	}
	if more := len(s.Channels) - mostChannels; more > 0 {
		fmt.Fprintf(w, "  and %d channels more, which --json lists\n", more)
	}
}

// shownThresholds lists the first of many.
func shownThresholds(all []int64) string {
	text := strings.Trim(fmt.Sprint(all[:min(len(all), mostThresholds)]), "[]")
	if more := len(all) - mostThresholds; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
