package hwgen

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"github.com/a2qgen/a2qgen/templates"
)

// File is one emitted file; Path is relative to the output directory.
type File struct {
	Path string
	Data []byte
}

// Emit renders all files of the design: rtl, memories, bench, manifest, and the
// network it came from; and sets the design's Hash. The same design gives the same bytes.
func (d *Design) Emit(network []byte) ([]File, error) {
	library := d.library()
	plain := *d
	plain.Version, plain.Hash = "", "" // two builds that emit the same have one hash
	filled, err := plain.filled()
	if err != nil {
		return nil, err
	}
	d.Hash = hash(slices.Concat(filled, library))
	if filled, err = d.filled(); err != nil {
		return nil, err
	}
	files := slices.Concat([]File{{networkFile, network}}, library, filled)
	paths := []string{manifestFile}
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	sort.Strings(paths)
	m := d.manifest(paths, d.Memories())
	m.Sums = sums(files)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("hwgen: manifest: %w", err)
	}
	return append(files, File{manifestFile, append(text, '\n')}), nil
}

// library returns the library modules and the memories.
func (d *Design) library() []File {
	var files []File
	for _, m := range d.modules() {
		files = append(files, File{"rtl/" + m + ".v", templates.Module(m)})
	}
	for _, m := range d.Memories() {
		files = append(files, File{"rtl/" + m.File, m.Text()})
	}
	return files
}

// filled returns the files that are filled in for the design: top, bench, README.
func (d *Design) filled() ([]File, error) {
	var files []File
	for _, t := range []struct{ path, name string }{
		{"rtl/" + d.Name + ".v", "top.v"}, {"bench/bench.v", "bench.v"}, {"README.md", "README.md"},
	} {
		var b bytes.Buffer
		if err := templates.Template(t.name).Execute(&b, d.top()); err != nil {
			return nil, fmt.Errorf("hwgen: template %s: %w", t.name, err)
		}
		files = append(files, File{t.path, b.Bytes()})
	}
	return files, nil
}

// hash covers names and contents of files.
func hash(files []File) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d %s %d ", len(f.Path), f.Path, len(f.Data))
		h.Write(f.Data) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// submodules lists the library modules that each module instantiates.
var submodules = map[string][]string{
	"mvau": {"rom", "dot_product", "product", "accumulator", "thresholds", "spill_register",
		"memory_file", "overflow_check"},
	"rom":             {"memory_file"},
	"fifo":            {"level_check"},
	"replay_buffer":   {"level_check"},
	"thresholds":      {"threshold_stage", "memory_file"},
	"threshold_stage": {"memory_file"},
	"label_select":    {"product", "spill_register", "memory_file"},
	"memory_file":     {"sim_stop"},
	"overflow_check":  {"sim_stop"},
	"level_check":     {"sim_stop"},
	"tlast_check":     {"frame_counter", "sim_stop"},
}

// modules returns the library modules that the design needs, sorted.
func (d *Design) modules() []string {
	need := map[string]bool{}
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
	visit("frame_counter") // of the top's own
	visit("tlast_check")
	var names []string
	for m := range need {
		names = append(names, m)
	}
	sort.Strings(names)
	return names
}
