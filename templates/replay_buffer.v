// Input buffer of a folded MVAU: takes a vector of LENGTH beats once, gives it REPEATS times.
//
//   out = beat 0..LENGTH-1, again and again, REPEATS times; then the next vector.
//   The first pass starts as soon as beats arrive, and the last pass frees each slot as it
//   reads it, so the next vector streams in behind: no bubble between vectors.
//   Latency 2 cycles, throughput 1 beat a cycle. s_ready depends on registers only.
//
//   s_* ---> mem[SLOTS] ---> data_q ---> m_*
//            write_q ^   ^ read_q, pass_q
//
// Parameters
//   WIDTH      payload, bits, >= 1
//   LENGTH     beats of a vector (SF = MW / SIMD), >= 1
//   REPEATS    passes over a vector (NF = MH / PE), >= 2 (one pass needs no buffer)
//   RAM_STYLE  the tool's word for a RAM in LUTs or for block RAM, or auto
`default_nettype none
module replay_buffer #(
    parameter integer WIDTH   = 8,
    parameter integer LENGTH  = 4,
    parameter integer REPEATS = 2,
    parameter RAM_STYLE = "auto"
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
            replay_buffer_needs_WIDTH_at_least_1 u_refused ();
        end
        if (LENGTH < 1) begin : gen_length_at_least_1
            replay_buffer_needs_LENGTH_at_least_1 u_refused ();
        end
        if (REPEATS < 2) begin : gen_repeats_at_least_2
            replay_buffer_needs_REPEATS_at_least_2 u_refused ();
        end
    endgenerate

    // A vector of one beat needs a second slot: its own is in use until the last pass.
    localparam integer SLOTS = (LENGTH > 1) ? LENGTH : 2;
    localparam integer PTR_BITS = $clog2(SLOTS);
    localparam integer LEVEL_BITS = $clog2(SLOTS + 1);
    localparam integer PASS_BITS = $clog2(REPEATS);
    localparam integer LAST_SLOT = SLOTS - 1;
    localparam integer LAST_PASS = REPEATS - 1;
    localparam [PTR_BITS-1:0] LAST = LAST_SLOT[PTR_BITS-1:0];
    localparam [LEVEL_BITS-1:0] FULL = SLOTS[LEVEL_BITS-1:0];
    localparam [PASS_BITS-1:0] FINAL = LAST_PASS[PASS_BITS-1:0];

    reg [PTR_BITS-1:0] write_q;
    reg [PTR_BITS-1:0] read_q;
    reg [PASS_BITS-1:0] pass_q;
    reg [LEVEL_BITS-1:0] level_q;  // slots in use
    reg [LEVEL_BITS-1:0] fresh_q;  // slots in use and not read in a first pass yet
    reg valid_q;

    wire s_fire     = s_valid && s_ready;
    wire first_pass = pass_q == {PASS_BITS{1'b0}};
    wire final_pass = pass_q == FINAL;
    wire available  = !first_pass || (fresh_q != {LEVEL_BITS{1'b0}});
    wire read       = available && (!valid_q || m_ready);
    wire take_fresh = read && first_pass;
    wire free       = read && final_pass;
    wire pass_done  = (LENGTH == 1) || (read_q == LAST);
    wire next_slot  = read && ((LENGTH > 1) || final_pass);

    assign s_ready = level_q != FULL;
    assign m_valid = valid_q;

    // ram_style: Vivado and Yosys, ramstyle: Quartus, syn_ramstyle: Synplify and Gowin.
    (* ram_style = RAM_STYLE, ramstyle = RAM_STYLE, syn_ramstyle = RAM_STYLE *)
    reg [WIDTH-1:0] mem [0:SLOTS-1];
    wire unused_style = RAM_STYLE == "";  // attributes alone use it: Verilator skips those
    reg [WIDTH-1:0] data_q;
    always @(posedge clk) begin
        if (s_fire) mem[write_q] <= s_data;
        if (read) data_q <= mem[read_q];
    end
    assign m_data = data_q;

    always @(posedge clk) begin
        if (!rst_n) begin
            write_q <= {PTR_BITS{1'b0}};
            read_q  <= {PTR_BITS{1'b0}};
            pass_q  <= {PASS_BITS{1'b0}};
            level_q <= {LEVEL_BITS{1'b0}};
            fresh_q <= {LEVEL_BITS{1'b0}};
            valid_q <= 1'b0;
        end else begin
            valid_q <= read || (valid_q && !m_ready);
            if (s_fire) write_q <= (write_q == LAST) ? {PTR_BITS{1'b0}} : write_q + 1'b1;
            if (next_slot) read_q <= (read_q == LAST) ? {PTR_BITS{1'b0}} : read_q + 1'b1;
            if (read && pass_done) begin
                pass_q <= final_pass ? {PASS_BITS{1'b0}} : pass_q + 1'b1;
            end
            if (s_fire && !free) level_q <= level_q + 1'b1;
            if (!s_fire && free) level_q <= level_q - 1'b1;
            if (s_fire && !take_fresh) fresh_q <= fresh_q + 1'b1;
            if (!s_fire && take_fresh) fresh_q <= fresh_q - 1'b1;
        end
    end

    // altera translate_off
`ifndef SYNTHESIS
    level_check #(
        .DEPTH     (SLOTS),
        .LEVEL_BITS(LEVEL_BITS)
    ) u_check (
        .clk  (clk),
        .rst_n(rst_n),
        .write(s_fire),
        .read (read),
        .level(level_q),
        .held (first_pass ? fresh_q : level_q)
    );
`endif
    // altera translate_on
endmodule
`default_nettype wire
