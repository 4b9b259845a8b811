package main

import (
	"path/filepath"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// table is the samples of a family: what they are synthesised by, and in which files they are.
type table struct {
	family boards.Family
	fabric *fabric.Family
	style  boards.MemoryStyle
	// csv holds the samples, json the model that fits them.
	csv, json string
}

// newTable returns the table of a family in a folder. It fails where there is no such family, or
// its file has no fabric.
func newTable(family, dir string) (*table, error) {
	t := &table{family: boards.Family(family)}
	t.csv, t.json = filepath.Join(dir, family+".csv"), filepath.Join(dir, family+".json")
	var err error
	if t.fabric, err = t.family.Fabric(); err != nil {
		return nil, err
	}
	t.style, err = t.family.MemoryStyle()
	return t, err
}

// of returns a sample with the words of the family.
func (t *table) of(s block.Sample) block.Sample {
	s.Style = t.style
	return s
}
