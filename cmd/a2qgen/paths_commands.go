package main

import (
	"fmt"
	"path/filepath"
	"regexp"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
)

// trainOutputs are the network with what lies beside it, the float network, and the cache.
// With more than one seed the spec has to be read first: see seedOutputs. --resume is no
// exception: it goes on writing what it reads.
func trainOutputs(c *cli.Context) []output {
	if c.Int("seeds") > 1 {
		return sideOutputs(c)
	}
	return append(networkOutputs(c.String("out"), "--out"), sideOutputs(c)...)
}

// seedOutputs are trainOutputs for n seeds from first on. The side files are shared by all
// seeds.
func seedOutputs(c *cli.Context, first uint64, n int) []output {
	var all []output
	// study.SeedPath gives the names, as it does for the trainer: no list of its own to keep
	// equal.
	for i := range uint64(n) {
		path := study.SeedPath(c.String("out"), first+i)
		all = append(all, networkOutputs(path, fmt.Sprintf("--out for seed %d", first+i))...)
	}
	return append(all, sideOutputs(c)...)
}

// networkOutputs are a trained network, its checkpoint and the files of its epochs. They
// are listed even where a run may not write all: what might be replaced counts.
func networkOutputs(path, what string) []output {
	if path == "" { // no value of --out: refused before
		return nil
	}
	all := []output{{path: path, what: what}, {path: path + ".ckpt", what: what + "'s checkpoint"}}
	for _, m := range newMetricFiles(path, "").paths() {
		all = append(all, output{path: m, what: what + "'s epochs"})
	}
	return all
}

// phaseFile is how the float phases in a cache are called. It must agree with
// quant/train's cache; a name that it misses would only be unprotected.
var phaseFile = regexp.MustCompile(`^float-[0-9a-f]+\.ckpt$`)

// sideOutputs are what train writes apart from the networks. The cache owns the files
// of float phases alone: other things may lie in its folder.
func sideOutputs(c *cli.Context) (all []output) {
	if path := c.String("float-out"); path != "" {
		all = append(all, output{path: path, what: "--float-out"})
	}
	if path := c.String("cache"); path != "" {
		all = append(all, output{path: path, what: "--cache", folder: true, owns: phaseFile.MatchString})
	}
	return all
}

// projectOutputs is the network, or of a table the files of --results: it writes no
// network, so that the default of --out does not count.
func projectOutputs(c *cli.Context) (all []output) {
	if !c.IsSet("table") {
		return []output{{path: c.String("out"), what: "--out"}}
	}
	if prefix := c.String("results"); prefix != "" {
		for _, path := range tableFiles(prefix) {
			all = append(all, output{path: path, what: "--results"})
		}
	}
	return all
}

// sweepOutputs is a folder that the command fills as it likes: the runs, their float
// phases, the report, all of which it writes again without asking.
func sweepOutputs(c *cli.Context) []output {
	return []output{{path: c.String("out"), what: "--out", folder: true}}
}

// demoOutputs is a folder like that of a sweep: networks, a design, reports.
func demoOutputs(c *cli.Context) []output { return sweepOutputs(c) }

// generateOutputs is a design, which takes the place of one. Its own network may be
// what is generated again: that stays as it is.
func generateOutputs(c *cli.Context) []output {
	dir := c.String("out")
	if dir == "" {
		return nil
	}
	return append(foldingOutputs(c), output{path: dir, what: "--out", folder: true, design: true,
		owns: func(name string) bool { return filepath.ToSlash(name) != "network.onnx" }})
}

// pictureOutputs is a folder of pictures, in which other files may lie. What is read may not be
// one of its pictures, or all that the folder has.
func pictureOutputs(c *cli.Context) []output {
	dir := c.String("out")
	if dir == "" {
		return nil
	}
	return []output{{path: dir, what: "--out", folder: true, owns: func(name string) bool {
		return name == "." || filepath.Dir(name) == "." && filepath.Ext(name) == pictureExt
	}}}
}

// simOutputs are the waves, pictures and what streams carry. A simulation leaves its design as it is:
// benches are built in the user's cache.
func simOutputs(c *cli.Context) (all []output) {
	if path := c.String("vcd"); path != "" {
		all = append(all, output{path: path, what: "--vcd"})
	}
	all = append(all, pictureOutputs(c)...)
	for _, d := range dumpsOf(c) {
		all = append(all, output{path: d.File, what: "--dump " + d.Stream})
	}
	return all
}
