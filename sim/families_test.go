package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/templates"
	"github.com/a2qgen/a2qgen/verilator"
)

// synthesis is how Yosys synthesises for a family, and what its cells are called.
type synthesis struct {
	family  boards.Family
	command string
	// Cells that hold a flip-flop, a RAM in LUTs (nil where there are none) and a block RAM.
	ff, lutRAM, block *regexp.Regexp
	// noROM: block RAMs have no initial values in Yosys 0.23.
	noROM bool
	// models is the file of Yosys with the cells' models: the netlist is simulated.
	models string
	// lutsOnly: Yosys's model of a block RAM is empty, so the design has none.
	lutsOnly bool
}

var syntheses = []synthesis{
	{family: boards.ICE40, command: "synth_ice40", ff: cells("SB_DFF.*"), block: cells("SB_RAM40_4K.*"),
		models: "ice40/cells_sim.v"},
	// -nosrl: see TestYosysLosesEnables.
	{family: boards.XC7, command: "synth_xilinx -family xc7 -nodsp -noiopad -flatten -nosrl", ff: cells("FD[RSCP]E"),
		lutRAM: cells("RAM(32|64|128)[MX].*"), block: cells("RAMB(18|36)E1"),
		models: "xilinx/cells_sim.v", lutsOnly: true},
	{family: boards.ECP5, command: "synth_ecp5", ff: cells("TRELLIS_FF"), lutRAM: cells("TRELLIS_DPR16X4"),
		block: cells("DP16KD|PDPW16KD")},
	{family: "gowin", command: "synth_gowin -noiopads", ff: cells("DFF.*"), lutRAM: cells("RAM16S.*"),
		block: cells("(SDP|DP|SP|pROM)(X9)?B?")},
	// A known gap: whatever the Verilog asks for, a ROM becomes ALUTs. Quartus reads romstyle.
	{family: "intel_alm", command: "synth_intel_alm", ff: cells("MISTRAL_FF"), lutRAM: cells("MISTRAL_MLAB"),
		block: cells("MISTRAL_M10K"), noROM: true},
	{family: "efinix", command: "synth_efinix", ff: cells("EFX_FF"), block: cells("EFX_RAM_5K")},
	{family: "gatemate", command: "synth_gatemate", ff: cells("CC_DFF"), block: cells("CC_BRAM_.*")},
}

func cells(names string) *regexp.Regexp { return regexp.MustCompile("^(" + names + ")$") }

// count returns how many of the cells have a name that r matches.
func count(all map[string]int, r *regexp.Regexp) int {
	sum := 0
	for name, n := range all {
		if r != nil && r.MatchString(name) {
			sum += n
		}
	}
	return sum
}

// yosys runs commands in dir and returns the cells of top by their type.
func yosys(t *testing.T, dir, top, commands string) map[string]int {
	t.Helper()
	cmd := exec.Command("yosys", "-q", "-p", commands+"; tee -q -o stat.json stat -json")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("yosys: %v\n%s", err, out[max(0, len(out)-2000):])
	}
	text, err := os.ReadFile(filepath.Join(dir, "stat.json"))
	if err != nil {
		t.Fatal(err)
	}
	var stat struct {
		Modules map[string]struct {
			Cells map[string]int `json:"num_cells_by_type"`
		} `json:"modules"`
	}
	if err := json.Unmarshal(text[bytes.IndexByte(text, '{'):], &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Modules[`\`+top].Cells
}

// memoryText has one of each kind of memory, with the words of a family.
const memoryText = `module memories(input clk, input rst_n, input [7:0] d, input v, input r,
    output [7:0] q0, output [7:0] q1, output [31:0] q2, output v0, output v1, output r0, output r1);
  fifo #(.WIDTH(8), .DEPTH(16), .RAM_STYLE("%[1]s")) u_fifo (.clk(clk), .rst_n(rst_n),
      .s_valid(v), .s_ready(r0), .s_data(d), .m_valid(v0), .m_ready(r), .m_data(q0));
  replay_buffer #(.WIDTH(8), .LENGTH(512), .REPEATS(3), .RAM_STYLE("%[2]s")) u_replay (.clk(clk), .rst_n(rst_n),
      .s_valid(v), .s_ready(r1), .s_data(d), .m_valid(v1), .m_ready(r), .m_data(q1));
  rom #(.WIDTH(32), .DEPTH(512), .MEM("rom.mem"), .BLOCK(1), .BLOCK_STYLE("%[2]s")) u_rom (.clk(clk),
      .en(r), .addr({v, d}), .data(q2));
endmodule
`

// TestMemoryStyles: in each family the memories become what its words ask for. A queue of 16
// beats of 8 bits has 128 bits, a buffer of 512 has 4096; the other flip-flops are pointers,
// levels and output registers, less than 100 in all.
func TestMemoryStyles(t *testing.T) {
	tooltest.Need(t, "yosys")
	const queueBits, otherBits = 16 * 8, 100
	rng := rand.New(rand.NewPCG(8, 1))
	var rom strings.Builder
	for range 512 {
		fmt.Fprintf(&rom, "%08x\n", rng.Uint32())
	}
	for i, s := range syntheses {
		if testing.Short() && i > 0 {
			break
		}
		t.Run(string(s.family), func(t *testing.T) {
			t.Parallel()
			style, err := s.family.MemoryStyle()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			files := map[string]string{"memories.v": fmt.Sprintf(memoryText, style.LUTRAM, style.BlockRAM),
				"rom.mem": rom.String()}
			for _, m := range []string{"fifo", "replay_buffer", "rom"} {
				files[m+".v"] = string(templates.Module(m))
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got := yosys(t, dir, "memories", "read_verilog *.v; hierarchy -top memories; flatten; "+
				s.command+" -top memories")
			blocks, limit := 2, otherBits
			if s.noROM {
				blocks, limit = 1, limit+32 // the output register is outside of the ROM
			}
			if s.lutRAM == nil {
				limit += queueBits
			} else if count(got, s.lutRAM) == 0 {
				t.Errorf("the queue is in no RAM of LUTs: %v", got)
			}
			if n := count(got, s.block); n < blocks {
				t.Errorf("%d block RAMs, want at least %d: %v", n, blocks, got)
			}
			if n := count(got, s.ff); n > limit {
				t.Errorf("%d flip-flops, want at most %d: %v", n, limit, got)
			}
		})
	}
}

// familyTarget is a small folded network with a queue, a replay buffer, weights in block
// RAM, thresholds that rise and fall, and gains that differ from class to class.
func familyTarget(t *testing.T, s synthesis) (*hwgen.Design, [][]int32) {
	rng := rand.New(rand.NewPCG(8, 2))
	in, mid := quant.DataType{Bits: 2}, quant.DataType{Bits: 2}
	layer := func(name string, inputs, outputs int, x quant.DataType) quant.Layer {
		l := quant.Layer{Name: name, In: inputs, Out: outputs, Input: x, WeightBits: 3,
			Weights: make([]int32, inputs*outputs)}
		for i := range l.Weights {
			l.Weights[i] = int32(rng.IntN(8)) - 4
		}
		l.AccBits, _ = l.NeededBits()
		return l
	}
	first := layer("fc1", 32, 96, in)
	first.Thresholds = &quant.Thresholds{Output: mid, Inverted: make([]bool, first.Out)}
	for c := range first.Out {
		first.Thresholds.Values = append(first.Thresholds.Values, int64(rng.IntN(9))-29, int64(rng.IntN(9))-20,
			int64(rng.IntN(9))-9)
		first.Thresholds.Inverted[c] = c%3 == 1
	}
	last := layer("fc2", 96, 6, mid)
	last.Score = &quant.Score{Gain: make([]int64, last.Out), Bias: make([]int64, last.Out)}
	for c := range last.Out {
		last.Score.Gain[c], last.Score.Bias[c] = int64(5+3*c), int64(rng.IntN(400))-200
	}
	n, err := quant.NewNetwork(quant.Network{Name: "target", InputShape: []int{first.In},
		Layers: []quant.Layer{first, last},
		Input:  quant.InputQuantizer{Type: in, Quantize: func(_ int, v float64) int32 { return int32(v) }}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.Plan(n, hwgen.Options{Family: s.family, NoBlockRAM: s.lutsOnly,
		Folding: hwgen.Folding{"fc1": {PE: 3, SIMD: 8}, "fc2": {PE: 2, SIMD: 6}}})
	if err != nil {
		t.Fatal(err)
	}
	samples := make([][]int32, 12)
	for i := range samples {
		samples[i] = quanttest.RandomInput(rng, n)
	}
	return d, samples
}

// TestFamilies synthesises a small design for five families, and simulates two of the
// netlists, beat by beat on every stream, under gaps and stalls.
func TestFamilies(t *testing.T) {
	tooltest.Need(t, "yosys", "iverilog")
	for i, s := range syntheses[:5] { // the others' memories are tried by TestMemoryStyles
		if testing.Short() && i > 0 {
			break
		}
		t.Run(string(s.family), func(t *testing.T) {
			t.Parallel()
			d, samples := familyTarget(t, s)
			dir := emitDir(t, d)
			rtl := filepath.Join(dir, "rtl")
			// Streams keep their names, for the bench.
			got := yosys(t, rtl, d.Name, "read_verilog *.v; setattr -set keep 1 "+
				d.Name+"/w:*_valid "+d.Name+"/w:*_ready "+d.Name+"/w:*_data; "+
				s.command+" -top "+d.Name+"; write_verilog -noattr netlist.v")
			if blocks := count(got, s.block); !s.noROM && (blocks == 0) != s.lutsOnly {
				t.Errorf("%d block RAMs for the weights of fc1, want some unless all is in LUTs: %v", blocks, got)
			}
			if s.models == "" {
				return
			}
			simulateNetlist(t, d, dir, s.models, samples)
		})
	}
}

// imageTarget plans a small network of images: a border and windows by a dense unit, maxima, windows by a
// tap unit, sums of the whole image, scores.
func imageTarget(t *testing.T, s synthesis) (*hwgen.Design, [][]int32) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 9))
	in, mid := quant.DataType{Bits: 3}, quant.DataType{Bits: 2}
	layer := func(name string, kind quant.Kind, terms, out int, x quant.DataType, w quant.Window) quant.Layer {
		l := quant.Layer{Name: name, Kind: kind, In: terms, Out: out, Input: x, Window: w}
		if kind.Weighted() {
			l.WeightBits = 2
			for range terms * out {
				l.Weights = append(l.Weights, int32(rng.IntN(4))-2)
			}
		}
		return l
	}
	square := func(k, stride, pad int) quant.Window {
		return quant.Window{H: k, W: k, StrideH: stride, StrideW: stride, Top: pad, Left: pad, Bottom: pad, Right: pad}
	}
	layers := []quant.Layer{layer("conv1", quant.Conv, 18, 4, in, square(3, 1, 1)),
		layer("pool1", quant.MaxPool, 1, 4, mid, square(2, 2, 0)), layer("conv2", quant.Conv, 36, 3, mid, square(3, 1, 1)),
		layer("pool2", quant.AvgPool, 9, 3, mid, square(3, 3, 0)), layer("fc", quant.Linear, 3, 4, mid, quant.Window{})}
	for _, i := range []int{0, 2} {
		layers[i].Thresholds = blocktest.Stairs(&layers[i], mid)
	}
	// Sums of nine numbers of 0 to 3.
	layers[3].Thresholds = &quant.Thresholds{Output: mid, Values: []int64{5, 11, 17, 4, 12, 20, 8, 13, 18}}
	layers[4].Score = &quant.Score{Gain: []int64{1, 1, 1, 1}, Bias: []int64{0, 1, -1, 2}}
	n, err := quant.NewNetwork(quant.Network{Name: "image", Layers: layers, Input: quant.InputQuantizer{Type: in,
		Shape: quant.Shape{H: 6, W: 6, C: 2}, Quantize: func(_ int, v float64) int32 { return int32(v) }}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.Plan(n, hwgen.Options{Family: s.family, NoBlockRAM: s.lutsOnly, Folding: hwgen.Folding{
		"conv1": {PE: 2, SIMD: 2, Replay: memoryOf(s)},
		"conv2": {Unit: "tap", PE: 1, SIMD: 1, Lanes: 3, Replay: memoryOf(s)}}})
	if err != nil {
		t.Fatal(err)
	}
	samples := make([][]int32, 6)
	for i := range samples {
		samples[i] = quanttest.RandomGraphInput(rng, n)
	}
	return d, samples
}

// memoryOf returns where images are kept: in block RAM where its model works.
func memoryOf(s synthesis) hwgen.Place {
	if s.lutsOnly {
		return hwgen.InLUTs
	}
	return hwgen.InBlockRAM
}

// TestFamiliesOfImages simulates the netlists of a network of images for two families.
func TestFamiliesOfImages(t *testing.T) {
	tooltest.Need(t, "yosys", "iverilog")
	if testing.Short() {
		t.Skip("synthesises")
	}
	for _, s := range syntheses {
		if s.models == "" {
			continue
		}
		t.Run(string(s.family), func(t *testing.T) {
			t.Parallel()
			d, samples := imageTarget(t, s)
			dir := emitDir(t, d)
			got := yosys(t, filepath.Join(dir, "rtl"), d.Name, "read_verilog *.v; setattr -set keep 1 "+
				d.Name+"/w:*_valid "+d.Name+"/w:*_ready "+d.Name+"/w:*_data; "+
				s.command+" -top "+d.Name+"; write_verilog -noattr netlist.v")
			if blocks := count(got, s.block); (blocks == 0) != s.lutsOnly {
				t.Errorf("%d block RAMs, want some unless all is in LUTs: %v", blocks, got)
			}
			simulateNetlist(t, d, dir, s.models, samples)
		})
	}
}

// TestYosysLosesEnables holds a known fault of Yosys 0.23: a shift register in a LUT always
// shifts, whatever enable the Verilog gives it, so a netlist with them is wrong under
// back-pressure. Where it is mended, this fails: then -nosrl can go, from here, from
// templates/README.md.tmpl and from docs/hardware.md.
func TestYosysLosesEnables(t *testing.T) {
	tooltest.Need(t, "yosys")
	dir := t.TempDir()
	text := "module t(input clk, input en, input d, output q);\n  reg [3:0] s;\n" +
		"  always @(posedge clk) if (en) s <= {s[2:0], d};\n  assign q = s[3];\nendmodule\n"
	if err := os.WriteFile(filepath.Join(dir, "t.v"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if n := yosys(t, dir, "t", "read_verilog t.v; synth_xilinx -family xc7 -noiopad -top t; "+
		"write_verilog -noattr netlist.v")["SRL16E"]; n != 1 {
		t.Fatalf("%d shift registers, want 1", n)
	}
	netlist, err := os.ReadFile(filepath.Join(dir, "netlist.v"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(netlist, []byte(".CE(1'h1)")) {
		t.Errorf("the shift register has its enable: take -nosrl out\n%s", netlist)
	}
}

// simulateNetlist cross-checks rtl/netlist.v, whose cells are modelled by a file of Yosys, in
// place of the emitted Verilog.
func simulateNetlist(t *testing.T, d *hwgen.Design, dir, models string, samples [][]int32) {
	t.Helper()
	rtl := filepath.Join(dir, "rtl")
	program, err := exec.LookPath("yosys")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(program), "../share/yosys", models))
	if err != nil {
		t.Fatal(err)
	}
	// Ports with default values are no Verilog-2005; the netlist connects them all.
	text = append([]byte("`define NO_ICE40_DEFAULT_ASSIGNMENTS\n"), text...)
	sources, err := filepath.Glob(filepath.Join(rtl, "*.v"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range sources {
		if filepath.Base(path) != "netlist.v" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(rtl, "cells.v"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := sim.CrossCheck(context.Background(), d, dir, samples, sim.Options{Simulator: verilator.Icarus, Seed: 3,
		Gap: sim.Pattern{Probability: 0.3}, Stall: sim.Pattern{Probability: 0.3}, CacheDir: benches})
	if err != nil {
		t.Fatal(err)
	}
	if r.Mismatches != 0 {
		t.Errorf("netlist: %d mismatches in %d beats: %s", r.Mismatches, r.BeatsCompared, r.First)
	}
}
