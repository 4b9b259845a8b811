// One level of the pipelined binary search of thresholds.v, for PE channels side by side.
//
//   Level STAGE has 2^STAGE thresholds per channel; the bits found so far choose one of them:
//     found_out = {found_in, acc > threshold[fold, found_in]}
//   The threshold is read in one stage and compared in the next: latency 2 cycles of en. At
//   level 0 it depends on the fold alone, which is known a cycle before acc: latency 1 from
//   acc, 2 from the fold. Throughput 1 per cycle; one comparator of THRESHOLD_BITS bits per PE.
//
// Parameters
//   PE              channels side by side, >= 1
//   FOLDS           channel folds (NF), >= 1
//   STAGE           level of the search, 0..15; level 0 finds the most significant bit
//   ACC_BITS        bits of an accumulator, signed, 1..64
//   THRESHOLD_BITS  bits of a threshold, signed, >= ACC_BITS
//   MEM             prefix of the memory files; level k reads MEM_k.mem, k in hexadecimal:
//                   FOLDS * 2^STAGE words of PE thresholds, PE 0 in the low bits
//   BLOCK           1: thresholds in block RAM, one memory per PE, 0: in LUTs
//   BLOCK_STYLE     the tool's word for block RAM
//   FOLD_BITS       bits of a fold: derived, no other value is taken
//   FOUND_BITS      bits found so far: derived, no other value is taken
`default_nettype none
module threshold_stage #(
    parameter integer PE             = 2,
    parameter integer FOLDS          = 4,
    parameter integer STAGE          = 1,
    parameter integer ACC_BITS       = 8,
    parameter integer THRESHOLD_BITS = 8,
    parameter MEM = "",
    parameter integer BLOCK = 0,
    parameter BLOCK_STYLE = "block",
    parameter integer FOLD_BITS  = (FOLDS > 1) ? $clog2(FOLDS) : 1,
    parameter integer FOUND_BITS = (STAGE > 0) ? STAGE : 1
) (
    input  wire                      clk,
    input  wire                      en,
    input  wire [FOLD_BITS-1:0]      fold_in,   // at level 0 one en ahead of acc_in
    input  wire [PE*ACC_BITS-1:0]    acc_in,
    input  wire [PE*FOUND_BITS-1:0]  found_in,  // ignored at level 0
    output reg  [FOLD_BITS-1:0]      fold_out,
    output reg  [PE*ACC_BITS-1:0]    acc_out,
    output wire [PE*(STAGE+1)-1:0]   found_out
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (PE < 1) begin : gen_pe_at_least_1
            threshold_stage_needs_PE_at_least_1 u_refused ();
        end
        if (FOLDS < 1) begin : gen_folds_at_least_1
            threshold_stage_needs_FOLDS_at_least_1 u_refused ();
        end
        if (STAGE < 0 || STAGE > 15) begin : gen_stage_0_to_15
            threshold_stage_needs_STAGE_0_to_15 u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            threshold_stage_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (THRESHOLD_BITS < ACC_BITS) begin : gen_threshold_bits_at_least_acc_bits
            threshold_stage_needs_THRESHOLD_BITS_at_least_ACC_BITS u_refused ();
        end
        if (BLOCK != 0 && BLOCK != 1) begin : gen_block_0_or_1
            threshold_stage_needs_BLOCK_0_or_1 u_refused ();
        end
        if (FOLD_BITS != ((FOLDS > 1) ? $clog2(FOLDS) : 1)) begin : gen_fold_bits_as_derived
            threshold_stage_needs_FOLD_BITS_as_derived u_refused ();
        end
        if (FOUND_BITS != ((STAGE > 0) ? STAGE : 1)) begin : gen_found_bits_as_derived
            threshold_stage_needs_FOUND_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer DEPTH = FOLDS << STAGE;
    localparam integer ADDR_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1;
    localparam integer PAD = ADDR_BITS + 1;  // one bit more, so that no shift loses a bit
    localparam [7:0] DIGIT = (STAGE < 10) ? "0" + STAGE[7:0] : "a" + STAGE[7:0] - 8'd10;

    localparam [THRESHOLD_BITS-1:0] ONES = {THRESHOLD_BITS{1'b1}};
    localparam [THRESHOLD_BITS-1:0] SIGN = ONES ^ (ONES >> 1);
    localparam FILE = (MEM != "") ? {MEM, "_", DIGIT, ".mem"} : "";

    wire [PAD-1:0] base = {{(PAD-FOLD_BITS){1'b0}}, fold_in} << STAGE;

    // What is compared, beside threshold_q.
    wire [PE*ACC_BITS-1:0] acc_read;
    wire [PE*FOUND_BITS-1:0] found_read;
    reg [FOLD_BITS-1:0] fold_q;
    generate
        if (STAGE == 0) begin : gen_ahead
            assign acc_read   = acc_in;
            assign found_read = found_in;
        end else begin : gen_beside
            reg [PE*ACC_BITS-1:0] acc_q;
            reg [PE*FOUND_BITS-1:0] found_q;
            always @(posedge clk) begin
                if (en) begin
                    acc_q   <= acc_in;
                    found_q <= found_in;
                end
            end
            assign acc_read   = acc_q;
            assign found_read = found_q;
        end
    endgenerate

    always @(posedge clk) begin
        if (en) begin
            fold_q   <= fold_in;
            fold_out <= fold_q;
            acc_out  <= acc_read;
        end
    end

    genvar pe;
    generate
        for (pe = 0; pe < PE; pe = pe + 1) begin : gen_pe
            wire [PAD-1:0] addr;
            // Words hold the thresholds of all PEs, each of which looks at a word of its own.
            wire [PE*THRESHOLD_BITS-1:0] word_q;
            rom #(
                .WIDTH      (PE * THRESHOLD_BITS),
                .DEPTH      (DEPTH),
                .MEM        (FILE),
                .BLOCK      (BLOCK),
                .BLOCK_STYLE(BLOCK_STYLE)
            ) u_thresholds (
                .clk (clk),
                .en  (en),
                .addr(addr[ADDR_BITS-1:0]),
                .data(word_q)
            );
            wire [THRESHOLD_BITS-1:0] threshold = word_q[pe*THRESHOLD_BITS +: THRESHOLD_BITS];

            wire [ACC_BITS-1:0] acc = acc_read[pe*ACC_BITS +: ACC_BITS];
            wire [THRESHOLD_BITS-1:0] acc_wide;
            if (THRESHOLD_BITS > ACC_BITS) begin : gen_extend
                assign acc_wide = {{(THRESHOLD_BITS-ACC_BITS){acc[ACC_BITS-1]}}, acc};
            end else begin : gen_same
                assign acc_wide = acc;
            end
            // Signed, as unsigned numbers with the signs inverted: so the carry chain's end is
            // the result, with no signs to look at behind it.
            reg bit_q;
            always @(posedge clk) if (en) bit_q <= (acc_wide ^ SIGN) > (threshold ^ SIGN);

            wire [FOUND_BITS-1:0] found = found_in[pe*FOUND_BITS +: FOUND_BITS];
            wire [FOUND_BITS-1:0] found_now = found_read[pe*FOUND_BITS +: FOUND_BITS];
            if (STAGE == 0) begin : gen_first
                assign addr = base;
                assign found_out[pe] = bit_q;
                wire unused = &{1'b0, found, found_now};
            end else begin : gen_later
                reg [STAGE-1:0] found_q;
                always @(posedge clk) if (en) found_q <= found_now;
                assign addr = base | {{(PAD-STAGE){1'b0}}, found};
                assign found_out[pe*(STAGE+1) +: STAGE+1] = {found_q, bit_q};
            end
            wire unused = &{1'b0, addr[PAD-1:ADDR_BITS], word_q};
        end
    endgenerate
endmodule
`default_nettype wire
