// Pipelined sum of two products: the bits of two signed weights choose among sums of two inputs.
//
//   p = w0*x0 + w1*x1
//   A bit of w0 and the same bit of w1 choose a row out of 0, x0, x1 and x0 + x1. The last is
//   made once, a stage ahead, for all that multiply these inputs: a row needs no carry of its
//   own, is INPUT_BITS + 1 bits for two products, and lies in the LUTs of the adder that takes
//   it in. One bit per stage, the lowest first and the highest, the sign, subtracted: latency
//   1 + WEIGHT_BITS cycles of en from x, WEIGHT_BITS from w. Throughput 1 per cycle.
//
//   x -> x0, x1, x0 + x1 -> bit 0 -> bit 1 -> .. -> p      (bits to come and inputs move along)
//                           w
//
//   Bits that wait for their stage, of w and of p, have a reset: they stay flip-flops, of which
//   an adder has one per LUT beside it, where a shift register would be a LUT.
//
// Parameters
//   WEIGHT_BITS   bits of a weight, signed, >= 1
//   INPUT_BITS    bits of an input, >= 1
//   INPUT_SIGNED  1: inputs are two's complement, 0: unsigned
//   FIXED         1: w never changes and waits for nothing, 0: w comes 1 en after its x
`default_nettype none
module pair_product #(
    parameter integer WEIGHT_BITS  = 4,
    parameter integer INPUT_BITS   = 4,
    parameter integer INPUT_SIGNED = 0,
    parameter integer FIXED        = 0
) (
    input  wire                            clk,
    input  wire                            rst_n,
    input  wire                            en,
    input  wire [2*WEIGHT_BITS-1:0]        w,  // w0 in the low bits
    input  wire [2*INPUT_BITS-1:0]         x,
    output wire [WEIGHT_BITS+INPUT_BITS:0] p
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WEIGHT_BITS < 1) begin : gen_weight_bits_at_least_1
            pair_product_needs_WEIGHT_BITS_at_least_1 u_refused ();
        end
        if (INPUT_BITS < 1) begin : gen_input_bits_at_least_1
            pair_product_needs_INPUT_BITS_at_least_1 u_refused ();
        end
        if (INPUT_SIGNED != 0 && INPUT_SIGNED != 1) begin : gen_input_signed_0_or_1
            pair_product_needs_INPUT_SIGNED_0_or_1 u_refused ();
        end
        if (FIXED != 0 && FIXED != 1) begin : gen_fixed_0_or_1
            pair_product_needs_FIXED_0_or_1 u_refused ();
        end
    endgenerate

    localparam integer BITS = (WEIGHT_BITS > 0) ? WEIGHT_BITS : 1;  // stages, never 0
    localparam integer ROW = INPUT_BITS + 1;
    // A sum so far without the low bits that are final: half of one before, and a row.
    localparam integer UPPER = ROW + 1;

    wire [INPUT_BITS-1:0] x0 = x[INPUT_BITS-1:0];
    wire [INPUT_BITS-1:0] x1 = x[2*INPUT_BITS-1:INPUT_BITS];
    wire [ROW-1:0] x0_wide = {(INPUT_SIGNED != 0) && x0[INPUT_BITS-1], x0};
    wire [ROW-1:0] x1_wide = {(INPUT_SIGNED != 0) && x1[INPUT_BITS-1], x1};

    genvar k;
    generate
        for (k = 0; k < BITS; k = k + 1) begin : gen_bit
            // Inputs of this stage, and their sum.
            reg [INPUT_BITS-1:0] x0_q;
            reg [INPUT_BITS-1:0] x1_q;
            reg [ROW-1:0] both_q;
            // What is left of both weights: bit k and those above it.
            localparam integer LEFT = BITS - k;
            wire [LEFT-1:0] w0;
            wire [LEFT-1:0] w1;
            if (k == 0) begin : gen_inputs
                assign w0 = w[BITS-1:0];
                assign w1 = w[2*BITS-1:BITS];
                always @(posedge clk) begin
                    if (en) begin
                        x0_q   <= x0;
                        x1_q   <= x1;
                        both_q <= x0_wide + x1_wide;
                    end
                end
            end else begin : gen_moved
                if (FIXED != 0) begin : gen_fixed
                    assign w0 = w[BITS-1:k];
                    assign w1 = w[2*BITS-1:BITS+k];
                end else begin : gen_wait
                    reg [LEFT-1:0] w0_q;
                    reg [LEFT-1:0] w1_q;
                    always @(posedge clk) begin
                        if (!rst_n) begin
                            w0_q <= {LEFT{1'b0}};
                            w1_q <= {LEFT{1'b0}};
                        end else if (en) begin
                            w0_q <= gen_bit[k-1].w0[LEFT:1];
                            w1_q <= gen_bit[k-1].w1[LEFT:1];
                        end
                    end
                    assign w0 = w0_q;
                    assign w1 = w1_q;
                end
                always @(posedge clk) begin
                    if (en) begin
                        x0_q   <= gen_bit[k-1].x0_q;
                        x1_q   <= gen_bit[k-1].x1_q;
                        both_q <= gen_bit[k-1].both_q;
                    end
                end
            end

            wire sign0 = (INPUT_SIGNED != 0) && x0_q[INPUT_BITS-1];
            wire sign1 = (INPUT_SIGNED != 0) && x1_q[INPUT_BITS-1];
            wire [ROW-1:0] row = ({ROW{w0[0] && w1[0]}} & both_q)
                               | ({ROW{w0[0] && !w1[0]}} & {sign0, x0_q})
                               | ({ROW{w1[0] && !w0[0]}} & {sign1, x1_q});
            wire [UPPER-1:0] wide = {(INPUT_SIGNED != 0) && row[ROW-1], row};
            wire [UPPER-1:0] above;  // the sum so far, from bit k on
            wire [UPPER:0] next;  // above +- row, the lowest bit makes the carry
            if (k == 0) begin : gen_first
                assign above = {UPPER{1'b0}};
            end else begin : gen_next
                wire top = (INPUT_SIGNED != 0) && gen_bit[k-1].sum_q[UPPER+k-2];
                assign above = {top, gen_bit[k-1].sum_q[UPPER+k-2:k]};
            end
            if (k == BITS - 1) begin : gen_sign
                assign next = {above - wide, 1'b0};
            end else if (k == 0) begin : gen_row
                assign next = {wide, 1'b0};
            end else begin : gen_plain
                // As a difference, for the operand that is subtracted never feeds a carry
                // chain directly: there a row would cost a second LUT per bit (product.v).
                assign next = {above, 1'b0} - {~wide, 1'b1};
            end
            reg [UPPER+k-1:0] sum_q;  // of bits 0..k
            if (k == 0) begin : gen_low
                always @(posedge clk)
                    if (!rst_n) sum_q <= {UPPER{1'b0}};
                    else if (en) sum_q <= next[UPPER:1];
            end else begin : gen_lows
                always @(posedge clk)
                    if (!rst_n) sum_q <= {(UPPER+k){1'b0}};
                    else if (en) sum_q <= {next[UPPER:1], gen_bit[k-1].sum_q[k-1:0]};
            end
            wire unused = &{1'b0, above, next[0], w0, w1};
        end
    endgenerate

    assign p = gen_bit[BITS-1].sum_q;
endmodule
`default_nettype wire
