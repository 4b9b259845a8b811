package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// takesValue says whether a flag has a value, as --json has not.
func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// placeholder is the word of a flag's help that stands for its value.
var placeholder = regexp.MustCompile("`[^`]*`")

// TestEveryFlagHasARule: a new flag is classified, or this fails: whether its value
// names a file that is read or written, and what it may be. No rule is left of a flag
// that is gone.
func TestEveryFlagHasARule(t *testing.T) {
	app := newApp(nil, nil)
	for _, cmd := range app.Commands {
		rules, ok := rulesOf[cmd.Name]
		if !ok {
			t.Errorf("command %s has no rules", cmd.Name)
		}
		valued := map[string]bool{}
		for _, f := range cmd.Flags {
			name := f.Names()[0]
			if valued[name] = takesValue(f); !valued[name] {
				continue
			}
			r, ok := rules.flags[name]
			switch {
			case !ok:
				t.Errorf("%s --%s has no rule: what may its value be, and is it a file?", cmd.Name, name)
			case r.want == "" || len(r.outside) == 0:
				t.Errorf("%s --%s: its rule says not what is wanted, or has no value to refuse", cmd.Name, name)
			case r.use >= writesFile && rules.outputs == nil:
				t.Errorf("%s --%s names an output, the command lists none", cmd.Name, name)
			}
			// The help of a flag that names a file calls its value one, and no other's does.
			word := placeholder.FindString(f.(cli.DocGenerationFlag).GetUsage())
			isFile := slices.Contains([]string{"`FILE`", "`DIR`", "`SPEC.yaml`", "`PREFIX`"}, word)
			if isFile != (r.use != noFile) {
				t.Errorf("%s --%s: the help calls its value %s, the rule has use %d", cmd.Name, name, word, r.use)
			}
		}
		for name := range rules.flags {
			if !valued[name] {
				t.Errorf("%s has a rule for --%s, which takes no value or is gone", cmd.Name, name)
			}
		}
	}
	for name := range rulesOf {
		if app.Command(name) == nil {
			t.Errorf("there are rules for %s, which is no command", name)
		}
	}
}

// TestOutOfRange gives every flag of every command each value that its rule refuses:
// wrong usage, in one line that names the flag, what was wanted and what was had, and
// with --json as one document too. The files are absent: nobody gets to look for them.
func TestOutOfRange(t *testing.T) {
	t.Chdir(t.TempDir()) // default outputs are looked at
	for _, cmd := range newApp(nil, nil).Commands {
		for _, f := range cmd.Flags {
			name := f.Names()[0]
			r := rulesOf[cmd.Name].flags[name]
			outside := r.outside
			if !takesValue(f) {
				r.want, outside = "true or false", []string{"maybe", "2"}
			}
			for _, value := range outside {
				args := []string{cmd.Name, "--" + name + "=" + value}
				if rulesOf[cmd.Name].argument != noFile {
					args = append(args, "absent")
				}
				what := strings.Join(args, " ")
				o := command(t, args...)
				if name == jsonName { // a wrong --json asks for JSON as well
					o.out = ""
				}
				o.wantOneLine(t, what, statusUsage, cmd.Name+": --"+name+" is ", ", want "+r.want)
				had := strings.Trim(shownValue(value), `"`)
				if value != "" && !strings.Contains(o.errors, had) && !numberOf(o.errors, value) {
					t.Errorf("%s: the message has not what was given: %s", what, o.errors)
				}
				if name == jsonName {
					continue
				}
				doc := command(t, append(args, "--json")...)
				doc.wantError(t, what, statusUsage)
			}
		}
	}
}

// numberOf says whether a message shows a number as Go prints it: -1e300 is -1e+300.
func numberOf(message, value string) bool {
	switch value {
	case "-1e300":
		return strings.Contains(message, "-1e+300")
	case "Inf":
		return strings.Contains(message, "+Inf")
	}
	return false
}

// wantError checks that stdout is the JSON of the error that stderr tells.
func (o outcome) wantError(t *testing.T, what string, status int) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(o.out))
	dec.DisallowUnknownFields()
	var doc errorReport
	if err := dec.Decode(&doc); err != nil || dec.More() {
		t.Fatalf("%s: stdout is not one error: %v\n%s", what, err, o.out)
	}
	if o.status != status || doc.Error.ExitStatus != status || "a2qgen: "+doc.Error.Message+"\n" != o.errors {
		t.Errorf("%s: status %d, want %d; stdout %s, stderr %s", what, o.status, status, o.out, o.errors)
	}
}

// TestInRange: the ends of a range, and what a list may be, are no wrong usage: the
// commands go on to find that there is no file.
func TestInRange(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, line := range []string{
		"train absent --acc 1", "train absent --acc 32", "train absent --weights 2", "train absent --acts 8",
		"train absent --epochs 20000",
		"train absent --seed 18446744073709551615", "train absent --seeds 100", "train absent --lut 100000000000",
		"train absent --method a2q+",
		"sweep absent --acc 1:64", "sweep absent --methods base,wn,a2q,a2q+,budget,dq,budget/split,dq/shifted",
		"sweep absent --lut 1,2 --lut 3",
		"project absent --acc 1", "project absent --acc 63", "project absent --table 1:63",
		"project absent --table 63,8",
		"project absent --acc 9 --tile 1048576",
		"eval absent --scale -1e-9", "generate absent --out d --acc 64",
		"generate absent --out d --fps 1e-300 --clock 2000",
		"generate absent --out d --fold fc1=1,1 --fold fc2=9999,1", "generate absent --out d --board pynq-z1",
		"sim absent --stall 0.9 --period 1048576", "sim absent --frames 1048576", "sim absent --simulator icarus",
		"estimate absent --acc 8,12,16:20", "estimate absent --acc 64,8", "estimate absent --family xc7",
	} {
		o := command(t, strings.Fields(line)...)
		o.wantOneLine(t, line, statusFailed, "absent")
		command(t, append(strings.Fields(line), "--json")...).wantError(t, line, statusFailed)
	}
}

// TestHelpTopics: help on what is not there is wrong usage.
func TestHelpTopics(t *testing.T) {
	for _, line := range []string{"help", "help train", "help help", "h train", "train --help", "--help"} {
		if o := command(t, strings.Fields(line)...); o.status != statusDone || o.out == "" {
			t.Errorf("%s: status %d, %s", line, o.status, o.errors)
		}
	}
	for line, want := range map[string]string{
		"help nosuch": `no command "nosuch"`, "h nosuch": `no command "nosuch"`, "help train nosuch": `"nosuch"`,
		"help nosuch --json": `no command "nosuch"`, "nosuch --json": `no command "nosuch"`, "--json": "json",
	} {
		o := command(t, strings.Fields(line)...)
		if strings.Contains(line, "json") {
			o.wantError(t, line, statusUsage)
			o.out = ""
		}
		o.wantOneLine(t, line, statusUsage, want)
	}
}

// TestContradictions: flags that do not go together.
func TestContradictions(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, want := range map[string]string{
		"generate a --out d --fold fc1=1,2 --fold fc1=2,1": "--fold gives layer fc1 twice",
		"generate a --out d --fps 2e6 --clock 1": "--fps is 2e+06 at --clock 1 MHz, " +
			"want at most one frame per cycle",
		"sim d --period 8":                        "want --gap or --stall too",
		"project a --acc 9 --repair --method rtn": "does not go with --repair",
	} {
		command(t, strings.Fields(line)...).wantOneLine(t, line, statusUsage, want)
	}
}

// TestJSONErrorOnce: a failure after the result leaves stdout with the result alone;
// --json as the value of another flag, or after --, asks for nothing.
func TestJSONErrorOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"generate", "a", "--out", "--json"}, {"inspect", "--", "--json"}, {"inspect",
		"a", "--json=false"}} {
		if o := command(t, args...); o.status == statusDone || o.out != "" {
			t.Errorf("%v: status %d, stdout %q", args, o.status, o.out)
		}
	}
	command(t, "inspect", "a", "--json=true").wantError(t, "--json=true", statusFailed)
	absent := filepath.Join(t.TempDir(), "absent")
	command(t, "eval", tinyNetwork(t), "--data", absent, "--json").wantError(t, "eval", statusFailed)
}
