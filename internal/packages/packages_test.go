package packages

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the picture and the table again")

const (
	root     = "../.."
	picture  = root + "/docs/packages.svg"
	document = root + "/docs/architecture.md"
	begin    = "<!-- packages: go test ./internal/packages -update -->\n"
	end      = "<!-- end of packages -->\n"
)

// TestUpToDate holds picture and table to the code; -update writes them.
func TestUpToDate(t *testing.T) {
	all, err := Scan(root)
	if err != nil || len(all) < 10 {
		t.Fatalf("%d packages, %v", len(all), err)
	}
	for _, p := range all {
		if p.Doc == "" {
			t.Errorf("package %s does not say what it is", p.Name)
		}
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", document)
	}
	same(t, document, before+begin+Table(all)+end+after)
	same(t, picture, Picture(all))
}

func same(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is not what the code says (%v): go test ./internal/packages -update", path, err)
	}
}
