// Package templates holds the Verilog that a2qgen emits: a library of complete,
// parametric modules (*.v), each of which lints alone, and the texts that
// are filled in for a design (*.tmpl).
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed *.v *.tmpl
var files embed.FS

// Module returns the source of the library module of that name.
// It panics if there is none: names come from the generator, not from users.
func Module(name string) []byte {
	b, err := files.ReadFile(name + ".v")
	if err != nil {
		panic(fmt.Sprintf("templates: no module %q", name))
	}
	return b
}

// Modules returns the names of all library modules, sorted.
func Modules() []string {
	paths, err := fs.Glob(files, "*.v")
	if err != nil {
		panic("templates: " + err.Error())
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(p, ".v")
	}
	return paths
}

// instantiation is how a library module begins an instance: the module's name, and its
// parameters or the instance's name.
var instantiation = regexp.MustCompile(`(?m)^ +([a-z]\w*) (?:#\(|u_\w+ \()`)

// Closure returns the named library modules and all that they instantiate, sorted. It reads
// this from the modules themselves, so that no list of it can go stale.
func Closure(names []string) []string {
	known, need := Modules(), map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if need[name] {
			return
		}
		need[name] = true
		for _, sub := range instantiated(Module(name), known) {
			visit(sub)
		}
	}
	for _, name := range names {
		visit(name)
	}
	return slices.Sorted(maps.Keys(need))
}

// Instantiated returns the library modules that a text instantiates itself.
func Instantiated(text []byte) []string { return instantiated(text, Modules()) }

func instantiated(text []byte, known []string) (names []string) {
	for _, m := range instantiation.FindAllSubmatch(text, -1) {
		// Keywords of generate blocks look alike, but are no modules of ours.
		if name := string(m[1]); slices.Contains(known, name) {
			names = append(names, name)
		}
	}
	return names
}

// Fill returns a template filled in with data. It panics if there is none of that name.
func Fill(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := Template(name).Execute(&b, data); err != nil {
		return nil, fmt.Errorf("templates: %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// Template returns the parsed template of that name, such as "top.v".
// It panics if there is none.
//
// In templates, high is the index of the top bit of so many bits.
func Template(name string) *template.Template {
	funcs := template.FuncMap{"high": func(bits int) int { return bits - 1 }}
	return template.Must(template.New(name+".tmpl").Funcs(funcs).ParseFS(files, name+".tmpl"))
}
