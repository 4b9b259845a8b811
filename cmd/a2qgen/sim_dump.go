package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim"
)

// streamDump is a value of --dump: what a stream carries goes into a file.
type streamDump struct {
	Stream string `json:"stream"`
	File   string `json:"file"`
	// temp is written during the run and renamed to File at its end.
	temp *os.File
}

// dumpValue is what --dump takes. Names of streams are those of Verilog instances.
var dumpValue = regexp.MustCompile(`^([A-Za-z_]\w*)(=.+)?$`)

// parseDump reads a value of --dump. The file's default is named after the stream and lies
// where the command is started, as --vcd's does: never in the design.
func parseDump(value string) (*streamDump, error) {
	// Up to the first "=": names of streams have none, paths may.
	m := dumpValue.FindStringSubmatch(value)
	if m == nil {
		return nil, fmt.Errorf("%q is no STREAM or STREAM=FILE", value)
	}
	d := &streamDump{Stream: m[1], File: m[1] + ".csv"}
	if m[2] != "" {
		d.File = m[2][1:]
	}
	return d, nil
}

// dumpsOf reads the values of --dump, which keep its rule.
func dumpsOf(c *cli.Context) []*streamDump {
	var all []*streamDump
	for _, value := range c.StringSlice("dump") {
		// A value that is none has been refused by its rule before any action.
		// Read again rather than kept: rules check a line, and hand nothing on.
		if d, err := parseDump(value); err == nil {
			all = append(all, d)
		}
	}
	return all
}

// openDumps makes the files that become those of dumps of d. A stream that the design does not
// have is wrong usage: the message lists those that it has.
func openDumps(d *hwgen.Design, dumps []*streamDump) ([]sim.Dump, error) {
	var out []sim.Dump
	names := sim.StreamNames(d)
	// All names before any file: wrong usage leaves nothing behind.
	for _, s := range dumps {
		if !slices.Contains(names, s.Stream) {
			return nil, usagef("sim: --dump names no stream %q of this design, want one of %s", s.Stream,
				strings.Join(names, ", "))
		}
	}
	for _, s := range dumps {
		var err error
		// The temporary name is short: one made of the file's could be too long.
		if s.temp, err = os.CreateTemp(filepath.Dir(s.File), ".a2qgen-dump-*"); err != nil {
			discardDumps(dumps)
			return nil, fmt.Errorf("sim: --dump: %w", err)
		}
		out = append(out, sim.Dump{Stream: s.Stream, To: s.temp})
	}
	return out, nil
}

// keepDumps gives the files their names.
func keepDumps(dumps []*streamDump) error {
	for _, s := range dumps {
		// Some file systems tell of a full disk only at Sync or Close. CreateTemp's files are
		// their owner's alone; a result is readable as others are.
		err := errors.Join(s.temp.Chmod(0o644), s.temp.Sync(), s.temp.Close())
		if err == nil {
			err = os.Rename(s.temp.Name(), s.File)
		}
		if err != nil {
			return fmt.Errorf("sim: --dump %s: %w", s.File, err)
		}
		s.temp = nil
	}
	return nil
}

// discardDumps removes the files that keepDumps has not kept; what had their names stays.
func discardDumps(dumps []*streamDump) {
	for _, s := range dumps {
		// Errors are left: the run has failed already, and its error is the one to tell.
		if s.temp != nil {
			s.temp.Close()
			os.Remove(s.temp.Name())
		}
	}
}
