// Pool: the sum or the largest of TAPS beats, element by element; or of TAPS positions of FOLDS
// beats each, beat by beat.
//
//   Beats come position after position, of each its FOLDS beats. What the positions so far have
//   given waits in part[FOLDS]; that of the last position leaves. FOLDS is 1 where a window comes
//   channel by channel.
//
//   s_* ---> combine ---> spill register ---> m_*
//               ^  |
//            part[FOLDS]
//
//   Throughput 1 beat per cycle at s_*, latency 1 cycle from a beat of the last position. s_ready
//   depends on registers only.
//
//   ACC_BITS must be certified by the generator: the unit does not saturate, and in simulation
//   a sum that overflows is an error.
//
// Parameters
//   PE            elements of a beat, >= 1
//   TAPS          positions, >= 1
//   FOLDS         beats of a position, >= 1
//   MAXIMUM       1: the largest element, 0: the sum
//   INPUT_BITS    bits of an element, 1..32
//   INPUT_SIGNED  1: elements are two's complement, 0: unsigned
//   ACC_BITS      P, bits of a sum, signed, 1..64; of a maximum as INPUT_BITS
//   RAM_STYLE     the tool's word for a RAM in LUTs, or auto: part is read without a clock
`default_nettype none
module pool #(
    parameter integer PE    = 2,
    parameter integer TAPS  = 4,
    parameter integer FOLDS = 2,
    parameter integer MAXIMUM      = 0,
    parameter integer INPUT_BITS   = 4,
    parameter integer INPUT_SIGNED = 0,
    parameter integer ACC_BITS     = 4,
    parameter RAM_STYLE = "auto"
) (
    input  wire                     clk,
    input  wire                     rst_n,
    input  wire                     s_valid,
    output wire                     s_ready,
    input  wire [PE*INPUT_BITS-1:0] s_data,
    output wire                     m_valid,
    input  wire                     m_ready,
    output wire [PE*ACC_BITS-1:0]   m_data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (PE < 1) begin : gen_pe_at_least_1
            pool_needs_PE_at_least_1 u_refused ();
        end
        if (TAPS < 1) begin : gen_taps_at_least_1
            pool_needs_TAPS_at_least_1 u_refused ();
        end
        if (FOLDS < 1) begin : gen_folds_at_least_1
            pool_needs_FOLDS_at_least_1 u_refused ();
        end
        if (MAXIMUM != 0 && MAXIMUM != 1) begin : gen_maximum_0_or_1
            pool_needs_MAXIMUM_0_or_1 u_refused ();
        end
        if (INPUT_BITS < 1 || INPUT_BITS > 32) begin : gen_input_bits_1_to_32
            pool_needs_INPUT_BITS_1_to_32 u_refused ();
        end
        if (INPUT_SIGNED != 0 && INPUT_SIGNED != 1) begin : gen_input_signed_0_or_1
            pool_needs_INPUT_SIGNED_0_or_1 u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            pool_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (MAXIMUM == 1 && ACC_BITS != INPUT_BITS) begin : gen_acc_bits_as_input_bits
            pool_needs_ACC_BITS_as_INPUT_BITS u_refused ();
        end
    endgenerate

    localparam integer FOLD_BITS = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam integer TAP_BITS = (TAPS > 1) ? $clog2(TAPS) : 1;
    localparam integer LAST_FOLD = FOLDS - 1;
    localparam integer LAST_TAP = TAPS - 1;

    reg  [FOLD_BITS-1:0] fold_q;
    reg  [TAP_BITS-1:0]  tap_q;
    wire fold_end = fold_q == LAST_FOLD[FOLD_BITS-1:0];
    wire first    = tap_q == {TAP_BITS{1'b0}};
    wire last     = tap_q == LAST_TAP[TAP_BITS-1:0];
    wire spill_ready;
    wire s_fire = s_valid && s_ready;

    // Only what leaves needs room.
    assign s_ready = spill_ready || !last;

    always @(posedge clk) begin
        if (!rst_n) begin
            fold_q <= {FOLD_BITS{1'b0}};
            tap_q  <= {TAP_BITS{1'b0}};
        end else if (s_fire) begin
            fold_q <= fold_end ? {FOLD_BITS{1'b0}} : fold_q + 1'b1;
            if (fold_end) tap_q <= last ? {TAP_BITS{1'b0}} : tap_q + 1'b1;
        end
    end

    // ram_style: Vivado and Yosys, ramstyle: Quartus, syn_ramstyle: Synplify and Gowin.
    (* ram_style = RAM_STYLE, ramstyle = RAM_STYLE, syn_ramstyle = RAM_STYLE *)
    reg [PE*ACC_BITS-1:0] part [0:FOLDS-1];
    wire unused_style = RAM_STYLE == "";  // attributes alone use it: Verilator skips those
    wire [PE*ACC_BITS-1:0] held = part[fold_q];
    wire [PE*ACC_BITS-1:0] result;
    always @(posedge clk) if (s_fire) part[fold_q] <= result;

    genvar pe;
    generate
        for (pe = 0; pe < PE; pe = pe + 1) begin : gen_pe
            wire [INPUT_BITS-1:0] x = s_data[pe*INPUT_BITS +: INPUT_BITS];
            wire sign = (INPUT_SIGNED == 1) && x[INPUT_BITS-1];
            wire [ACC_BITS+INPUT_BITS-1:0] wide = {{ACC_BITS{sign}}, x};
            wire [ACC_BITS-1:0] old = held[pe*ACC_BITS +: ACC_BITS];
            wire unused = &{1'b0, wide};
            if (MAXIMUM == 1) begin : gen_maximum
                // Signed numbers are in the order of unsigned ones with the sign turned round.
                wire [ACC_BITS-1:0] turned = {INPUT_SIGNED == 1, {ACC_BITS-1{1'b0}}};
                wire keeps = !first && (old ^ turned) > (x ^ turned);
                assign result[pe*ACC_BITS +: ACC_BITS] = keeps ? old : x;
            end else begin : gen_sum
                assign result[pe*ACC_BITS +: ACC_BITS] =
                    (first ? {ACC_BITS{1'b0}} : old) + wide[ACC_BITS-1:0];
                // altera translate_off
`ifndef SYNTHESIS
                // The sum once more, in 64 bits.
                reg  [63:0] exact [0:FOLDS-1];
                wire [63:0] sum = (first ? 64'd0 : exact[fold_q])
                                + {{64-INPUT_BITS{sign}}, x};
                always @(posedge clk) if (s_fire) exact[fold_q] <= sum;
                sum_check #(
                    .ACC_BITS(ACC_BITS)
                ) u_check (
                    .clk  (clk),
                    .rst_n(rst_n),
                    .valid(s_fire),
                    .sum  (sum)
                );
`endif
                // altera translate_on
            end
        end
    endgenerate

    spill_register #(
        .WIDTH(PE * ACC_BITS)
    ) u_spill (
        .clk    (clk),
        .rst_n  (rst_n),
        .s_valid(s_valid && last),
        .s_ready(spill_ready),
        .s_data (result),
        .m_valid(m_valid),
        .m_ready(m_ready),
        .m_data (m_data)
    );
endmodule
`default_nettype wire
