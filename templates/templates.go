// Package templates holds the Verilog that a2qgen emits: a library of complete,
// parametric modules (*.v), each of which lints alone, and the texts that
// are filled in for a design (*.tmpl).
package templates

import (
	"embed"
	"fmt"
	"io/fs"
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

// Template returns the parsed template of that name, "top.v", "bench.v" or "README.md".
// It panics if there is none.
func Template(name string) *template.Template {
	funcs := template.FuncMap{"high": func(bits int) int { return bits - 1 }} // index of the top bit
	return template.Must(template.New(name+".tmpl").Funcs(funcs).ParseFS(files, name+".tmpl"))
}
