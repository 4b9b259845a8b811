// Read-only memory, loaded from a .mem file, with a registered output.
//
//   data = mem[addr], 1 cycle after en. Without its file the simulation stops with an error
//   (memory_file.v; synthesis tools stop by themselves), so it can never be silently empty.
//
// Parameters
//   WIDTH  bits of a word, >= 1
//   DEPTH  words, >= 1
//   MEM    file of DEPTH hexadecimal words, relative to where the tool is started
//   BLOCK  1: block RAM, 0: LUTs
//   BLOCK_STYLE  the tool's word for block RAM
//   ADDR_BITS  bits of addr: derived, no other value is taken
`default_nettype none
module rom #(
    parameter integer WIDTH = 8,
    parameter integer DEPTH = 4,
    parameter MEM = "",
    parameter integer BLOCK = 0,
    parameter BLOCK_STYLE = "block",
    parameter integer ADDR_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
    input  wire                 clk,
    input  wire                 en,
    input  wire [ADDR_BITS-1:0] addr,
    output wire [WIDTH-1:0]     data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WIDTH < 1) begin : gen_width_at_least_1
            rom_needs_WIDTH_at_least_1 u_refused ();
        end
        if (DEPTH < 1) begin : gen_depth_at_least_1
            rom_needs_DEPTH_at_least_1 u_refused ();
        end
        if (BLOCK != 0 && BLOCK != 1) begin : gen_block_0_or_1
            rom_needs_BLOCK_0_or_1 u_refused ();
        end
        if (ADDR_BITS != ((DEPTH > 1) ? $clog2(DEPTH) : 1)) begin : gen_addr_bits_as_derived
            rom_needs_ADDR_BITS_as_derived u_refused ();
        end
    endgenerate

    wire unused_style = BLOCK_STYLE == "";  // attributes alone use it: Verilator skips those
    reg [WIDTH-1:0] data_q;
    assign data = data_q;

    generate
        if (DEPTH == 1) begin : gen_constant
            reg [WIDTH-1:0] mem [0:0];
            initial if (MEM != "") $readmemh(MEM, mem);
            always @(posedge clk) if (en) data_q <= mem[0];
            wire unused = &{1'b0, addr};
        end else if (BLOCK != 0) begin : gen_block
            (* ram_style = BLOCK_STYLE, rom_style = BLOCK_STYLE, romstyle = BLOCK_STYLE,
               syn_romstyle = "block_rom" *)
            reg [WIDTH-1:0] mem [0:DEPTH-1];
            initial if (MEM != "") $readmemh(MEM, mem);
            always @(posedge clk) if (en) data_q <= mem[addr];
        end else begin : gen_logic
            (* ram_style = "logic", rom_style = "distributed", romstyle = "logic",
               syn_romstyle = "logic" *)
            reg [WIDTH-1:0] mem [0:DEPTH-1];
            initial if (MEM != "") $readmemh(MEM, mem);
            always @(posedge clk) if (en) data_q <= mem[addr];
        end
    endgenerate

    // altera translate_off
`ifndef SYNTHESIS
    generate
        if (MEM != "") begin : gen_file
            memory_file #(.MEM(MEM), .WIDTH(WIDTH), .DEPTH(DEPTH)) u_file ();
        end
    endgenerate
`endif
    // altera translate_on
endmodule
`default_nettype wire
