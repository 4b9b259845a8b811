// Pipelined dot product of SIMD integer weights and inputs, trimmed to ACC_BITS.
//
//   sum = w[0]*x[0] + ... + w[SIMD-1]*x[SIMD-1]
//   One register after every digit of the products (product.v) and one after every tree
//   level: latency ceil(WEIGHT_BITS / 2) + ceil(log2(SIMD)) cycles of en, throughput 1 a
//   cycle. A node of level l has
//   min(WEIGHT_BITS + INPUT_BITS + l, ACC_BITS) bits: an accumulator of ACC_BITS bits takes
//   no more from it. A node below ACC_BITS bits is exact; one of ACC_BITS bits is a sum
//   modulo 2^ACC_BITS, and no later node extends its sign. Where accumulators start at 0 the
//   certificate bounds every partial sum, so none wraps; where they start elsewhere a partial
//   sum may, and the accumulator is right all the same.
//
// Parameters
//   SIMD          lanes, >= 1
//   WEIGHT_BITS   bits of a weight, signed, >= 1
//   INPUT_BITS    bits of an input, >= 1
//   INPUT_SIGNED  1: inputs are two's complement, 0: unsigned
//   ACC_BITS      P, bits of the accumulator, >= 1
//   SUM_BITS      bits of sum (derived, do not override)
`default_nettype none
module dot_product #(
    parameter integer SIMD         = 4,
    parameter integer WEIGHT_BITS  = 4,
    parameter integer INPUT_BITS   = 4,
    parameter integer INPUT_SIGNED = 0,
    parameter integer ACC_BITS     = 12,
    parameter integer SUM_BITS     =
        (WEIGHT_BITS + INPUT_BITS + $clog2(SIMD) < ACC_BITS)
        ? WEIGHT_BITS + INPUT_BITS + $clog2(SIMD) : ACC_BITS
) (
    input  wire                        clk,
    input  wire                        en,
    input  wire [SIMD*WEIGHT_BITS-1:0] weights,
    input  wire [SIMD*INPUT_BITS-1:0]  inputs,
    output wire [SUM_BITS-1:0]         sum,
    output wire [63:0]                 exact  // the sum before it wrapped (simulation only)
);
    localparam integer LEVELS = $clog2(SIMD);
    localparam integer FULL = WEIGHT_BITS + INPUT_BITS;  // bits of an exact product
    localparam integer PRODUCT = (FULL < ACC_BITS) ? FULL : ACC_BITS;

    genvar lane, level, node;
    generate
        // Products. Nodes of a level lie side by side in one vector, node 0 in the low bits.
        for (lane = 0; lane < SIMD; lane = lane + 1) begin : gen_product
            wire [FULL-1:0] full;
            product #(
                .WEIGHT_BITS (WEIGHT_BITS),
                .INPUT_BITS  (INPUT_BITS),
                .INPUT_SIGNED(INPUT_SIGNED)
            ) u_product (
                .clk(clk),
                .en (en),
                .w  (weights[lane*WEIGHT_BITS +: WEIGHT_BITS]),
                .x  (inputs[lane*INPUT_BITS +: INPUT_BITS]),
                .p  (full)
            );
            wire unused = &{1'b0, full};
`ifndef SYNTHESIS
            // The exact sum, apart from the tree and from product.v.
            wire [WEIGHT_BITS-1:0] w = weights[lane*WEIGHT_BITS +: WEIGHT_BITS];
            wire [INPUT_BITS-1:0] x = inputs[lane*INPUT_BITS +: INPUT_BITS];
            wire x_sign = (INPUT_SIGNED != 0) && x[INPUT_BITS-1];
            wire [63:0] w_wide = {{(64-WEIGHT_BITS){w[WEIGHT_BITS-1]}}, w};
            wire [63:0] x_wide = {{(64-INPUT_BITS){x_sign}}, x};
            wire [63:0] so_far;  // of lanes 0..lane
            if (lane == 0) begin : gen_first
                assign so_far = w_wide * x_wide;
            end else begin : gen_next
                assign so_far = gen_product[lane-1].so_far + w_wide * x_wide;
            end
`endif
        end

        for (level = 0; level <= LEVELS; level = level + 1) begin : gen_level
            localparam integer NODES = (SIMD + (1 << level) - 1) >> level;
            localparam integer BITS = (FULL + level < ACC_BITS) ? FULL + level : ACC_BITS;
            wire [NODES*BITS-1:0] sums;
            if (level == 0) begin : gen_leaves
                for (node = 0; node < NODES; node = node + 1) begin : gen_node
                    assign sums[node*BITS +: BITS] = gen_product[node].full[PRODUCT-1:0];
                end
            end else begin : gen_adders
                localparam integer BELOW = (SIMD + (1 << (level - 1)) - 1) >> (level - 1);
                localparam integer SMALL =
                    (FULL - 1 + level < ACC_BITS) ? FULL - 1 + level : ACC_BITS;
                for (node = 0; node < NODES; node = node + 1) begin : gen_node
                    wire [SMALL-1:0] left = gen_level[level-1].sums[2*node*SMALL +: SMALL];
                    reg [BITS-1:0] sum_q;
                    assign sums[node*BITS +: BITS] = sum_q;
                    if (2 * node + 1 < BELOW) begin : gen_add
                        wire [SMALL-1:0] right =
                            gen_level[level-1].sums[(2*node+1)*SMALL +: SMALL];
                        wire [SMALL:0] full = {left[SMALL-1], left} + {right[SMALL-1], right};
                        always @(posedge clk) if (en) sum_q <= full[BITS-1:0];
                        wire unused = full[SMALL];
                    end else begin : gen_pass
                        wire [SMALL:0] full = {left[SMALL-1], left};
                        always @(posedge clk) if (en) sum_q <= full[BITS-1:0];
                        wire unused = full[SMALL];
                    end
                end
            end
        end
    endgenerate

    assign sum = gen_level[LEVELS].sums;
`ifndef SYNTHESIS
    // Moves along with the sums, through as many registers.
    localparam integer STAGES = (WEIGHT_BITS + 1) / 2 + LEVELS;
    reg [64*STAGES-1:0] exact_q;
    wire [64*STAGES+63:0] exact_next = {exact_q, gen_product[SIMD-1].so_far};
    always @(posedge clk) if (en) exact_q <= exact_next[64*STAGES-1:0];
    assign exact = exact_next[64*STAGES+63:64*STAGES];
`else
    assign exact = 64'd0;
`endif
endmodule
`default_nettype wire
