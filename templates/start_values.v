// What the accumulators of each fold of rows begin with, read a cycle ahead of their first sum.
//
//   data = mem[fold], 1 cycle after en; constant where there is one fold; 0 where SHIFTED is 0
//
// Parameters
//   WIDTH      bits of a word: the values of the rows of a fold, >= 1
//   FOLDS      folds, >= 1
//   SHIFTED    1: MEM has the values, 0: all are 0, and cost nothing
//   MEM        file of FOLDS hexadecimal words
//   BLOCK      1: values in block RAM, 0: in LUTs
//   BLOCK_STYLE  the tool's word for block RAM
//   FOLD_BITS  bits of a fold: derived, no other value is taken
`default_nettype none
module start_values #(
    parameter integer WIDTH   = 8,
    parameter integer FOLDS   = 4,
    parameter integer SHIFTED = 1,
    parameter MEM = "",
    parameter integer BLOCK = 0,
    parameter BLOCK_STYLE = "block",
    parameter integer FOLD_BITS = (FOLDS > 1) ? $clog2(FOLDS) : 1
) (
    input  wire                 clk,
    input  wire                 en,
    input  wire [FOLD_BITS-1:0] fold,
    output wire [WIDTH-1:0]     data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WIDTH < 1) begin : gen_width_at_least_1
            start_values_needs_WIDTH_at_least_1 u_refused ();
        end
        if (FOLDS < 1) begin : gen_folds_at_least_1
            start_values_needs_FOLDS_at_least_1 u_refused ();
        end
        if (SHIFTED != 0 && SHIFTED != 1) begin : gen_shifted_0_or_1
            start_values_needs_SHIFTED_0_or_1 u_refused ();
        end
        if (BLOCK != 0 && BLOCK != 1) begin : gen_block_0_or_1
            start_values_needs_BLOCK_0_or_1 u_refused ();
        end
        if (FOLD_BITS != ((FOLDS > 1) ? $clog2(FOLDS) : 1)) begin : gen_fold_bits_as_derived
            start_values_needs_FOLD_BITS_as_derived u_refused ();
        end
    endgenerate

    generate
        if (SHIFTED == 0) begin : gen_zero
            assign data = {WIDTH{1'b0}};
            wire unused = &{1'b0, clk, en, fold};
        // One word, read without an address: the tool folds it into the accumulators' adders.
        end else if (FOLDS == 1) begin : gen_constant
            reg [WIDTH-1:0] mem [0:0];
            initial if (MEM != "") $readmemh(MEM, mem);
            assign data = mem[0];
            wire unused = &{1'b0, clk, en, fold};
            // altera translate_off
`ifndef SYNTHESIS
            if (MEM != "") begin : gen_file
                memory_file #(.MEM(MEM), .WIDTH(WIDTH), .DEPTH(1)) u_file ();
            end
`endif
            // altera translate_on
        end else begin : gen_memory
            // Its register keeps the read out of the accumulator's loop.
            rom #(
                .WIDTH      (WIDTH),
                .DEPTH      (FOLDS),
                .MEM        (MEM),
                .BLOCK      (BLOCK),
                .BLOCK_STYLE(BLOCK_STYLE)
            ) u_values (
                .clk (clk),
                .en  (en),
                .addr(fold),
                .data(data)
            );
        end
    endgenerate
    wire unused_style = BLOCK_STYLE == "";
endmodule
`default_nettype wire
