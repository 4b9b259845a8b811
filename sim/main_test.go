package sim_test

import (
	"fmt"
	"os"
	"testing"
)

// benches is the cache of compiled benches of all tests here. Entries are keyed by content, so
// that tests cannot meet in one by mistake; Verilator's run-time library, half the time of a
// small design's build, is compiled once instead of once per test.
var benches string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run is TestMain without the exit, which would skip the removal.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "a2qgen-sim-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	benches = dir
	return m.Run()
}
