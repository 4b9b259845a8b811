package cost

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDocumentedErrors: the errors that docs/cost.md prints are those of xc7.json.
func TestDocumentedErrors(t *testing.T) {
	var report bytes.Buffer
	loadXC7().WriteReport(&report)
	doc := readFile(t, "../../docs/cost.md")
	for line := range strings.Lines(report.String()) {
		if line = strings.TrimRight(line, " \n"); !strings.Contains(doc, "\n    "+line+"\n") {
			t.Errorf("docs/cost.md lacks the line\n    %s\nrun go run ./hwgen/cost/fit -fit-only and paste the report", line)
		}
	}
}

// TestREADMEErrors: the error that the README prints beside its estimates is that of
// xc7.json for designs of that size.
func TestREADMEErrors(t *testing.T) {
	readme := readFile(t, "../../README.md")
	luts := regexp.MustCompile(`cost +xc7, P=\d+: (\d+) LUT`).FindStringSubmatch(readme)
	if luts == nil {
		t.Fatal("README.md prints no estimate")
	}
	lut, err := strconv.Atoi(luts[1])
	if err != nil {
		t.Fatal(err)
	}
	if want := loadXC7().classOf(lut).String(); !strings.Contains(readme, want) {
		t.Errorf("README.md has an estimate of %d LUTs without the line\n%s", lut, want)
	}
}
