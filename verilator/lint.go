package verilator

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
)

// Lint is LintWith the defaults of the top module's parameters. With defaults it shows
// that a library module is complete by itself.
func Lint(ctx context.Context, files ...string) error { return LintWith(ctx, nil, files...) }

// LintWith runs `verilator --lint-only -Wall` with no waiver on Verilog files, the
// top module's first (a module is named as its file), whose parameters ("MH=5") may
// be set. Modules that the files use but do not hold are looked for in the files'
// folders and linted too. The error carries the tool's first message; every warning
// is an error.
func LintWith(ctx context.Context, parameters []string, files ...string) error {
	if len(files) == 0 {
		return errors.New("verilator: lint: no file")
	}
	if err := need("verilator"); err != nil {
		return err
	}
	top := strings.TrimSuffix(filepath.Base(files[0]), ".v")
	// -Wno-fatal is left out, so that a warning ends the tool with a status that output
	// sees.
	args := []string{"--lint-only", "-Wall", "--top-module", top}
	for _, p := range parameters {
		args = append(args, "-G"+p)
	}
	// Once each: library modules share a folder.
	seen := map[string]bool{}
	for _, f := range files {
		if dir := filepath.Dir(f); !seen[dir] {
			seen[dir] = true
			args = append(args, "-y", dir)
		}
	}
	_, err := output(ctx, "", "verilator", append(args, files...)...)
	return err
}
