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
//   OUTPUT_BITS  A, bits of the activation, 1..6
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
        if (OUTPUT_BITS < 1 || OUTPUT_BITS > 6) begin : gen_output_bits_1_to_6
            staircase_needs_OUTPUT_BITS_1_to_6 u_refused ();
        end
        if (STEPS_BITS != ((1 << OUTPUT_BITS) - 1) * (BITS + 1)) begin : gen_steps_bits_as_derived
            staircase_needs_STEPS_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer LEVELS = (1 << OUTPUT_BITS) - 1;

    // Loops instead of a net per gate: Icarus takes minutes for a wide staircase of nets. All that
    // depends on constants alone is gone when a loop is unrolled.
    reg turned, above, reached, next;
    reg [BITS:0] step, at;
    reg [OUTPUT_BITS-1:0] count;
    integer k, i;
    always @* begin
        // Sums below ORIGIN, as bits read, are those that have turned over.
        above = 1'b1;
        for (i = 0; i < BITS; i = i + 1)
            above = ORIGIN[i] ? sum[i] && above : sum[i] || above;
        turned = !above;

        reached = 1'b1;  // by no step at all
        count = {OUTPUT_BITS{1'b0}};
        for (k = 0; k <= LEVELS; k = k + 1) begin
            // Where the step lies among the bits of a sum; the carry says that it has turned over.
            // Behind the last one is one that no sum reaches.
            step = (k < LEVELS) ? STEPS[k*(BITS+1) +: BITS+1] : {1'b1, {BITS{1'b0}}};
            at = {1'b0, ORIGIN} + {1'b0, step[BITS-1:0]};
            above = 1'b1;
            for (i = 0; i < BITS; i = i + 1)
                above = at[i] ? sum[i] && above : sum[i] || above;
            next = step[BITS] ? 1'b0 : at[BITS] ? turned && above : turned || above;
            // n is k where the sum has reached k steps and not the next.
            if (reached && !next) count = count | k[OUTPUT_BITS-1:0];
            reached = next;
        end
    end
    assign level = count ^ FLIP;
endmodule
`default_nettype wire
