// Package study trains, projects, scores and prices networks, one by one or in series: seeds, sweeps of methods
// over accumulator widths, widths of each layer within so many LUT, projections by every method at every width.
//
// A study takes plain values and gives plain values, whose JSON is the schema of the
// command that runs it. It has no flags and prints nothing: whoever watches passes a
// Progress. Files are written where a study is asked to, whole or not at all; a study that
// is stopped by its context returns an error that wraps the context's.
package study

import (
	"fmt"
	"time"
)

// Progress is told what a study does, for whoever watches. Functions that are nil are not
// called, so that the zero value watches nothing.
type Progress struct {
	// Note gets a line that somebody should read: a warning, or which run is done.
	Note func(line string)
	// Step gets how far a piece of work is: done of total steps, the last one also where the
	// work ended early. It may be called from several goroutines at once.
	Step func(work string, done, total int)
}

// note passes on a line.
func (p *Progress) note(format string, args ...any) {
	if p.Note != nil {
		p.Note(fmt.Sprintf(format, args...))
	}
}

// warn passes on what a careful user wants to know; no warnings, no lines.
func (p *Progress) warn(warnings ...string) {
	for _, w := range warnings {
		p.note("warning: %s", w)
	}
}

// step passes on how far some work is.
func (p *Progress) step(work string, done, total int) {
	if p.Step != nil {
		p.Step(work, done, total)
	}
}

// Percent returns part of total in percent, 0 where total is 0. 0 of 0 is nothing, where
// NaN would be no JSON.
func Percent(part, total int) float64 {
	if total == 0 {
		return 0
	}
	return 100 * float64(part) / float64(total)
}

// Seconds returns the time since start, rounded to milliseconds. More digits would only
// make two runs differ in more places.
func Seconds(start time.Time) float64 {
	return float64(time.Since(start).Milliseconds()) / 1000
}
