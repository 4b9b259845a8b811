package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/train"
)

// fileUse is what a command does with a file that its command line names.
type fileUse int

const (
	noFile       fileUse = iota // it names none
	readsFile                   // a file, or a generated design
	readsData                   // samples: a folder, a file, IMAGES,LABELS or drawn
	writesFile                  // a file, written whole
	writesPrefix                // files that begin so
	fillsFolder                 // a folder with many files
)

func (u fileUse) want() string {
	return [...]string{
		readsFile: "a file", readsData: "a folder, a file, IMAGES,LABELS or drawn",
		writesFile: "a file", writesPrefix: "the beginning of files' names", fillsFolder: "a folder",
	}[u]
}

// input is a file or folder that a command reads.
type input struct {
	path, what string
	samples    bool // a folder, if it is one, of a data set
}

// output is a file or folder that a command writes.
type output struct {
	path, what string
	folder     bool
	// design says that the folder is a generated design, or becomes one.
	design bool
	// owns says which files of the folder, by their paths in it, the command may
	// write or remove; nil for all.
	owns func(name string) bool
}

// checkPaths returns an error unless every output of the command line may be written.
// The one rule for all commands: no output is an input, a sample of an input folder, a
// file of a generated design, or another output, by whatever path or link; and what is
// renamed to its place is a regular file, or nothing yet, in a folder that takes files.
// also are inputs that a file names, such as a spec's data.
func checkPaths(c *cli.Context, also ...input) error {
	if list := rulesOf[c.Command.Name].outputs; list != nil {
		return checkOutputs(c, list(c), also...)
	}
	return nil
}

// checkOutputs is checkPaths for given outputs.
func checkOutputs(c *cli.Context, outputs []output, also ...input) error {
	taken := append(inputs(c), also...)
	for _, o := range outputs {
		for _, in := range taken {
			if why := o.clash(in); why != "" {
				return usagef("%s: %s %s %s", c.Command.Name, o.what, o.path, why)
			}
		}
		if dir := o.designAbove(); dir != "" {
			return usagef("%s: %s %s lies in the generated design %s, want a path outside",
				c.Command.Name, o.what, o.path, dir)
		}
		if !o.folder {
			if err := qonnx.CheckWritable(o.path); err != nil {
				return fmt.Errorf("%s: %s %w", c.Command.Name, o.what, err)
			}
		}
		taken = append(taken, input{path: o.path, what: o.what})
	}
	return nil
}

// inputs returns what the command line says that is read.
func inputs(c *cli.Context) []input {
	r := rulesOf[c.Command.Name]
	var all []input
	for _, arg := range c.Args().Slice() {
		all = append(all, r.argument.inputs(arg, "the input")...)
	}
	for _, f := range c.Command.Flags { // in their order, so that a message is always the same
		name := f.Names()[0]
		if use := r.flags[name].use; use != noFile {
			all = append(all, use.inputs(c.String(name), "--"+name)...)
		}
	}
	return all
}

// inputs returns the files that a value names: none unless they are read.
func (u fileUse) inputs(value, what string) []input {
	if value == "" || u != readsFile && u != readsData || u == readsData && value == data.DrawnSource {
		return nil
	}
	if images, labels, pair := data.PairOf(value); pair && u == readsData {
		return []input{{path: images, what: what}, {path: labels, what: what}}
	}
	return []input{{path: value, what: what, samples: u == readsData}}
}

// specInputs returns the files that a spec names.
func specInputs(spec *train.Spec) []input {
	return append(readsFile.inputs(spec.Start, "the spec's start"), readsData.inputs(spec.Data, "the spec's data")...)
}

// clash says in words how o would take the place of in, or nothing.
func (o *output) clash(in input) string {
	if o.folder {
		name, below := within(o.path, in.path)
		if below && (o.owns == nil || o.owns(name)) {
			return fmt.Sprintf("is written anew and holds %s %s, want another folder", in.what, in.path)
		}
		return ""
	}
	if samePath(o.path, in.path) {
		return fmt.Sprintf("is %s too, want another file", in.what)
	}
	_, below := within(in.path, o.path)
	if in.samples && below && exists(o.path) && data.InFolder(filepath.Base(resolved(o.path))) {
		return fmt.Sprintf("is a file of %s %s, want another file", in.what, in.path)
	}
	return ""
}

// designAbove returns the generated design that o lies in and does not replace, or
// nothing.
func (o *output) designAbove() string {
	dir := resolved(o.path)
	if o.design || !o.folder {
		dir = filepath.Dir(dir)
	}
	for {
		if exists(filepath.Join(dir, "manifest.json")) {
			if _, err := hwgen.ReadManifest(dir); err == nil {
				return dir
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// samePath says whether two paths are one: by name, through links as far as they
// exist, or on disk, where one file has two names.
func samePath(a, b string) bool {
	if resolved(a) == resolved(b) {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// within returns the path of a file in a folder, and whether it lies there, or is it.
func within(dir, path string) (string, bool) {
	rel, err := filepath.Rel(resolved(dir), resolved(path))
	return rel, err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolved returns the absolute path without links: of as much of it as exists, with
// the rest as it is.
func resolved(path string) string {
	at, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	for rest := ""; ; {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(real, rest)
		}
		up := filepath.Dir(at)
		if up == at {
			return filepath.Join(at, rest)
		}
		at, rest = up, filepath.Join(filepath.Base(at), rest)
	}
}
