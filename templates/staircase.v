// Staircase of one row whose steps are constants: turns the bits of a sum into an activation.
//
//   n = number of steps that the sum has reached, level = n ^ FLIP
//   A sum is counted from ORIGIN on, modulo 2^BITS: step k is reached by sums of
//   STEPS[k] and more above it. So a sum may be any number of values that BITS bits tell apart,
//   wherever they lie. FLIP turns n round (all ones: 2^OUTPUT_BITS - 1 - n) or makes it signed
//   (the top bit).
//
//   Without a clock. A comparison with a constant is a chain of and/or from the lowest bit on,
//   not a subtraction: what comparisons of one sum have in common is logic, and not built twice.
//
// Parameters
//   BITS         bits of the sum, 1..64
//   OUTPUT_BITS  A, bits of the activation, 1..16
//   ORIGIN       bits of the sum that counts as 0
//   FLIP         what turns n into the activation
//   STEPS        2^A - 1 numbers of BITS + 1 bits that do not fall, the first in the low bits;
//                0 is reached by every sum, 2^BITS by none
//   STEPS_BITS   bits of all steps: derived, no other value is taken
`default_nettype none
module staircase #(
    parameter integer BITS        = 10,
    parameter integer OUTPUT_BITS = 2,
    parameter [BITS-1:0] ORIGIN = 0,
    parameter [OUTPUT_BITS-1:0] FLIP = 0,
    parameter integer STEPS_BITS  = ((1 << OUTPUT_BITS) - 1) * (BITS + 1),
    parameter [STEPS_BITS-1:0] STEPS = 0
) (
    input  wire [BITS-1:0]        sum,
    output wire [OUTPUT_BITS-1:0] level
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (BITS < 1 || BITS > 64) begin : gen_bits_1_to_64
            staircase_needs_BITS_1_to_64 u_refused ();
        end
        if (OUTPUT_BITS < 1 || OUTPUT_BITS > 16) begin : gen_output_bits_1_to_16
            staircase_needs_OUTPUT_BITS_1_to_16 u_refused ();
        end
        if (STEPS_BITS != ((1 << OUTPUT_BITS) - 1) * (BITS + 1)) begin : gen_steps_bits_as_derived
            staircase_needs_STEPS_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer LEVELS = (1 << OUTPUT_BITS) - 1;

    // Sums below ORIGIN, as bits read, are those that have turned over.
    wire [BITS:0] above_origin;
    assign above_origin[0] = 1'b1;
    wire turned = !above_origin[BITS];

    // reached[k]: step k - 1; reached[0] holds always, the last one never.
    wire [LEVELS+1:0] reached;
    assign reached[0] = 1'b1;
    assign reached[LEVELS+1] = 1'b0;

    genvar bit_, k;
    generate
        for (bit_ = 0; bit_ < BITS; bit_ = bit_ + 1) begin : gen_origin
            assign above_origin[bit_+1] = ORIGIN[bit_] ? sum[bit_] && above_origin[bit_]
                                                       : sum[bit_] || above_origin[bit_];
        end
        for (k = 0; k < LEVELS; k = k + 1) begin : gen_step
            localparam [BITS:0] STEP = STEPS[k*(BITS+1) +: BITS+1];
            // Where the step lies among the bits of a sum; the carry says that it has turned over.
            localparam [BITS:0] AT = {1'b0, ORIGIN} + {1'b0, STEP[BITS-1:0]};
            wire [BITS:0] above;
            assign above[0] = 1'b1;
            for (bit_ = 0; bit_ < BITS; bit_ = bit_ + 1) begin : gen_bit
                assign above[bit_+1] = AT[bit_] ? sum[bit_] && above[bit_]
                                                : sum[bit_] || above[bit_];
            end
            assign reached[k+1] = STEP[BITS] ? 1'b0
                                : AT[BITS] ? turned && above[BITS] : turned || above[BITS];
        end
        // n has bit b where the last step that is reached has it: steps go in runs of 2^b.
        for (bit_ = 0; bit_ < OUTPUT_BITS; bit_ = bit_ + 1) begin : gen_level
            wire [LEVELS:0] last;
            for (k = 0; k <= LEVELS; k = k + 1) begin : gen_last
                localparam [31:0] N = k;
                assign last[k] = N[bit_] && reached[k] && !reached[k+1];
            end
            assign level[bit_] = (|last) ^ FLIP[bit_];
        end
    endgenerate
endmodule
`default_nettype wire
