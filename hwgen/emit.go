package hwgen

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	text, err := json.MarshalIndent(d.manifest(paths, d.Memories()), "", "  ")
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

// CheckDir returns an error where WriteDir would refuse to replace dir.
func CheckDir(dir string) error {
	dir, err := target(filepath.Clean(dir))
	if err == nil {
		_, err = replaceable(dir)
	}
	return err
}

// WriteDir writes files as directory dir: built beside it under a temporary name,
// then renamed, so that a killed run leaves the old directory or the new one. A
// directory that is not empty and was not generated, or that holds other files besides,
// is refused.
func WriteDir(dir string, files []File) error {
	dir, err := target(filepath.Clean(dir))
	if err != nil {
		return err
	}
	old, err := replaceable(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("hwgen: output directory: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-")
	if err != nil {
		return fmt.Errorf("hwgen: output directory: %w", err)
	}
	defer os.RemoveAll(tmp)
	fresh := filepath.Join(tmp, "new")
	for _, f := range files {
		if err := writeFile(filepath.Join(fresh, filepath.FromSlash(f.Path)), f.Data); err != nil {
			return fmt.Errorf("hwgen: output directory: %w", err)
		}
	}
	if old {
		if err := os.Rename(dir, filepath.Join(tmp, "old")); err != nil {
			return fmt.Errorf("hwgen: output directory: %w", err)
		}
	}
	if err := os.Rename(fresh, dir); err != nil {
		if old {
			err = errors.Join(err, os.Rename(filepath.Join(tmp, "old"), dir))
		}
		return fmt.Errorf("hwgen: output directory: %w", err)
	}
	return nil
}

// target returns what dir links to, where it is a link: that is replaced, not the
// link.
func target(dir string) (string, error) {
	if info, err := os.Lstat(dir); err != nil || info.Mode()&os.ModeSymlink == 0 {
		return dir, nil
	}
	to, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("hwgen: output directory %s is a link to nothing: %w", dir, err)
	}
	return to, nil
}

// replaceable says whether dir exists and may be replaced: it is empty or ours.
func replaceable(dir string) (exists bool, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("hwgen: output directory: %w", err)
	case len(entries) == 0:
		return true, nil
	}
	m, err := ReadManifest(dir)
	if err != nil {
		return false, fmt.Errorf("hwgen: output directory %s is not empty and holds no generated design: nothing written", dir)
	}
	return true, m.onlyOurs(dir)
}

// onlyOurs returns an error where dir holds a file that m's design has not: waves, or a
// vendor tool's project, which would go with it.
func (m *Manifest) onlyOurs(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("hwgen: output directory: %w", err)
		}
		file, err := filepath.Rel(dir, path)
		if err != nil || e.IsDir() || slices.Contains(m.Files, filepath.ToSlash(file)) {
			return err
		}
		return fmt.Errorf("hwgen: output directory %s holds %s, which is no part of the design in it: nothing written", dir, file)
	})
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
