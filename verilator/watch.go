package verilator

import (
	"strings"
	"sync"
)

// watcher reads a simulator's text streams line by line and remembers the first
// complaint and the last line.
type watcher struct {
	mu          sync.Mutex
	out, err    lineWriter
	first, last string
}

// line notes one line; the caller holds mu.
func (w *watcher) line(text string) {
	w.last = text
	if w.first == "" && isComplaint(text) {
		w.first = text
	}
}

// isComplaint reports whether a line makes a run fail: one of the design's own
// checks, a simulator's error, or its warning of a memory file that is absent or
// too short, which leaves a ROM without its words.
func isComplaint(text string) bool {
	if strings.HasPrefix(text, "ERROR") || strings.HasPrefix(text, "%Error") {
		return true
	}
	warning := strings.HasPrefix(text, "%Warning") || strings.HasPrefix(text, "WARNING")
	return warning && strings.Contains(text, "$readmem")
}

// finish takes what is left without a newline as lines.
func (w *watcher) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range []*lineWriter{&w.out, &w.err} {
		if len(l.part) > 0 {
			w.line(string(l.part))
		}
	}
}

// complaint returns the first complaint, or nothing.
func (w *watcher) complaint() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
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

// maxLine bounds what is kept of a line, in bytes.
const maxLine = 4096

// lineWriter cuts what is written to it into lines for a watcher.
type lineWriter struct {
	to   *watcher
	part []byte
}

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
