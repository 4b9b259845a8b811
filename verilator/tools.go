package verilator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/a2qgen/a2qgen/internal/process"
)

// MissingTool is the error of a program that is not installed. It is a value: errors.As
// finds it in any wrapping, and commands print it as it is.
type MissingTool struct {
	Tool    string // the program
	Package string // the Debian package that holds it
}

func (m MissingTool) Error() string {
	return fmt.Sprintf("verilator: %q not found: apt-get install %s", m.Tool, m.Package)
}

// packages says which Debian package holds each program used here. They are what make
// setup installs.
var packages = map[string]string{
	"verilator": "verilator", "make": "make", "g++": "g++",
	"iverilog": "iverilog", "vvp": "iverilog",
}

// need returns a MissingTool for the first of the programs not on PATH. Asked before a
// build rather than learnt from a failed start: the message says what to install.
func need(tools ...string) error {
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return MissingTool{Tool: tool, Package: packages[tool]}
		}
	}
	return nil
}

// command prepares a child that dies with its own children when ctx ends. It
// runs in dir and with messages in English.
func command(ctx context.Context, dir, tool string, args ...string) *exec.Cmd {
	cmd := process.Command(ctx, dir, tool, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}

// output runs a tool and returns what it printed on both streams. A failure
// carries the first line that names an error. Where dir is set it is private and
// the tool's own temporary files go there too, by a path that a shell reads as it
// is: iverilog gives theirs to one, unquoted.
func output(ctx context.Context, dir, tool string, args ...string) (string, error) {
	cmd := command(ctx, dir, tool, args...)
	if dir != "" {
		cmd.Env = append(cmd.Env, "TMPDIR=.")
	}
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err := cmd.Run()
	// A killed tool's last words are no diagnosis.
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	// An exit status is the tool's verdict, with its words; anything else means that it
	// did not run.
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return all.String(), fmt.Errorf("verilator: %s: %s: %w", tool, firstComplaint(all.String()), err)
	case err != nil:
		return "", fmt.Errorf("verilator: %s: %w", tool, err)
	}
	return all.String(), nil
}

// firstComplaint picks the line of a tool's output to show the user. Verilator's and g++'s
// later errors are mostly consequences of the first. Without a line that says error or
// %Warning, the first line is the best guess.
func firstComplaint(text string) string {
	first := ""
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		low := strings.ToLower(line)
		if strings.Contains(low, "error") || strings.HasPrefix(low, "%warning") {
			return line
		}
		if first == "" {
			first = line
		}
	}
	if first == "" {
		return "no message"
	}
	return first
}

// oldest is the first Verilator version that the harness is written for. 5.006 is Debian
// 12's, in which the harness and its flags were tested.
const oldest = 5.006

var versionNumber = regexp.MustCompile(`Verilator (\d+\.\d+)`)

// toolVersions returns the versions that the compiled bench depends on. They are part of
// the cache's key. Verilator's needs g++ as well, which compiles its C++.
func toolVersions(ctx context.Context, sim Simulator) (string, error) {
	if sim == Icarus {
		// -V fails on some installations after it printed the version.
		text, err := output(ctx, "", "iverilog", "-V")
		if line, _, ok := strings.Cut(text, "\n"); ok && strings.Contains(line, "version") {
			return line, nil
		}
		if err == nil {
			err = errors.New("verilator: iverilog -V: no version in its output")
		}
		return "", err
	}
	text, err := output(ctx, "", "verilator", "--version")
	if err != nil {
		return "", err
	}
	found := versionNumber.FindStringSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("verilator: no version in %q", strings.TrimSpace(text))
	}
	if v, err := strconv.ParseFloat(found[1], 64); err != nil || v < oldest {
		return "", fmt.Errorf("verilator: version %s is too old: want %.3f or newer", found[1], oldest)
	}
	compiler, err := output(ctx, "", "g++", "--version")
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(compiler, "\n")
	return strings.TrimSpace(text) + "\n" + line, nil
}
