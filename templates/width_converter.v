// Stream width converter between beats of S_WORDS and of M_WORDS words; one count must be a
// multiple of the other (RATIO is whole). Word 0 is in the low bits and leaves first.
//
//   Widening: RATIO beats are gathered, the last one goes straight to the output register.
//   Narrowing: one beat is sent in RATIO parts while the next one waits in a second register.
//   Latency 1 cycle; throughput 1 beat a cycle on the narrow side. s_ready depends on
//   registers only.
//
// Parameters
//   WORD     bits of a word, >= 1
//   S_WORDS  words of an input beat, >= 1
//   M_WORDS  words of an output beat, >= 1, different from S_WORDS
`default_nettype none
module width_converter #(
    parameter integer WORD    = 4,
    parameter integer S_WORDS = 2,
    parameter integer M_WORDS = 4
) (
    input  wire                    clk,
    input  wire                    rst_n,
    input  wire                    s_valid,
    output wire                    s_ready,
    input  wire [S_WORDS*WORD-1:0] s_data,
    output wire                    m_valid,
    input  wire                    m_ready,
    output wire [M_WORDS*WORD-1:0] m_data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WORD < 1) begin : gen_word_at_least_1
            width_converter_needs_WORD_at_least_1 u_refused ();
        end
        if (S_WORDS < 1) begin : gen_s_words_at_least_1
            width_converter_needs_S_WORDS_at_least_1 u_refused ();
        end
        if (M_WORDS < 1) begin : gen_m_words_at_least_1
            width_converter_needs_M_WORDS_at_least_1 u_refused ();
        end
        if (S_WORDS == M_WORDS) begin : gen_m_words_unlike_s_words
            width_converter_needs_M_WORDS_unlike_S_WORDS u_refused ();
        end
        if (RATIO * S_WORDS != M_WORDS && RATIO * M_WORDS != S_WORDS) begin : gen_ratio_whole
            width_converter_needs_RATIO_whole u_refused ();
        end
    endgenerate

    localparam integer WIDEN = (M_WORDS > S_WORDS) ? 1 : 0;
    localparam integer RATIO = (WIDEN != 0) ? M_WORDS / S_WORDS : S_WORDS / M_WORDS;
    localparam integer COUNT_BITS = (RATIO > 1) ? $clog2(RATIO) : 1;
    localparam integer LAST_PART = RATIO - 1;
    localparam [COUNT_BITS-1:0] LAST = LAST_PART[COUNT_BITS-1:0];

    reg [COUNT_BITS-1:0] count_q;
    reg valid_q;

    wire s_fire = s_valid && s_ready;
    wire m_fire = m_valid && m_ready;
    wire at_last = count_q == LAST;

    assign m_valid = valid_q;

    generate
        if (WIDEN != 0) begin : gen_widen
            localparam integer PART = S_WORDS * WORD;
            localparam integer HELD = (RATIO - 1) * PART;
            reg [HELD-1:0] held_q;  // parts 0..RATIO-2, the newest on top
            reg [M_WORDS*WORD-1:0] data_q;
            wire [RATIO*PART-1:0] shifted = {s_data, held_q};

            assign s_ready = !at_last || !valid_q;
            assign m_data  = data_q;

            always @(posedge clk) begin
                if (!rst_n) begin
                    count_q <= {COUNT_BITS{1'b0}};
                    valid_q <= 1'b0;
                end else begin
                    valid_q <= (s_fire && at_last) || (valid_q && !m_ready);
                    if (s_fire) count_q <= at_last ? {COUNT_BITS{1'b0}} : count_q + 1'b1;
                end
                if (s_fire) held_q <= shifted[RATIO*PART-1:PART];
                if (s_fire && at_last) data_q <= shifted;
            end
            wire unused = m_fire;
        end else begin : gen_narrow
            localparam integer PART = M_WORDS * WORD;
            reg next_valid_q;
            reg [RATIO*PART-1:0] data_q;
            reg [RATIO*PART-1:0] next_q;
            wire done = m_fire && at_last;
            wire load = !valid_q || done;

            assign s_ready = !next_valid_q;
            assign m_data  = data_q[PART-1:0];

            always @(posedge clk) begin
                if (!rst_n) begin
                    count_q      <= {COUNT_BITS{1'b0}};
                    valid_q      <= 1'b0;
                    next_valid_q <= 1'b0;
                end else begin
                    valid_q      <= !load || s_fire || next_valid_q;
                    next_valid_q <= !load && (s_fire || next_valid_q);
                    if (m_fire) count_q <= at_last ? {COUNT_BITS{1'b0}} : count_q + 1'b1;
                end
                if (s_ready) next_q <= s_data;
                if (load) data_q <= next_valid_q ? next_q : s_data;
                else if (m_fire) data_q <= data_q >> PART;
            end
        end
    endgenerate
endmodule
`default_nettype wire
