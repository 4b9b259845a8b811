package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// checkOutputs returns an error unless each of the named flags, where it is set
// or has a default, names a file that may be written whole: nothing yet or a
// regular file, of its own, in a folder that takes files. What is renamed over a
// device replaces it, and over a folder or into none fails, after all the work.
// inputs are files that must stay.
func checkOutputs(c *cli.Context, flags []string, inputs ...string) error {
	taken := map[string]string{}
	for _, path := range inputs {
		taken[path] = "the input"
	}
	for _, flag := range flags {
		path := c.String(flag)
		switch {
		case path == "" && c.IsSet(flag):
			return usagef("%s: --%s is empty, want a file", c.Command.Name, flag)
		case path == "":
			continue
		}
		if err := qonnx.CheckWritable(path); err != nil {
			return fmt.Errorf("%s: --%s %w", c.Command.Name, flag, err)
		}
		for other, what := range taken {
			if sameFile(path, other) {
				return usagef("%s: --%s %s is %s too, want another file", c.Command.Name, flag, path, what)
			}
		}
		taken[path] = "--" + flag
	}
	return nil
}

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

// sameFile says whether two paths are one, by name or on disk.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
