package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// takesFiles returns an error unless a file can be made in a folder. Permission bits do
// not tell: the folder may be on a read-only or full file system, or be an access list's.
// Only an attempt does, and it leaves nothing behind.
func takesFiles(dir string) error {
	f, err := os.CreateTemp(dir, ".a2qgen*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	// The attempt's name is random and means nothing to the user.
	if cause := new(fs.PathError); errors.As(err, &cause) {
		return fmt.Errorf("folder %s: %w", dir, cause.Err) // without the name of the attempt
	}
	return err
}

// openFolder makes dir, the output of a command that writes many files over a long time,
// with a folder mark in it, by which the command knows its own again. A directory with
// other things in it than such an output's is left alone. The mark is a folder, not a
// file: the command keeps its runs or phases in it, so that a directory with the mark also
// has the contents that justify overwriting.
func openFolder(command, dir, mark string) error {
	// An empty folder, or none, is anybody's; one that cannot be read fails below.
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

// makeFolder makes dir, if need be, and finds out whether it takes files. It is called
// before hours of training rather than at the first file.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return takesFiles(dir)
}
