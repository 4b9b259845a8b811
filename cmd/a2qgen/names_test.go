package main

import (
	"os"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/internal/tooltest"
)

// oddNames are names that patterns, shells, make, flags and lists take for something
// else than a name. As relative paths: a leading dash is one only there.
var oddNames = []string{
	"a[b]c", "g*x", "what?", `back\slash`, "a blank", " ", "it's", `"quoted"`, "$HOME", "$(id)", "#hash", "-dash",
	"--json",
	"naïve-名", "new\nline", "tab\tbed", "semi;colon", "amper&sand", "colon:", "100%", "%s%d", "~", "`id`", "{a,b}",
	"+plus=", "@at", "a=b",
	strings.Repeat("long", 50), // 200 bytes, of 235 less .metrics.csv
}

// TestOddNames takes a network through all commands that read or write files, in
// files and folders of every odd name. Beside them lie folders that the name would
// match as a pattern, with Verilog that does not compile.
func TestOddNames(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	cache := t.TempDir() + "/a \"cache\" $HOME #1"
	t.Setenv("XDG_CACHE_HOME", cache)
	net, set, spec := tinyNetwork(t), tinyData(t, 48), specFile(t, tinySpec)
	names := oddNames
	if testing.Short() {
		names = []string{"a[b]c", "a blank", "-dash", "naïve-名"}
	}
	t.Chdir(t.TempDir())
	for _, decoy := range []string{"gax", "b", "c", "whatX"} {
		if err := os.MkdirAll(decoy+"/rtl", 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, decoy+"/rtl/decoy.v", []byte("not Verilog"))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			succeed(t, "generate", net, "--out", name, "--fold", "fc1=2,2")
			succeed(t, "generate", "--out="+name, net, "--fold", "fc1=2,2") // again: over its own
			doc := succeed(t, "sim", "--frames", "2", "--simulator", "icarus", "--vcd", name+".vcd", "--json",
				"--", name).document(t)
			if doc["mismatches"] != 0.0 {
				t.Errorf("sim: %v", doc)
			}
			succeed(t, "estimate", "--acc", "9", "--", name)
			succeed(t, "train", spec, "--data", set, "--epochs", "1", "--out", name+".onnx",
				"--float-out", name+".float", "--cache", name+".cache")
			succeed(t, "train", spec, "--data", set, "--epochs", "1", "--out", name+".onnx", "--resume")
			succeed(t, "project", "--acc", "8", "--data", set, "--out", name+".p", "--", name+".float")
			succeed(t, "inspect", "--", name+".onnx")
			for _, end := range []string{".onnx", ".onnx.ckpt", ".metrics.csv", ".p", ".vcd"} {
				if info, err := os.Stat(name + end); err != nil || info.Size() == 0 {
					t.Errorf("%q: %v", name+end, err)
				}
			}
		})
	}
}

// TestOddNamesVerilator: the design is the same, so that one build serves all names.
func TestOddNamesVerilator(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a bench")
	}
	tooltest.Need(t, "verilator", "make", "g++")
	net := tinyNetwork(t)
	t.Chdir(t.TempDir())
	for _, name := range oddNames {
		succeed(t, "generate", net, "--out", name, "--fold", "fc1=2,2", "--fold", "fc2=1,3")
		doc := succeed(t, "sim", "--frames", "2", "--json", "--", name).document(t)
		if doc["mismatches"] != 0.0 {
			t.Errorf("%q: %v", name, doc)
		}
	}
}
