// Pipelined product of a signed weight and an input, by radix-4 Booth recoding.
//
//   p = w * x
//   Two weight bits and the one below make a digit -2..2; a digit times x is one LUT a bit,
//   and the LUT of the adder that takes it in. One digit a stage, the lowest first, so that
//   no stage holds more than one carry chain: latency ceil(WEIGHT_BITS / 2) cycles of en,
//   throughput 1 a cycle.
//
//   w, x -> digit 0 -> digit 1 -> .. -> p      (the digits to come and x move along)
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
    input  wire                              clk,
    input  wire                              en,
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
    // Bits of a digit times x. Digits 0..k are a number of 2k+2 bits, so their product without
    // its 2k low bits, which are final, has as many.
    localparam integer ROW = INPUT_BITS + 2;
    localparam integer EXTRA = 2 * DIGITS - WEIGHT_BITS;

    genvar k;
    generate
        for (k = 0; k < DIGITS; k = k + 1) begin : gen_digit
            localparam integer LATER = 2 * (DIGITS - 1 - k);  // bits of the digits to come
            wire [LATER+2:0] bits;  // of digit k and later, above the bit below them
            wire [INPUT_BITS-1:0] factor;
            if (k == 0) begin : gen_inputs
                wire [2*DIGITS+1:0] wide = {{(EXTRA+1){w[WEIGHT_BITS-1]}}, w, 1'b0};
                assign bits   = wide[2*DIGITS:0];
                assign factor = x;
                wire unused = wide[2*DIGITS+1];
            end else begin : gen_moved
                assign bits   = gen_digit[k-1].gen_move.bits_q;
                assign factor = gen_digit[k-1].gen_move.factor_q;
            end
            if (LATER > 0) begin : gen_move
                reg [LATER:0] bits_q;
                reg [INPUT_BITS-1:0] factor_q;
                always @(posedge clk) begin
                    if (en) begin
                        bits_q   <= bits[LATER+2:2];
                        factor_q <= factor;
                    end
                end
            end

            // Digit -2*high + mid + low; its negative is inverted here, +1 comes by the carry.
            wire high = bits[2];
            wire mid = bits[1];
            wire low = bits[0];
            wire is_one = mid ^ low;
            wire is_two = (high ^ mid) && !is_one;
            wire sign = (INPUT_SIGNED != 0) && factor[INPUT_BITS-1];
            wire [ROW-1:0] once = {{2{sign}}, factor};
            wire [ROW-1:0] twice = {sign, factor, 1'b0};
            wire [ROW-1:0] row =
                (({ROW{is_one}} & once) | ({ROW{is_two}} & twice)) ^ {ROW{high}};
            reg [ROW+2*k-1:0] sum_q;  // product of digits 0..k
            if (k == 0) begin : gen_first
                always @(posedge clk) if (en) sum_q <= row + {{(ROW-1){1'b0}}, high};
            end else begin : gen_next
                wire [ROW+2*k-3:0] so_far = gen_digit[k-1].sum_q;
                wire so_far_sign = so_far[ROW+2*k-3];
                wire [ROW-1:0] above = {{2{so_far_sign}}, so_far[ROW+2*k-3:2*k]};
                // above + row + high, the lowest bit makes the carry. As a difference, for the
                // operand that is subtracted never feeds a carry chain directly (Yosys orders
                // those of a sum by itself): there a row would cost a second LUT a bit.
                wire [ROW:0] added = {above, 1'b0} - ~{row, high};
                always @(posedge clk) if (en) sum_q <= {added[ROW:1], so_far[2*k-1:0]};
                wire unused = added[0];
            end
        end
    endgenerate

    wire [INPUT_BITS+2*DIGITS-1:0] total = gen_digit[DIGITS-1].sum_q;
    assign p = total[WEIGHT_BITS+INPUT_BITS-1:0];
    wire unused = &{1'b0, total};
endmodule
`default_nettype wire
