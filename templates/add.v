// Adds streams element by element, each times a constant, and turns the sums into activations.
//
//   y[c] = f_c( sum over k of FACTORS[k] * x_k[c] ),   c < MH, k < OPERANDS
//   Beats bring PE channels of every operand: channel c in lane c mod PE of beat c div PE.
//   f_c is the staircase of thresholds.v, or the identity when OUTPUT_BITS is 0: then y is the
//   sum itself in ACC_BITS bits.
//
//   An operand is held until all are there: beats of different operands need not come
//   together, but one that waits holds up its stream. s_ready depends on registers only.
//   Throughput 1 beat per cycle; latency from the last operand to the output
//   3 + ceil(FACTOR_BITS/2) + ceil(log2(OPERANDS)) cycles less 1, and 2*OUTPUT_BITS - 1 more
//   for thresholds.
//
//   s_*[0] -> held \
//                   -> factors -> adder tree -> thresholds -> spill -> m_*
//   s_*[1] -> held /                             ^ fold
//                                  (everything behind the held operands moves on en)
//
//   ACC_BITS must be certified by the generator: the unit does not saturate, and in simulation
//   a sum that overflows is an error.
//
// Parameters
//   MH              channels, >= 1
//   PE              channels per beat, >= 1; PE divides MH
//   OPERANDS        streams to add, >= 1; one alone is only turned into activations
//   BITS            bits of an element of each operand, 1..32: 32 bits for each, operand 0 in
//                   the low ones
//   SIGNS           bit k: elements of operand k are two's complement, else unsigned
//   INPUT_BITS      bits of a type that holds the elements of all operands, 1..32
//   INPUT_SIGNED    1: that type is two's complement, as it must be where one of SIGNS is
//   FACTOR_BITS     bits of a factor, signed, 1..32
//   FACTORS         FACTOR_BITS bits for each operand, operand 0 in the low ones
//   ACC_BITS        P, bits of a sum, signed, 1..64
//   OUTPUT_BITS     A, bits of an activation, 0..16; with 0 outputs are the sums
//   OUTPUT_SIGNED, THRESHOLD_BITS, INVERT, THRESHOLDS   see thresholds.v
//   S_BITS          bits of s_data: the operands side by side, operand 0 in the low bits;
//                   derived, no other value is taken
//   Y_BITS          bits of a result: derived, no other value is taken
`default_nettype none
module add #(
    parameter integer MH           = 4,
    parameter integer PE           = 2,
    parameter integer OPERANDS     = 2,
    parameter [32*OPERANDS-1:0] BITS = {OPERANDS{32'd4}},
    parameter [OPERANDS-1:0] SIGNS = {OPERANDS{1'b0}},
    parameter integer INPUT_BITS   = 4,
    parameter integer INPUT_SIGNED = 0,
    parameter integer FACTOR_BITS  = 2,
    parameter [FACTOR_BITS*OPERANDS-1:0] FACTORS = {OPERANDS{2'd1}},
    parameter integer ACC_BITS       = 8,
    parameter integer OUTPUT_BITS    = 4,
    parameter integer OUTPUT_SIGNED  = 0,
    parameter integer THRESHOLD_BITS = ACC_BITS,
    parameter integer INVERT         = 0,
    parameter THRESHOLDS = "",
    parameter integer S_BITS = PE * 4 * OPERANDS,
    parameter integer Y_BITS = (OUTPUT_BITS > 0) ? OUTPUT_BITS : ACC_BITS
) (
    input  wire                 clk,
    input  wire                 rst_n,
    input  wire [OPERANDS-1:0]  s_valid,
    output wire [OPERANDS-1:0]  s_ready,
    input  wire [S_BITS-1:0]    s_data,
    output wire                 m_valid,
    input  wire                 m_ready,
    output wire [PE*Y_BITS-1:0] m_data
);
    // Bits of the operands before operand k in s_data.
    function integer offset(input integer k);
        integer j;
        begin
            offset = 0;
            for (j = 0; j < k; j = j + 1) offset = offset + PE * BITS[32*j +: 32];
        end
    endfunction

    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (MH < 1) begin : gen_mh_at_least_1
            add_needs_MH_at_least_1 u_refused ();
        end
        if (PE < 1) begin : gen_pe_at_least_1
            add_needs_PE_at_least_1 u_refused ();
        end
        if (PE > 0 && MH % PE != 0) begin : gen_pe_to_divide_mh
            add_needs_PE_to_divide_MH u_refused ();
        end
        if (OPERANDS < 1) begin : gen_operands_at_least_1
            add_needs_OPERANDS_at_least_1 u_refused ();
        end
        if (INPUT_BITS < 1 || INPUT_BITS > 32) begin : gen_input_bits_1_to_32
            add_needs_INPUT_BITS_1_to_32 u_refused ();
        end
        if (INPUT_SIGNED != 0 && INPUT_SIGNED != 1) begin : gen_input_signed_0_or_1
            add_needs_INPUT_SIGNED_0_or_1 u_refused ();
        end
        if (INPUT_SIGNED == 0 && |SIGNS) begin : gen_input_signed_where_an_operand_is
            add_needs_INPUT_SIGNED_where_an_operand_is u_refused ();
        end
        if (FACTOR_BITS < 1 || FACTOR_BITS > 32) begin : gen_factor_bits_1_to_32
            add_needs_FACTOR_BITS_1_to_32 u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            add_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (OUTPUT_BITS < 0 || OUTPUT_BITS > 16) begin : gen_output_bits_0_to_16
            add_needs_OUTPUT_BITS_0_to_16 u_refused ();
        end
        if (S_BITS != offset(OPERANDS)) begin : gen_s_bits_as_derived
            add_needs_S_BITS_as_derived u_refused ();
        end
        if (Y_BITS != ((OUTPUT_BITS > 0) ? OUTPUT_BITS : ACC_BITS)) begin : gen_y_bits_as_derived
            add_needs_Y_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer NF = MH / PE;
    localparam integer FOLD_BITS = (NF > 1) ? $clog2(NF) : 1;
    localparam integer LAST_FOLD = NF - 1;
    localparam integer TREE = $clog2(OPERANDS);
    localparam integer SUM_BITS = (FACTOR_BITS + INPUT_BITS + TREE < ACC_BITS)
                                ? FACTOR_BITS + INPUT_BITS + TREE : ACC_BITS;
    localparam integer AT_SUM = (FACTOR_BITS + 1) / 2 + TREE;  // stage whose register is the sum
    localparam integer AT_END = AT_SUM + ((OUTPUT_BITS > 0) ? 2 * OUTPUT_BITS - 1 : 0);

    // Stage 0 are the held operands, each with a valid of its own.
    reg [OPERANDS-1:0] held_q;
    reg [S_BITS-1:0] x_q;
    reg [AT_END:1] valid_q;

    wire spill_ready;
    wire en = !valid_q[AT_END] || spill_ready;
    wire go = en && (&held_q);
    wire [AT_END:0] valid = {valid_q, &held_q};  // valid[i]: stage i holds a beat

    assign s_ready = ~held_q | {OPERANDS{go}};

    always @(posedge clk) begin
        if (!rst_n) begin
            held_q  <= {OPERANDS{1'b0}};
            valid_q <= {AT_END{1'b0}};
        end else begin
            held_q <= (s_valid & s_ready) | (held_q & ~{OPERANDS{go}});
            if (en) valid_q <= valid[AT_END-1:0];
        end
    end

    // The fold of the sums that come next: thresholds are read a stage ahead.
    reg [FOLD_BITS-1:0] fold_q;
    always @(posedge clk) begin
        if (!rst_n) fold_q <= {FOLD_BITS{1'b0}};
        else if (en && valid[AT_SUM-1])
            fold_q <= (fold_q == LAST_FOLD[FOLD_BITS-1:0]) ? {FOLD_BITS{1'b0}} : fold_q + 1'b1;
    end

    // Elements of one type, lane by lane and, within a lane, operand by operand.
    wire [PE*OPERANDS*INPUT_BITS-1:0] x;
    genvar k, pe;
    generate
        for (k = 0; k < OPERANDS; k = k + 1) begin : gen_operand
            localparam integer WIDTH = BITS[32*k +: 32];
            localparam integer AT = offset(k);
            if (WIDTH < 1 || WIDTH > 32) begin : gen_bits_1_to_32
                add_needs_BITS_1_to_32 u_refused ();
            end
            always @(posedge clk)
                if (s_ready[k]) x_q[AT +: PE*WIDTH] <= s_data[AT +: PE*WIDTH];
            for (pe = 0; pe < PE; pe = pe + 1) begin : gen_lane
                wire [WIDTH-1:0] element = x_q[AT + pe*WIDTH +: WIDTH];
                wire [INPUT_BITS+WIDTH-1:0] wide =
                    {{INPUT_BITS{SIGNS[k] && element[WIDTH-1]}}, element};
                assign x[(pe*OPERANDS+k)*INPUT_BITS +: INPUT_BITS] = wide[INPUT_BITS-1:0];
                wire unused = &{1'b0, wide};
            end
        end
    endgenerate

    wire [PE*ACC_BITS-1:0] acc;
    generate
        for (pe = 0; pe < PE; pe = pe + 1) begin : gen_pe
            wire [OPERANDS*INPUT_BITS-1:0] inputs =
                x[pe*OPERANDS*INPUT_BITS +: OPERANDS*INPUT_BITS];
            wire [SUM_BITS-1:0] sum;
            dot_product #(
                .SIMD        (OPERANDS),
                .WEIGHT_BITS (FACTOR_BITS),
                .INPUT_BITS  (INPUT_BITS),
                .INPUT_SIGNED(INPUT_SIGNED),
                .ACC_BITS    (ACC_BITS)
            ) u_dot (
                .clk    (clk),
                .rst_n  (rst_n),
                .en     (en),
                .weights(FACTORS),
                .inputs (inputs),
                .sum    (sum)
            );
            wire [ACC_BITS+SUM_BITS-1:0] wide = {{ACC_BITS{sum[SUM_BITS-1]}}, sum};
            assign acc[pe*ACC_BITS +: ACC_BITS] = wide[ACC_BITS-1:0];
            wire unused = &{1'b0, wide};
            // altera translate_off
`ifndef SYNTHESIS
            overflow_check #(
                .SIMD        (OPERANDS),
                .WEIGHT_BITS (FACTOR_BITS),
                .INPUT_BITS  (INPUT_BITS),
                .INPUT_SIGNED(INPUT_SIGNED),
                .ACC_BITS    (ACC_BITS),
                .STAGES      (AT_SUM)
            ) u_check (
                .clk    (clk),
                .rst_n  (rst_n),
                .en     (en),
                .weights(FACTORS),
                .inputs (inputs),
                .valid  (valid[AT_SUM]),
                .first  (1'b1),
                .start  ({ACC_BITS{1'b0}})
            );
`endif
            // altera translate_on
        end
    endgenerate

    wire [PE*Y_BITS-1:0] result;
    generate
        if (OUTPUT_BITS > 0) begin : gen_thresholds
            thresholds #(
                .PE            (PE),
                .FOLDS         (NF),
                .ACC_BITS      (ACC_BITS),
                .THRESHOLD_BITS(THRESHOLD_BITS),
                .OUTPUT_BITS   (OUTPUT_BITS),
                .OUTPUT_SIGNED (OUTPUT_SIGNED),
                .INVERT        (INVERT),
                .MEM           (THRESHOLDS)
            ) u_thresholds (
                .clk (clk),
                .en  (en),
                .fold(fold_q),
                .acc (acc),
                .out (result)
            );
        end else begin : gen_sums
            assign result = acc;
            wire unused_fold = &{1'b0, fold_q};
        end
    endgenerate

    spill_register #(
        .WIDTH(PE * Y_BITS)
    ) u_spill (
        .clk    (clk),
        .rst_n  (rst_n),
        .s_valid(valid_q[AT_END]),
        .s_ready(spill_ready),
        .s_data (result),
        .m_valid(m_valid),
        .m_ready(m_ready),
        .m_data (m_data)
    );
endmodule
`default_nettype wire
