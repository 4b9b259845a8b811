// Simulation only: stops where an accumulator leaves its ACC_BITS bits.
//
//   exact = (first ? start : exact) + w[0]*x[0] + ... + w[SIMD-1]*x[SIMD-1]
//   in 64 bits, from the operands, apart from dot_product.v, product.v and accumulator.v:
//   those are right modulo 2^ACC_BITS, so that nothing in them shows an overflow.
//   Where weights are signs of one bit a product is that of -1 or +1, and one of inputs of one
//   unsigned bit is 1 where the two agree, else 0.
//   In synthesis the module is empty and nobody instantiates it.
//
// Parameters
//   SIMD          lanes, >= 1
//   WEIGHT_BITS   bits of a weight, signed, 1..32
//   INPUT_BITS    bits of an input, 1..32
//   INPUT_SIGNED  1: inputs are two's complement, 0: unsigned
//   SIGNS         1: weights are signs (mvau.v), 0: numbers
//   ACC_BITS      P, bits of the accumulator, signed, 1..64
//   STAGES        cycles of en from weights and inputs to their sum, >= 1
`default_nettype none
module overflow_check #(
    parameter integer SIMD         = 4,
    parameter integer WEIGHT_BITS  = 4,
    parameter integer INPUT_BITS   = 4,
    parameter integer INPUT_SIGNED = 0,
    parameter integer SIGNS        = 0,
    parameter integer ACC_BITS     = 12,
    parameter integer STAGES       = 3
) (
    input wire                        clk,
    input wire                        rst_n,
    input wire                        en,
    input wire [SIMD*WEIGHT_BITS-1:0] weights,
    input wire [SIMD*INPUT_BITS-1:0]  inputs,
    input wire                        valid,  // these three are the accumulator's own: STAGES
    input wire                        first,  // behind weights and inputs
    input wire [ACC_BITS-1:0]         start
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (SIMD < 1) begin : gen_simd_at_least_1
            overflow_check_needs_SIMD_at_least_1 u_refused ();
        end
        if (WEIGHT_BITS < 1 || WEIGHT_BITS > 32) begin : gen_weight_bits_1_to_32
            overflow_check_needs_WEIGHT_BITS_1_to_32 u_refused ();
        end
        if (INPUT_BITS < 1 || INPUT_BITS > 32) begin : gen_input_bits_1_to_32
            overflow_check_needs_INPUT_BITS_1_to_32 u_refused ();
        end
        if (INPUT_SIGNED != 0 && INPUT_SIGNED != 1) begin : gen_input_signed_0_or_1
            overflow_check_needs_INPUT_SIGNED_0_or_1 u_refused ();
        end
        if (SIGNS != 0 && SIGNS != 1) begin : gen_signs_0_or_1
            overflow_check_needs_SIGNS_0_or_1 u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            overflow_check_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (STAGES < 1) begin : gen_stages_at_least_1
            overflow_check_needs_STAGES_at_least_1 u_refused ();
        end
    endgenerate

    // altera translate_off
`ifndef SYNTHESIS
    localparam integer COUNTS = (SIGNS != 0 && INPUT_BITS == 1 && INPUT_SIGNED == 0) ? 1 : 0;

    genvar lane;
    generate
        for (lane = 0; lane < SIMD; lane = lane + 1) begin : gen_lane
            wire [WEIGHT_BITS-1:0] w = weights[lane*WEIGHT_BITS +: WEIGHT_BITS];
            wire [INPUT_BITS-1:0] x = inputs[lane*INPUT_BITS +: INPUT_BITS];
            wire x_sign = (INPUT_SIGNED != 0) && x[INPUT_BITS-1];
            wire [63:0] w_wide = (SIGNS == 0) ? {{(64-WEIGHT_BITS){w[WEIGHT_BITS-1]}}, w}
                                              : w[0] ? 64'd1 : ~64'd0;
            wire [63:0] x_wide = {{(64-INPUT_BITS){x_sign}}, x};
            wire [63:0] product = (COUNTS == 0) ? w_wide * x_wide : {63'd0, w[0] == x[0]};
            wire [63:0] so_far;  // of lanes 0..lane
            if (lane == 0) begin : gen_first
                assign so_far = product;
            end else begin : gen_next
                assign so_far = gen_lane[lane-1].so_far + product;
            end
        end
    endgenerate

    reg [64*STAGES-1:0] sums_q;  // the newest in the low bits
    wire [64*STAGES+63:0] sums = {sums_q, gen_lane[SIMD-1].so_far};
    wire [63:0] sum = sums[64*STAGES+63:64*STAGES];

    reg [63:0] exact_q;
    wire [63+ACC_BITS:0] start_wide = {{64{start[ACC_BITS-1]}}, start};
    wire [63:0] exact = (first ? start_wide[63:0] : exact_q) + sum;
    wire [64-ACC_BITS:0] above = exact[63:ACC_BITS-1];  // sign bits of one that fits

    sim_stop u_stop ();
    always @(posedge clk) begin
        if (en) sums_q <= sums[64*STAGES-1:0];
        if (en && valid) exact_q <= exact;
        if (en && valid && rst_n && (|above) && !(&above)) begin
            $display("ERROR %m: accumulator overflows %0d bits", ACC_BITS);
            u_stop.fail;
        end
    end
    wire unused = &{1'b0, start_wide};
`endif
    // altera translate_on
endmodule
`default_nettype wire
