package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
)

// checkOutputs returns an error unless each of the named flags, where it is set
// or has a default, names a file that may be written whole: nothing yet or a
// regular file, of its own. What is renamed over a device replaces it, and over a
// folder fails, after all the work. inputs are files that must stay.
func checkOutputs(c *cli.Context, flags []string, inputs ...string) error {
	taken := map[string]string{}
	for _, path := range inputs {
		taken[path] = "the input"
	}
	for _, flag := range flags {
		path := c.String(flag)
		switch info, err := os.Stat(path); {
		case path == "" && c.IsSet(flag):
			return usagef("%s: --%s is empty, want a file", c.Command.Name, flag)
		case path == "":
			continue
		case err == nil && info.IsDir():
			return fmt.Errorf("%s: --%s %s is a folder, want a file", c.Command.Name, flag, path)
		case err == nil && !info.Mode().IsRegular():
			return fmt.Errorf("%s: --%s %s is no regular file", c.Command.Name, flag, path)
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

// sameFile says whether two paths are one, by name or on disk.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
