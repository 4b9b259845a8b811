// Per-channel staircase: turns accumulators into OUTPUT_BITS-bit activations.
//
//   n = number of thresholds t of the channel with acc > t   (2^OUTPUT_BITS - 1 of them)
//   out = n, or 2^OUTPUT_BITS - 1 - n where the channel's staircase falls (INVERT),
//   minus 2^(OUTPUT_BITS-1) when signed (which flips the top bit).
//   A binary search of OUTPUT_BITS levels. Each reads its threshold in one stage and compares
//   in the next; the first reads while acc is still being added up. Latency 2*OUTPUT_BITS - 1
//   cycles of en, throughput 1 per cycle.
//
//   fold -> read -> | acc -> compare -> | read -> | compare -> | .. -> out
//
// Parameters
//   PE              channels side by side, >= 1
//   FOLDS           channel folds (NF = MH / PE), >= 1
//   ACC_BITS        P, bits of an accumulator, signed, 1..64
//   THRESHOLD_BITS  bits of a threshold, signed: P, or P + 1 where a threshold below the
//                   smallest P-bit number ("always") is needed
//   OUTPUT_BITS     A, bits of an activation, 1..16
//   OUTPUT_SIGNED   1: two's complement, 0: unsigned
//   INVERT          1: MEM_invert.mem marks channels whose staircase falls, 0: all rise
//   MEM             prefix of the memory files, see threshold_stage.v
//   BLOCK, BLOCK_STYLE   see threshold_stage.v
//   FOLD_BITS       bits of a fold: derived, no other value is taken
`default_nettype none
module thresholds #(
    parameter integer PE             = 2,
    parameter integer FOLDS          = 4,
    parameter integer ACC_BITS       = 8,
    parameter integer THRESHOLD_BITS = 8,
    parameter integer OUTPUT_BITS    = 2,
    parameter integer OUTPUT_SIGNED  = 0,
    parameter integer INVERT         = 0,
    parameter MEM = "",
    parameter integer BLOCK = 0,
    parameter BLOCK_STYLE = "block",
    parameter integer FOLD_BITS = (FOLDS > 1) ? $clog2(FOLDS) : 1
) (
    input  wire                      clk,
    input  wire                      en,
    input  wire [FOLD_BITS-1:0]      fold,  // of the acc that comes with the next en
    input  wire [PE*ACC_BITS-1:0]    acc,
    output wire [PE*OUTPUT_BITS-1:0] out
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (PE < 1) begin : gen_pe_at_least_1
            thresholds_needs_PE_at_least_1 u_refused ();
        end
        if (FOLDS < 1) begin : gen_folds_at_least_1
            thresholds_needs_FOLDS_at_least_1 u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            thresholds_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (THRESHOLD_BITS < ACC_BITS) begin : gen_threshold_bits_at_least_acc_bits
            thresholds_needs_THRESHOLD_BITS_at_least_ACC_BITS u_refused ();
        end
        if (THRESHOLD_BITS > ACC_BITS + 1) begin : gen_threshold_bits_at_most_acc_bits_plus_1
            thresholds_needs_THRESHOLD_BITS_at_most_ACC_BITS_plus_1 u_refused ();
        end
        if (OUTPUT_BITS < 1 || OUTPUT_BITS > 16) begin : gen_output_bits_1_to_16
            thresholds_needs_OUTPUT_BITS_1_to_16 u_refused ();
        end
        if (OUTPUT_SIGNED != 0 && OUTPUT_SIGNED != 1) begin : gen_output_signed_0_or_1
            thresholds_needs_OUTPUT_SIGNED_0_or_1 u_refused ();
        end
        if (INVERT != 0 && INVERT != 1) begin : gen_invert_0_or_1
            thresholds_needs_INVERT_0_or_1 u_refused ();
        end
        if (FOLD_BITS != ((FOLDS > 1) ? $clog2(FOLDS) : 1)) begin : gen_fold_bits_as_derived
            thresholds_needs_FOLD_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam [OUTPUT_BITS-1:0] ONES = {OUTPUT_BITS{1'b1}};
    localparam [OUTPUT_BITS-1:0] FLIP = (OUTPUT_SIGNED != 0) ? ONES ^ (ONES >> 1)
                                                             : {OUTPUT_BITS{1'b0}};

    localparam INVERTED = {MEM, "_invert.mem"};

    genvar stage, pe;
    generate
        for (stage = 0; stage < OUTPUT_BITS; stage = stage + 1) begin : gen_stage
            localparam integer FOUND_BITS = (stage > 0) ? stage : 1;
            wire [FOLD_BITS-1:0] fold_in;
            wire [PE*ACC_BITS-1:0] acc_in;
            wire [PE*FOUND_BITS-1:0] found_in;
            wire [FOLD_BITS-1:0] fold_out;
            wire [PE*ACC_BITS-1:0] acc_out;
            wire [PE*(stage+1)-1:0] found_out;
            if (stage == 0) begin : gen_first
                assign fold_in  = fold;
                assign acc_in   = acc;
                assign found_in = {PE{1'b0}};
            end else begin : gen_next
                assign fold_in  = gen_stage[stage-1].fold_out;
                assign acc_in   = gen_stage[stage-1].acc_out;
                assign found_in = gen_stage[stage-1].found_out;
            end
            threshold_stage #(
                .PE            (PE),
                .FOLDS         (FOLDS),
                .STAGE         (stage),
                .ACC_BITS      (ACC_BITS),
                .THRESHOLD_BITS(THRESHOLD_BITS),
                .MEM           (MEM),
                .BLOCK         (BLOCK),
                .BLOCK_STYLE   (BLOCK_STYLE)
            ) u_stage (
                .clk      (clk),
                .en       (en),
                .fold_in  (fold_in),
                .acc_in   (acc_in),
                .found_in (found_in),
                .fold_out (fold_out),
                .acc_out  (acc_out),
                .found_out(found_out)
            );
        end

        if (INVERT != 0) begin : gen_invert
            (* ram_style = "logic", rom_style = "distributed", romstyle = "logic",
               syn_romstyle = "logic" *)
            reg [PE-1:0] mem [0:FOLDS-1];
            initial if (MEM != "") $readmemh(INVERTED, mem);
        end

        for (pe = 0; pe < PE; pe = pe + 1) begin : gen_out
            wire [OUTPUT_BITS-1:0] count =
                gen_stage[OUTPUT_BITS-1].found_out[pe*OUTPUT_BITS +: OUTPUT_BITS];
            wire [OUTPUT_BITS-1:0] level;
            if (INVERT != 0) begin : gen_falls
                wire [PE-1:0] falls = gen_invert.mem[gen_stage[OUTPUT_BITS-1].fold_out];
                assign level = count ^ {OUTPUT_BITS{falls[pe]}};
                wire unused = &{1'b0, falls};
            end else begin : gen_rises
                assign level = count;
            end
            assign out[pe*OUTPUT_BITS +: OUTPUT_BITS] = level ^ FLIP;
        end
    endgenerate

    // altera translate_off
`ifndef SYNTHESIS
    generate
        if (MEM != "" && INVERT != 0) begin : gen_file
            memory_file #(.MEM(INVERTED), .WIDTH(PE), .DEPTH(FOLDS)) u_file ();
        end
    endgenerate
`endif
    // altera translate_on

    wire unused = &{1'b0, gen_stage[OUTPUT_BITS-1].acc_out, gen_stage[OUTPUT_BITS-1].fold_out};
endmodule
`default_nettype wire
