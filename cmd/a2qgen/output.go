package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// checkFile returns an error unless path may be written whole: nothing yet or a regular
// file, in a folder that takes files, and one of its name. What is renamed over a device
// replaces it, and over a folder or into none fails, after all the work.
func checkFile(path string) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder, want a file", path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", path)
	}
	if n := len(filepath.Base(path)); n > maxName {
		return fmt.Errorf("%s cannot be written: its name has %d bytes, want at most %d", path, n, maxName)
	}
	if err := takesFiles(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

// maxName is the longest name of a file that is written whole, in bytes: what a file
// system takes, 255, less a dot and the 19 digits of the temporary name (renameio).
const maxName = 255 - 1 - 19

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
