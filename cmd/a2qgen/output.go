package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// takesFiles returns an error unless a file can be made in a folder.
func takesFiles(dir string) error {
	f, err := os.CreateTemp(dir, ".a2qgen*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if cause := new(fs.PathError); errors.As(err, &cause) {
		return fmt.Errorf("folder %s: %w", dir, cause.Err) // without the name of the attempt
	}
	return err
}

// openFolder makes dir, the output of a command that writes many files over a long
// time, with a folder mark in it, by which the command knows its own again. A
// directory with other things in it than such an output's is left alone.
func openFolder(command, dir, mark string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, mark)); err != nil {
			return fmt.Errorf("%s: output directory %s is not empty and holds no %[1]s: nothing written", command, dir)
		}
	}
	err := makeFolder(filepath.Join(dir, mark))
	if err == nil {
		err = takesFiles(dir)
	}
	if err != nil {
		return fmt.Errorf("%s: output directory: %w", command, err)
	}
	return nil
}

// makeFolder makes dir, if need be, and finds out whether it takes files.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return takesFiles(dir)
}
