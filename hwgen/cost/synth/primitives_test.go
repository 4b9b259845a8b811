package synth_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
	"github.com/a2qgen/a2qgen/internal/tooltest"
)

// primitives are what blocks are built of, each alone, between registers or ports. Tables are
// random: no structure to find.
const primitives = `
(* keep_hierarchy *) module f5(input clk, input [4:0] a, output reg q);
  wire [31:0] table_ = 32'h9d2f6ac1; always @(posedge clk) q <= table_[a]; endmodule
(* keep_hierarchy *) module f6(input clk, input [5:0] a, output reg q);
  wire [63:0] table_ = 64'h3b9ac5d2f1e86470; always @(posedge clk) q <= table_[a]; endmodule
(* keep_hierarchy *) module sum(input clk, input [7:0] a, input [7:0] b, output reg [7:0] q);
  always @(posedge clk) q <= a + b; endmodule
(* keep_hierarchy *) module less(input clk, input a, output reg q);
  always @(posedge clk) q <= ~a; endmodule
(* keep_hierarchy *) module row(input clk, input en, input a, output q);
  reg [4:0] r; always @(posedge clk) if (en) r <= {r[3:0], a}; assign q = r[4]; endmodule
(* keep_hierarchy *) module small(input clk, input en, input [3:0] w, input [3:0] r, input [3:0] d, output [3:0] q);
  (* ram_style = "distributed" *) reg [3:0] m [0:15];
  always @(posedge clk) if (en) m[w] <= d; assign q = m[r]; endmodule
(* keep_hierarchy *) module large(input clk, input en, input [8:0] w, input [8:0] r, input [35:0] d,
    output reg [35:0] q);
  (* ram_style = "block" *) reg [35:0] m [0:511];
  always @(posedge clk) begin if (en) m[w] <= d; q <= m[r]; end endmodule
module all(input clk, input en, input [8:0] w, input [8:0] r, input [35:0] d, output [35:0] q0, output [7:0] q1,
    output [3:0] q2, output [3:0] q3);
  f5 u0(clk, d[4:0], q2[0]); f6 u1(clk, d[5:0], q2[1]); sum u2(clk, d[7:0], d[15:8], q1); less u3(clk, d[0], q2[2]);
  row u4(clk, en, d[0], q2[3]); small u5(clk, en, w[3:0], r[3:0], d[3:0], q3); large u6(clk, en, w, r, d, q0);
endmodule
`

// TestPrimitives counts by hand what a family's file says, and holds Yosys to it.
//
// xc7: a LUT6; a LUT per bit of a sum; a free inverse; SRL16E; RAM32M of four LUTs; half a RAMB36.
// ecp5: two and four LUT4; four CCU2C of two LUTs; an inverter; five flip-flops; a DPR16X4 of six
// LUTs; a PDPW16KD of 36 bits, whose delayed write takes 36+9+1 flip-flops and whose forwarded
// word 36+1. Its LUTs are a matter of the fit: at least one per bit.
func TestPrimitives(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Yosys")
	}
	tooltest.Need(t, "yosys")
	for name, want := range map[boards.Family]map[string]synth.Counts{
		boards.XC7: {"f5": {LUT: 1, FF: 1}, "f6": {LUT: 1, FF: 1}, "sum": {LUT: 8, FF: 8}, "less": {FF: 1},
			"row": {LUT: 1}, "small": {LUT: 4}, "large": {BlockRAM: 1}},
		boards.ECP5: {"f5": {LUT: 2, FF: 1}, "f6": {LUT: 4, FF: 1}, "sum": {LUT: 8, FF: 8}, "less": {LUT: 1, FF: 1},
			"row": {FF: 5}, "small": {LUT: 6}, "large": {LUT: 36, BlockRAM: 1, FF: 83}},
	} {
		f, err := name.Fabric()
		if err != nil {
			t.Fatal(err)
		}
		got, err := synth.Verilog(context.Background(), &f.Synthesis, []byte(primitives), nil, "all")
		if err != nil {
			t.Fatal(err)
		}
		for module, counts := range want {
			have := got[module]
			if module == "large" && have.LUT > counts.LUT && !f.BlockRAM.ReadFirst {
				have.LUT = counts.LUT
			}
			if d := cmp.Diff(counts, have, cmpopts.IgnoreFields(synth.Counts{}, "Free")); d != "" {
				t.Errorf("%s %s (-by hand +Yosys):\n%s", name, module, d)
			}
		}
		check(t, name, f, want)
	}
}

// check holds the prices of the primitives to the same counts.
func check(t *testing.T, name boards.Family, f *fabric.Family, want map[string]synth.Counts) {
	t.Helper()
	ff, _ := f.SharedBlockRAM(fabric.Banks{Width: 36, Depth: 512, Words: 1, Enables: 1, Ports: 1})
	n := fabric.NewNetlist(f)
	n.Use(n.Add(n.Word(8), n.Word(8), 8)...)
	sum := 0.0
	for _, term := range n.MemoryTerms() {
		sum += term.Value
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"f5", f.LUT.LUTs(5), want["f5"].LUT}, {"f6", f.LUT.LUTs(6), want["f6"].LUT},
		{"sum", int(sum), want["sum"].LUT},
		{"small", int(f.RAMTerms(4, 16)[0].Value), want["small"].LUT},
		{"large", f.BlockRAMs(36, 512), want["large"].BlockRAM}, {"flip-flops of large", ff, want["large"].FF},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s is priced %d, want %d", name, c.what, c.got, c.want)
		}
	}
}
