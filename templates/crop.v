// Crop: passes on some of the beats of an image, drops the others.
//
//   Three loops, of beats of a position (0), columns (1) and rows (2): of each the turns FIRST,
//   FIRST + STEP, .., KEPT of them. A beat passes where all three are kept.
//
//   s_* ---> spill register ---> m_*
//      kept? ---^
//
//   Each loop knows how far its next kept turn is, and how many come behind that: beyond its last
//   one begins the way to the first one of the next round, so that no place has to be compared. A
//   loop moves on with the last beat that the loops within it keep.
//   Throughput 1 beat per cycle that comes, latency 1 cycle. A beat that is dropped waits for
//   nobody. s_ready depends on registers only.
//
// Parameters
//   WIDTH  payload, bits, >= 1
//   SIZE   turns of each loop, >= 1: 32 bits for each, loop 0 in the low ones
//   FIRST  first kept turn, in the same way
//   STEP   turns from a kept one to the next, >= 1
//   KEPT   how many are kept, >= 1; the last of them is below SIZE
`default_nettype none
module crop #(
    parameter integer WIDTH = 4,
    parameter [95:0] SIZE  = {32'd3, 32'd4, 32'd2},
    parameter [95:0] FIRST = {32'd1, 32'd0, 32'd1},
    parameter [95:0] STEP  = {32'd1, 32'd2, 32'd1},
    parameter [95:0] KEPT  = {32'd1, 32'd2, 32'd1}
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
    genvar k;

    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WIDTH < 1) begin : gen_width_at_least_1
            crop_needs_WIDTH_at_least_1 u_refused ();
        end
        for (k = 0; k < 3; k = k + 1) begin : gen_rules
            if (STEP[32*k +: 32] < 1) begin : gen_step_at_least_1
                crop_needs_STEP_at_least_1 u_refused ();
            end
            if (KEPT[32*k +: 32] < 1) begin : gen_kept_at_least_1
                crop_needs_KEPT_at_least_1 u_refused ();
            end
            if (FIRST[32*k +: 32] + (KEPT[32*k +: 32] - 1) * STEP[32*k +: 32] >= SIZE[32*k +: 32])
            begin : gen_last_below_size
                crop_needs_KEPT_below_SIZE u_refused ();
            end
        end
    endgenerate

    wire [2:0] kept;  // the turn of each loop passes
    wire spill_ready;
    wire keep = &kept;

    assign s_ready = spill_ready || !keep;

    generate
        for (k = 0; k < 3; k = k + 1) begin : gen_loop
            localparam integer TURNS = KEPT[32*k +: 32];
            localparam integer APART = STEP[32*k +: 32] - 1;
            localparam integer START = FIRST[32*k +: 32];
            localparam integer END = SIZE[32*k +: 32] - 1 - (TURNS - 1) * (APART + 1);
            // END is the way from the last kept turn to the first: START of it behind the end.
            localparam integer FAR = (END > APART) ? END : APART;
            localparam integer LEFT_BITS = $clog2(FAR + 1);
            localparam integer TURN_BITS = (TURNS > 1) ? $clog2(TURNS) : 1;
            localparam integer LAST_TURN = TURNS - 1;
            reg [TURN_BITS-1:0] turn_q;  // which of the kept ones comes next
            wire last = turn_q == LAST_TURN[TURN_BITS-1:0];
            wire here;   // the turn is that one
            wire moves;  // it goes on with this beat
            wire over = moves && here && last;
            assign kept[k] = here;
            if (k == 0) begin : gen_inner
                assign moves = s_valid && s_ready;
            end else begin : gen_outer
                assign moves = gen_loop[k-1].over;
            end
            always @(posedge clk) begin
                if (!rst_n) turn_q <= {TURN_BITS{1'b0}};
                else if (moves && here) turn_q <= last ? {TURN_BITS{1'b0}} : turn_q + 1'b1;
            end
            if (FAR > 0) begin : gen_way
                reg [LEFT_BITS-1:0] left_q;  // turns until the next kept one
                assign here = left_q == {LEFT_BITS{1'b0}};
                always @(posedge clk) begin
                    if (!rst_n) left_q <= START[LEFT_BITS-1:0];
                    else if (moves)
                        left_q <= !here ? left_q - 1'b1
                                : last ? END[LEFT_BITS-1:0] : APART[LEFT_BITS-1:0];
                end
            end else begin : gen_all
                assign here = 1'b1;
            end
        end
    endgenerate

    spill_register #(
        .WIDTH(WIDTH)
    ) u_spill (
        .clk    (clk),
        .rst_n  (rst_n),
        .s_valid(s_valid && keep),
        .s_ready(spill_ready),
        .s_data (s_data),
        .m_valid(m_valid),
        .m_ready(m_ready),
        .m_data (m_data)
    );
    wire unused = gen_loop[2].over;
endmodule
`default_nettype wire
