// Pipelined dot product of SIMD integer weights and inputs, trimmed to ACC_BITS.
//
//   sum = w[0]*x[0] + ... + w[SIMD-1]*x[SIMD-1]
//   Products, and a tree of adders above them, a register after each level: throughput 1 per
//   cycle. A product is of one lane (product.v, two bits of its weight per row), or of two
//   (PAIRS, pair_product.v, a bit of both weights per row, the last of an odd number of lanes
//   beside a lane of zeros):
//              inputs come                latency from the inputs, cycles of en
//     of one   with their weights         ceil(WEIGHT_BITS / 2) + ceil(log2(SIMD))
//     of two   a cycle ahead of them      WEIGHT_BITS + ceil(log2(SIMD))
//   A node of level l has min(WEIGHT_BITS + INPUT_BITS + l, ACC_BITS) bits, level 1 being that of
//   products of two: an accumulator of ACC_BITS bits takes no more from it. A node below ACC_BITS
//   bits is exact; one of ACC_BITS bits is a sum modulo 2^ACC_BITS, and no later node extends its
//   sign. Where accumulators start at 0 the certificate bounds every partial sum, so none wraps;
//   where they start elsewhere a partial sum may, and the accumulator is right all the same.
//
// Parameters
//   SIMD          lanes, >= 1
//   WEIGHT_BITS   bits of a weight, signed, 1..32
//   INPUT_BITS    bits of an input, 1..32
//   INPUT_SIGNED  1: inputs are two's complement, 0: unsigned
//   ACC_BITS      P, bits of the accumulator, 1..64
//   PAIRS         1: products are of two lanes, where there are two, 0: of one
//   FIXED         1: weights never change, 0: they come as above
//   SUM_BITS      bits of sum: derived, no other value is taken
`default_nettype none
module dot_product #(
    parameter integer SIMD         = 4,
    parameter integer WEIGHT_BITS  = 4,
    parameter integer INPUT_BITS   = 4,
    parameter integer INPUT_SIGNED = 0,
    parameter integer ACC_BITS     = 12,
    parameter integer PAIRS        = 0,
    parameter integer FIXED        = 0,
    parameter integer SUM_BITS     =
        (WEIGHT_BITS + INPUT_BITS + $clog2(SIMD) < ACC_BITS)
        ? WEIGHT_BITS + INPUT_BITS + $clog2(SIMD) : ACC_BITS
) (
    input  wire                        clk,
    input  wire                        rst_n,
    input  wire                        en,
    input  wire [SIMD*WEIGHT_BITS-1:0] weights,
    input  wire [SIMD*INPUT_BITS-1:0]  inputs,
    output wire [SUM_BITS-1:0]         sum
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (SIMD < 1) begin : gen_simd_at_least_1
            dot_product_needs_SIMD_at_least_1 u_refused ();
        end
        if (WEIGHT_BITS < 1 || WEIGHT_BITS > 32) begin : gen_weight_bits_1_to_32
            dot_product_needs_WEIGHT_BITS_1_to_32 u_refused ();
        end
        if (INPUT_BITS < 1 || INPUT_BITS > 32) begin : gen_input_bits_1_to_32
            dot_product_needs_INPUT_BITS_1_to_32 u_refused ();
        end
        if (INPUT_SIGNED != 0 && INPUT_SIGNED != 1) begin : gen_input_signed_0_or_1
            dot_product_needs_INPUT_SIGNED_0_or_1 u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            dot_product_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (PAIRS != 0 && PAIRS != 1) begin : gen_pairs_0_or_1
            dot_product_needs_PAIRS_0_or_1 u_refused ();
        end
        if (FIXED != 0 && FIXED != 1) begin : gen_fixed_0_or_1
            dot_product_needs_FIXED_0_or_1 u_refused ();
        end
        if (SUM_BITS != ((GROWN < ACC_BITS) ? GROWN : ACC_BITS)) begin : gen_sum_bits_as_derived
            dot_product_needs_SUM_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer PAIRED = (PAIRS != 0 && SIMD > 1) ? 1 : 0;
    localparam integer LEAVES = (PAIRED != 0) ? (SIMD + 1) / 2 : SIMD;
    localparam integer LEVELS = $clog2(LEAVES);
    localparam integer FULL = WEIGHT_BITS + INPUT_BITS + PAIRED;  // bits of an exact leaf
    localparam integer LEAF = (FULL < ACC_BITS) ? FULL : ACC_BITS;
    localparam integer GROWN = FULL + LEVELS;  // bits of an exact sum

    genvar leaf, level, node;
    generate
        for (leaf = 0; leaf < LEAVES; leaf = leaf + 1) begin : gen_leaf
            localparam integer LANE = (PAIRED != 0) ? 2 * leaf : leaf;
            localparam integer LANES = (PAIRED != 0 && LANE + 1 < SIMD) ? 2 : 1;
            localparam integer W_BITS = LANES * WEIGHT_BITS;
            localparam integer X_BITS = LANES * INPUT_BITS;
            wire [W_BITS-1:0] w = weights[LANE*WEIGHT_BITS +: W_BITS];
            wire [X_BITS-1:0] x = inputs[LANE*INPUT_BITS +: X_BITS];
            wire [FULL-1:0] full;
            if (PAIRED != 0) begin : gen_pair
                wire [2*WEIGHT_BITS-1:0] w_pair;
                wire [2*INPUT_BITS-1:0] x_pair;
                if (LANES == 2) begin : gen_two
                    assign w_pair = w;
                    assign x_pair = x;
                end else begin : gen_one
                    assign w_pair = {{WEIGHT_BITS{1'b0}}, w};
                    assign x_pair = {{INPUT_BITS{1'b0}}, x};
                end
                pair_product #(
                    .WEIGHT_BITS (WEIGHT_BITS),
                    .INPUT_BITS  (INPUT_BITS),
                    .INPUT_SIGNED(INPUT_SIGNED),
                    .FIXED       (FIXED)
                ) u_product (
                    .clk  (clk),
                    .rst_n(rst_n),
                    .en   (en),
                    .w    (w_pair),
                    .x    (x_pair),
                    .p    (full)
                );
            end else begin : gen_single
                product #(
                    .WEIGHT_BITS (WEIGHT_BITS),
                    .INPUT_BITS  (INPUT_BITS),
                    .INPUT_SIGNED(INPUT_SIGNED)
                ) u_product (
                    .clk(clk),
                    .en (en),
                    .w  (w),
                    .x  (x),
                    .p  (full)
                );
                wire unused = rst_n;
            end
            wire unused = &{1'b0, full};
        end

        // Nodes of a level lie side by side in one vector, node 0 in the low bits.
        for (level = 0; level <= LEVELS; level = level + 1) begin : gen_level
            localparam integer NODES = (LEAVES + (1 << level) - 1) >> level;
            localparam integer BITS = (FULL + level < ACC_BITS) ? FULL + level : ACC_BITS;
            wire [NODES*BITS-1:0] sums;
            if (level == 0) begin : gen_leaves
                for (node = 0; node < NODES; node = node + 1) begin : gen_node
                    assign sums[node*BITS +: BITS] = gen_leaf[node].full[LEAF-1:0];
                end
            end else begin : gen_adders
                localparam integer BELOW = (LEAVES + (1 << (level - 1)) - 1) >> (level - 1);
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
endmodule
`default_nettype wire
