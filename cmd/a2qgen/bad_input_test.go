package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/internal/tooltest"
)

// Every bad input of the list: status 1, one line that says what and
// where, and nothing left behind.
func TestBadInput(t *testing.T) {
	net, set := tinyNetwork(t), tinyData(t, 12)
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		writeFile(t, path, []byte(text))
		return path
	}
	labels := file("y.idx", string(idx([]byte{0, 1}, 2)))
	foreign := t.TempDir()
	writeFile(t, filepath.Join(foreign, "thesis.tex"), []byte("x"))
	blocked := filepath.Join(file("plain", "x"), "out") // below a file: not writable even to root
	nan, design := poisonedNetwork(t), tinyDesign(t)
	out := filepath.Join(t.TempDir(), "out")
	outNet := filepath.Join(out, "net.onnx")

	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"no network", []string{"inspect", "absent.onnx"}, []string{"absent.onnx"}},
		{"not ONNX", []string{"inspect", file("bad.onnx", "hello")}, []string{"bad.onnx"}},
		{"empty network", []string{"inspect", file("empty.onnx", "")}, []string{"empty.onnx"}},
		{"NaN weight", []string{"generate", nan, "--out", out}, []string{nan, "NaN"}},
		{"folder as network", []string{"inspect", foreign}, []string{foreign}},
		{"no data", []string{"eval", net, "--data", "absent"}, []string{"absent"}},
		{"folder without data", []string{"eval", net, "--data", foreign}, []string{foreign, "t10k-images"}},
		{"truncated data", []string{"eval", net, "--data", file("x.idx", string(idx([]byte{1, 2}, 2, 2, 2))) + "," +
			labels}, []string{"x.idx"}},
		{"wrong magic", []string{"eval", net, "--data", file("x.idx", "\x01\x02\x03\x04\x05") + "," + labels},
			[]string{"x.idx"}},
		{"other sample size", []string{"eval", net, "--data", file("x.idx", string(idx([]byte{1, 2}, 2, 1))) + "," +
			labels}, []string{"wants 4, [1 2 2]"}},
		{"no spec", []string{"train", "absent.yaml"}, []string{"absent.yaml"}},
		{"unknown key", []string{"train", specFile(t, "name: a\nfrobs: 3\n"), "--out", filepath.Join(t.TempDir(),
			"n.onnx")}, []string{"frobs"}},
		{"empty spec", []string{"train", specFile(t, "")}, []string{"empty"}},
		{"zero-size layer", []string{"train", specFile(t, "layers: [8, 0]\n")}, []string{"layers[1]"}},
		{"no layers", []string{"train", specFile(t, "layers: []\n")}, []string{"layers is an empty list"}},
		{"float phases below a file", []string{"train", specFile(t, tinySpec), "--data", set, "--out",
			filepath.Join(t.TempDir(), "n.onnx"), "--cache", blocked}, []string{"--cache", "not a directory"}},
		{"unwritable network", []string{"train", specFile(t, tinySpec), "--data", set, "--out", blocked},
			[]string{"out"}},
		{"nothing to resume", []string{"train", specFile(t, tinySpec), "--data", set, "--out",
			filepath.Join(t.TempDir(), "n.onnx"), "--resume"}, []string{"resume"}},
		{"folder as output", []string{"train", specFile(t, tinySpec), "--data", set, "--out", foreign},
			[]string{"--out", foreign, "is a folder"}},
		{"device as output", []string{"train", specFile(t, tinySpec), "--data", set, "--out", os.DevNull},
			[]string{"no regular file"}},
		{"folder as float output", []string{"train", specFile(t, tinySpec), "--data", set, "--float-out", foreign},
			[]string{"--float-out", "is a folder"}},
		{"projection into no folder", []string{"project", net, "--acc", "8", "--data", set, "--out", outNet},
			[]string{"--out " + outNet, "no such file"}},
		{"table into no folder", []string{"project", net, "--table", "8", "--data", set, "--results",
			filepath.Join(out, "t")}, []string{"--results", "t.csv", "no such file"}},
		{"waves into no folder", []string{"sim", design, "--vcd", filepath.Join(out, "w.vcd")},
			[]string{"--vcd", "w.vcd", "no such file"}},
		{"folder as waves", []string{"sim", design, "--vcd", foreign}, []string{"--vcd", "is a folder"}},
		{"foreign directory for a demo", []string{"demo", "--data", set, "--out", foreign},
			[]string{foreign, "not empty and holds no demo"}},
		{"folder as projection", []string{"project", net, "--acc", "8", "--data", set, "--out", foreign},
			[]string{"--out", "is a folder"}},
		{"P too small", []string{"generate", net, "--out", out, "--acc", "4"}, []string{`"fc2"`, "channel ",
			"needs a ", "has 4"}},
		{"PE does not divide", []string{"generate", net, "--out", out, "--fold", "fc1=4,1"},
			[]string{`"fc1"`, "PE is 4"}},
		{"SIMD does not divide", []string{"generate", net, "--out", out, "--fold", "fc1=1,3"},
			[]string{`"fc1"`, "SIMD is 3"}},
		{"unknown layer", []string{"generate", net, "--out", out, "--fold", "fc9=1,1"}, []string{`"fc9"`}},
		{"no folding file", []string{"generate", net, "--out", out, "--folding", "absent.yaml"},
			[]string{"absent.yaml"}},
		{"folding with unknown keys", []string{"generate", net, "--out", out, "--folding",
			file("f.yaml", "fc1: {channels: 3}\n")}, []string{"f.yaml", "channels"}},
		{"fps beyond the clock", []string{"generate", net, "--out", out, "--fps", "1e9"}, []string{"fps"}},
		{"foreign directory", []string{"generate", net, "--out", foreign}, []string{foreign, "not empty"}},
		{"unwritable directory", []string{"generate", net, "--out", blocked}, []string{"out"}},
		{"no design", []string{"sim", foreign}, []string{foreign}},
		{"no design directory", []string{"sim", "absent"}, []string{"absent"}},
		{"no network to estimate", []string{"estimate", "absent"}, []string{"absent"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			command(t, c.args...).wantOneLine(t, c.name, statusFailed, c.want...)
			if _, err := os.Stat(out); err == nil {
				t.Errorf("%s was left behind", out)
			}
		})
	}
	if left, err := os.ReadDir(foreign); err != nil || len(left) != 1 {
		t.Errorf("the foreign directory has %d entries, want its own file: %v", len(left), err)
	}
}

// Flags override a spec: what contradicts it is wrong usage, for it is right by itself.
func TestAgainstTheSpec(t *testing.T) {
	spec := specFile(t, tinySpec)
	for args, want := range map[string]string{
		"train SPEC --method a2q --rule split": "--rule is split with method a2q, want budget or dq, " +
			"which alone have rules",
		"train SPEC --acc 2":                      "acc_bits is 2", // too few for one input of 2 bits
		"train SPEC --method base --lut 9000":     "--lut wants a method with accumulators",
		"train SPEC --float-out f.onnx --seeds 2": "--float-out writes one network, --seeds asks for 2",
		"sweep SPEC --acc 2":                      "acc_bits is 2",
	} {
		line := strings.Fields(strings.Replace(args, "SPEC", spec, 1))
		command(t, line...).wantOneLine(t, args, statusUsage, want)
	}
}

// A second demo takes the directory of the first, unless its design has got files of
// the user's: found before the training.
func TestDemoDirectory(t *testing.T) {
	out := filepath.Join(t.TempDir(), "demo")
	d := demo{out: out}
	for range 2 {
		if err := d.openOut(); err != nil {
			t.Fatal(err)
		}
	}
	succeed(t, "generate", tinyNetwork(t), "--out", d.path("p8", demoDesign))
	if err := d.openOut(); err != nil {
		t.Error(err)
	}
	writeFile(t, d.path("p8", demoDesign, "waves.vcd"), nil)
	if err := d.openOut(); err == nil || !strings.Contains(err.Error(), "waves.vcd") {
		t.Errorf("with a file of the user's: %v", err)
	}
}

// The cache of compiled benches may lie where nothing can be written.
func TestUnwritableCache(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, nil)
	t.Setenv("XDG_CACHE_HOME", file) // below a file: not writable even to root
	command(t, "sim", tinyDesign(t), "--frames", "1", "--simulator", "icarus").wantOneLine(t, "sim", statusFailed, file,
		"set XDG_CACHE_HOME")
}

// One file for two purposes would be lost: the spec, or the float network.
func TestOneFileTwice(t *testing.T) {
	spec := specFile(t, tinySpec)
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(spec, link); err != nil {
		t.Skip(err)
	}
	for _, args := range [][]string{{"--out", spec}, {"--out", link}, {"--out", "a.onnx", "--float-out", "a.onnx"},
		{"--out", ""}} {
		command(t, append([]string{"train", spec}, args...)...).wantOneLine(t, "train", statusUsage, "--")
	}
	if text, err := os.ReadFile(spec); err != nil || string(text) != tinySpec {
		t.Errorf("the spec is %q, %v", text, err)
	}
}

// poisonedNetwork writes a network file with a weight that is not a number, which
// the writer refuses: the bytes of one weight are replaced afterwards.
func poisonedNetwork(t *testing.T) string {
	t.Helper()
	const scale = float32(0.7312)
	m := tinyModel()
	l := &m.Layers[0]
	l.WeightScale = []float32{scale}
	for i := range l.Weights {
		l.Weights[i] *= scale
	}
	path := writeModel(t, m)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bits := func(v float32) []byte { return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)) }
	poisoned := bytes.Replace(text, bits(l.Weights[5]), bits(float32(math.NaN())), 1)
	if bytes.Equal(poisoned, text) {
		t.Fatal("the weight is not in the file")
	}
	writeFile(t, path, poisoned)
	return path
}

// A missing tool is named with the package that holds it, before any work.
func TestMissingTool(t *testing.T) {
	net, dir := tinyNetwork(t), filepath.Join(t.TempDir(), "out")
	succeed(t, "generate", net, "--out", dir)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	command(t, "sim", dir).wantOneLine(t, "sim", statusFailed, "verilator", "apt-get install verilator")
	command(t, "sim", dir, "--simulator", "icarus").wantOneLine(t, "sim", statusFailed, "apt-get install iverilog")
	demoOut := filepath.Join(t.TempDir(), "demo")
	command(t, "demo", "--out", demoOut).wantOneLine(t, "demo", statusFailed, "apt-get install verilator")
	if _, err := os.Stat(demoOut); err == nil {
		t.Error("demo left its directory behind")
	}
}
