// Product of a signed weight and an input, by radix-4 Booth recoding.
//
//   p = w * x
//   Two weight bits and the one below make a digit -2..2; a digit times x is one LUT a bit,
//   and the LUT of the adder that takes it in. With Yosys 0.23 a 4x4-bit product takes 11
//   LUTs and an 8x8-bit one 39, where p = w * x takes 24 and 129. Combinational.
//
// Parameters
//   WEIGHT_BITS   bits of w, signed, >= 1
//   INPUT_BITS    bits of x, >= 1
//   INPUT_SIGNED  1: x is two's complement, 0: unsigned
`default_nettype none
module product #(
    parameter integer WEIGHT_BITS  = 4,
    parameter integer INPUT_BITS   = 4,
    parameter integer INPUT_SIGNED = 0
) (
    input  wire [WEIGHT_BITS-1:0]            w,
    input  wire [INPUT_BITS-1:0]             x,
    output wire [WEIGHT_BITS+INPUT_BITS-1:0] p
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WEIGHT_BITS < 1) begin : gen_weight_bits_at_least_1
            product_needs_WEIGHT_BITS_at_least_1 u_refused ();
        end
        if (INPUT_BITS < 1) begin : gen_input_bits_at_least_1
            product_needs_INPUT_BITS_at_least_1 u_refused ();
        end
        if (INPUT_SIGNED != 0 && INPUT_SIGNED != 1) begin : gen_input_signed_0_or_1
            product_needs_INPUT_SIGNED_0_or_1 u_refused ();
        end
    endgenerate

    localparam integer DIGITS = (WEIGHT_BITS > 1) ? (WEIGHT_BITS + 1) / 2 : 1;  // never 0
    localparam integer ROW = INPUT_BITS + 2;  // bits of a digit times x
    localparam integer EXTRA = 2 * DIGITS - WEIGHT_BITS + 1;

    // Bit 0 stands for the bit below w, which is 0.
    wire [2*DIGITS+1:0] bits = {{EXTRA{w[WEIGHT_BITS-1]}}, w, 1'b0};
    wire x_sign = (INPUT_SIGNED != 0) && x[INPUT_BITS-1];
    wire [ROW-1:0] once = {{2{x_sign}}, x};
    wire [ROW-1:0] twice = {x_sign, x, 1'b0};
    wire [ROW+2*DIGITS-1:0] total;

    genvar k;
    generate
        for (k = 0; k < DIGITS; k = k + 1) begin : gen_digit
            // Digit -2*high + mid + low; its negative is inverted here, +1 comes by the carry.
            wire high = bits[2*k+2];
            wire mid = bits[2*k+1];
            wire low = bits[2*k];
            wire is_one = mid ^ low;
            wire is_two = (high ^ mid) && !is_one;
            wire [ROW-1:0] row =
                (({ROW{is_one}} & once) | ({ROW{is_two}} & twice)) ^ {ROW{high}};
            wire [ROW+1:0] sum;  // of digits 0..k, without the 2k low bits that are final
            if (k == 0) begin : gen_first
                wire [ROW:0] added = {row[ROW-1], row} + {{ROW{1'b0}}, high};
                assign sum = {added[ROW], added};
            end else begin : gen_next
                wire [ROW-1:0] above = gen_digit[k-1].sum[ROW+1:2];
                // above + row + high, the lowest bit makes the carry. As a difference, for the
                // operand that is subtracted never feeds a carry chain directly (Yosys orders
                // those of a sum by itself): there a row would cost a second LUT a bit.
                wire [ROW+1:0] added = {above[ROW-1], above, 1'b0} - ~{row[ROW-1], row, high};
                assign sum = {added[ROW+1], added[ROW+1:1]};
                wire unused = added[0];
            end
            assign total[2*k +: 2] = sum[1:0];
        end
    endgenerate

    assign total[ROW+2*DIGITS-1:2*DIGITS] = gen_digit[DIGITS-1].sum[ROW+1:2];
    assign p = total[WEIGHT_BITS+INPUT_BITS-1:0];
    wire unused = &{1'b0, bits[2*DIGITS+1], total};
endmodule
`default_nettype wire
