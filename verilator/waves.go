package verilator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// waves stores what a simulator writes to a pipe, its file descriptor 4. A
// simulator that writes the file itself does not tell of a full disk: vvp goes on
// without a word, and Verilator's fatal error waits for ever.
type waves struct {
	path        string
	file        *os.File // in path's folder; renamed to path when it is whole
	pipe, child *os.File
	// stored has the result of copying, once: finish waits for it.
	stored chan error
}

// openWaves makes the file that becomes path and its pipe. An empty path asks for
// no waves: nil, which start and finish take.
func openWaves(path string) (*waves, error) {
	if path == "" {
		return nil, nil
	}
	// The temporary name is short: one made of path's could be too long where path is not.
	file, err := os.CreateTemp(filepath.Dir(path), ".a2qgen-waves-*")
	if err != nil {
		return nil, fmt.Errorf("verilator: cannot write waves: %w", err)
	}
	// Room for one: the goroutine ends even where finish is never called.
	w := &waves{path: path, file: file, stored: make(chan error, 1)}
	if w.pipe, w.child, err = os.Pipe(); err != nil {
		w.discard()
		return nil, fmt.Errorf("verilator: waves: %w", err)
	}
	return w, nil
}

// start stores until the simulator has closed its end of the pipe, and calls stop where
// that fails. It takes a nil w, so that simulate needs no case for a run without waves.
func (w *waves) start(stop func()) {
	if w == nil {
		return
	}
	w.child.Close() // the simulator has it
	go func() {
		_, err := io.Copy(w.file, w.pipe)
		if err != nil {
			stop()
		}
		w.stored <- err
	}()
}

// finish waits for the last of the waves and gives the file its name if they are whole.
// Sync is part of storing whole: some file systems tell of a full disk only then.
func (w *waves) finish(whole bool) error {
	if w == nil {
		return nil
	}
	err := <-w.stored
	w.pipe.Close()
	if err == nil && whole {
		err = errors.Join(w.file.Chmod(0o644), w.file.Sync(), w.file.Close())
	}
	if err == nil && whole {
		err = os.Rename(w.file.Name(), w.path)
	}
	if err != nil || !whole {
		w.discard()
	}
	if err != nil {
		return fmt.Errorf("verilator: %s: cannot write waves: %w", w.path, err)
	}
	return nil
}

// discard removes the temporary file; what was at path before stays.
func (w *waves) discard() {
	w.file.Close()
	os.Remove(w.file.Name())
}
