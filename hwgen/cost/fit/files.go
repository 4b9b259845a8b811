package main

import (
	"bytes"
	"errors"
	"os"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/hwgen/cost"
)

// load reads the samples of path; there are none where there is no file.
func load(path string) ([]cost.Sample, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	return cost.ReadSamples(f)
}

func save(path string, samples []cost.Sample) error {
	var b bytes.Buffer
	if err := cost.WriteSamples(&b, samples); err != nil {
		return err
	}
	return maybe.WriteFile(path, b.Bytes(), 0o644)
}
