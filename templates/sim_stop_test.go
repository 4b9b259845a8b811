package templates_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/templates"
)

// trip is a way to trip one check of testdata/trip_bench.v, which is run by hand.
type trip struct {
	argument, weights string // of the bench: a plusarg; weights.mem, "" where it is missing
	want              string // the message, with the block's name
}

// ones is 1 for each weight of row 1 and 0 for row 0; noughts trips nothing.
const ones, noughts = "5500\n5500\n", "0000\n0000\n"

var trips = []trip{
	{"+NOTHING", ones, "ERROR trip_bench.u_mvau.gen_pe[1].u_check: accumulator overflows 4 bits"},
	{"+NOTHING", "", "ERROR trip_bench.u_mvau.u_weights.gen_file.u_file: memory file not found: weights.mem"},
	{"+NOTHING", "0000\n", "ERROR trip_bench.u_mvau.u_weights.gen_file.u_file: " +
		"memory file weights.mem has 4 digits, want 2 words of 4"},
	{"+TLAST", noughts, "ERROR trip_bench.u_tlast: tlast is not on the last beat of a frame"},
	{"+TAKE", noughts, "ERROR trip_bench.u_level: takes a beat with all 2 places in use"},
	{"+GIVE", noughts, "ERROR trip_bench.u_level: gives a beat that it does not hold"},
}

// fault is what makes a queue break its word: in file, old becomes fake.
type fault struct{ file, old, fake, want string }

var faults = []fault{
	{"fifo.v", "assign s_ready = level_q != FULL;", "assign s_ready = 1'b1;",
		"ERROR trip_bench.u_fifo.u_check: takes a beat with all 2 places in use"},
	{"fifo.v", "assign m_valid = level_q != {LEVEL_BITS{1'b0}};", "assign m_valid = 1'b1;",
		"ERROR trip_bench.u_fifo.u_check: gives a beat that it does not hold"},
	{"replay_buffer.v", "assign s_ready = level_q != FULL;", "assign s_ready = 1'b1;",
		"ERROR trip_bench.u_replay.u_check: takes a beat with all 2 places in use"},
	{"replay_buffer.v", "wire available  = !first_pass ||", "wire available  = 1'b1 ||",
		"ERROR trip_bench.u_replay.u_check: gives a beat that it does not hold"},
}

var onIcarus, onVerilator = []string{"iverilog", "-g2009", "-s", "trip_bench", "-o", "bench"},
	[]string{"verilator", "--binary", "-O0", "-CFLAGS", "-O0", "-Wno-fatal", "-Wno-lint", "-Wno-style",
		"--top-module", "trip_bench"}

// TestChecksEndRuns: in a simulation that is run by hand each check names its block and ends
// the run with an exit status that fails.
func TestChecksEndRuns(t *testing.T) {
	t.Run("icarus", func(t *testing.T) {
		tooltest.Need(t, "iverilog", "vvp")
		checkTrips(t, buildTrip(t, fault{}, onIcarus), "vvp", "bench")
	})
	// The branch for other simulators, on Icarus: it knows the $fatal of IEEE 1800 from 2009 on.
	t.Run("others", func(t *testing.T) {
		tooltest.Need(t, "iverilog", "vvp")
		checkTrips(t, buildTrip(t, fault{file: "sim_stop.v", old: "__ICARUS__", fake: "NEITHER"}, onIcarus), "vvp",
			"bench")
	})
	t.Run("verilator", func(t *testing.T) {
		tooltest.Need(t, "verilator", "make", "g++")
		checkTrips(t, buildTrip(t, fault{}, onVerilator), "obj_dir/Vtrip_bench")
	})
}

// TestQueueChecks: so does a queue that takes or gives a beat against its word.
func TestQueueChecks(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	for _, f := range faults {
		checkTrip(t, buildTrip(t, f, onIcarus), trip{"+NOTHING", noughts, f.want}, "vvp", "bench")
	}
}

// buildTrip builds the bench, with a fault if there is one, and returns its folder.
func buildTrip(t *testing.T, f fault, build []string) string {
	t.Helper()
	dir := t.TempDir()
	bench, err := os.ReadFile("testdata/trip_bench.v")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"trip_bench.v": string(bench)}
	for _, m := range templates.Modules() {
		files[m+".v"] = string(templates.Module(m))
	}
	if f.file != "" && !strings.Contains(files[f.file], f.old) {
		t.Fatalf("%s does not hold %q", f.file, f.old)
	}
	files[f.file] = strings.Replace(files[f.file], f.old, f.fake, 1)
	delete(files, "")
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := inDir(dir, append(append([]string{}, build...), "-y", ".", "trip_bench.v")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func checkTrips(t *testing.T, dir string, run ...string) {
	t.Helper()
	checkTrip(t, dir, trip{"+NOTHING", noughts, ""}, run...)
	for _, c := range trips {
		checkTrip(t, dir, c, run...)
	}
}

// checkTrip runs the bench in dir; with no message wanted it must end well and say nothing.
func checkTrip(t *testing.T, dir string, c trip, run ...string) {
	t.Helper()
	path := filepath.Join(dir, "weights.mem")
	if err := os.WriteFile(path, []byte(c.weights), 0o644); err != nil {
		t.Fatal(err)
	}
	if c.weights == "" {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	out, err := inDir(dir, append(run, c.argument))
	out = strings.ReplaceAll(out, "ERROR TOP.", "ERROR ") // Verilator's name of all
	failed := err != nil && strings.Contains(out, c.want+"\n")
	if c.want == "" {
		failed = err != nil || strings.Contains(out, "ERROR")
	}
	if failed != (c.want != "") {
		t.Errorf("%s: %v, want an exit status and %q:\n%s", c.argument, err, c.want, out)
	}
}

func inDir(dir string, command []string) (string, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// simulationOnly is a region that no synthesis tool sees: two guards, for tools that define
// SYNTHESIS and for Quartus, which does not.
var simulationOnly = regexp.MustCompile("(?s) +// altera translate_off\n`ifndef SYNTHESIS\n" +
	".*?\n`endif\n +// altera translate_on\n")

// end is what ends a run.
var end = regexp.MustCompile(`\$(finish|stop|fatal|error)`)

// TestSimulationOnlyIsGuarded: what a synthesiser must not see stands in regions with both
// guards, and a check ends in sim_stop.v alone.
func TestSimulationOnlyIsGuarded(t *testing.T) {
	files := map[string]string{}
	for _, m := range templates.Modules() {
		files[m+".v"] = string(templates.Module(m))
	}
	top, err := os.ReadFile("top.v.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	files["top.v.tmpl"] = string(top)
	for name, text := range files {
		rest := simulationOnly.ReplaceAllString(text, "")
		_, code, _ := strings.Cut(rest, "\nmodule ") // without the header and the module's own name
		_, code, _ = strings.Cut(code, " ")
		for _, word := range []string{"SYNTHESIS", "altera", "`ifdef", "$display", "$fopen", "u_stop",
			"memory_file #", "_check #", "sim_stop u"} {
			if strings.Contains(code, word) {
				t.Errorf("%s: %s outside of a region with both guards", name, word)
			}
		}
		code += strings.Join(simulationOnly.FindAllString(text, -1), "")
		if found := end.FindString(code); found != "" && name != "sim_stop.v" {
			t.Errorf("%s: %s, want u_stop.fail", name, found)
		}
		if strings.Count(text, `$display("ERROR %m: `) != strings.Count(text, "u_stop.fail;") {
			t.Errorf("%s: want a message with the block's name and a u_stop.fail for each check", name)
		}
	}
}

// TestYosysSeesNoCheck: the netlist is that of the library without its simulation-only
// regions and without its guards, cell for cell. Which name of a net is kept, and so the number of
// wires, is chance.
func TestYosysSeesNoCheck(t *testing.T) {
	tooltest.Need(t, "yosys")
	guards := regexp.MustCompile(`(?s)\n    // What the header forbids.*?    endgenerate\n`)
	cells := func(strip bool) string {
		dir := t.TempDir()
		for _, m := range templates.Modules() {
			text := string(templates.Module(m))
			if strip {
				text = guards.ReplaceAllString(simulationOnly.ReplaceAllString(text, ""), "\n")
			}
			if err := os.WriteFile(filepath.Join(dir, m+".v"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		script := "read_verilog *.v; hierarchy -check -top mvau -chparam SHIFTED 1; " +
			"synth -flatten -top mvau; tee -o stat stat"
		if out, err := inDir(dir, []string{"yosys", "-q", "-p", script}); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			t.Fatal(err)
		}
		_, counts, _ := strings.Cut(string(stat), "Number of cells")
		return counts
	}
	with, without := cells(false), cells(true)
	if with != without || !strings.Contains(with, "$_") {
		t.Errorf("with checks and guards:\n%s\nwithout:\n%s", with, without)
	}
}
