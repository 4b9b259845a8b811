package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/train"
)

// fileUse is what a command does with a file that its command line names.
type fileUse int

const (
	// The zero value, so that a flag whose rule says nothing of files has none.
	noFile       fileUse = iota // it names none
	readsFile                   // a file, or a generated design
	readsData                   // samples: a folder, a file, IMAGES,LABELS or drawn
	writesFile                  // a file, written whole
	writesPrefix                // files that begin so
	fillsFolder                 // a folder with many files
)

// want says in an error what the value of such a flag may be.
func (u fileUse) want() string {
	return [...]string{
		readsFile: "a file", readsData: "a folder, a file, IMAGES,LABELS or drawn",
		writesFile: "a file", writesPrefix: "the beginning of files' names", fillsFolder: "a folder",
	}[u]
}

// input is a file or folder that a command reads.
type input struct {
	// path is as typed; what names the flag or argument in messages, such as "--data".
	path, what string
	samples    bool // a folder, if it is one, of a data set
}

// output is a file or folder that a command writes. Which of its flags name outputs, each
// command lists itself (commandRules.outputs): a flag may write more than one file.
type output struct {
	// path and what are as those of an input.
	path, what string
	folder     bool
	// design says that the folder is a generated design, or becomes one.
	design bool
	// owns says which files of the folder, by their paths in it, the command may write or
	// remove; nil for all. The rule is by name, so that a cache may lie in a folder with
	// other things.
	owns func(name string) bool
}

// checkPaths returns an error unless every output of the command line may be written. The
// one rule for all commands: no output is an input, a sample of an input folder, a file of
// a generated design, or another output, by whatever path or link; and what is renamed to
// its place is a regular file, or nothing yet, in a folder that takes files. also are
// inputs that a file names, such as a spec's data. It runs before anything is read or
// trained: an output that cannot be written is known after seconds, not after hours.
func checkPaths(c *cli.Context, also ...input) error {
	if list := rulesOf[c.Command.Name].outputs; list != nil {
		return checkOutputs(c, list(c), also...)
	}
	return nil
}

// checkOutputs is checkPaths for given outputs. Outputs are checked in order and each
// counts as taken for those after it, so that two flags cannot name one file.
func checkOutputs(c *cli.Context, outputs []output, also ...input) error {
	// inputs returns a fresh slice, so that append cannot write into the caller's.
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
		// A folder's own command makes and tries it (openFolder, emit.CheckDir).
		if !o.folder {
			if err := qonnx.CheckWritable(o.path); err != nil {
				return fmt.Errorf("%s: %s %w", c.Command.Name, o.what, err)
			}
		}
		taken = append(taken, input{path: o.path, what: o.what})
	}
	return nil
}

// inputs returns what the command line says that is read. A folder that is written can
// hold an input as well: what is in it is compared by path when the outputs are checked.
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

// inputs returns the files that a value names: none unless they are read. IMAGES,LABELS
// are two files. A comma in a file's name can therefore not be used for data, as in
// package data.
func (u fileUse) inputs(value, what string) []input {
	if value == "" || u != readsFile && u != readsData || u == readsData && value == data.DrawnSource {
		return nil
	}
	if images, labels, pair := data.PairOf(value); pair && u == readsData {
		return []input{{path: images, what: what}, {path: labels, what: what}}
	}
	return []input{{path: value, what: what, samples: u == readsData}}
}

// specInputs returns the files that a spec names. Paths in a spec are relative to the
// current folder, as those of the command line are.
func specInputs(spec *train.Spec) []input {
	return slices.Concat(readsFile.inputs(spec.Start, "the spec's start"), readsData.inputs(spec.Data, "the spec's data"),
		readsData.inputs(spec.Super.Test, "the spec's test images"))
}

// clash says in words how o would take the place of in, or nothing. Three ways: an output
// folder that holds the input among the files that it replaces; one and the same file; and
// a file that would become part of the data set whose folder it is written to, in the next
// run if not in this.
func (o *output) clash(in input) string {
	if o.folder {
		// Only what the command would replace counts, where it says what that is.
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
	// A new file beside a data set is harmless unless the set's reader would take it for
	// its own; InFolder knows the names that it takes.
	if in.samples && below && exists(o.path) && data.InFolder(filepath.Base(resolved(o.path))) {
		return fmt.Sprintf("is a file of %s %s, want another file", in.what, in.path)
	}
	return ""
}

// designAbove returns the generated design that o lies in and does not replace, or
// nothing. A file written into a design makes it "edited": generate then refuses to
// replace it, and sim to run it.
func (o *output) designAbove() string {
	// A folder that becomes a design may replace one, so the search begins above it.
	dir := resolved(o.path)
	if o.design || !o.folder {
		dir = filepath.Dir(dir)
	}
	for {
		// Other programs have a manifest.json too: only one that reads as ours marks a
		// design.
		if exists(filepath.Join(dir, "manifest.json")) {
			if _, err := emit.ReadManifest(dir); err == nil {
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

// exists also sees a link that leads nowhere: what is written through it would appear at
// its end.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// samePath says whether two paths are one: by name, through links as far as they exist, or
// on disk, where one file has two names. Names alone miss hard links and bind mounts, and
// os.SameFile alone misses files that are not there yet: both are asked.
func samePath(a, b string) bool {
	if resolved(a) == resolved(b) {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// within returns the path of a file in a folder, and whether it lies there, or is it. ".."
// as a whole first element leads out of the folder; "..data" is a name like others.
func within(dir, path string) (string, bool) {
	rel, err := filepath.Rel(resolved(dir), resolved(path))
	return rel, err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolved returns the absolute path without links: of as much of it as exists, with the
// rest as it is. filepath.EvalSymlinks fails on a path whose end does not exist, as that
// of most outputs does not: the longest part that does is resolved.
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
		// The root always resolves; the loop ends all the same.
		if up == at {
			return filepath.Join(at, rest)
		}
		at, rest = up, filepath.Join(filepath.Base(at), rest)
	}
}
