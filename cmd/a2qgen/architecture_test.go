package main

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	modulePath = "github.com/a2qgen/a2qgen/"
	moduleRoot = "../.."
)

// packageImports returns what each package of the module imports of the others,
// tests aside, by paths below the module's.
func packageImports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(moduleRoot, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if name := e.Name(); path != moduleRoot && (name == "testdata" || strings.HasPrefix(name, ".") || name == "build") {
			return filepath.SkipDir
		}
		p, err := build.ImportDir(path, 0)
		if err != nil {
			return nil // holds no package
		}
		name, err := filepath.Rel(moduleRoot, path)
		imports := []string{}
		for _, i := range p.Imports {
			if ours, ok := strings.CutPrefix(i, modulePath); ok {
				imports = append(imports, ours)
			}
		}
		found[filepath.ToSlash(name)] = imports
		return err
	})
	if err != nil || len(found) < 10 {
		t.Fatalf("%d packages found, %v", len(found), err)
	}
	return found
}

// TestPackagesPicture holds docs/packages.svg to the code: every package is a box,
// every arrow an import, and every import an arrow but those that its caption leaves
// out.
func TestPackagesPicture(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(moduleRoot, "docs", "packages.svg"))
	if err != nil {
		t.Fatal(err)
	}
	imports := packageImports(t)
	var boxes, arrows []string
	for _, m := range regexp.MustCompile(`font-weight="bold"[^>]*>([^<]*)<`).FindAllStringSubmatch(string(text), -1) {
		boxes = append(boxes, m[1])
		if _, ok := imports[m[1]]; !ok {
			t.Errorf("the box %s is no package", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`<line data-import="([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
		arrows = append(arrows, m[1])
		from, to, _ := strings.Cut(m[1], " ")
		if !slices.Contains(imports[from], to) {
			t.Errorf("the arrow from %s to %s is no import", from, to)
		}
	}
	for from, list := range imports {
		if !slices.Contains(boxes, from) {
			t.Errorf("package %s has no box", from)
		}
		for _, to := range list {
			if left := to == "quant" || from == "cmd/a2qgen"; !left && !slices.Contains(arrows, from+" "+to) {
				t.Errorf("the import of %s by %s has no arrow", to, from)
			}
		}
	}
}

// TestPackagesTable holds the table of docs/architecture.md to the code.
func TestPackagesTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(moduleRoot, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	imports := packageImports(t)
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]*)` \\|[^|]*\\| ([^|]*) \\|$").FindAllStringSubmatch(string(text), -1) {
		want, ok := imports[m[1]]
		if delete(imports, m[1]); !ok {
			t.Errorf("the table's %s is no package", m[1])
		}
		var got []string
		if m[2] != "-" {
			got = strings.Split(m[2], ", ")
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("the table has %s import %q, want %q", m[1], got, want)
		}
	}
	for name := range imports {
		t.Errorf("package %s is not in the table", name)
	}
}
