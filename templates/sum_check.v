// Simulation only: stops where a sum leaves its ACC_BITS bits.
//
//   sum is exact, in 64 bits; apart from the hardware's adders, which are right modulo
//   2^ACC_BITS, so that nothing in them shows an overflow. In synthesis the module is empty and
//   nobody instantiates it.
//
// Parameters
//   ACC_BITS  P, bits of the accumulator, signed, 1..64
`default_nettype none
module sum_check #(
    parameter integer ACC_BITS = 12
) (
    input wire        clk,
    input wire        rst_n,
    input wire        valid,
    input wire [63:0] sum
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            sum_check_needs_ACC_BITS_1_to_64 u_refused ();
        end
    endgenerate

    // altera translate_off
`ifndef SYNTHESIS
    wire [64-ACC_BITS:0] above = sum[63:ACC_BITS-1];  // sign bits of one that fits

    sim_stop u_stop ();
    always @(posedge clk) begin
        if (valid && rst_n && (|above) && !(&above)) begin
            $display("ERROR %m: accumulator overflows %0d bits", ACC_BITS);
            u_stop.fail;
        end
    end
    wire unused = &{1'b0, sum};
`endif
    // altera translate_on
endmodule
`default_nettype wire
