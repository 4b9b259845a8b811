package hwgen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"

	"github.com/a2qgen/a2qgen/templates"
)

// File is one emitted file; Path is relative to the output directory.
type File struct {
	Path string
	Data []byte
}

// Emit renders all files of the design: rtl, memories, bench, manifest, and the
// network it came from. The same design gives the same bytes.
func (d *Design) Emit(network []byte) ([]File, error) {
	files := []File{{networkFile, network}}
	for _, m := range d.modules() {
		files = append(files, File{"rtl/" + m + ".v", templates.Module(m)})
	}
	memories := d.Memories()
	for _, m := range memories {
		files = append(files, File{"rtl/" + m.File, m.Text()})
	}
	for _, t := range []struct{ path, name string }{{"rtl/" + d.Name + ".v", "top.v"}, {"bench/bench.v", "bench.v"}} {
		var b bytes.Buffer
		if err := templates.Template(t.name).Execute(&b, d.top()); err != nil {
			return nil, fmt.Errorf("hwgen: template %s: %w", t.name, err)
		}
		files = append(files, File{t.path, b.Bytes()})
	}
	paths := []string{manifestFile}
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	sort.Strings(paths)
	m := d.manifest(paths, memories)
	m.Sums = sums(files)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("hwgen: manifest: %w", err)
	}
	return append(files, File{manifestFile, append(text, '\n')}), nil
}

// submodules lists the library modules that each module instantiates.
var submodules = map[string][]string{
	"mvau":            {"rom", "dot_product", "product", "accumulator", "thresholds", "spill_register", "memory_file"},
	"rom":             {"memory_file"},
	"thresholds":      {"threshold_stage", "memory_file"},
	"threshold_stage": {"memory_file"},
	"label_select":    {"product", "spill_register", "memory_file"},
}

// modules returns the library modules that the design needs, sorted.
func (d *Design) modules() []string {
	need := map[string]bool{"frame_counter": true}
	var visit func(string)
	visit = func(m string) {
		need[m] = true
		for _, s := range submodules[m] {
			visit(s)
		}
	}
	for _, b := range d.Blocks {
		visit(b.Module())
	}
	var names []string
	for m := range need {
		names = append(names, m)
	}
	sort.Strings(names)
	return names
}
