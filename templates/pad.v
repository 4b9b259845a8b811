// Pad: puts positions of one value around the image.
//
//   Rows and columns of the image with its border leave in order, of each position its BEATS beats.
//   Beats of the border wait for the first beat of their image to have come, and for nothing else,
//   so that none leaves before an image begins.
//
//   s_* ---> held_q ---> choose ---> spill register ---> m_*
//                 PAD ---^
//
//   Throughput 1 beat per cycle at m_*, latency 2 cycles from a beat to itself. s_ready depends on
//   registers only.
//
// Parameters
//   WIDTH    payload, bits, >= 1
//   BEATS    beats of a position, >= 1
//   H, W     rows and columns of the image, >= 1
//   TOP, LEFT, BOTTOM, RIGHT   positions on each side, >= 0
//   PAD      what lies there
`default_nettype none
module pad #(
    parameter integer WIDTH  = 4,
    parameter integer BEATS  = 2,
    parameter integer H      = 3,
    parameter integer W      = 3,
    parameter integer TOP    = 1,
    parameter integer LEFT   = 1,
    parameter integer BOTTOM = 1,
    parameter integer RIGHT  = 1,
    parameter [WIDTH-1:0] PAD = {WIDTH{1'b0}}
) (
    input  wire             clk,
    input  wire             rst_n,
    input  wire             s_valid,
    output wire             s_ready,
    input  wire [WIDTH-1:0] s_data,
    output wire             m_valid,
    input  wire             m_ready,
    output wire [WIDTH-1:0] m_data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WIDTH < 1) begin : gen_width_at_least_1
            pad_needs_WIDTH_at_least_1 u_refused ();
        end
        if (BEATS < 1) begin : gen_beats_at_least_1
            pad_needs_BEATS_at_least_1 u_refused ();
        end
        if (H < 1) begin : gen_h_at_least_1
            pad_needs_H_at_least_1 u_refused ();
        end
        if (W < 1) begin : gen_w_at_least_1
            pad_needs_W_at_least_1 u_refused ();
        end
        if (TOP < 0) begin : gen_top_at_least_0
            pad_needs_TOP_at_least_0 u_refused ();
        end
        if (LEFT < 0) begin : gen_left_at_least_0
            pad_needs_LEFT_at_least_0 u_refused ();
        end
        if (BOTTOM < 0) begin : gen_bottom_at_least_0
            pad_needs_BOTTOM_at_least_0 u_refused ();
        end
        if (RIGHT < 0) begin : gen_right_at_least_0
            pad_needs_RIGHT_at_least_0 u_refused ();
        end
    endgenerate

    localparam integer COLUMNS = LEFT + W + RIGHT;
    localparam integer ROWS = TOP + H + BOTTOM;
    localparam integer BEAT_BITS = (BEATS > 1) ? $clog2(BEATS) : 1;
    localparam integer COLUMN_BITS = $clog2(COLUMNS + 1);
    localparam integer ROW_BITS = $clog2(ROWS + 1);
    localparam integer LAST_BEAT = BEATS - 1;
    localparam integer LAST_COLUMN = COLUMNS - 1;
    localparam integer LAST_ROW = ROWS - 1;
    localparam integer BEYOND_W = LEFT + W;
    localparam integer BEYOND_H = TOP + H;

    reg [WIDTH-1:0]       data_q;   // the beat that came last
    reg                   held_q;   // and has not left
    reg                   begun_q;  // a beat of the image has left
    reg [BEAT_BITS-1:0]   beat_q;
    reg [COLUMN_BITS-1:0] column_q;
    reg [ROW_BITS-1:0]    row_q;

    wire spill_ready;
    wire above;
    wire left_of;
    generate
        // Nothing is less than 0.
        if (TOP > 0) begin : gen_top
            assign above = row_q < TOP[ROW_BITS-1:0];
        end else begin : gen_no_top
            assign above = 1'b0;
        end
        if (LEFT > 0) begin : gen_left
            assign left_of = column_q < LEFT[COLUMN_BITS-1:0];
        end else begin : gen_no_left
            assign left_of = 1'b0;
        end
    endgenerate
    wire outside = above || row_q >= BEYOND_H[ROW_BITS-1:0]
                || left_of || column_q >= BEYOND_W[COLUMN_BITS-1:0];
    wire beat_end   = beat_q == LAST_BEAT[BEAT_BITS-1:0];
    wire column_end = column_q == LAST_COLUMN[COLUMN_BITS-1:0];
    wire row_end    = row_q == LAST_ROW[ROW_BITS-1:0];
    wire offers     = held_q || (outside && begun_q);
    wire leaves     = offers && spill_ready;
    wire taken      = leaves && !outside;

    assign s_ready = !held_q || taken;

    always @(posedge clk) begin
        if (!rst_n) begin
            held_q   <= 1'b0;
            begun_q  <= 1'b0;
            beat_q   <= {BEAT_BITS{1'b0}};
            column_q <= {COLUMN_BITS{1'b0}};
            row_q    <= {ROW_BITS{1'b0}};
        end else begin
            held_q <= (s_valid && s_ready) || (held_q && !taken);
            if (leaves) begin
                begun_q <= (begun_q || !outside) && !(beat_end && column_end && row_end);
                beat_q <= beat_end ? {BEAT_BITS{1'b0}} : beat_q + 1'b1;
                if (beat_end) column_q <= column_end ? {COLUMN_BITS{1'b0}} : column_q + 1'b1;
                if (beat_end && column_end) row_q <= row_end ? {ROW_BITS{1'b0}} : row_q + 1'b1;
            end
        end
        // Without a reset: what it holds counts only where held_q says so.
        if (s_ready) data_q <= s_data;
    end

    spill_register #(
        .WIDTH(WIDTH)
    ) u_spill (
        .clk    (clk),
        .rst_n  (rst_n),
        .s_valid(offers),
        .s_ready(spill_ready),
        .s_data (outside ? PAD : data_q),
        .m_valid(m_valid),
        .m_ready(m_ready),
        .m_data (m_data)
    );
endmodule
`default_nettype wire
