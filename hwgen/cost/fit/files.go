package main

import (
	"bytes"
	"errors"
	"os"

	"github.com/google/renameio/v2/maybe"
)

// load reads the samples that there are; there are none where there is no file.
//
// The first run of all starts from nothing, and so does one after the table was deleted. Other
// errors are returned as they are: they name the path.
func (t *table) load() ([]Sample, error) {
	f, err := os.Open(t.csv)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	return t.readSamples(f)
}

// save writes samples to their file as a whole or not at all: it runs after every batch of a sweep,
// and an interruption while it writes must not lose what was there. (On Windows a plain write:
// renameio has no atomic one for it.)
func (t *table) save(samples []Sample) error {
	var b bytes.Buffer
	if err := t.writeSamples(&b, samples); err != nil {
		return err
	}
	return maybe.WriteFile(t.csv, b.Bytes(), 0o644)
}
