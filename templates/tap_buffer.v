// Two halves of BANKS memories for a vector: one is written in order, the other read at random.
//
//   element i of a vector lies in bank i mod BANKS, slot i div BANKS, of each copy
//   data[lane] = used[lane] ? bank[lane mod BANKS][slots[lane]] : 0
//   Every lane has a memory port of its own, so that each reads one element per cycle. The reader
//   sees a vector once it is whole (full); it says with the last of its reads that it is done
//   with it, and the half is free when that has been read: the next vector comes in meanwhile.
//
//   s_* ---> half 0 | half 1 ---> data
//            write_half_q ^      ^ half_q, READ_STAGES later
//
// Parameters
//   WIDTH        N, bits of an element, >= 1
//   LENGTH       elements of a vector, >= 1
//   SIMD         elements per beat, >= 1, divides LENGTH
//   BANKS        memories of a copy, a multiple of SIMD
//   COPIES       of the vector, >= 1: lanes that may read the same bank
//   READ_STAGES  cycles of en from full and last to slots and used, >= 1
//   RAM_STYLE    the tool's word for a RAM in LUTs or for block RAM, or auto
//   SLOT_BITS    bits of a slot: derived, no other value is taken
`default_nettype none
module tap_buffer #(
    parameter integer WIDTH       = 4,
    parameter integer LENGTH      = 12,
    parameter integer SIMD        = 2,
    parameter integer BANKS       = 4,
    parameter integer COPIES      = 1,
    parameter integer READ_STAGES = 1,
    parameter RAM_STYLE = "auto",
    parameter integer SLOT_BITS = (LENGTH > BANKS) ? $clog2((LENGTH + BANKS - 1) / BANKS) : 1
) (
    input  wire                              clk,
    input  wire                              rst_n,
    input  wire                              s_valid,
    output wire                              s_ready,
    input  wire [SIMD*WIDTH-1:0]             s_data,
    input  wire                              en,
    output wire                              full,   // the vector at hand is whole
    input  wire                              last,   // with full and en: its last read begins
    input  wire [COPIES*BANKS*SLOT_BITS-1:0] slots,
    input  wire [COPIES*BANKS-1:0]           used,
    output wire [COPIES*BANKS*WIDTH-1:0]     data    // 1 cycle of en behind slots and used
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WIDTH < 1) begin : gen_width_at_least_1
            tap_buffer_needs_WIDTH_at_least_1 u_refused ();
        end
        if (LENGTH < 1) begin : gen_length_at_least_1
            tap_buffer_needs_LENGTH_at_least_1 u_refused ();
        end
        if (SIMD < 1) begin : gen_simd_at_least_1
            tap_buffer_needs_SIMD_at_least_1 u_refused ();
        end
        if (LENGTH % SIMD != 0) begin : gen_simd_to_divide_length
            tap_buffer_needs_SIMD_to_divide_LENGTH u_refused ();
        end
        if (BANKS < 1 || BANKS % SIMD != 0) begin : gen_simd_to_divide_banks
            tap_buffer_needs_SIMD_to_divide_BANKS u_refused ();
        end
        if (COPIES < 1) begin : gen_copies_at_least_1
            tap_buffer_needs_COPIES_at_least_1 u_refused ();
        end
        if (READ_STAGES < 1) begin : gen_read_stages_at_least_1
            tap_buffer_needs_READ_STAGES_at_least_1 u_refused ();
        end
        if (SLOT_BITS != ((LENGTH > BANKS) ? $clog2((LENGTH + BANKS - 1) / BANKS) : 1))
        begin : gen_slot_bits_as_derived
            tap_buffer_needs_SLOT_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer BEATS = LENGTH / SIMD;
    localparam integer GROUPS = BANKS / SIMD;  // beats of a slot: each fills a group of banks
    localparam integer LAST_SLOT = (BEATS - 1) / GROUPS;
    localparam integer LAST_GROUP = (BEATS - 1) % GROUPS;
    localparam integer DEPTH = 2 << SLOT_BITS;
    localparam [GROUPS-1:0] ONE_GROUP = 1;
    localparam [0:0] GROUP_WRAPS = LAST_GROUP == GROUPS - 1;  // by itself, at the vector's end
    localparam [0:0] SLOT_WRAPS = GROUP_WRAPS && LAST_SLOT + 1 == 1 << SLOT_BITS;

    reg [GROUPS-1:0] group_q;     // one-hot: the group that the next beat fills
    reg [SLOT_BITS-1:0] slot_q;   // and its slot
    reg write_half_q;             // and its half
    reg half_q;                   // the half that is read next
    reg [1:0] full_q;             // whole, and not read to its end
    reg [READ_STAGES-1:0] reads_q;  // the half of the reads on their way to the memories
    reg [READ_STAGES-1:0] last_q;   // those that end a vector

    wire s_fire = s_valid && s_ready;
    wire whole = s_fire && group_q[LAST_GROUP] && slot_q == LAST_SLOT[SLOT_BITS-1:0];
    wire half = reads_q[READ_STAGES-1];
    wire freed = en && last_q[READ_STAGES-1];

    assign s_ready = !full_q[write_half_q];
    assign full = full_q[half_q];

    wire [GROUPS:0] group_next = {group_q, group_q[GROUPS-1]};
    wire [READ_STAGES:0] reads_next = {reads_q, half_q};
    wire [READ_STAGES:0] last_next = {last_q, full && last};
    always @(posedge clk) begin
        if (!rst_n) begin
            group_q      <= ONE_GROUP;
            slot_q       <= {SLOT_BITS{1'b0}};
            write_half_q <= 1'b0;
            half_q       <= 1'b0;
            full_q       <= 2'b00;
            last_q       <= {READ_STAGES{1'b0}};
        end else begin
            if (s_fire) begin
                group_q <= (whole && !GROUP_WRAPS) ? ONE_GROUP : group_next[GROUPS-1:0];
                if (whole && !SLOT_WRAPS) slot_q <= {SLOT_BITS{1'b0}};
                else if (group_q[GROUPS-1]) slot_q <= slot_q + 1'b1;
                write_half_q <= write_half_q ^ whole;
            end
            if (en) begin
                half_q <= half_q ^ (full && last);
                last_q <= last_next[READ_STAGES-1:0];
            end
            // A half is not filled and freed at once: it is full in between.
            full_q[0] <= (whole && !write_half_q) || (full_q[0] && !(freed && !half));
            full_q[1] <= (whole && write_half_q) || (full_q[1] && !(freed && half));
        end
        // Without a reset: it counts only beside reads of a full half.
        if (en) reads_q <= reads_next[READ_STAGES-1:0];
    end
    wire unused = &{1'b0, group_next[GROUPS], reads_next[READ_STAGES], last_next[READ_STAGES]};
    wire unused_style = RAM_STYLE == "";  // attributes alone use it: Verilator skips those

    genvar lane;
    generate
        for (lane = 0; lane < COPIES * BANKS; lane = lane + 1) begin : gen_lane
            localparam integer BANK = lane % BANKS;
            wire [SLOT_BITS-1:0] slot = slots[lane*SLOT_BITS +: SLOT_BITS];
            // ram_style: Vivado and Yosys, ramstyle: Quartus, syn_ramstyle: Synplify and Gowin.
            (* ram_style = RAM_STYLE, ramstyle = RAM_STYLE, syn_ramstyle = RAM_STYLE *)
            reg [WIDTH-1:0] mem [0:DEPTH-1];
            reg [WIDTH-1:0] data_q;
            always @(posedge clk) begin
                if (s_fire && group_q[BANK/SIMD])
                    mem[{write_half_q, slot_q}] <= s_data[(BANK%SIMD)*WIDTH +: WIDTH];
                // A tap that is not there is a reset of the register: no logic in the data's way.
                if (en) begin
                    if (!used[lane]) data_q <= {WIDTH{1'b0}};
                    else data_q <= mem[{half, slot}];
                end
            end
            assign data[lane*WIDTH +: WIDTH] = data_q;
        end
    endgenerate
endmodule
`default_nettype wire
