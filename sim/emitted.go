package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen/emit"
)

// Difference is a file of a directory that is not as its design emits it.
type Difference struct {
	// File is relative to the directory, with slashes.
	File string `json:"file"`
	// Line is the first that differs, from 1; 0 where the whole file is missing, or is
	// none of the design's.
	Line int `json:"line,omitempty"`
	// Has and Wants are that line as it is and as it should be, cut to what differs;
	// empty where the one text ends before it.
	Has   string `json:"has,omitempty"`
	Wants string `json:"wants,omitempty"`
	// Missing says that the file is not there. With neither Line nor Missing it is one too
	// many.
	Missing bool `json:"missing,omitempty"`
}

// String describes the difference in one line.
func (d Difference) String() string {
	switch {
	case d.Missing:
		return d.File + " is missing"
	case d.Line == 0:
		return d.File + " is no file of the design"
	}
	return fmt.Sprintf("%s: line %d is %q, want %q", d.File, d.Line, d.Has, d.Wants)
}

// Differences compares dir with the files that a design emits, byte for byte, and looks
// for Verilog and memory files beside them, which a simulator would take in too.
func Differences(dir string, files []emit.File) ([]Difference, error) {
	var out []Difference
	// By path: the manifest lists the same files, but may itself be edited.
	wanted := map[string]bool{}
	for _, f := range files {
		wanted[f.Path] = true
		has, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Path)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			out = append(out, Difference{File: f.Path, Missing: true})
		// Not a difference: a file that cannot be read says nothing about the design.
		case err != nil:
			return nil, fmt.Errorf("sim: %w", err)
		case !bytes.Equal(has, f.Data):
			out = append(out, firstDifference(f.Path, has, f.Data))
		}
	}
	extra, err := strangers(dir, wanted)
	out = append(out, extra...)
	// Sorted by name, so that two runs report the same, in whatever order files were emitted.
	slices.SortFunc(out, func(a, b Difference) int { return strings.Compare(a.File, b.File) })
	return out, err
}

// strangers returns the Verilog and memory files of dir's folders that are not wanted.
func strangers(dir string, wanted map[string]bool) ([]Difference, error) {
	var out []Difference
	// The folders that simulators are told of.
	for _, folder := range []string{"bench", "rtl"} {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("sim: %w", err)
		}
		for _, e := range entries {
			name := path.Join(folder, e.Name())
			// Simulators take rtl/*.v, and $readmemh any .mem. Waves and logs beside them change
			// nothing, and a user keeps them there.
			if ext := path.Ext(name); !wanted[name] && (ext == ".v" || ext == ".mem") {
				out = append(out, Difference{File: name})
			}
		}
	}
	return out, nil
}

// firstDifference returns the first line that differs. The texts are not the same.
func firstDifference(file string, has, wants []byte) Difference {
	// Line by line, since Verilog and manifest are text: an editor's user looks for a line.
	h, w := strings.Split(string(has), "\n"), strings.Split(string(wants), "\n")
	at := 0
	for at < len(h) && at < len(w) && h[at] == w[at] {
		at++
	}
	d := Difference{File: file, Line: at + 1}
	if at < len(h) {
		d.Has = h[at]
	}
	if at < len(w) {
		d.Wants = w[at]
	}
	// Cut for people; the number of the line finds all of it.
	d.Has, d.Wants = excerpts(d.Has, d.Wants)
	return d
}

// excerpt bounds what is shown of a line, in bytes: a word of a memory may have thousands
// of digits.
const excerpt = 48

// excerpts cuts two lines to where they differ, with a few bytes before it.
func excerpts(a, b string) (string, string) {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	if max(len(a), len(b)) <= excerpt {
		return a, b
	}
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	// Some digits before the difference, so that the place in the word can be told.
	from := max(0, at-excerpt/4)
	cut := func(s string) string {
		out := s[min(from, len(s)):min(from+excerpt, len(s))]
		// Dots say that there is more: a word that is cut is no word of the memory.
		if from > 0 {
			out = "..." + out
		}
		if from+excerpt < len(s) {
			out += "..."
		}
		return out
	}
	return cut(a), cut(b)
}
