// Package tooltest lets tests run the programs that make setup installs.
package tooltest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Need skips a test on a machine without one of the programs, and fails it in CI, where
// set-up has installed them all. With -short it skips everywhere: those are the tests that
// need no program but Go, whatever is installed. A skip in CI would hide for months that a
// tool is no longer installed.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs " + strings.Join(programs, ", ") + ": not in -short")
	}
	var missing []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		Absent(t, strings.Join(missing, ", ")+" not installed (make setup)")
	}
}

// Absent skips a test that lacks what make setup installs, and fails it in CI.
func Absent(t testing.TB, why any) {
	t.Helper()
	if CI() {
		t.Fatal(why)
	}
	t.Skip(why)
}

// CI says whether the tests run where set-up must have installed everything. GitHub,
// GitLab and most other services set it.
func CI() bool { return os.Getenv("CI") == "true" }
