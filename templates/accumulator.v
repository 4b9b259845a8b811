// Accumulator of exactly ACC_BITS bits: one sum a cycle, restarted at the first of a fold.
//
//   acc = first ? sum : acc + sum      1 cycle after en && valid
//   The only loop of the datapath that must close in one cycle: its carry chain is ACC_BITS
//   long. It wraps on overflow; a simulation stops there instead.
//
// Parameters
//   SUM_BITS  bits of a sum, signed, 1..ACC_BITS
//   ACC_BITS  P, bits of the accumulator, signed
//   ONE_SUM   1: every sum is a whole fold (SF = 1), so no adder is built
`default_nettype none
module accumulator #(
    parameter integer SUM_BITS = 10,
    parameter integer ACC_BITS = 12,
    parameter integer ONE_SUM  = 0
) (
    input  wire                clk,
    input  wire                en,
    input  wire                valid,
    input  wire                check,  // not in reset (simulation checks only)
    input  wire                first,
    input  wire [SUM_BITS-1:0] sum,
    output reg  [ACC_BITS-1:0] acc
);
    wire [ACC_BITS-1:0] addend;
    generate
        if (SUM_BITS < ACC_BITS) begin : gen_extend
            assign addend = {{(ACC_BITS-SUM_BITS){sum[SUM_BITS-1]}}, sum};
        end else begin : gen_same
            assign addend = sum;
        end

        if (ONE_SUM != 0) begin : gen_register
            always @(posedge clk) if (en) acc <= addend;
            wire unused = &{1'b0, valid, first, check};
        end else begin : gen_loop
            wire [ACC_BITS-1:0] kept = first ? {ACC_BITS{1'b0}} : acc;
            wire [ACC_BITS-1:0] next = kept + addend;
            always @(posedge clk) if (en && valid) acc <= next;
`ifndef SYNTHESIS
            wire overflow = (kept[ACC_BITS-1] == addend[ACC_BITS-1])
                         && (next[ACC_BITS-1] != kept[ACC_BITS-1]);
            always @(posedge clk) begin
                if (en && valid && check && overflow) begin
                    $display("ERROR %m: accumulator overflows %0d bits", ACC_BITS);
                    $finish;
                end
            end
`else
            wire unused = check;
`endif
        end
    endgenerate
endmodule
`default_nettype wire
