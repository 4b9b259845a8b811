// Matrix-vector-activation unit that does the taps of its rows, not their zeros, with
// accumulators of exactly ACC_BITS bits.
//
//   out[row] = thresholds(start[row] + sum over the row's taps of +-x[column])
//   A weight of +-k is k taps. In a step each of LANES lanes of each PE reads one element of the
//   vector, or none, and their sum is added to the PE's row; the schedule says which, and which
//   step ends the rows. STEPS steps per vector, one per cycle, without a pause between vectors.
//
//   s_* -> tap_buffer -> | lanes | tap_tree .. | tap_accumulator | thresholds .. | spill -> m_*
//       or tap_window
//                ^ slots, used        ^ signs         ^ first
//   step_q -> schedule (rom.v) -------+---------------+
//
//   A word of the schedule, from the low bits: slot and used of lane 0 of PE 0, of lane 1, ..; of
//   PE 1, ..; signs (tap_tree.v) of PE 0, of PE 1, ..; last, where the rows end.
//   Column c lies in bank c mod LANES, slot c div LANES (tap_buffer.v): lane l reads bank l. Where
//   the vector is a window of an image, a slot is the distance from its first element, and every
//   lane reads any (tap_window.v).
//   The pipeline halts as a whole while a result stands at its end and the spill register is
//   full. s_ready depends on registers only.
//
// Parameters
//   MW, MH          columns and rows, >= 1
//   PE              rows at once, >= 1, divides MH: each has a copy of the vector
//   LANES           see tap_tree.v: taps of a row at once, a multiple of SIMD unless WINDOW
//   SIMD            see tap_buffer.v and tap_window.v: elements per input beat, a divisor of MW
//   STEPS           words of the schedule: at least MH / PE, and READ_STAGES
//   INPUT_BITS, INPUT_SIGNED   see tap_tree.v
//   ACC_BITS        see tap_accumulator.v: P
//   OUTPUT_BITS     A, bits of an activation, 0..16; with 0 outputs are raw accumulators
//   OUTPUT_SIGNED, THRESHOLD_BITS, INVERT, THRESHOLDS   see thresholds.v
//   THRESHOLD_BLOCK  see threshold_stage.v: thresholds and start values in block RAM
//   SCHEDULE        memory file of the schedule
//   SCHEDULE_BLOCK  see rom.v: schedule in block RAM
//   BLOCK_STYLE     the tool's word for block RAM as ROM
//   READ_STAGES     registers behind the schedule, >= 1: a second one takes the block RAM's
//                   delay off the lanes' memories
//   RAM_STYLE       the tool's word for a RAM in LUTs or for block RAM, of the vector's banks
//   WINDOW          1: vectors are windows of an image, 0: they come whole
//   DEPTH, SPAN, COLUMNS, ROWS, RIGHT, DOWN, NEXT, COUNT_BITS   see tap_window.v
//   SHIFTED         1: rows begin at the values of STARTS, 0: at 0
//   STARTS          memory file: word nf holds start[nf*PE+pe] at bit pe*ACC_BITS
//   Y_BITS          bits of a result: derived, no other value is taken
`default_nettype none
module tap_unit #(
    parameter integer MW             = 12,
    parameter integer MH             = 4,
    parameter integer PE             = 1,
    parameter integer LANES          = 4,
    parameter integer SIMD           = 1,
    parameter integer STEPS          = 8,
    parameter integer INPUT_BITS     = 4,
    parameter integer INPUT_SIGNED   = 0,
    parameter integer ACC_BITS       = 8,
    parameter integer OUTPUT_BITS    = 4,
    parameter integer OUTPUT_SIGNED  = 0,
    parameter integer THRESHOLD_BITS = 8,
    parameter integer INVERT         = 0,
    parameter THRESHOLDS = "",
    parameter integer THRESHOLD_BLOCK = 0,
    parameter SCHEDULE = "",
    parameter integer SCHEDULE_BLOCK = 0,
    parameter BLOCK_STYLE = "block",
    parameter integer READ_STAGES    = 1,
    parameter RAM_STYLE = "auto",
    parameter integer WINDOW         = 0,
    parameter integer DEPTH          = 16,
    parameter integer SPAN           = 6,
    parameter integer COLUMNS        = 3,
    parameter integer ROWS           = 3,
    parameter integer RIGHT          = 1,
    parameter integer DOWN           = 2,
    parameter integer NEXT           = 6,
    parameter integer COUNT_BITS     = 6,
    parameter integer SHIFTED        = 0,
    parameter STARTS = "",
    parameter integer Y_BITS = (OUTPUT_BITS > 0) ? OUTPUT_BITS : ACC_BITS
) (
    input  wire                       clk,
    input  wire                       rst_n,
    input  wire                       s_valid,
    output wire                       s_ready,
    input  wire [SIMD*INPUT_BITS-1:0] s_data,
    output wire                       m_valid,
    input  wire                       m_ready,
    output wire [PE*Y_BITS-1:0]       m_data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (MW < 1) begin : gen_mw_at_least_1
            tap_unit_needs_MW_at_least_1 u_refused ();
        end
        if (MH < 1) begin : gen_mh_at_least_1
            tap_unit_needs_MH_at_least_1 u_refused ();
        end
        if (PE < 1) begin : gen_pe_at_least_1
            tap_unit_needs_PE_at_least_1 u_refused ();
        end
        if (MH % PE != 0) begin : gen_pe_to_divide_mh
            tap_unit_needs_PE_to_divide_MH u_refused ();
        end
        if (STEPS < MH / PE) begin : gen_steps_at_least_folds
            tap_unit_needs_STEPS_at_least_MH_over_PE u_refused ();
        end
        if (STEPS < READ_STAGES) begin : gen_steps_at_least_read_stages
            tap_unit_needs_STEPS_at_least_READ_STAGES u_refused ();
        end
        if (READ_STAGES < 1) begin : gen_read_stages_at_least_1
            tap_unit_needs_READ_STAGES_at_least_1 u_refused ();
        end
        if (OUTPUT_BITS < 0 || OUTPUT_BITS > 16) begin : gen_output_bits_0_to_16
            tap_unit_needs_OUTPUT_BITS_0_to_16 u_refused ();
        end
        if (WINDOW != 0 && WINDOW != 1) begin : gen_window_0_or_1
            tap_unit_needs_WINDOW_0_or_1 u_refused ();
        end
        if (SHIFTED != 0 && SHIFTED != 1) begin : gen_shifted_0_or_1
            tap_unit_needs_SHIFTED_0_or_1 u_refused ();
        end
        if (Y_BITS != ((OUTPUT_BITS > 0) ? OUTPUT_BITS : ACC_BITS)) begin : gen_y_bits_as_derived
            tap_unit_needs_Y_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer FOLDS = MH / PE;
    localparam integer LAST_FOLD = FOLDS - 1;
    localparam integer FOLD_BITS = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam [0:0] FOLD_WRAPS = FOLDS == 1 << FOLD_BITS;  // by itself: no comparison
    localparam integer LAST_STEP = STEPS - 1;
    localparam integer STEP_BITS = (STEPS > 1) ? $clog2(STEPS) : 1;
    localparam [0:0] STEP_WRAPS = STEPS == 1 << STEP_BITS;
    localparam integer SLOTS = (WINDOW == 1) ? SPAN * SIMD : (MW + LANES - 1) / LANES;
    localparam integer SLOT_BITS = (SLOTS > 1) ? $clog2(SLOTS) : 1;
    localparam integer WORD_BITS = PE * LANES * (SLOT_BITS + 2) + 1;
    localparam integer TREE = $clog2(LANES);
    localparam integer LEAF = INPUT_BITS + 1 - INPUT_SIGNED;  // bits of a lane with its sign
    localparam integer SUM_BITS = (LEAF + TREE < ACC_BITS) ? LEAF + TREE : ACC_BITS;
    localparam integer AT_WORD = READ_STAGES - 1;  // stage whose register holds the word
    localparam integer AT_SUM = AT_WORD + 1 + TREE;  // stage whose register holds the sums
    localparam integer SEARCH = (OUTPUT_BITS > 0) ? 2 * OUTPUT_BITS - 1 : 0;
    localparam integer AT_END = AT_SUM + 1 + SEARCH;  // last stage before the spill

    // Stage 0 holds what the schedule's memory gives. valid_q[i]: stage i holds a step, up to the
    // sums; from the accumulators on only the end of rows counts.
    reg [AT_END:0] valid_q;
    reg [STEP_BITS-1:0] step_q;

    wire spill_ready;
    // One enable for all stages: a result at the end without a place halts them.
    wire en = !valid_q[AT_END] || spill_ready;
    wire full;  // a vector is there: a step begins
    wire last_step = step_q == LAST_STEP[STEP_BITS-1:0];

    wire [WORD_BITS-1:0] read;
    rom #(
        .WIDTH      (WORD_BITS),
        .DEPTH      (STEPS),
        .MEM        (SCHEDULE),
        .BLOCK      (SCHEDULE_BLOCK),
        .BLOCK_STYLE(BLOCK_STYLE)
    ) u_schedule (
        .clk (clk),
        .en  (en),
        .addr(step_q),
        .data(read)
    );

    wire [WORD_BITS-1:0] word;
    genvar stage, lane, pe;
    generate
        for (stage = 0; stage < READ_STAGES; stage = stage + 1) begin : gen_read
            wire [WORD_BITS-1:0] held;
            if (stage == 0) begin : gen_memory
                assign held = read;
            end else begin : gen_register
                reg [WORD_BITS-1:0] word_q;
                always @(posedge clk) if (en) word_q <= gen_read[stage-1].held;
                assign held = word_q;
            end
        end
        assign word = gen_read[AT_WORD].held;
    endgenerate

    wire [PE*LANES*SLOT_BITS-1:0] slots;
    wire [PE*LANES-1:0] used;
    generate
        for (lane = 0; lane < PE * LANES; lane = lane + 1) begin : gen_tap
            assign {used[lane], slots[lane*SLOT_BITS +: SLOT_BITS]} =
                word[lane*(SLOT_BITS+1) +: SLOT_BITS+1];
        end
    endgenerate
    wire [PE*LANES-1:0] signs = word[PE*LANES*(SLOT_BITS+1) +: PE*LANES];
    wire last = word[WORD_BITS-1];

    // Marks of the steps, from the word on; first_q of the one that comes next, too.
    reg fresh_q;  // the step at the word begins rows
    reg [AT_SUM:AT_WORD+1] first_q;
    reg [AT_SUM:AT_WORD+1] last_q;
    reg [PE*LANES-1:0] signs_q;  // beside the lanes
    wire [AT_SUM+1:AT_WORD+1] first_next = {first_q, fresh_q};
    wire [AT_SUM+1:AT_WORD+1] last_next = {last_q, last};
    // The accumulators take every sum in, but pass on only the one that ends a row. Shifted to the
    // bit of the accumulators' stage, of which it is the only one.
    wire [AT_END:0] partial = {{AT_END{1'b0}}, !last_q[AT_SUM]} << (AT_SUM + 1);

    always @(posedge clk) begin
        if (!rst_n) begin
            step_q  <= {STEP_BITS{1'b0}};
            valid_q <= {(AT_END+1){1'b0}};
            fresh_q <= 1'b1;
        end else if (en) begin
            valid_q <= {valid_q[AT_END-1:0], full} & ~partial;
            if (full) step_q <= (last_step && !STEP_WRAPS) ? {STEP_BITS{1'b0}} : step_q + 1'b1;
            if (valid_q[AT_WORD]) fresh_q <= last;
        end
        // Without a reset: what they say counts only beside a valid_q.
        if (en) begin
            first_q <= first_next[AT_SUM:AT_WORD+1];
            last_q  <= last_next[AT_SUM:AT_WORD+1];
            signs_q <= signs;
        end
    end
    wire unused_marks = &{1'b0, first_next[AT_SUM+1], last_next[AT_SUM+1]};

    wire [PE*LANES*INPUT_BITS-1:0] x;
    generate
        if (WINDOW == 1) begin : gen_window
            tap_window #(
                .WIDTH      (INPUT_BITS),
                .SIMD       (SIMD),
                .LANES      (PE * LANES),
                .DEPTH      (DEPTH),
                .SPAN       (SPAN),
                .COLUMNS    (COLUMNS),
                .ROWS       (ROWS),
                .RIGHT      (RIGHT),
                .DOWN       (DOWN),
                .NEXT       (NEXT),
                .COUNT_BITS (COUNT_BITS),
                .READ_STAGES(READ_STAGES),
                .RAM_STYLE  (RAM_STYLE)
            ) u_window (
                .clk    (clk),
                .rst_n  (rst_n),
                .s_valid(s_valid),
                .s_ready(s_ready),
                .s_data (s_data),
                .en     (en),
                .full   (full),
                .last   (last_step),
                .slots  (slots),
                .used   (used),
                .data   (x)
            );
        end else begin : gen_vector
            tap_buffer #(
                .WIDTH      (INPUT_BITS),
                .LENGTH     (MW),
                .SIMD       (SIMD),
                .BANKS      (LANES),
                .COPIES     (PE),
                .READ_STAGES(READ_STAGES),
                .RAM_STYLE  (RAM_STYLE)
            ) u_buffer (
                .clk    (clk),
                .rst_n  (rst_n),
                .s_valid(s_valid),
                .s_ready(s_ready),
                .s_data (s_data),
                .en     (en),
                .full   (full),
                .last   (last_step),
                .slots  (slots),
                .used   (used),
                .data   (x)
            );
        end
    endgenerate

    // What the folds need from memory is read a stage ahead: fold_q is that of the sums that
    // come next, fold_sum_q that of the sums at hand.
    reg [FOLD_BITS-1:0] fold_q;
    reg [FOLD_BITS-1:0] fold_sum_q;
    wire ahead_last;
    generate
        if (TREE > 0) begin : gen_tree_ahead
            assign ahead_last = last_q[AT_SUM-1];
        end else begin : gen_word_ahead
            assign ahead_last = last;
        end
    endgenerate
    always @(posedge clk) begin
        if (!rst_n) fold_q <= {FOLD_BITS{1'b0}};
        else if (en && valid_q[AT_SUM-1] && ahead_last)
            fold_q <= (fold_q == LAST_FOLD[FOLD_BITS-1:0] && !FOLD_WRAPS) ? {FOLD_BITS{1'b0}}
                                                                         : fold_q + 1'b1;
        if (en) fold_sum_q <= fold_q;
    end

    wire [PE*ACC_BITS-1:0] starts;
    start_values #(
        .WIDTH      (PE * ACC_BITS),
        .FOLDS      (FOLDS),
        .SHIFTED    (SHIFTED),
        .MEM        (STARTS),
        .BLOCK      (THRESHOLD_BLOCK),
        .BLOCK_STYLE(BLOCK_STYLE)
    ) u_starts (
        .clk (clk),
        .en  (en),
        .fold(fold_q),
        .data(starts)
    );

    wire [PE*ACC_BITS-1:0] acc;
    generate
        for (pe = 0; pe < PE; pe = pe + 1) begin : gen_pe
            wire [SUM_BITS-1:0] sum;
            wire negative;
            tap_tree #(
                .LANES       (LANES),
                .INPUT_BITS  (INPUT_BITS),
                .INPUT_SIGNED(INPUT_SIGNED),
                .ACC_BITS    (ACC_BITS)
            ) u_tree (
                .clk     (clk),
                .en      (en),
                .x       (x[pe*LANES*INPUT_BITS +: LANES*INPUT_BITS]),
                .signs   (signs_q[pe*LANES +: LANES]),
                .sum     (sum),
                .negative(negative)
            );
            tap_accumulator #(
                .SUM_BITS(SUM_BITS),
                .ACC_BITS(ACC_BITS),
                .ONE_SUM ((STEPS == FOLDS) ? 1 : 0)
            ) u_acc (
                .clk     (clk),
                .en      (en),
                .first   (first_q[AT_SUM]),
                .start   (starts[pe*ACC_BITS +: ACC_BITS]),
                .sum     (sum),
                .negative(negative),
                .acc     (acc[pe*ACC_BITS +: ACC_BITS])
            );
            // altera translate_off
`ifndef SYNTHESIS
            tap_check #(
                .LANES       (LANES),
                .INPUT_BITS  (INPUT_BITS),
                .INPUT_SIGNED(INPUT_SIGNED),
                .ACC_BITS    (ACC_BITS),
                .STAGES      (TREE)
            ) u_check (
                .clk  (clk),
                .rst_n(rst_n),
                .en   (en),
                .x    (x[pe*LANES*INPUT_BITS +: LANES*INPUT_BITS]),
                .signs(signs_q[pe*LANES +: LANES]),
                .valid(valid_q[AT_SUM]),
                .first(first_q[AT_SUM]),
                .start(starts[pe*ACC_BITS +: ACC_BITS])
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
                .FOLDS         (FOLDS),
                .ACC_BITS      (ACC_BITS),
                .THRESHOLD_BITS(THRESHOLD_BITS),
                .OUTPUT_BITS   (OUTPUT_BITS),
                .OUTPUT_SIGNED (OUTPUT_SIGNED),
                .INVERT        (INVERT),
                .MEM           (THRESHOLDS),
                .BLOCK         (THRESHOLD_BLOCK),
                .BLOCK_STYLE   (BLOCK_STYLE)
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
