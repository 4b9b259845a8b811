// Package packages draws the structure of the module from its code: the picture and the
// table of docs/architecture.md. Its test holds both to the code, and regenerates them.
package packages

import (
	"fmt"
	"go/build"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/internal/table"
)

// module is the prefix by which an import is one of ours.
const module = "github.com/a2qgen/a2qgen/"

// Package is a package of the module, named by its folder. Everything of it comes from
// go/build: no second list of packages has to be kept.
type Package struct {
	Name string
	// Doc is the first sentence of its documentation. The table calls it the package's
	// job: a package that cannot say it in a sentence has two.
	Doc string
	// Imports are the packages of the module that it imports, tests aside, sorted. Named
	// by their folders too, so that the list can be searched in itself.
	Imports []string
}

// Scan returns the packages below root, the module's folder, sorted by name. Tests'
// imports do not count: a test may depend on what its package must not. Folders that hold
// generated files or data for tests, and hidden ones, are left out.
func Scan(root string) ([]Package, error) {
	var found []Package
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if name := e.Name(); path != root && (name == "testdata" || name == "build" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		// go/build reads the files and the build constraints of this machine; it needs no
		// module cache and no go command.
		p, err := build.ImportDir(path, 0)
		if err != nil {
			return nil // holds no package
		}
		// Slashes on every system: the names are compared with import paths.
		name, err := filepath.Rel(root, path)
		found = append(found, Package{filepath.ToSlash(name), job(p), ours(p.Imports)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("packages: %w", err)
	}
	slices.SortFunc(found, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// job returns what a package says of itself, without "Package NAME" or "Command NAME" and
// the full stop. go doc's first sentence is "Package NAME does ...": the table has the
// name beside it.
func job(p *build.Package) string {
	_, doc, _ := strings.Cut(strings.TrimSuffix(p.Doc, "."), " ") // Package or Command
	_, doc, _ = strings.Cut(doc, " ")
	return strings.TrimPrefix(strings.TrimPrefix(doc, "is "), "the ")
}

// ours returns the imports of this module as folders, sorted.
func ours(imports []string) []string {
	var list []string
	for _, path := range imports {
		if name, ok := strings.CutPrefix(path, module); ok {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// Table returns the packages as Markdown: folder, job, imports. The test compares it with
// the page, so its layout is part of what is checked.
func Table(all []Package) string {
	t := table.New(table.Left("folder", "job", "imports of ours, tests aside"))
	for _, p := range all {
		imports := strings.Join(p.Imports, ", ")
		if imports == "" {
			imports = "-"
		}
		t.Row("`"+p.Name+"`", p.Doc, imports)
	}
	var b strings.Builder
	t.WriteMarkdown(&b) // b takes everything
	return b.String()
}
