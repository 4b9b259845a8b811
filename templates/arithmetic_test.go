package templates_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/internal/tooltest"
)

// wantChecks is how many results arithmetic_bench.v compares: products of all operands of 1
// to 8 bits, inputs unsigned and signed, 2*(2^9-2)^2; pairs of products of 1 to 3 bits,
// 2*(4+16+64)^2; three sums for each start and sum of up
// to 5 bits; two widths of thresholds against each accumulator of up to 5 bits.
const wantChecks = "checked 546621, wrong 0"

// TestArithmetic compares every result of the arithmetic blocks at small widths.
func TestArithmetic(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	program := filepath.Join(t.TempDir(), "bench.vvp")
	build := exec.Command("iverilog", "-g2005", "-s", "arithmetic_bench", "-o", program, "testdata/arithmetic_bench.v",
		"product.v", "pair_product.v", "accumulator.v", "threshold_stage.v", "rom.v", "memory_file.v")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command("vvp", "-n", program).CombinedOutput()
	if err != nil || !strings.Contains(string(out), wantChecks) {
		t.Errorf("%v\n%s, want %s", err, out, wantChecks)
	}
}
