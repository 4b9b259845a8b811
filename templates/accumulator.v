// Accumulator of exactly ACC_BITS bits: one sum a cycle, restarted at the first of a fold.
//
//   acc = (first ? start : acc) + sum      1 cycle after en && valid
//   The only loop of the datapath that must close in one cycle: its carry chain is ACC_BITS
//   long. Arithmetic is modulo 2^ACC_BITS, so a sum that wrapped on its way is as good as the
//   exact one, as long as the exact accumulator fits: in a simulation overflow_check.v
//   follows it and stops where it does not.
//
// Parameters
//   SUM_BITS  bits of a sum, signed, 1..ACC_BITS
//   ACC_BITS  P, bits of the accumulator, signed, 1..64
//   ONE_SUM   1: every sum is a whole fold (SF = 1), so nothing is kept, 0: sums add up
`default_nettype none
module accumulator #(
    parameter integer SUM_BITS = 10,
    parameter integer ACC_BITS = 12,
    parameter integer ONE_SUM  = 0
) (
    input  wire                clk,
    input  wire                en,
    input  wire                valid,
    input  wire                first,
    input  wire [ACC_BITS-1:0] start,  // what a fold begins with; constant 0 costs nothing
    input  wire [SUM_BITS-1:0] sum,
    output reg  [ACC_BITS-1:0] acc
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (SUM_BITS < 1 || SUM_BITS > ACC_BITS) begin : gen_sum_bits_1_to_acc_bits
            accumulator_needs_SUM_BITS_1_to_ACC_BITS u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            accumulator_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (ONE_SUM != 0 && ONE_SUM != 1) begin : gen_one_sum_0_or_1
            accumulator_needs_ONE_SUM_0_or_1 u_refused ();
        end
    endgenerate

    wire [ACC_BITS-1:0] addend;
    generate
        if (SUM_BITS < ACC_BITS) begin : gen_extend
            assign addend = {{(ACC_BITS-SUM_BITS){sum[SUM_BITS-1]}}, sum};
        end else begin : gen_same
            assign addend = sum;
        end

        if (ONE_SUM != 0) begin : gen_register
            always @(posedge clk) if (en) acc <= start + addend;
            wire unused = &{1'b0, valid, first};
        end else begin : gen_loop
            wire [ACC_BITS-1:0] kept = first ? start : acc;
            // addend + kept: the bits below borrow the 1 by which ~kept is short of -kept. As a
            // difference, so that kept does not feed the carry chain directly (see product.v).
            wire [ACC_BITS:0] next = {addend, 1'b0} - {~kept, 1'b1};
            always @(posedge clk) if (en && valid) acc <= next[ACC_BITS:1];
            wire unused = next[0];
        end
    endgenerate
endmodule
`default_nettype wire
