package verilator

import (
	"errors"
	"strings"
	"sync"
)

// watcher reads a simulator's text streams line by line and remembers the first line of a
// check, the first other complaint and the last line. Both streams share it, as a check
// may print on either, and the order counts.
type watcher struct {
	mu                 sync.Mutex
	out, err           lineWriter
	check, other, last string
}

// line notes one line; the caller holds mu.
func (w *watcher) line(text string) {
	w.last = text
	switch {
	// The first of each: later ones are mostly its consequences.
	case w.check == "" && strings.HasPrefix(text, "ERROR "): // Icarus writes ERROR: before its own
		w.check = text
	case w.other == "" && isComplaint(text):
		w.other = text
	}
}

// isComplaint reports whether a line that is no check of the design makes a run fail: a
// simulator's error, or its warning of a memory file that is absent or too short, which
// leaves a ROM without its words. Other warnings are the simulator's opinion of the code,
// which Lint asks for.
func isComplaint(text string) bool {
	if strings.HasPrefix(text, "%Error") || strings.HasPrefix(text, "ERROR") {
		return true
	}
	warning := strings.HasPrefix(text, "%Warning") || strings.HasPrefix(text, "WARNING")
	return warning && strings.Contains(text, "$readmem")
}

// finish takes what is left without a newline as lines.
func (w *watcher) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	// A simulator that dies in the middle of a line has often just said why.
	for _, l := range []*lineWriter{&w.out, &w.err} {
		if len(l.part) > 0 {
			w.line(string(l.part))
		}
	}
}

// failure returns the error of the first check that spoke or else, since a simulator may
// have warned of the cause before a check saw it, of the first other complaint; nil where
// there was none. A check is the design's own word on what is wrong, hence first.
func (w *watcher) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.check != "":
		return &CheckError{Line: w.check}
	case w.other != "":
		return &CrashError{Err: errors.New(w.other)}
	}
	return nil
}

// lastLine returns the last line, for a run that fails without a complaint.
func (w *watcher) lastLine() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == "" {
		return "no message"
	}
	return w.last
}

// maxLine bounds what is kept of a line, in bytes. A design could print a line without an
// end; its beginning says enough.
const maxLine = 4096

// lineWriter cuts what is written to it into lines for a watcher.
type lineWriter struct {
	to   *watcher
	part []byte
}

// Write never fails: a full memory of lines must not stop the simulator.
func (l *lineWriter) Write(p []byte) (int, error) {
	l.to.mu.Lock()
	defer l.to.mu.Unlock()
	for _, c := range p {
		switch {
		case c == '\n':
			l.to.line(string(l.part))
			l.part = l.part[:0]
		case len(l.part) < maxLine:
			l.part = append(l.part, c)
		}
	}
	return len(p), nil
}
