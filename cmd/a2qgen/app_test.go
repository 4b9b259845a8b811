package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen/emit"
)

func TestReorder(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"--version", "--version"},
		{"unknown a --b", "unknown a --b"},
		{"inspect n.onnx --json", "inspect --json -- n.onnx"},
		{"inspect --json n.onnx", "inspect --json -- n.onnx"},
		{"inspect n.onnx", "inspect -- n.onnx"},
		{"generate n.onnx --out d --acc 12", "generate --out d --acc 12 -- n.onnx"},
		{"generate --out d n.onnx --acc=12 --json", "generate --out d --acc=12 --json -- n.onnx"},
		{"generate n.onnx --fold fc1=1,2 -fold fc2=3,4", "generate --fold fc1=1,2 -fold fc2=3,4 -- n.onnx"},
		{"generate --out -- n.onnx", "generate --out -- -- n.onnx"}, // the value is "--", as it is to the parser
		{"sim --seed 3 -- --json", "sim --seed 3 -- --json"},        // an argument that looks like a flag
		{"sim -", "sim -- -"},
		{"train s.yaml --resume --epochs 3", "train --resume --epochs 3 -- s.yaml"},
	} {
		got, err := reorder(newApp(nil, nil), strings.Fields(c.in))
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("reorder(%q) = %q, %v, want %q", c.in, strings.Join(got, " "), err, c.want)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, cmd := range newApp(nil, nil).Commands {
		o := succeed(t, cmd.Name, "--help")
		for _, want := range []string{"Example:", "--json", "a2qgen " + cmd.Name} {
			if !strings.Contains(o.out, want) {
				t.Errorf("%s --help lacks %q", cmd.Name, want)
			}
		}
		if o.errors != "" {
			t.Errorf("%s --help writes to stderr: %s", cmd.Name, o.errors)
		}
	}
	if o := succeed(t, "--help"); !strings.Contains(o.out, "estimate") {
		t.Errorf("--help does not list the commands:\n%s", o.out)
	}
	if o := succeed(t, "--version"); !strings.Contains(o.out, emit.Version) {
		t.Errorf("--version prints %q", o.out)
	}
}

// The commands that users rely on are all there.
func TestCommands(t *testing.T) {
	var got []string
	for _, c := range newApp(nil, nil).Commands {
		got = append(got, c.Name)
	}
	for _, want := range []string{"train", "sweep", "inspect", "eval", "generate", "sim", "estimate",
		"demo", "boards"} {
		if !slices.Contains(got, want) {
			t.Errorf("commands %v lack %s", got, want)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "no command"},
		{"frobnicate", `no command "frobnicate"`},
		{"--frobnicate", "frobnicate"},
		{"inspect", "NET.onnx is missing"},
		{"inspect a b", `"b"`},
		{"inspect a --frobnicate", "frobnicate"},
		{"eval a --scale x", "scale"},
		{"generate a", "--out DIR is missing"},
		{"generate a --out", "--out needs a value"},
		{"generate a --out d --acc 0", "want 1..64"},
		{"generate a --out d --fps -3", "want more than 0"},
		{"generate a --out d --clock 0", "want more than 0"},
		{"generate a --out d --fold fc1", "LAYER=PE,SIMD"},
		{"generate a --out d --fold fc1=2", "LAYER=PE,SIMD"},
		{"generate a --out d --fold fc1=2,x", "LAYER=PE,SIMD"},
		{"sim d --stall 0.95", "want 0..0.9"},
		{"sim d --stall NaN", "want 0..0.9"},
		{"sim d --gap 0.95", "--gap is 0.95, want 0..0.9"},
		{"sim d --gap NaN", "want 0..0.9"},
		{"sim d --scale 2", "--scale is 2 without --data"},
		{"sim d --frames 0", "--frames is 0"},
		{"sim d --period -1", "--period"},
		{"sim d --period 8", "--period is 8 without pauses, want --gap or --stall too"},
		{"sim d --vcd=", "--vcd is empty"},
		{"sim d --simulator modelsim", "verilator or icarus"},
		{"estimate a --acc 9:8", "9:8"},
		{"estimate a --acc 8:", "FROM:TO"},
		{"estimate a --acc 0", "1..64"},
		{"estimate a --acc 65", "1..64"},
		{"demo now", "takes no argument"},
		{"boards now", "takes no argument"},
		{"train s --epochs many", "epochs"},
	} {
		o := command(t, strings.Fields(c.args)...)
		o.wantOneLine(t, c.args, statusUsage, c.want)
	}
}

// wantOneLine checks that a command said what is wrong in one line on stderr.
func (o outcome) wantOneLine(t *testing.T, what string, status int, want ...string) {
	t.Helper()
	if o.status != status || o.out != "" {
		t.Errorf("%s: status %d, want %d; stdout %q", what, o.status, status, o.out)
	}
	if !strings.HasPrefix(o.errors, "a2qgen: ") || strings.Count(o.errors, "\n") != 1 {
		t.Errorf("%s: stderr is %q, want one line of a2qgen", what, o.errors)
	}
	for _, w := range want {
		if !strings.Contains(o.errors, w) {
			t.Errorf("%s: stderr is %q, want %q in it", what, o.errors, w)
		}
	}
}

func TestParseWidths(t *testing.T) {
	for text, want := range map[string][]int{
		"12": {12}, "8:10": {8, 9, 10}, "8,12": {8, 12}, "4,8:9,32": {4, 8, 9, 32}, "64": {64},
	} {
		got, err := parseWidths(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("parseWidths(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
}
