// Line buffer: gives the beats of an image again in the order of a nest of loops, as a sliding
// window reads them, or an image that grows.
//
//   Beat g of the endless input stream lies in mem[g mod DEPTH]. The read position moves on by one
//   of a few constants, by the outermost loop that takes a step; the next frame is one more such
//   constant, so that nothing happens between two frames. The signs of two numbers are all the
//   flow control:
//
//     behind_q  beats written - read position - 1: below 0 the beat is still to come
//     used_q    beats written - beats freed - DEPTH: below 0 there is room for a beat
//
//   Positions outside of the image give PAD and wait for nothing, whatever beat the position
//   stands for; the first of a frame waits for the frame to begin. Latency 2 cycles from a beat to
//   what reads it, throughput 1 beat per cycle at either side. s_ready depends on registers only.
//
//   With several READS a beat that leaves is of as many positions, which lie at constant distances
//   from the first: each has a copy of the memory, and all leave when the last of them has come.
//
//   s_* ---> mem[DEPTH] ---> data_q ---> m_*          (mem, read_q and data_q for each of READS)
//            write_q ^   ^ read_q <- counts of the loops
//
// Parameters
//   WIDTH       payload of a position, bits, >= 1
//   READS       positions that leave at once, >= 1
//   OFFSETS     beats from the first of them to each: 32 bits for each, >= 0, the first's 0
//   DEPTH       beats that the memory holds, >= 2
//   LEVELS      loops, >= 1
//   COUNTS      turns of each loop, >= 1: 32 bits for each, the innermost in the low ones
//   JUMPS       beats that the read position moves on by when a loop takes a step and all inside
//               it begin again: 32 bits for each, signed, that of the next frame on top
//   FREES       beats that are free then, in the same way; none is negative
//   START       read position of the first beat, at most 0: negative behind a border
//   COUNT_BITS  bits of behind_q and used_q, signed, 2..32: they hold all their values
//   BORDER      1: there are positions outside of the image
//   H, W        rows and columns of the image, >= 1
//   TOP, LEFT   row and column of the first beat are -TOP and -LEFT, >= 0
//   DOWN, RIGHT rows and columns that a turn of each loop is, as COUNTS; two loops each, at most
//   BEGUN       behind_q is this or more when a frame has begun, >= 0: see begins
//   BELOW, BESIDE   rows and columns from the first of READS to each, >= 0, as OFFSETS
//   PAD         what lies outside of the image
//   RAM_STYLE   the tool's word for a RAM in LUTs or for block RAM, or auto
`default_nettype none
module line_buffer #(
    parameter integer WIDTH  = 8,
    parameter integer READS  = 1,
    parameter [32*READS-1:0] OFFSETS = {READS{32'd0}},
    parameter integer DEPTH  = 16,
    parameter integer LEVELS = 2,
    parameter [32*LEVELS-1:0] COUNTS = {LEVELS{32'd2}},
    parameter [32*(LEVELS+1)-1:0] JUMPS = {LEVELS+1{32'd1}},
    parameter [32*(LEVELS+1)-1:0] FREES = {LEVELS+1{32'd1}},
    parameter integer START      = 0,
    parameter integer COUNT_BITS = 6,
    parameter integer BORDER = 0,
    parameter integer H      = 2,
    parameter integer W      = 2,
    parameter integer TOP    = 0,
    parameter integer LEFT   = 0,
    parameter [32*LEVELS-1:0] DOWN  = {LEVELS{32'd0}},
    parameter [32*LEVELS-1:0] RIGHT = {LEVELS{32'd0}},
    parameter integer BEGUN = 1,
    parameter [32*READS-1:0] BELOW  = {READS{32'd0}},
    parameter [32*READS-1:0] BESIDE = {READS{32'd0}},
    parameter [WIDTH-1:0] PAD = {WIDTH{1'b0}},
    parameter RAM_STYLE = "auto"
) (
    input  wire                   clk,
    input  wire                   rst_n,
    input  wire                   s_valid,
    output wire                   s_ready,
    input  wire [WIDTH-1:0]       s_data,
    output wire                   m_valid,
    input  wire                   m_ready,
    output wire [READS*WIDTH-1:0] m_data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WIDTH < 1) begin : gen_width_at_least_1
            line_buffer_needs_WIDTH_at_least_1 u_refused ();
        end
        if (READS < 1) begin : gen_reads_at_least_1
            line_buffer_needs_READS_at_least_1 u_refused ();
        end
        if (DEPTH < 2) begin : gen_depth_at_least_2
            line_buffer_needs_DEPTH_at_least_2 u_refused ();
        end
        if (LEVELS < 1) begin : gen_levels_at_least_1
            line_buffer_needs_LEVELS_at_least_1 u_refused ();
        end
        if (START > 0) begin : gen_start_at_most_0
            line_buffer_needs_START_at_most_0 u_refused ();
        end
        if (COUNT_BITS < 2 || COUNT_BITS > 32) begin : gen_count_bits_2_to_32
            line_buffer_needs_COUNT_BITS_2_to_32 u_refused ();
        end
        if (BORDER != 0 && BORDER != 1) begin : gen_border_0_or_1
            line_buffer_needs_BORDER_0_or_1 u_refused ();
        end
        if (H < 1) begin : gen_h_at_least_1
            line_buffer_needs_H_at_least_1 u_refused ();
        end
        if (W < 1) begin : gen_w_at_least_1
            line_buffer_needs_W_at_least_1 u_refused ();
        end
        if (TOP < 0) begin : gen_top_at_least_0
            line_buffer_needs_TOP_at_least_0 u_refused ();
        end
        if (LEFT < 0) begin : gen_left_at_least_0
            line_buffer_needs_LEFT_at_least_0 u_refused ();
        end
        if (BEGUN < 0) begin : gen_begun_at_least_0
            line_buffer_needs_BEGUN_at_least_0 u_refused ();
        end
    endgenerate

    localparam integer PTR_BITS = $clog2(DEPTH);
    localparam integer LAST_SLOT = DEPTH - 1;
    localparam [PTR_BITS-1:0] LAST = LAST_SLOT[PTR_BITS-1:0];
    // Positions wrap by themselves where the memory has a power of two of places.
    localparam integer WRAPS = (DEPTH == (1 << PTR_BITS)) ? 1 : 0;
    localparam integer BEHIND = -START - 1;
    localparam integer USED = -START - DEPTH;

    reg [PTR_BITS-1:0]   write_q;
    reg [COUNT_BITS-1:0] behind_q;
    reg [COUNT_BITS-1:0] used_q;
    reg                  valid_q;

    wire [READS-1:0] outside;
    wire [READS-1:0] come;
    wire begins;  // it is the first of a frame, of which no beat has come
    wire s_fire = s_valid && s_ready;
    wire read   = &(outside | come) && !begins && (!valid_q || m_ready);

    assign s_ready = used_q[COUNT_BITS-1];
    assign m_valid = valid_q;

    // The loops. step has the one bit of the loop that takes a step with the next read, which is
    // the innermost that is not in its last turn; the top bit where the frame ends.
    wire [32*LEVELS-1:0] turns;
    wire [LEVELS-1:0] last;
    wire [LEVELS:0]   step;
    assign step[LEVELS] = &last;
    genvar i;
    generate
        for (i = 0; i < LEVELS; i = i + 1) begin : gen_loop
            localparam integer COUNT = COUNTS[32*i +: 32];
            localparam integer BITS = (COUNT > 1) ? $clog2(COUNT) : 1;
            localparam integer LAST_TURN = COUNT - 1;
            reg  [BITS-1:0] turn_q;
            wire            inner_end;  // the loops inside are in their last turns
            if (i == 0) begin : gen_innermost
                assign inner_end = 1'b1;
            end else begin : gen_inner
                assign inner_end = &last[i-1:0];
            end
            assign turns[32*i +: 32] = {{32-BITS{1'b0}}, turn_q};
            assign last[i] = turn_q == LAST_TURN[BITS-1:0];
            assign step[i] = inner_end && !last[i];
            always @(posedge clk) begin
                if (!rst_n) turn_q <= {BITS{1'b0}};
                else if (read && inner_end) turn_q <= last[i] ? {BITS{1'b0}} : turn_q + 1'b1;
            end
        end
    endgenerate

    // The number of the loop that takes a step, 0 where none does; the
    // negatives of all numbers; and all modulo DEPTH, from 0 on.
    function [31:0] of_step(input [32*(LEVELS+1)-1:0] numbers, input [LEVELS:0] taken);
        integer k;
        begin
            of_step = 32'd0;
            for (k = 0; k <= LEVELS; k = k + 1)
                of_step = of_step | (numbers[32*k +: 32] & {32{taken[k]}});
        end
    endfunction
    function [32*(LEVELS+1)-1:0] negative(input [32*(LEVELS+1)-1:0] numbers);
        integer k;
        begin
            for (k = 0; k <= LEVELS; k = k + 1)
                negative[32*k +: 32] = 32'd0 - numbers[32*k +: 32];
        end
    endfunction
    function [32*(LEVELS+1)-1:0] in_memory(input [32*(LEVELS+1)-1:0] numbers);
        integer k;
        integer jump;
        begin
            for (k = 0; k <= LEVELS; k = k + 1) begin
                jump = numbers[32*k +: 32];
                in_memory[32*k +: 32] = ((jump % DEPTH) + DEPTH) % DEPTH;
            end
        end
    endfunction
    localparam [32*(LEVELS+1)-1:0] SLOT_JUMPS = in_memory(JUMPS);
    localparam [32*(LEVELS+1)-1:0] BACK = negative(JUMPS);
    localparam [32*(LEVELS+1)-1:0] FREED = negative(FREES);

    wire [LEVELS:0] taken = step & {LEVELS+1{read}};
    wire [31:0] back  = of_step(BACK, taken);
    wire [31:0] freed = of_step(FREED, taken);

    // A beat that comes in is the carry of both sums.
    wire [COUNT_BITS:0] behind = {behind_q, 1'b1} + {back[COUNT_BITS-1:0], s_fire};
    wire [COUNT_BITS:0] used   = {used_q, 1'b1} + {freed[COUNT_BITS-1:0], s_fire};
    wire unused = &{1'b0, back, freed, behind, used};

    always @(posedge clk) begin
        if (!rst_n) begin
            write_q  <= {PTR_BITS{1'b0}};
            behind_q <= BEHIND[COUNT_BITS-1:0];
            used_q   <= USED[COUNT_BITS-1:0];
            valid_q  <= 1'b0;
        end else begin
            // read only while the register is empty or being emptied, so nothing in it is lost.
            valid_q <= read || (valid_q && !m_ready);
            if (s_fire)
                write_q <= (WRAPS == 0 && write_q == LAST) ? {PTR_BITS{1'b0}} : write_q + 1'b1;
            behind_q <= behind[COUNT_BITS:1];
            used_q   <= used[COUNT_BITS:1];
        end
    end

    // Where the border is: row and column are sums of turns of an outer and an inner loop, and only
    // the few pairs of turns that lie outside become logic.
    function integer mover(input [32*LEVELS-1:0] steps, input integer from, input integer by);
        integer k;
        begin
            mover = LEVELS;  // none
            for (k = from; k >= 0 && k < LEVELS && mover == LEVELS; k = k + by)
                if (steps[32*k +: 32] != 32'd0) mover = k;
        end
    endfunction
    genvar r, axis, o, k;
    generate
        if (BORDER != 0) begin : gen_border
            wire unused_turns = &{1'b0, turns};
            wire [2*READS-1:0] beyond;
            for (axis = 0; axis < 2; axis = axis + 1) begin : gen_axis
                localparam [32*LEVELS-1:0] STEPS = (axis == 0) ? DOWN : RIGHT;
                localparam [32*READS-1:0] BEHIND_FIRST = (axis == 0) ? BELOW : BESIDE;
                localparam integer BEFORE = (axis == 0) ? TOP : LEFT;
                localparam integer SIZE = (axis == 0) ? H : W;
                localparam integer INNER = mover(STEPS, 0, 1);
                localparam integer OUTER = mover(STEPS, LEVELS - 1, -1);
                localparam integer KS = (INNER < LEVELS) ? COUNTS[32*(INNER%LEVELS) +: 32] : 1;
                localparam integer OS = (OUTER != INNER) ? COUNTS[32*(OUTER%LEVELS) +: 32] : 1;
                for (r = 0; r < READS; r = r + 1) begin : gen_read
                    wire [OS*KS-1:0] hit;
                    for (o = 0; o < OS; o = o + 1) begin : gen_outer
                        for (k = 0; k < KS; k = k + 1) begin : gen_inner
                            localparam integer AT = o * STEPS[32*(OUTER%LEVELS) +: 32]
                                                  + k * STEPS[32*(INNER%LEVELS) +: 32] - BEFORE
                                                  + BEHIND_FIRST[32*r +: 32];
                            if (AT < 0 || AT >= SIZE) begin : gen_outside
                                assign hit[o*KS+k] =
                                    (OS == 1 || turns[32*(OUTER%LEVELS) +: 32] == o)
                                 && (KS == 1 || turns[32*(INNER%LEVELS) +: 32] == k);
                            end else begin : gen_inside
                                assign hit[o*KS+k] = 1'b0;
                            end
                        end
                    end
                    assign beyond[2*r+axis] = |hit;
                end
            end
            for (r = 0; r < READS; r = r + 1) begin : gen_outside_of_image
                assign outside[r] = |beyond[2*r +: 2];
            end

            // The border does not run ahead of the frame: behind_q is -START or more when a beat of
            // it has come, and from some power of two above on simple to see.
            reg first_q;  // the next read is the first of a frame
            assign begins = first_q
                         && (behind_q[COUNT_BITS-1]
                          || behind_q[COUNT_BITS-2:0] < BEGUN[COUNT_BITS-2:0]);
            always @(posedge clk) begin
                if (!rst_n) first_q <= 1'b1;
                else if (read) first_q <= step[LEVELS];
            end
        end else begin : gen_image
            wire unused_turns = &{1'b0, turns};
            assign outside = {READS{1'b0}};
            assign begins  = 1'b0;
            wire unused_offsets = &{1'b0, BELOW, BESIDE};
        end
    endgenerate

    // Whether number, signed, is at_least or more, which is 0 or more: from the low bits on, so
    // that a constant makes it the logic of a few LUTs.
    function reaches(input [COUNT_BITS-1:0] number, input [31:0] at_least);
        integer b;
        begin
            reaches = 1'b1;
            for (b = 0; b < COUNT_BITS - 1; b = b + 1)
                reaches = at_least[b] ? (number[b] && reaches) : (number[b] || reaches);
            reaches = reaches && !number[COUNT_BITS-1];
        end
    endfunction

    wire unused_style = RAM_STYLE == "";  // attributes alone use it: Verilator skips those
    generate
        for (r = 0; r < READS; r = r + 1) begin : gen_copy
            localparam integer OFFSET = OFFSETS[32*r +: 32];
            localparam integer FIRST = START + OFFSET;
            localparam integer SLOT = ((FIRST % DEPTH) + DEPTH) % DEPTH;
            assign come[r] = reaches(behind_q, OFFSET);

            // The next place to read: modulo DEPTH, which a power of two is by itself.
            reg  [PTR_BITS-1:0] read_q;
            wire [PTR_BITS-1:0] next_slot;
            if (WRAPS != 0) begin : gen_wraps
                assign next_slot = read_q - back[PTR_BITS-1:0];
                wire unused_jumps = &{1'b0, SLOT_JUMPS};
            end else begin : gen_modulo
                localparam [PTR_BITS:0] MODULUS = DEPTH[PTR_BITS:0];
                wire [31:0] jump = of_step(SLOT_JUMPS, taken);
                wire [PTR_BITS:0] sum  = {1'b0, read_q} + jump[PTR_BITS:0];
                wire [PTR_BITS:0] over = sum - MODULUS;
                assign next_slot = over[PTR_BITS] ? sum[PTR_BITS-1:0] : over[PTR_BITS-1:0];
                wire unused_jump = &{1'b0, jump};
            end
            always @(posedge clk) begin
                if (!rst_n) read_q <= SLOT[PTR_BITS-1:0];
                else read_q <= next_slot;
            end

            // ram_style: Vivado, Yosys; ramstyle: Quartus; syn_ramstyle: Synplify, Gowin.
            (* ram_style = RAM_STYLE, ramstyle = RAM_STYLE, syn_ramstyle = RAM_STYLE *)
            reg [WIDTH-1:0] mem [0:DEPTH-1];
            reg [WIDTH-1:0] data_q;
            always @(posedge clk) begin
                if (s_fire) mem[write_q] <= s_data;
                // A read with a clock, an enable and a reset: what block RAM is made for.
                if (read) begin
                    if (outside[r]) data_q <= PAD;
                    else data_q <= mem[read_q];
                end
            end
            assign m_data[r*WIDTH +: WIDTH] = data_q;
        end
    endgenerate
endmodule
`default_nettype wire
