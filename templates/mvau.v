// Folded matrix-vector-activation unit with exactly ACC_BITS-bit accumulators.
//
//   y[r] = f_r( sum over c of W[r][c] * x[c] ),   r < MH, c < MW
//   Row r is computed by PE r mod PE in fold r div PE; column c enters lane c mod SIMD.
//   NF = MH/PE folds, SF = MW/SIMD beats per fold; nf is the outer loop. Each input beat must
//   come once per fold (replay_buffer.v repeats it). f_r is the staircase of thresholds.v, or
//   the identity when OUTPUT_BITS is 0: then y is the raw accumulator. The accumulator of
//   row r begins at 0 or, where SHIFTED, at start[r]: then a row of any signs has the whole
//   of ACC_BITS bits for its sums, and f_r is for accumulators that began there.
//
//   Throughput: one vector every NF*SF cycles, without a bubble. Latency from the last beat
//   of a fold to its output: 3 + ceil(WEIGHT_BITS/2) + ceil(log2(SIMD)) cycles, 3 +
//   WEIGHT_BITS + ceil(log2(SIMD)) of pairs, and 2*OUTPUT_BITS - 1 more for thresholds. No stage
//   holds more than one carry chain or one memory read.
//
//   DEPTHWISE: every row reads a channel of its own, as rows of a depthwise convolution do. A beat
//   then has SIMD taps of each of the PE channels at hand, channels innermost: element
//   s*PE + pe is input s of PE pe, and no beat comes twice.
//
//   SIGNS: weights are -1 and +1, a bit each. Inputs of one bit are then counted where they
//   agree with their weights (xnor_count.v, which has the latency), wider ones added and
//   subtracted (tap_tree.v: 3 + ceil(log2(SIMD))). A popcount of a row is its sum and the number
//   of its weights of -1, so start[r] is less by those.
//
//   s_* -> operands -> products -> adder tree -> accumulators -> thresholds -> spill -> m_*
//             ^ weights                            ^ starts       ^ fold
//                                  (everything moves on en)
//
//   The pipeline halts as a whole while a result waits for a full spill register; s_ready
//   depends on registers only. ACC_BITS must be certified by the generator: the unit does
//   not saturate, and in simulation an accumulator that overflows is an error.
//
// Parameters
//   MW, MH          matrix columns (inputs) and rows (outputs), >= 1
//   PE, SIMD        rows and columns computed at once, >= 1; PE divides MH, SIMD divides MW
//   WEIGHT_BITS     M, bits of a weight, signed, 1..32
//   INPUT_BITS      N, bits of an input, 1..32
//   INPUT_SIGNED    1: inputs are two's complement, 0: unsigned
//   DEPTHWISE       1: each PE has inputs of its own, 0: all read the same
//   ACC_BITS        P, bits of an accumulator, signed, 1..64
//   SIGNS           1: weights are -1 and +1, WEIGHT_BITS is 1 and a bit is 1 for +1; of SIMD > 1
//                   or inputs of one unsigned bit. 0: weights are numbers
//   PAIRS           1: products are of two lanes where SIMD > 1, 0: of one (dot_product.v)
//   OUTPUT_BITS     A, bits of an activation, 0..16; with 0 outputs are raw accumulators
//   OUTPUT_SIGNED, THRESHOLD_BITS, INVERT, THRESHOLDS   see thresholds.v
//   WEIGHTS         memory file: word nf*SF+sf holds weight (pe, s) at bit (pe*SIMD+s)*M
//   BLOCK           1: weights in block RAM, 0: in LUTs
//   BLOCK_STYLE     the tool's word for block RAM
//   SHIFTED         1: accumulators begin at the values of STARTS, 0: at 0
//   STARTS          memory file: word nf holds start[nf*PE+pe] at bit pe*ACC_BITS
//   Y_BITS, X_BITS  bits of a result and of a beat: derived, no other values are taken
`default_nettype none
module mvau #(
    parameter integer MW             = 8,
    parameter integer MH             = 4,
    parameter integer PE             = 2,
    parameter integer SIMD           = 4,
    parameter integer WEIGHT_BITS    = 4,
    parameter integer INPUT_BITS     = 4,
    parameter integer INPUT_SIGNED   = 0,
    parameter integer DEPTHWISE      = 0,
    parameter integer ACC_BITS       = 12,
    parameter integer SIGNS          = 0,
    parameter integer PAIRS          = 0,
    parameter integer OUTPUT_BITS    = 4,
    parameter integer OUTPUT_SIGNED  = 0,
    parameter integer THRESHOLD_BITS = ACC_BITS,
    parameter integer INVERT         = 0,
    parameter WEIGHTS = "",
    parameter THRESHOLDS = "",
    parameter integer BLOCK = 0,
    parameter BLOCK_STYLE = "block",
    parameter integer SHIFTED = 0,
    parameter STARTS = "",
    parameter integer Y_BITS = (OUTPUT_BITS > 0) ? OUTPUT_BITS : ACC_BITS,
    parameter integer X_BITS = (DEPTHWISE != 0) ? PE*SIMD*INPUT_BITS : SIMD*INPUT_BITS
) (
    input  wire                 clk,
    input  wire                 rst_n,
    input  wire                 s_valid,
    output wire                 s_ready,
    input  wire [X_BITS-1:0]    s_data,
    output wire                 m_valid,
    input  wire                 m_ready,
    output wire [PE*Y_BITS-1:0] m_data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (MW < 1) begin : gen_mw_at_least_1
            mvau_needs_MW_at_least_1 u_refused ();
        end
        if (MH < 1) begin : gen_mh_at_least_1
            mvau_needs_MH_at_least_1 u_refused ();
        end
        if (PE < 1) begin : gen_pe_at_least_1
            mvau_needs_PE_at_least_1 u_refused ();
        end
        if (SIMD < 1) begin : gen_simd_at_least_1
            mvau_needs_SIMD_at_least_1 u_refused ();
        end
        if (PE > 0 && MH % PE != 0) begin : gen_pe_to_divide_mh
            mvau_needs_PE_to_divide_MH u_refused ();
        end
        if (SIMD > 0 && MW % SIMD != 0) begin : gen_simd_to_divide_mw
            mvau_needs_SIMD_to_divide_MW u_refused ();
        end
        if (WEIGHT_BITS < 1 || WEIGHT_BITS > 32) begin : gen_weight_bits_1_to_32
            mvau_needs_WEIGHT_BITS_1_to_32 u_refused ();
        end
        if (INPUT_BITS < 1 || INPUT_BITS > 32) begin : gen_input_bits_1_to_32
            mvau_needs_INPUT_BITS_1_to_32 u_refused ();
        end
        if (INPUT_SIGNED != 0 && INPUT_SIGNED != 1) begin : gen_input_signed_0_or_1
            mvau_needs_INPUT_SIGNED_0_or_1 u_refused ();
        end
        if (DEPTHWISE != 0 && DEPTHWISE != 1) begin : gen_depthwise_0_or_1
            mvau_needs_DEPTHWISE_0_or_1 u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            mvau_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (SIGNS != 0 && SIGNS != 1) begin : gen_signs_0_or_1
            mvau_needs_SIGNS_0_or_1 u_refused ();
        end
        if (SIGNS == 1 && WEIGHT_BITS != 1) begin : gen_weight_bits_1_of_signs
            mvau_needs_WEIGHT_BITS_1_of_SIGNS u_refused ();
        end
        if (SIGNS == 1 && SIMD < 2 && COUNTS == 0) begin : gen_simd_above_1_of_signs
            mvau_needs_SIMD_above_1_of_SIGNS u_refused ();
        end
        if (PAIRS != 0 && PAIRS != 1) begin : gen_pairs_0_or_1
            mvau_needs_PAIRS_0_or_1 u_refused ();
        end
        if (OUTPUT_BITS < 0 || OUTPUT_BITS > 16) begin : gen_output_bits_0_to_16
            mvau_needs_OUTPUT_BITS_0_to_16 u_refused ();
        end
        if (BLOCK != 0 && BLOCK != 1) begin : gen_block_0_or_1
            mvau_needs_BLOCK_0_or_1 u_refused ();
        end
        if (SHIFTED != 0 && SHIFTED != 1) begin : gen_shifted_0_or_1
            mvau_needs_SHIFTED_0_or_1 u_refused ();
        end
        if (Y_BITS != ((OUTPUT_BITS > 0) ? OUTPUT_BITS : ACC_BITS)) begin : gen_y_bits_as_derived
            mvau_needs_Y_BITS_as_derived u_refused ();
        end
        if (X_BITS != ((DEPTHWISE != 0) ? PE*SIMD*INPUT_BITS : SIMD*INPUT_BITS))
        begin : gen_x_bits_as_derived
            mvau_needs_X_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer SF = MW / SIMD;
    localparam integer NF = MH / PE;
    localparam integer WORDS = SF * NF;
    localparam integer TREE = $clog2(SIMD);
    // Inputs that are counted; the bits of a sum before they are cut off.
    localparam integer COUNTS = (SIGNS != 0 && INPUT_BITS == 1 && INPUT_SIGNED == 0) ? 1 : 0;
    localparam integer GROWN = (COUNTS != 0) ? $clog2(SIMD + 1) + 1
                             : (SIGNS != 0) ? INPUT_BITS + 1 - INPUT_SIGNED + TREE
                             : WEIGHT_BITS + INPUT_BITS + TREE;
    localparam integer SUM_BITS = (GROWN < ACC_BITS) ? GROWN : ACC_BITS;
    // Weights of pairs come a stage after the operands, which are added up meanwhile.
    localparam integer WAIT = (PAIRS != 0 && SIMD > 1 && SIGNS == 0) ? 1 : 0;
    // Stage whose register holds the sums: xnor_count.v, tap_tree.v, dot_product.v, from its
    // inputs on.
    localparam integer COUNTED = 1 + ((SIMD > 3) ? 1 : 0) + $clog2((SIMD + 8) / 9);
    localparam integer AT_SUM = (COUNTS != 0) ? COUNTED : (SIGNS != 0) ? TREE
                              : ((WAIT != 0) ? WEIGHT_BITS : (WEIGHT_BITS + 1) / 2) + TREE;
    localparam integer SEARCH = (OUTPUT_BITS > 0) ? 2 * OUTPUT_BITS - 1 : 0;
    localparam integer AT_END = AT_SUM + 1 + SEARCH;  // last stage before the spill
    localparam integer ADDR_BITS = (WORDS > 1) ? $clog2(WORDS) : 1;
    localparam integer SF_BITS = (SF > 1) ? $clog2(SF) : 1;
    localparam integer LAST_WORD = WORDS - 1;
    localparam integer LAST_BEAT = SF - 1;
    localparam integer FOLD_BITS = (NF > 1) ? $clog2(NF) : 1;
    localparam integer LAST_FOLD = NF - 1;

    // Stage 0 holds the operands. valid_q[i]: stage i holds a beat, up to the sums; from the
    // accumulators on only the end of a fold counts.
    reg [AT_END:0] valid_q;
    reg [AT_SUM:0] first_q;
    reg [AT_SUM:0] last_q;
    reg [ADDR_BITS-1:0] word_q;
    reg [ADDR_BITS-1:0] word_x_q;  // of the operands at hand
    reg [SF_BITS-1:0] beat_q;
    reg [X_BITS-1:0] x_q;

    wire spill_ready;
    // The pipeline halts as a whole, and only with a result at its end that has no place: one
    // enable for all stages is a register's output away, where a chain of readies would not be.
    wire en = !valid_q[AT_END] || spill_ready;
    wire first = beat_q == {SF_BITS{1'b0}};
    wire last = beat_q == LAST_BEAT[SF_BITS-1:0];

    assign s_ready = en;

    // The accumulators take every sum in, but pass on only the one that ends a fold.
    // Shifted to the bit of the accumulators' stage, AT_SUM + 1, of which it is the only one.
    wire [AT_END:0] partial = {{AT_END{1'b0}}, !last_q[AT_SUM]} << (AT_SUM + 1);

    always @(posedge clk) begin
        if (!rst_n) begin
            word_q  <= {ADDR_BITS{1'b0}};
            beat_q  <= {SF_BITS{1'b0}};
            valid_q <= {(AT_END+1){1'b0}};
        end else if (en) begin
            valid_q <= {valid_q[AT_END-1:0], s_valid} & ~partial;
            if (s_valid) begin
                word_q <= (word_q == LAST_WORD[ADDR_BITS-1:0]) ? {ADDR_BITS{1'b0}}
                                                               : word_q + 1'b1;
                beat_q <= last ? {SF_BITS{1'b0}} : beat_q + 1'b1;
            end
        end
        // Without a reset: what they say counts only beside a valid_q.
        if (en) begin
            first_q  <= {first_q[AT_SUM-1:0], first};
            last_q   <= {last_q[AT_SUM-1:0], last};
            x_q      <= s_data;
            word_x_q <= word_q;
        end
    end

    wire [PE*SIMD*WEIGHT_BITS-1:0] weights;
    rom #(
        .WIDTH      (PE * SIMD * WEIGHT_BITS),
        .DEPTH      (WORDS),
        .MEM        (WEIGHTS),
        .BLOCK      (BLOCK),
        .BLOCK_STYLE(BLOCK_STYLE)
    ) u_weights (
        .clk (clk),
        .en  (en),
        .addr((WAIT != 0) ? word_x_q : word_q),
        .data(weights)
    );

    // What the folds need from memory is read a stage ahead: fold_q is that of the sums that
    // come next, fold_sum_q that of the sums at hand.
    reg [FOLD_BITS-1:0] fold_q;
    reg [FOLD_BITS-1:0] fold_sum_q;
    always @(posedge clk) begin
        if (!rst_n) fold_q <= {FOLD_BITS{1'b0}};
        else if (en && valid_q[AT_SUM-1] && last_q[AT_SUM-1])
            fold_q <= (fold_q == LAST_FOLD[FOLD_BITS-1:0]) ? {FOLD_BITS{1'b0}}
                                                           : fold_q + 1'b1;
        if (en) fold_sum_q <= fold_q;
    end

    wire [PE*ACC_BITS-1:0] starts;
    start_values #(
        .WIDTH  (PE * ACC_BITS),
        .FOLDS  (NF),
        .SHIFTED(SHIFTED),
        .MEM    (STARTS)
    ) u_starts (
        .clk (clk),
        .en  (en),
        .fold(fold_q),
        .data(starts)
    );

    // altera translate_off
`ifndef SYNTHESIS
    reg [X_BITS-1:0] x_check_q;  // beside its weights
    always @(posedge clk) if (en) x_check_q <= x_q;
    wire [X_BITS-1:0] x_check = (WAIT != 0) ? x_check_q : x_q;
`endif
    // altera translate_on

    // Channels are innermost in a beat: input s of a PE is so many elements behind its first.
    localparam integer CHANNELS = (DEPTHWISE != 0) ? PE : 1;

    // The signs of tap_tree.v: those of its nodes, level by level from the leaves on, which say
    // whether the first lane below a node's right operand has another sign than that of its left
    // one; then whether lane 0 is subtracted. Lane i is the right one where i is an odd number of
    // times 2^(level-1).
    function [SIMD-1:0] relative(input [SIMD-1:0] w);
        integer at, step, lane;
        begin
            at = 0;
            relative = {SIMD{1'b0}};
            for (step = 1; step < SIMD; step = 2 * step)
                for (lane = step; lane < SIMD; lane = lane + 2 * step) begin
                    relative[at] = w[lane] ^ w[lane-step];
                    at = at + 1;
                end
            relative[SIMD-1] = !w[0];
        end
    endfunction

    wire [PE*ACC_BITS-1:0] acc;
    genvar pe, s;
    generate
        for (pe = 0; pe < PE; pe = pe + 1) begin : gen_pe
            wire [SIMD*INPUT_BITS-1:0] x;
            for (s = 0; s < SIMD; s = s + 1) begin : gen_input
                assign x[s*INPUT_BITS +: INPUT_BITS] =
                    x_q[(s*CHANNELS + pe%CHANNELS)*INPUT_BITS +: INPUT_BITS];
            end
            wire [SUM_BITS-1:0] sum;
            wire [SIMD*WEIGHT_BITS-1:0] w = weights[pe*SIMD*WEIGHT_BITS +: SIMD*WEIGHT_BITS];
            wire [ACC_BITS-1:0] start = starts[pe*ACC_BITS +: ACC_BITS];
            wire negative;  // the sum is to be subtracted
            if (COUNTS != 0) begin : gen_count
                xnor_count #(
                    .SIMD    (SIMD),
                    .ACC_BITS(ACC_BITS)
                ) u_count (
                    .clk    (clk),
                    .en     (en),
                    .weights(w),
                    .inputs (x),
                    .sum    (sum)
                );
                assign negative = 1'b0;
            end else if (SIGNS != 0) begin : gen_signs
                tap_tree #(
                    .LANES       (SIMD),
                    .INPUT_BITS  (INPUT_BITS),
                    .INPUT_SIGNED(INPUT_SIGNED),
                    .ACC_BITS    (ACC_BITS)
                ) u_tree (
                    .clk     (clk),
                    .en      (en),
                    .x       (x),
                    .signs   (relative(w[SIMD-1:0])),
                    .sum     (sum),
                    .negative(negative)
                );
            end else begin : gen_products
                dot_product #(
                    .SIMD        (SIMD),
                    .WEIGHT_BITS (WEIGHT_BITS),
                    .INPUT_BITS  (INPUT_BITS),
                    .INPUT_SIGNED(INPUT_SIGNED),
                    .ACC_BITS    (ACC_BITS),
                    .PAIRS       (PAIRS),
                    .FIXED       ((WORDS == 1) ? 1 : 0)
                ) u_dot (
                    .clk    (clk),
                    .rst_n  (rst_n),
                    .en     (en),
                    .weights(w),
                    .inputs (x),
                    .sum    (sum)
                );
                assign negative = 1'b0;
            end
            if (SIGNS != 0 && COUNTS == 0) begin : gen_signed
                // Sums come one per cycle, also where no beat does, so they are kept out here.
                tap_accumulator #(
                    .SUM_BITS(SUM_BITS),
                    .ACC_BITS(ACC_BITS),
                    .ONE_SUM ((SF == 1) ? 1 : 0)
                ) u_acc (
                    .clk     (clk),
                    .en      (en && valid_q[AT_SUM]),
                    .first   (first_q[AT_SUM]),
                    .start   (start),
                    .sum     (sum),
                    .negative(negative),
                    .acc     (acc[pe*ACC_BITS +: ACC_BITS])
                );
            end else begin : gen_plain
                accumulator #(
                    .SUM_BITS(SUM_BITS),
                    .ACC_BITS(ACC_BITS),
                    .ONE_SUM ((SF == 1) ? 1 : 0)
                ) u_acc (
                    .clk  (clk),
                    .en   (en),
                    .valid(valid_q[AT_SUM]),
                    .first(first_q[AT_SUM]),
                    .start(start),
                    .sum  (sum),
                    .acc  (acc[pe*ACC_BITS +: ACC_BITS])
                );
                wire unused = negative;
            end
            // altera translate_off
`ifndef SYNTHESIS
            wire [SIMD*INPUT_BITS-1:0] checked;
            for (s = 0; s < SIMD; s = s + 1) begin : gen_checked
                assign checked[s*INPUT_BITS +: INPUT_BITS] =
                    x_check[(s*CHANNELS + pe%CHANNELS)*INPUT_BITS +: INPUT_BITS];
            end
            overflow_check #(
                .SIMD        (SIMD),
                .WEIGHT_BITS (WEIGHT_BITS),
                .INPUT_BITS  (INPUT_BITS),
                .INPUT_SIGNED(INPUT_SIGNED),
                .SIGNS       (SIGNS),
                .ACC_BITS    (ACC_BITS),
                .STAGES      (AT_SUM - WAIT)
            ) u_check (
                .clk    (clk),
                .rst_n  (rst_n),
                .en     (en),
                .weights(w),
                .inputs (checked),
                .valid  (valid_q[AT_SUM]),
                .first  (first_q[AT_SUM]),
                .start  (start)
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
                .fold(fold_sum_q),
                .acc (acc),
                .out (result)
            );
        end else begin : gen_accumulators
            assign result = acc;
            wire unused_fold = &{1'b0, fold_sum_q};
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
