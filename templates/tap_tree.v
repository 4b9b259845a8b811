// Pipelined sum of LANES numbers, each added or subtracted, up to the sign of the whole.
//
//   (negative ? -sum : sum) = s[0]*x[0] + ... + s[LANES-1]*x[LANES-1],   s[i] = +1 or -1
//   A node gives its left operand plus or minus its right one, so that it costs one adder: its
//   sign bit says whether the signs of the two differ. What that leaves out, the sign of lane 0,
//   is the sign of the whole, and travels beside. Nodes are numbered level by level, from the
//   leaves on; a level of an odd number passes its last one on.
//   Latency ceil(log2(LANES)) cycles of en, throughput 1 per cycle. A node of level l has
//   min(N + l, ACC_BITS) bits, N + 1 of unsigned inputs with their sign: exact below ACC_BITS,
//   else modulo 2^ACC_BITS, which is all that an accumulator of ACC_BITS bits takes.
//
// Parameters
//   LANES         >= 1
//   INPUT_BITS    N, bits of x, 1..32
//   INPUT_SIGNED  1: x is two's complement, 0: unsigned
//   ACC_BITS      P, bits of the accumulator behind, 1..64
//   SUM_BITS      bits of sum, signed: derived, no other value is taken
`default_nettype none
module tap_tree #(
    parameter integer LANES        = 4,
    parameter integer INPUT_BITS   = 4,
    parameter integer INPUT_SIGNED = 0,
    parameter integer ACC_BITS     = 12,
    parameter integer SUM_BITS     =
        (INPUT_BITS + 1 - INPUT_SIGNED + $clog2(LANES) < ACC_BITS)
        ? INPUT_BITS + 1 - INPUT_SIGNED + $clog2(LANES) : ACC_BITS
) (
    input  wire                        clk,
    input  wire                        en,
    input  wire [LANES*INPUT_BITS-1:0] x,
    input  wire [LANES-1:0]            signs,  // of the nodes, then that of the whole
    output wire [SUM_BITS-1:0]         sum,
    output wire                        negative
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (LANES < 1) begin : gen_lanes_at_least_1
            tap_tree_needs_LANES_at_least_1 u_refused ();
        end
        if (INPUT_BITS < 1 || INPUT_BITS > 32) begin : gen_input_bits_1_to_32
            tap_tree_needs_INPUT_BITS_1_to_32 u_refused ();
        end
        if (INPUT_SIGNED != 0 && INPUT_SIGNED != 1) begin : gen_input_signed_0_or_1
            tap_tree_needs_INPUT_SIGNED_0_or_1 u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            tap_tree_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (SUM_BITS != ((LEAF + LEVELS < ACC_BITS) ? LEAF + LEVELS : ACC_BITS))
        begin : gen_sum_bits_as_derived
            tap_tree_needs_SUM_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer LEVELS = $clog2(LANES);
    localparam integer LEAF = INPUT_BITS + 1 - INPUT_SIGNED;  // bits of a lane with its sign

    genvar level, node;
    generate
        for (level = 0; level <= LEVELS; level = level + 1) begin : gen_level
            localparam integer NODES = (LANES + (1 << level) - 1) >> level;
            localparam integer BITS = (LEAF + level < ACC_BITS) ? LEAF + level : ACC_BITS;
            // Signs that this level and those above still need, those of its own nodes first.
            localparam integer SIGNS = NODES;
            wire [NODES*BITS-1:0] sums;
            wire [SIGNS-1:0] signs_left;
            if (level == 0) begin : gen_leaves
                assign signs_left = signs;
                wire unused_clock = &{1'b0, clk, en};  // one lane is its own sum
                for (node = 0; node < NODES; node = node + 1) begin : gen_node
                    wire [INPUT_BITS-1:0] lane = x[node*INPUT_BITS +: INPUT_BITS];
                    // Signed lanes have their sign, others get a 0 before them; one bit too many.
                    wire [LEAF:0] wide = {{(LEAF+1-INPUT_BITS){1'b0}}, lane};
                    assign sums[node*BITS +: BITS] = wide[BITS-1:0];
                    wire unused = &{1'b0, wide};
                end
            end else begin : gen_adders
                localparam integer BELOW = (LANES + (1 << (level - 1)) - 1) >> (level - 1);
                localparam integer PAIRS = BELOW / 2;  // and one passed on where BELOW is odd
                localparam integer SMALL = (LEAF + level - 1 < ACC_BITS) ? LEAF + level - 1
                                                                         : ACC_BITS;
                wire [BELOW-1:0] signs_in = gen_level[level-1].signs_left;
                reg [SIGNS-1:0] signs_q;
                assign signs_left = signs_q;
                always @(posedge clk) if (en) signs_q <= signs_in[BELOW-1:PAIRS];

                for (node = 0; node < NODES; node = node + 1) begin : gen_node
                    wire [SMALL-1:0] left = gen_level[level-1].sums[2*node*SMALL +: SMALL];
                    reg [BITS-1:0] sum_q;
                    assign sums[node*BITS +: BITS] = sum_q;
                    if (node < PAIRS) begin : gen_add
                        wire [SMALL-1:0] right =
                            gen_level[level-1].sums[(2*node+1)*SMALL +: SMALL];
                        wire minus = signs_in[node];
                        // left + right, or left + ~right + 1 where minus: the 1 is the carry of a
                        // bit below. As a difference, so that left feeds the carry chain as it is
                        // and a bit is one LUT (see product.v).
                        wire [SMALL:0] inverse = {right[SMALL-1], right} ^ {(SMALL+1){!minus}};
                        wire [SMALL+1:0] full = {left[SMALL-1], left, minus} - {inverse, 1'b1};
                        always @(posedge clk) if (en) sum_q <= full[BITS:1];
                        wire unused = &{1'b0, full};
                    end else begin : gen_pass
                        wire [SMALL:0] full = {left[SMALL-1], left};
                        always @(posedge clk) if (en) sum_q <= full[BITS-1:0];
                        wire unused = &{1'b0, full};
                    end
                end
            end
        end
    endgenerate

    assign sum = gen_level[LEVELS].sums;
    assign negative = gen_level[LEVELS].signs_left;
endmodule
`default_nettype wire
