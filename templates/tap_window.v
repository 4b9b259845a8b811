// The last lines of an image, a copy for every lane, in which lanes read a window at random.
//
//   Beat g of the endless input stream, of SIMD elements, lies in places SIMD*(g mod DEPTH) and
//   following of every copy
//   data[lane] = used[lane] ? copy[lane][(SIMD*base + slots[lane]) mod SIMD*DEPTH] : 0
//   base is the first beat of the window at hand, SPAN beats from its first to its last. The
//   reader sees a window once it is whole (full), and says with the last of its reads that it is
//   done with it: base moves RIGHT, at the end of a row of windows DOWN, behind the last one NEXT,
//   and what lies before it is free when that has been read.
//
//   s_* ---> copies ---> data
//     write_q ^   ^ base, READ_STAGES later, + slots
//
//   The signs of two numbers are all the flow control:
//     behind_q  beats written - base - SPAN: below 0 the window is not whole
//     used_q    beats written - beats freed - DEPTH: below 0 there is room for another
//
//   Copies are written SIMD elements at once and read one: block RAM has ports of such widths.
//
// Parameters
//   WIDTH           N, bits of an element, >= 1
//   SIMD            elements per beat, a power of two
//   LANES           lanes, >= 1
//   DEPTH           beats that a copy holds, a power of two
//   SPAN            >= 1
//   COLUMNS, ROWS   windows side by side and below each other, >= 1
//   RIGHT, DOWN, NEXT   beats, >= 0
//   COUNT_BITS      bits of behind_q and used_q, signed, 2..32: they hold all their values
//   READ_STAGES     cycles of en from full and last to slots and used, >= 1
//   RAM_STYLE       the tool's word for a RAM in LUTs or for block RAM, or auto
//   SLOT_BITS       bits of a slot: derived, no other value is taken
`default_nettype none
module tap_window #(
    parameter integer WIDTH       = 4,
    parameter integer SIMD        = 1,
    parameter integer LANES       = 2,
    parameter integer DEPTH       = 16,
    parameter integer SPAN        = 6,
    parameter integer COLUMNS     = 3,
    parameter integer ROWS        = 3,
    parameter integer RIGHT       = 1,
    parameter integer DOWN        = 2,
    parameter integer NEXT        = 6,
    parameter integer COUNT_BITS  = 6,
    parameter integer READ_STAGES = 1,
    parameter RAM_STYLE = "auto",
    parameter integer SLOT_BITS = (SPAN*SIMD > 1) ? $clog2(SPAN*SIMD) : 1
) (
    input  wire                       clk,
    input  wire                       rst_n,
    input  wire                       s_valid,
    output wire                       s_ready,
    input  wire [SIMD*WIDTH-1:0]      s_data,
    input  wire                       en,
    output wire                       full,   // the window at hand is whole
    input  wire                       last,   // with full and en: its last read begins
    input  wire [LANES*SLOT_BITS-1:0] slots,
    input  wire [LANES-1:0]           used,
    output wire [LANES*WIDTH-1:0]     data    // 1 cycle of en behind slots and used
);
    localparam integer PTR_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1;
    localparam integer ELEMENT_BITS = $clog2(SIMD);
    localparam integer PLACE_BITS = PTR_BITS + ELEMENT_BITS;

    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WIDTH < 1) begin : gen_width_at_least_1
            tap_window_needs_WIDTH_at_least_1 u_refused ();
        end
        if (SIMD < 1 || SIMD != 1 << ELEMENT_BITS) begin : gen_simd_a_power_of_two
            tap_window_needs_SIMD_a_power_of_two u_refused ();
        end
        if (LANES < 1) begin : gen_lanes_at_least_1
            tap_window_needs_LANES_at_least_1 u_refused ();
        end
        if (DEPTH < 2 || DEPTH != 1 << PTR_BITS) begin : gen_depth_a_power_of_two
            tap_window_needs_DEPTH_a_power_of_two u_refused ();
        end
        if (SPAN < 1) begin : gen_span_at_least_1
            tap_window_needs_SPAN_at_least_1 u_refused ();
        end
        if (COLUMNS < 1) begin : gen_columns_at_least_1
            tap_window_needs_COLUMNS_at_least_1 u_refused ();
        end
        if (ROWS < 1) begin : gen_rows_at_least_1
            tap_window_needs_ROWS_at_least_1 u_refused ();
        end
        if (RIGHT < 0) begin : gen_right_at_least_0
            tap_window_needs_RIGHT_at_least_0 u_refused ();
        end
        if (DOWN < 0) begin : gen_down_at_least_0
            tap_window_needs_DOWN_at_least_0 u_refused ();
        end
        if (NEXT < 0) begin : gen_next_at_least_0
            tap_window_needs_NEXT_at_least_0 u_refused ();
        end
        if (COUNT_BITS < 2 || COUNT_BITS > 32) begin : gen_count_bits_2_to_32
            tap_window_needs_COUNT_BITS_2_to_32 u_refused ();
        end
        if (READ_STAGES < 1) begin : gen_read_stages_at_least_1
            tap_window_needs_READ_STAGES_at_least_1 u_refused ();
        end
        if (SLOT_BITS != ((SPAN*SIMD > 1) ? $clog2(SPAN*SIMD) : 1)) begin : gen_slot_bits_as_derived
            tap_window_needs_SLOT_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer COLUMN_BITS = (COLUMNS > 1) ? $clog2(COLUMNS) : 1;
    localparam integer ROW_BITS = (ROWS > 1) ? $clog2(ROWS) : 1;
    localparam integer LAST_COLUMN = COLUMNS - 1;
    localparam integer LAST_ROW = ROWS - 1;
    localparam integer BEHIND = -SPAN;
    localparam integer USED = -DEPTH;
    // Steps of base, as they are subtracted; bit 1 of a step: the row ends, bit 0: the image, too.
    localparam integer BACK_RIGHT = -RIGHT;
    localparam integer BACK_DOWN = -DOWN;
    localparam integer BACK_NEXT = -NEXT;
    function [COUNT_BITS-1:0] back(input takes, input [1:0] of);
        back = {COUNT_BITS{takes}}
             & (!of[1] ? BACK_RIGHT[COUNT_BITS-1:0]
                       : !of[0] ? BACK_DOWN[COUNT_BITS-1:0] : BACK_NEXT[COUNT_BITS-1:0]);
    endfunction

    reg [PTR_BITS-1:0]    write_q;
    reg [PTR_BITS-1:0]    base_q;
    reg [COUNT_BITS-1:0]  behind_q;
    reg [COUNT_BITS-1:0]  used_q;
    reg [COLUMN_BITS-1:0] column_q;
    reg [ROW_BITS-1:0]    row_q;

    wire s_fire = s_valid && s_ready;
    wire moves  = en && full && last;
    wire row_end = column_q == LAST_COLUMN[COLUMN_BITS-1:0];
    wire image_end = row_q == LAST_ROW[ROW_BITS-1:0];
    wire [1:0] step = {row_end, image_end};

    assign s_ready = used_q[COUNT_BITS-1];
    assign full    = !behind_q[COUNT_BITS-1];

    // Reads on their way to the copies: their base, and those that end a window.
    reg [READ_STAGES*PTR_BITS-1:0] bases_q;
    reg [READ_STAGES*2-1:0]        steps_q;
    reg [READ_STAGES-1:0]          moves_q;
    wire [(READ_STAGES+1)*PTR_BITS-1:0] bases = {bases_q, base_q};
    wire [(READ_STAGES+1)*2-1:0]        steps = {steps_q, step};
    wire [READ_STAGES:0]                moved = {moves_q, full && last};
    wire freed = en && moves_q[READ_STAGES-1];

    // A beat that comes in is the carry of both sums.
    wire [COUNT_BITS-1:0] base_back = back(moves, step);
    wire [COUNT_BITS-1:0] free_back = back(freed, steps_q[READ_STAGES*2-1 -: 2]);
    wire [COUNT_BITS:0] behind = {behind_q, 1'b1} + {base_back, s_fire};
    wire [COUNT_BITS:0] in_use = {used_q, 1'b1} + {free_back, s_fire};
    wire [COUNT_BITS+PTR_BITS-1:0] wide_back = {{PTR_BITS{base_back[COUNT_BITS-1]}}, base_back};
    wire unused = &{1'b0, behind[0], in_use[0], wide_back, bases, steps, moved};

    always @(posedge clk) begin
        if (!rst_n) begin
            write_q  <= {PTR_BITS{1'b0}};
            base_q   <= {PTR_BITS{1'b0}};
            behind_q <= BEHIND[COUNT_BITS-1:0];
            used_q   <= USED[COUNT_BITS-1:0];
            column_q <= {COLUMN_BITS{1'b0}};
            row_q    <= {ROW_BITS{1'b0}};
            moves_q  <= {READ_STAGES{1'b0}};
        end else begin
            if (s_fire) write_q <= write_q + 1'b1;
            base_q   <= base_q - wide_back[PTR_BITS-1:0];
            behind_q <= behind[COUNT_BITS:1];
            used_q   <= in_use[COUNT_BITS:1];
            if (moves) begin
                column_q <= row_end ? {COLUMN_BITS{1'b0}} : column_q + 1'b1;
                if (row_end) row_q <= image_end ? {ROW_BITS{1'b0}} : row_q + 1'b1;
            end
            if (en) moves_q <= moved[READ_STAGES-1:0];
        end
        // Without a reset: they count only beside reads of a whole window.
        if (en) begin
            bases_q <= bases[READ_STAGES*PTR_BITS-1:0];
            steps_q <= steps[READ_STAGES*2-1:0];
        end
    end

    // The place of an element of a beat. Bit by bit, so that Yosys sees that a beat's elements are
    // neighbours, and writes them by one wide port.
    function [PLACE_BITS-1:0] place_of(input [PTR_BITS-1:0] beat, input integer element);
        integer k;
        for (k = 0; k < PLACE_BITS; k = k + 1)
            place_of[k] = (k < ELEMENT_BITS) ? element[k]
                                             : beat[(k < ELEMENT_BITS) ? 0 : k-ELEMENT_BITS];
    endfunction
    wire [PLACE_BITS-1:0] base = place_of(bases_q[READ_STAGES*PTR_BITS-1 -: PTR_BITS], 0);
    wire unused_style = RAM_STYLE == "";  // attributes alone use it: Verilator skips those
    genvar lane;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : gen_lane
            wire [SLOT_BITS+PLACE_BITS-1:0] slot =
                {{PLACE_BITS{1'b0}}, slots[lane*SLOT_BITS +: SLOT_BITS]};
            wire [PLACE_BITS-1:0] place = base + slot[PLACE_BITS-1:0];
            wire unused_slot = &{1'b0, slot};
            // ram_style: Vivado and Yosys, ramstyle: Quartus, syn_ramstyle: Synplify and Gowin.
            (* ram_style = RAM_STYLE, ramstyle = RAM_STYLE, syn_ramstyle = RAM_STYLE *)
            reg [WIDTH-1:0] mem [0:DEPTH*SIMD-1];
            reg [WIDTH-1:0] data_q;
            integer element;
            always @(posedge clk) begin
                if (s_fire)
                    for (element = 0; element < SIMD; element = element + 1)
                        mem[place_of(write_q, element)] <= s_data[element*WIDTH +: WIDTH];
                // A tap that is not there is a reset of the register: no logic in the data's way.
                if (en) begin
                    if (!used[lane]) data_q <= {WIDTH{1'b0}};
                    else data_q <= mem[place];
                end
            end
            assign data[lane*WIDTH +: WIDTH] = data_q;
        end
    endgenerate
endmodule
`default_nettype wire
