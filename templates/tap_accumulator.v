// Accumulator of exactly ACC_BITS bits for sums that come with their sign.
//
//   acc = (first ? start : acc) + (negative ? -sum : sum)      1 cycle after en
//   Rows are done without a pause, so nothing has to be kept for longer than the stall that en is.
//   One carry chain of ACC_BITS bits, the only loop of the datapath. Arithmetic is modulo
//   2^ACC_BITS; in a simulation overflow_check.v stops where the exact accumulator does not fit.
//
// Parameters
//   SUM_BITS  bits of a sum, signed, 1..ACC_BITS
//   ACC_BITS  P, bits of the accumulator, signed, 1..64
//   ONE_SUM   1: every sum is a whole row, so nothing is kept, 0: sums add up
`default_nettype none
module tap_accumulator #(
    parameter integer SUM_BITS = 8,
    parameter integer ACC_BITS = 8,
    parameter integer ONE_SUM  = 0
) (
    input  wire                clk,
    input  wire                en,
    input  wire                first,
    input  wire [ACC_BITS-1:0] start,  // what a row begins with; constant 0 costs nothing
    input  wire [SUM_BITS-1:0] sum,
    input  wire                negative,
    output reg  [ACC_BITS-1:0] acc
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (SUM_BITS < 1 || SUM_BITS > ACC_BITS) begin : gen_sum_bits_1_to_acc_bits
            tap_accumulator_needs_SUM_BITS_1_to_ACC_BITS u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            tap_accumulator_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (ONE_SUM != 0 && ONE_SUM != 1) begin : gen_one_sum_0_or_1
            tap_accumulator_needs_ONE_SUM_0_or_1 u_refused ();
        end
    endgenerate

    wire [ACC_BITS-1:0] addend;
    generate
        if (SUM_BITS < ACC_BITS) begin : gen_extend
            assign addend = {{(ACC_BITS-SUM_BITS){sum[SUM_BITS-1]}}, sum};
        end else begin : gen_same
            assign addend = sum;
        end
    endgenerate

    wire [ACC_BITS-1:0] kept = (ONE_SUM != 0 || first) ? start : acc;
    // kept + ~addend + 1 where negative: the 1 is the carry of a bit below.
    wire [ACC_BITS:0] next = {kept, negative} + ({addend, 1'b0} ^ {(ACC_BITS+1){negative}});
    always @(posedge clk) if (en) acc <= next[ACC_BITS:1];
    wire unused = next[0];
endmodule
`default_nettype wire
