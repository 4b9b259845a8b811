// Index and score of the largest output of a classifier; the lowest index on ties.
//
//   score[r] = acc[r] * gain[r] + bias[r],   r < MH
//   label = lowest r among the largest scores;  out = {score, label}, one beat a vector
//   MH = 1 tells two classes apart: label = 1 where the score is above 0, else 0
//   Beats bring PE rows each, fold by fold: row r in lane r mod PE of beat r div PE.
//   Throughput 1 beat a cycle. Latency from the last beat: 5 + ceil(log2(PE)) cycles, and
//   ceil(GAIN_BITS/2) more where gains come from a file. s_ready depends on registers only.
//   No stage holds more than one carry chain or one memory read.
//
//   s_* -> operands -> product -> score -> tournament (log2(PE) levels) -> best so far -> m_*
//            ^ gains              ^ biases
//
// Parameters
//   MH          rows, >= 1
//   PE          rows a beat, >= 1; divides MH
//   ACC_BITS    bits of an accumulator, signed, 1..64
//   GAIN_SHIFT  the gain of every row is 2^GAIN_SHIFT, below SCORE_BITS; negative: gains come
//               from MEM_gain.mem
//   GAIN_BITS   bits of a gain, signed, >= 1 (only where gains come from a file)
//   SCORE_BITS  bits of a score and of a bias, signed; more than ACC_BITS and GAIN_BITS
//   LABEL_BITS  bits of the label, 1..32, and >= ceil(log2(MH))
//   MEM         prefix of the memory files: MEM_bias.mem, MEM_gain.mem; word f holds PE values
`default_nettype none
module label_select #(
    parameter integer MH         = 10,
    parameter integer PE         = 2,
    parameter integer ACC_BITS   = 16,
    parameter integer GAIN_SHIFT = 0,
    parameter integer GAIN_BITS  = 2,
    parameter integer SCORE_BITS = 24,
    parameter integer LABEL_BITS = 8,
    parameter MEM = ""
) (
    input  wire                             clk,
    input  wire                             rst_n,
    input  wire                             s_valid,
    output wire                             s_ready,
    input  wire [PE*ACC_BITS-1:0]           s_data,
    output wire                             m_valid,
    input  wire                             m_ready,
    output wire [SCORE_BITS+LABEL_BITS-1:0] m_data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (MH < 1) begin : gen_mh_at_least_1
            label_select_needs_MH_at_least_1 u_refused ();
        end
        if (PE < 1) begin : gen_pe_at_least_1
            label_select_needs_PE_at_least_1 u_refused ();
        end
        if (PE > 0 && MH % PE != 0) begin : gen_pe_to_divide_mh
            label_select_needs_PE_to_divide_MH u_refused ();
        end
        if (ACC_BITS < 1 || ACC_BITS > 64) begin : gen_acc_bits_1_to_64
            label_select_needs_ACC_BITS_1_to_64 u_refused ();
        end
        if (GAIN_SHIFT >= SCORE_BITS) begin : gen_gain_shift_below_score_bits
            label_select_needs_GAIN_SHIFT_below_SCORE_BITS u_refused ();
        end
        if (GAIN_BITS < 1) begin : gen_gain_bits_at_least_1
            label_select_needs_GAIN_BITS_at_least_1 u_refused ();
        end
        if (SCORE_BITS <= ACC_BITS) begin : gen_score_bits_above_acc_bits
            label_select_needs_SCORE_BITS_above_ACC_BITS u_refused ();
        end
        if (SCORE_BITS <= GAIN_BITS) begin : gen_score_bits_above_gain_bits
            label_select_needs_SCORE_BITS_above_GAIN_BITS u_refused ();
        end
        if (LABEL_BITS < 1 || LABEL_BITS > 32) begin : gen_label_bits_1_to_32
            label_select_needs_LABEL_BITS_1_to_32 u_refused ();
        end
        if (LABEL_BITS < $clog2(MH)) begin : gen_label_bits_for_mh
            label_select_needs_LABEL_BITS_for_MH u_refused ();
        end
    endgenerate

    localparam integer FOLDS = MH / PE;
    localparam integer FOLD_BITS = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam integer LAST_FOLD = FOLDS - 1;
    localparam [FOLD_BITS-1:0] LAST = LAST_FOLD[FOLD_BITS-1:0];
    localparam integer LEVELS = $clog2(PE);
    localparam integer PAIR = SCORE_BITS + LABEL_BITS;
    // Scores are compared as unsigned numbers with their signs inverted (threshold_stage.v).
    localparam [SCORE_BITS-1:0] ONES = {SCORE_BITS{1'b1}};
    localparam [SCORE_BITS-1:0] SIGN = ONES ^ (ONES >> 1);
    localparam BIASES = {MEM, "_bias.mem"};
    localparam GAINS = {MEM, "_gain.mem"};

    // Stage 0 holds the operands, SCALED acc * gain and the bias beside it; the scores follow,
    // the levels of the tournament; MATCH holds the best row of a beat and how it compares, and
    // BEST the best row so far of the whole vector.
    localparam integer SCALED = (GAIN_SHIFT < 0) ? (GAIN_BITS + 1) / 2 : 0;
    localparam integer MATCH = SCALED + LEVELS + 2;
    localparam integer BEST = MATCH + 1;
    reg [BEST:0] valid_q;
    reg [BEST-1:SCALED] first_q;
    reg [BEST-1:SCALED] last_q;
    reg [FOLD_BITS-1:0] fold_q;   // of the next beat that comes to SCALED
    reg [LABEL_BITS-1:0] base_q;  // row of lane 0 of the beat that is there

    wire spill_ready;
    wire en = !valid_q[BEST] || spill_ready;
    wire [BEST+1:0] moves = {valid_q, s_valid};  // bit i: a beat comes to stage i
    wire first = fold_q == {FOLD_BITS{1'b0}};
    wire last = fold_q == LAST;
    assign s_ready = en;

    wire [BEST:0] partial = {{BEST{1'b0}}, !last_q[BEST-1]} << BEST;
    wire [BEST:SCALED] first_next = {first_q, first};
    wire [BEST:SCALED] last_next = {last_q, last};

    always @(posedge clk) begin
        if (!rst_n) begin
            valid_q <= {(BEST+1){1'b0}};
            fold_q  <= {FOLD_BITS{1'b0}};
            base_q  <= {LABEL_BITS{1'b0}};
        end else if (en) begin
            valid_q <= moves[BEST:0] & ~partial;
            if (moves[SCALED]) fold_q <= last ? {FOLD_BITS{1'b0}} : fold_q + 1'b1;
            if (valid_q[SCALED])
                base_q <= last_q[SCALED] ? {LABEL_BITS{1'b0}} : base_q + PE[LABEL_BITS-1:0];
        end
        if (en) begin
            first_q <= first_next[BEST-1:SCALED];
            last_q  <= last_next[BEST-1:SCALED];
        end
    end
    wire unused = &{1'b0, moves[BEST+1], first_next[BEST], last_next[BEST]};

    (* ram_style = "logic", rom_style = "distributed", romstyle = "logic",
       syn_romstyle = "logic" *)
    reg [PE*SCORE_BITS-1:0] bias_mem [0:FOLDS-1];
    initial if (MEM != "") $readmemh(BIASES, bias_mem);
    reg [PE*SCORE_BITS-1:0] biases_q;
    reg [PE*ACC_BITS-1:0] accs_q;
    always @(posedge clk) if (en) accs_q <= s_data;

    genvar pe, level, node;
    generate
        if (FOLDS > 1) begin : gen_bias
            always @(posedge clk) if (en) biases_q <= bias_mem[fold_q];
        end else begin : gen_one_bias
            always @(posedge clk) if (en) biases_q <= bias_mem[0];
        end

        if (GAIN_SHIFT < 0) begin : gen_gain
            (* ram_style = "logic", rom_style = "distributed", romstyle = "logic",
               syn_romstyle = "logic" *)
            reg [PE*GAIN_BITS-1:0] mem [0:FOLDS-1];
            initial if (MEM != "") $readmemh(GAINS, mem);
            reg [PE*GAIN_BITS-1:0] gains_q;
            if (FOLDS > 1) begin : gen_gains
                reg [FOLD_BITS-1:0] gain_q;  // fold of the next beat that comes in
                always @(posedge clk) begin
                    if (!rst_n) gain_q <= {FOLD_BITS{1'b0}};
                    else if (en && s_valid)
                        gain_q <= (gain_q == LAST) ? {FOLD_BITS{1'b0}} : gain_q + 1'b1;
                    if (en) gains_q <= mem[gain_q];
                end
            end else begin : gen_one_gain
                always @(posedge clk) if (en) gains_q <= mem[0];
            end
        end

        for (pe = 0; pe < PE; pe = pe + 1) begin : gen_score
            wire [ACC_BITS-1:0] acc = accs_q[pe*ACC_BITS +: ACC_BITS];
            wire [SCORE_BITS-1:0] scaled;
            wire [SCORE_BITS-1:0] bias = biases_q[pe*SCORE_BITS +: SCORE_BITS];
            reg [SCORE_BITS-1:0] score_q;
            wire [LABEL_BITS-1:0] label;
            if (GAIN_SHIFT < 0) begin : gen_multiply
                wire [GAIN_BITS+ACC_BITS-1:0] product;
                product #(
                    .WEIGHT_BITS (GAIN_BITS),
                    .INPUT_BITS  (ACC_BITS),
                    .INPUT_SIGNED(1)
                ) u_product (
                    .clk(clk),
                    .en (en),
                    .w  (gen_gain.gains_q[pe*GAIN_BITS +: GAIN_BITS]),
                    .x  (acc),
                    .p  (product)
                );
                if (SCORE_BITS > GAIN_BITS + ACC_BITS) begin : gen_extend
                    localparam integer MORE = SCORE_BITS - GAIN_BITS - ACC_BITS;
                    assign scaled = {{MORE{product[GAIN_BITS+ACC_BITS-1]}}, product};
                end else begin : gen_fits
                    assign scaled = product[SCORE_BITS-1:0];
                    wire unused_product = &{1'b0, product};
                end
            end else begin : gen_shift
                wire [SCORE_BITS-1:0] wide = {{(SCORE_BITS-ACC_BITS){acc[ACC_BITS-1]}}, acc};
                assign scaled = wide <<< GAIN_SHIFT;
            end
            always @(posedge clk) if (en) score_q <= scaled + bias;
            if (FOLDS > 1) begin : gen_label
                reg [LABEL_BITS-1:0] label_q;
                always @(posedge clk) if (en) label_q <= base_q + pe[LABEL_BITS-1:0];
                assign label = label_q;
            end else begin : gen_one_label
                assign label = pe[LABEL_BITS-1:0];
                wire unused_base = &{1'b0, base_q};
            end
        end

        // Tournament: the right one wins only if it is larger, so the lowest row wins a tie.
        for (level = 0; level <= LEVELS; level = level + 1) begin : gen_level
            localparam integer NODES = (PE + (1 << level) - 1) >> level;
            wire [NODES*PAIR-1:0] pairs;
            if (level == 0) begin : gen_leaves
                for (node = 0; node < NODES; node = node + 1) begin : gen_node
                    assign pairs[node*PAIR +: PAIR] =
                        {gen_score[node].score_q, gen_score[node].label};
                end
            end else begin : gen_matches
                localparam integer BELOW = (PE + (1 << (level - 1)) - 1) >> (level - 1);
                for (node = 0; node < NODES; node = node + 1) begin : gen_node
                    wire [PAIR-1:0] left = gen_level[level-1].pairs[2*node*PAIR +: PAIR];
                    reg [PAIR-1:0] winner_q;
                    assign pairs[node*PAIR +: PAIR] = winner_q;
                    if (2 * node + 1 < BELOW) begin : gen_match
                        wire [PAIR-1:0] right =
                            gen_level[level-1].pairs[(2*node+1)*PAIR +: PAIR];
                        wire right_wins = (right[PAIR-1:LABEL_BITS] ^ SIGN)
                                        > (left[PAIR-1:LABEL_BITS] ^ SIGN);
                        always @(posedge clk) if (en) winner_q <= right_wins ? right : left;
                    end else begin : gen_bye
                        always @(posedge clk) if (en) winner_q <= left;
                    end
                end
            end
        end
    endgenerate

    // altera translate_off
`ifndef SYNTHESIS
    generate
        if (MEM != "") begin : gen_bias_file
            memory_file #(.MEM(BIASES), .WIDTH(PE * SCORE_BITS), .DEPTH(FOLDS)) u_file ();
        end
        if (MEM != "" && GAIN_SHIFT < 0) begin : gen_gain_file
            memory_file #(.MEM(GAINS), .WIDTH(PE * GAIN_BITS), .DEPTH(FOLDS)) u_file ();
        end
    endgenerate
`endif
    // altera translate_on

    // A beat is compared in one cycle and taken in the next. When it is compared, the beat
    // before it is just being taken or not; so it is compared with that one and with the best
    // before that one, and which of the two counts is known a cycle later.
    reg [PAIR-1:0] best_q;
    reg [PAIR-1:0] beat_q;
    reg over_beat_q;  // beat_q is larger than the beat before it
    reg over_best_q;  // and than best_q was, before that beat came in
    reg taken_q;      // the beat before went into best_q
    wire [PAIR-1:0] beat_best = gen_level[LEVELS].pairs;
    wire [SCORE_BITS-1:0] score = beat_best[PAIR-1:LABEL_BITS] ^ SIGN;
    wire larger = taken_q ? over_beat_q : over_best_q;
    wire take = valid_q[MATCH] && (first_q[MATCH] || larger);
    always @(posedge clk) begin
        if (en) begin
            beat_q      <= beat_best;
            over_beat_q <= score > (beat_q[PAIR-1:LABEL_BITS] ^ SIGN);
            over_best_q <= score > (best_q[PAIR-1:LABEL_BITS] ^ SIGN);
            taken_q     <= take;
        end
        if (en && take) best_q <= beat_q;
    end

    wire [PAIR-1:0] result;
    generate
        if (MH == 1) begin : gen_sign
            wire [SCORE_BITS-1:0] only = best_q[PAIR-1:LABEL_BITS];
            wire above = !only[SCORE_BITS-1] && (only != {SCORE_BITS{1'b0}});
            assign result = best_q | {{(PAIR-1){1'b0}}, above};  // the label of row 0 is 0
        end else begin : gen_row
            assign result = best_q;
        end
    endgenerate

    spill_register #(
        .WIDTH(PAIR)
    ) u_spill (
        .clk    (clk),
        .rst_n  (rst_n),
        .s_valid(valid_q[BEST]),
        .s_ready(spill_ready),
        .s_data (result),
        .m_valid(m_valid),
        .m_ready(m_ready),
        .m_data (m_data)
    );
endmodule
`default_nettype wire
