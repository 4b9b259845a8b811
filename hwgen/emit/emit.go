// Package emit writes a design as files: Verilog, memory files, a bench, a README and a
// manifest from which it can be planned again.
package emit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/templates"
)

// File is one emitted file; Path is relative to the output directory.
type File struct {
	Path string
	Data []byte
}

// Files renders all files of d: rtl, memories, bench, manifest, and the network it came
// from; and sets d's Hash, and its Version where it has none. The same design gives the same
// bytes.
func Files(d *hwgen.Design, network []byte) ([]File, error) {
	// A design that sets one, as tests do, keeps the same bytes whatever build emits it.
	d.Version = cmp.Or(d.Version, Version)
	library, err := library(d)
	if err != nil {
		return nil, err
	}
	plain := *d
	plain.Version, plain.Hash = "", "" // two builds that emit the same have one hash
	filled, err := fill(&plain)
	if err != nil {
		return nil, err
	}
	// Over what is emitted, not over the options: whatever can change the hardware is in the
	// texts, and an option that changes nothing keeps compiled benches valid.
	d.Hash = hash(slices.Concat(filled, library))
	if filled, err = fill(d); err != nil {
		return nil, err
	}
	files := slices.Concat([]File{{networkFile, network}}, library, filled)
	paths := []string{manifestFile}
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	// Sorted, so that the manifest does not depend on the order of emission.
	sort.Strings(paths)
	m := newManifest(d, paths)
	// Not of the manifest itself: a file cannot hold its own sum.
	m.Sums = sums(files)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("hwgen: manifest: %w", err)
	}
	// Last, as it describes all others.
	return append(files, File{manifestFile, append(text, '\n')}), nil
}

// library returns the modules of the blocks and the memories.
func library(d *hwgen.Design) ([]File, error) {
	var files []File
	// Those of the ports stand in top.v itself and are no blocks of the design.
	need := []string{"frame_counter", "tlast_check"}
	for _, n := range d.Nodes {
		g, ok := n.Block.(hwgen.Generated)
		if !ok {
			need = append(need, n.Module())
			continue
		}
		text, err := Generated(g, n.Module())
		if err != nil {
			return nil, err
		}
		files = append(files, File{"rtl/" + n.Module() + ".v", text})
		need = append(need, templates.Instantiated(text)...)
	}
	// A copy of each, so that the directory is whole: nobody needs a2qgen to simulate or build it.
	for _, m := range templates.Closure(need) {
		files = append(files, File{"rtl/" + m + ".v", templates.Module(m)})
	}
	for _, m := range d.Memories() {
		files = append(files, File{"rtl/" + m.File, m.Text()})
	}
	return files, nil
}

// Generated returns the text of a block's own module, under a name.
func Generated(g hwgen.Generated, module string) ([]byte, error) {
	text, err := templates.Fill(g.Template(module))
	if err != nil {
		return nil, fmt.Errorf("hwgen: block %q: %w", g.Name(), err)
	}
	return text, nil
}

// fill returns the files that are filled in for the design: top, bench, README.
func fill(d *hwgen.Design) ([]File, error) {
	var files []File
	// Beside the manifest only these three hold the design's name, numbers and hash; the library's modules are the
	// same bytes in every design.
	for _, t := range []struct{ path, name string }{
		{"rtl/" + d.Name + ".v", "top.v"}, {"bench/bench.v", "bench.v"}, {"README.md", "README.md"},
	} {
		text, err := templates.Fill(t.name, newTop(d))
		if err != nil {
			return nil, fmt.Errorf("hwgen: %w", err)
		}
		files = append(files, File{t.path, text})
	}
	return files, nil
}

// hash covers names and contents of files.
func hash(files []File) string {
	h := sha256.New()
	for _, f := range files {
		// With the lengths, so that no bytes can move from one file to the next unseen.
		fmt.Fprintf(h, "%d %s %d ", len(f.Path), f.Path, len(f.Data))
		h.Write(f.Data) // a hash never fails
	}
	// 64 bits tell designs apart, and fit into the header of a file; nobody gains by a collision.
	return hex.EncodeToString(h.Sum(nil))[:16]
}
