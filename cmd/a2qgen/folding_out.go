package main

import (
	"fmt"
	"path/filepath"

	"github.com/google/renameio/v2/maybe"
	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/finn"
	"github.com/a2qgen/a2qgen/quant"
)

const foldingOut = "folding-out"

const foldingOutHelp = `--folding-out FILE writes the folding that was chosen: as YAML (.yaml, .yml), from which the
same design is planned again, or as FINN's JSON (.json), which has no words for tap units;
what it leaves out is said.`

// foldingOutFlag is of commands that plan one design.
func foldingOutFlag() cli.Flag {
	return &cli.StringFlag{Name: foldingOut, Usage: "`FILE` for the folding: .yaml, or .json for FINN's form"}
}

// foldingOutRule is that of the flag: the ending says the form.
func foldingOutRule() rule {
	r := texts("a file that ends in .yaml, .yml or .json", func(path string) error {
		switch filepath.Ext(path) {
		case ".yaml", ".yml", ".json":
			return nil
		}
		return fmt.Errorf("no form of a folding: %s", path)
	}, "folding", "f.txt", "f.yaml.gz")
	r.use = writesFile
	return r
}

// foldingOutputs is the file of --folding-out.
func foldingOutputs(c *cli.Context) []output {
	if path := c.String(foldingOut); path != "" {
		return []output{{path: path, what: "--" + foldingOut}}
	}
	return nil
}

// writeFolding writes the folding of a design of n to path, nowhere where that is empty, and returns what the
// form has no words for. folding is what YAML has of it.
func writeFolding(path string, d *hwgen.Design, n *quant.Network, folding hwgen.Folding) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	var text []byte
	var left []string
	var err error
	if filepath.Ext(path) == ".json" {
		text, left = finn.Write(d, n)
	} else {
		var names []string
		for _, l := range d.Layers {
			names = append(names, l.Layer.Name)
		}
		text, err = folding.YAML(names)
	}
	if err == nil {
		err = maybe.WriteFile(path, text, 0o644)
	}
	return left, err
}
