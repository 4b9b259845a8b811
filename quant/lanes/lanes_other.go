//go:build !amd64

package lanes

// vectors says that there are loops for rows of as many channels as v has.
func vectors([]float32) bool { return false }

// run is not called: vectors says that there are no loops.
func (loop) run(*block) {}
