// Pipelined count of the lanes in which a bit of the weights and one of the inputs are equal.
//
//   sum = (w[0] == x[0]) + ... + (w[SIMD-1] == x[SIMD-1])
//   With w = 1 for a weight of +1 and 0 for -1, and n weights of -1, that is the sum of weights
//   times inputs of 0 and 1, and n beyond it; an accumulator begins n below (mvau.v).
//   Three lanes are six bits, and their count of two bits two LUTs of six inputs; three counts are
//   six bits again, and their sum of four bits four LUTs; above that is a tree of adders. A
//   register after each level: throughput 1 per cycle, latency, in cycles of en, 1, 2 of more than
//   three lanes, and ceil(log2(ceil(SIMD/9))) more.
//   A node of level l of the tree has min(4 + l, SUM_BITS) bits.
//
// Parameters
//   SIMD      lanes, >= 1
//   ACC_BITS  P, bits of the accumulator behind, 1..64: it takes no more of a sum
//   SUM_BITS  bits of sum, signed and never below 0 unless it is cut off: derived, no other value
//             is taken
`default_nettype none
module xnor_count #(
    parameter integer SIMD     = 16,
    parameter integer ACC_BITS = 8,
    parameter integer SUM_BITS = ($clog2(SIMD + 1) + 1 < ACC_BITS) ? $clog2(SIMD + 1) + 1
                                                                  : ACC_BITS
) (
    input  wire                clk,
    input  wire                en,
    input  wire [SIMD-1:0]     weights,
    input  wire [SIMD-1:0]     inputs,
    output wire [SUM_BITS-1:0] sum
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (SIMD < 1) begin : gen_simd_at_least_1
            xnor_count_needs_SIMD_at_least_1 u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            xnor_count_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (SUM_BITS != ((GROWN < ACC_BITS) ? GROWN : ACC_BITS)) begin : gen_sum_bits_as_derived
            xnor_count_needs_SUM_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer GROWN = $clog2(SIMD + 1) + 1;
    localparam integer THREES = (SIMD + 2) / 3;
    localparam integer NINES = (SIMD + 8) / 9;
    localparam integer LEVELS = $clog2(NINES);
    localparam integer TOP = (THREES > 1) ? 4 + LEVELS : 2;  // bits above the last level

    // A lane beyond the last one has a weight and an input that differ.
    wire [9*NINES-1:0] equal = {{(9*NINES-SIMD){1'b0}}, weights ~^ inputs};
    reg [6*NINES-1:0] threes_q;  // counts of three lanes
    wire [TOP-1:0] total;
    genvar three, level, node;
    generate
        for (three = 0; three < 3 * NINES; three = three + 1) begin : gen_three
            wire a = equal[3*three];
            wire b = equal[3*three+1];
            wire c = equal[3*three+2];
            always @(posedge clk) begin
                if (en) threes_q[2*three +: 2] <= {(a && b) || (a && c) || (b && c), a ^ b ^ c};
            end
        end

        if (THREES == 1) begin : gen_few
            assign total = threes_q[1:0];
            wire unused = &{1'b0, threes_q};
        end else begin : gen_many
            // Nodes of a level lie side by side in one vector, node 0 in the low bits.
            for (level = 0; level <= LEVELS; level = level + 1) begin : gen_level
                localparam integer NODES = (NINES + (1 << level) - 1) >> level;
                localparam integer BITS = 4 + level;
                reg [NODES*BITS-1:0] sums_q;
                if (level == 0) begin : gen_nines
                    for (node = 0; node < NODES; node = node + 1) begin : gen_node
                        wire [5:0] x = threes_q[6*node +: 6];
                        // Full adders of the low bits and of the high ones, and a half adder of
                        // what these two have for the bits of 2.
                        wire two = (x[0] && x[2]) || (x[0] && x[4]) || (x[2] && x[4]);
                        wire twos = x[1] ^ x[3] ^ x[5];
                        wire four = (x[1] && x[3]) || (x[1] && x[5]) || (x[3] && x[5]);
                        wire fours = two && twos;
                        // As 2 + 2 + 2 + 2, so that a count that is not there makes it 0.
                        wire eight = x[1] && x[3] && x[5] && two;
                        always @(posedge clk) begin
                            if (en)
                                sums_q[4*node +: 4] <= {eight, four ^ fours, two ^ twos,
                                                        x[0] ^ x[2] ^ x[4]};
                        end
                    end
                end else begin : gen_adders
                    localparam integer BELOW = (NINES + (1 << (level - 1)) - 1) >> (level - 1);
                    for (node = 0; node < NODES; node = node + 1) begin : gen_node
                        wire [BITS-2:0] left =
                            gen_level[level-1].sums_q[2*node*(BITS-1) +: BITS-1];
                        if (2 * node + 1 < BELOW) begin : gen_add
                            wire [BITS-2:0] right =
                                gen_level[level-1].sums_q[(2*node+1)*(BITS-1) +: BITS-1];
                            always @(posedge clk)
                                if (en) sums_q[node*BITS +: BITS] <= {1'b0, left} + {1'b0, right};
                        end else begin : gen_pass
                            always @(posedge clk)
                                if (en) sums_q[node*BITS +: BITS] <= {1'b0, left};
                        end
                    end
                end
            end
            assign total = gen_level[LEVELS].sums_q;
        end
    endgenerate

    // Bits of total beyond those of SIMD are 0; above them a sign of 0.
    wire [TOP+SUM_BITS-1:0] wide = {{SUM_BITS{1'b0}}, total};
    assign sum = wide[SUM_BITS-1:0];
    wire unused = &{1'b0, wide};
endmodule
`default_nettype wire
