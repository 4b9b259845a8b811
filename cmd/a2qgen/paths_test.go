package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keeps runs a command line that must be refused as wrong usage, and checks that the
// file is as it was.
func keeps(t *testing.T, file string, want string, args ...string) {
	t.Helper()
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	command(t, args...).wantOneLine(t, strings.Join(args, " "), statusUsage, want)
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("%v: %s was changed: %v", args, file, err)
	}
}

// TestNoOutputIsAnInput goes through all pairs of a flag or argument that is read and a
// flag that is written, of every command: one path for both is refused.
func TestNoOutputIsAnInput(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, cmd := range newApp(nil, nil).Commands {
		r := rulesOf[cmd.Name]
		reads := []string{}
		if r.argument != noFile {
			reads = append(reads, "")
		}
		for name, rule := range r.flags {
			if rule.use == readsFile || rule.use == readsData {
				reads = append(reads, name)
			}
		}
		for out, rule := range r.flags {
			for _, in := range reads {
				victim := "victim.csv"
				value := map[fileUse]string{writesFile: victim, writesPrefix: "victim"}[rule.use]
				if rule.use == fillsFolder {
					value, victim = "folder", "folder/float-0123456789ab.ckpt" // --cache writes such names alone
				}
				if rule.use == fillsFolder && (cmd.Name == "eval" || cmd.Name == "sim") {
					victim = "folder/picture.png" // and these commands pictures
				}
				if value == "" {
					continue
				}
				os.MkdirAll("folder", 0o777)
				writeFile(t, victim, []byte("years of work"))
				args := []string{cmd.Name, "--" + out + "=" + value}
				if in != "" {
					args = append(args, "--"+in+"="+victim)
				}
				if rule.use == writesPrefix {
					args = append(args, "--table=8")
				}
				if r.argument != noFile {
					args = append(args, map[bool]string{true: victim, false: "absent"}[in == ""])
				}
				keeps(t, victim, "--"+out+" ", args...)
			}
		}
	}
}

// TestSpellings: a file is told by what it is, not by how it is called.
func TestSpellings(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	writeFile(t, "f.onnx", []byte("a network"))
	if err := os.Mkdir("sub", 0o777); err != nil {
		t.Fatal(err)
	}
	links := []string{"soft.onnx", "hard.onnx", "chain.onnx"}
	for i, err := range []error{os.Symlink("f.onnx", links[0]), os.Link("f.onnx", links[1]),
		os.Symlink(links[0], links[2]), os.Symlink(dir, "here")} {
		if err != nil {
			t.Skipf("link %d: %v", i, err)
		}
	}
	for _, name := range append(links, "f.onnx", "./f.onnx",
		"sub/../f.onnx", filepath.Join(dir, "f.onnx"), "here/f.onnx", "here/here/./soft.onnx") {
		keeps(t, "f.onnx", "is the input too", "project", "f.onnx", "--acc", "9", "--out", name)
		keeps(t, "f.onnx", "is the input too", "project", name, "--acc", "9", "--out", "f.onnx")
	}
	// Neither need be there for two outputs to be one.
	for _, name := range []string{"./new.onnx", "here/new.onnx", filepath.Join(dir, "new.onnx")} {
		o := command(t, "train", "absent", "--out", "new.onnx", "--float-out", name)
		o.wantOneLine(t, name, statusUsage, "is --out too")
	}
}

// TestImpliedOutputs: what lies beside an output counts as one, and what a spec names
// as an input.
func TestImpliedOutputs(t *testing.T) {
	t.Chdir(t.TempDir())
	set := tinyData(t, 12)
	pixels, _, _ := strings.Cut(set, ",")
	for name, text := range map[string]string{
		"spec.yaml": tinySpec, "w.onnx.ckpt": tinySpec, "w.metrics.csv": tinySpec, "w.metrics.svg": tinySpec,
		"net.s2.onnx.ckpt": tinySpec,
		"starts.yaml":      tinySpec + "start: f.onnx\n", "reads.yaml": tinySpec + "data: x.csv\n",
		"seeds.yaml": tinySpec + "start: net.s1.onnx\n",
		"f.onnx":     "a network", "net.onnx": "a network", "net.s1.onnx": "a network", "x.csv": "1,2\n",
		"fold.yaml": "", "t.md": "a network",
		"d/train.csv": "1,2\n", "d/a/cat.png": "a picture", "d/net.onnx": "an older network",
	} {
		os.MkdirAll(filepath.Dir(name), 0o777)
		writeFile(t, name, []byte(text))
	}
	for _, c := range []struct{ line, file, want string }{
		{"train w.onnx.ckpt --out w.onnx", "w.onnx.ckpt", "--out's checkpoint w.onnx.ckpt is the input too"},
		{"train w.metrics.csv --out w.onnx", "w.metrics.csv", "--out's epochs"},
		{"train w.metrics.svg --out w", "w.metrics.svg", "--out's epochs"},
		{"train net.s2.onnx.ckpt --seeds 3", "net.s2.onnx.ckpt", "--out for seed 2's checkpoint"},
		{"train starts.yaml --out f.onnx", "f.onnx", "is the spec's start too"},
		{"train starts.yaml --float-out f.onnx", "f.onnx", "is the spec's start too"},
		{"train seeds.yaml --seeds 2", "net.s1.onnx", "is the spec's start too"},
		{"train reads.yaml --out x.csv", "x.csv", "is the spec's data too"},
		{"train reads.yaml --out x --float-out x.csv", "x.csv", "is the spec's data too"},
		{"train spec.yaml --data PIXELS,y --out PIXELS", pixels, "is --data too"},
		{"train spec.yaml --data d --out d/train.csv", "d/train.csv", "is a file of --data d"},
		{"train spec.yaml --data d --out d/a/cat.png", "d/a/cat.png", "is a file of --data d"},
		{"train spec.yaml --lut 9000 --folding fold.yaml --out fold.yaml", "fold.yaml", "is --folding too"},
		{"train spec.yaml --out a --float-out a.ckpt", "spec.yaml", "is --out's checkpoint too"},
		{"train spec.yaml --out a.onnx --float-out a.metrics.svg", "spec.yaml", "is --out's epochs too"},
		{"project net.onnx --acc 9", "net.onnx", "--out net.onnx is the input too"}, // the default
		{"project net.onnx --repair --acc 9", "net.onnx", "is the input too"},
		{"project f.onnx net.onnx --table 9 --results net", "net.onnx", ""}, // net.csv and net.md: fine
		{"project f.onnx t.md --table 9 --results t", "t.md", "--results t.md is the input too"},
		{"project f.onnx --table 9 --data x.csv --results x", "x.csv", "--results x.csv is --data too"},
		{"sweep reads.yaml --out .", "reads.yaml", "is written anew and holds the input"},
		{"sweep starts.yaml --out . --data drawn", "starts.yaml", "is written anew and holds the input"},
		{"demo --data d --out .", "d/train.csv", "is written anew and holds --data d"},
		{"generate d/net.onnx --out d", "d/net.onnx", "is written anew and holds the input"},
	} {
		line := strings.Fields(strings.ReplaceAll(c.line, "PIXELS", pixels))
		if c.want == "" { // the command goes on, to find that its files are none
			command(t, line...).wantOneLine(t, c.line, statusFailed, "f.onnx")
			continue
		}
		keeps(t, c.file, c.want, line...)
	}
	// What lies in a data set's folder without being part of it is another matter.
	o := command(t, "train", "absent.yaml", "--data", "d", "--out", "d/net.onnx")
	o.wantOneLine(t, "beside the data", statusFailed, "absent.yaml")
}

// TestDesignIsNoPlaceForOutputs: no command writes into a generated design, by whatever
// path, except the one that replaces it, from its own network too.
func TestDesignIsNoPlaceForOutputs(t *testing.T) {
	dir := tinyDesign(t)
	t.Chdir(filepath.Dir(dir))
	writeFile(t, "spec.yaml", []byte(tinySpec))
	if err := os.Symlink(filepath.Join(dir, "rtl"), "link"); err != nil {
		t.Skip(err)
	}
	manifest := filepath.Join(dir, "manifest.json")
	for _, line := range []string{
		"sim design --vcd design/manifest.json", "sim design --vcd design/rtl/rom.v",
		"sim design --vcd design/waves.vcd", "sim design --vcd link/new.vcd",
		"train spec.yaml --out design/network.onnx", "train spec.yaml --float-out link/f.onnx",
		"train spec.yaml --cache design/cache", "train spec.yaml --cache design",
		"project design/network.onnx --acc 9 --out design/new.onnx",
		"project design/network.onnx --table 9 --results design/t",
		"sweep spec.yaml --out design/sweep", "demo --out design/rtl/demo", "generate spec.yaml --out design/rtl",
		"generate spec.yaml --out link",
	} {
		keeps(t, manifest, "lies in the generated design "+resolved(dir), strings.Fields(line)...)
	}
	t.Chdir(dir)
	keeps(t, manifest, "lies in the generated design", "sim", ".", "--vcd", "w.vcd")
	t.Chdir(filepath.Dir(dir))
	succeed(t, "generate", "design/network.onnx", "--out", "design")
}

// TestGenerateKeepsEdits: RTL that somebody edited is not replaced without a word.
func TestGenerateKeepsEdits(t *testing.T) {
	net, dir := tinyNetwork(t), filepath.Join(t.TempDir(), "design")
	succeed(t, "generate", net, "--out", dir, "--unit", "dense")
	rtl := filepath.Join(dir, "rtl", "rom.v")
	text, err := os.ReadFile(rtl)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, rtl, append([]byte("// mine\n"), text...))
	o := command(t, "generate", net, "--out", dir, "--unit", "dense")
	o.wantOneLine(t, "edited", statusFailed, "rom.v is not as it was generated", "--overwrite")
	succeed(t, "generate", net, "--out", dir, "--unit", "dense", "--overwrite")
	if now, err := os.ReadFile(rtl); err != nil || string(now) != string(text) {
		t.Errorf("--overwrite left the edit: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "notes"), 0o777); err != nil {
		t.Fatal(err)
	}
	o = command(t, "generate", net, "--out", dir, "--unit", "dense", "--overwrite")
	o.wantOneLine(t, "own folder", statusFailed, "notes, which is no part")
}

// TestLongNames: a name that no file of its kind can have is found before any work.
func TestLongNames(t *testing.T) {
	spec, dir := specFile(t, tinySpec), t.TempDir()
	for _, c := range []struct{ flag, name, what string }{
		{"--out", strings.Repeat("n", 300), "--out "}, {"--float-out", strings.Repeat("n", 236), "--float-out "},
		{"--out", strings.Repeat("n", 231), "--out's checkpoint "}, // 231 and .ckpt are 236
	} {
		o := command(t, "train", spec, "--data", "drawn", c.flag, filepath.Join(dir, c.name))
		o.wantOneLine(t, c.what, statusFailed, c.what, "its name has ", "want at most 235")
	}
	long := filepath.Join(dir, strings.Repeat("n", 255))
	succeed(t, "generate", tinyNetwork(t), "--out", long)
	command(t, "generate", tinyNetwork(t), "--out", long+"n").wantOneLine(t, "a folder", statusFailed, "too long")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%d entries are left: %v", len(left), err)
	}
}
