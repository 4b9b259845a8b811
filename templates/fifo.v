// First-in first-out queue of DEPTH beats.
//
//   Latency 1 cycle, throughput 1 beat per cycle at every depth >= 2. s_ready and m_valid
//   depend on the fill level only: no combinational path crosses the queue.
//   It does not bypass: a beat written into an empty queue is seen one cycle later.
//
//   Read without a clock, the memory gives the beat at the front. Block RAM has a clock: it is read
//   ahead, one place behind the front, when the front leaves. A beat that comes when there is none
//   behind the front is there too late for that, and waits in a register of its own.
//
//   BLOCK:  s_* -+-> mem[DEPTH] -> ram_q -+-> m_*
//                +-------------> fresh_q -+
//
// Parameters
//   WIDTH      payload, bits, >= 1
//   DEPTH      beats, >= 2
//   BLOCK      1: the memory is read with a clock, as block RAM is; 0: without
//   RAM_STYLE  the tool's word for such a RAM, or auto
`default_nettype none
module fifo #(
    parameter integer WIDTH = 8,
    parameter integer DEPTH = 4,
    parameter integer BLOCK = 0,
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
            fifo_needs_WIDTH_at_least_1 u_refused ();
        end
        if (DEPTH < 2) begin : gen_depth_at_least_2
            fifo_needs_DEPTH_at_least_2 u_refused ();
        end
        if (BLOCK != 0 && BLOCK != 1) begin : gen_block_0_or_1
            fifo_needs_BLOCK_0_or_1 u_refused ();
        end
    endgenerate

    localparam integer PTR_BITS = $clog2(DEPTH);
    localparam integer LEVEL_BITS = $clog2(DEPTH + 1);
    localparam [PTR_BITS-1:0] LAST = DEPTH[PTR_BITS-1:0] - 1'b1;
    localparam [LEVEL_BITS-1:0] FULL = DEPTH[LEVEL_BITS-1:0];

    // ram_style: Vivado and Yosys, ramstyle: Quartus, syn_ramstyle: Synplify and Gowin.
    (* ram_style = RAM_STYLE, ramstyle = RAM_STYLE, syn_ramstyle = RAM_STYLE *)
    reg [WIDTH-1:0] mem [0:DEPTH-1];
    wire unused_style = RAM_STYLE == "";  // attributes alone use it: Verilator skips those
    reg [PTR_BITS-1:0] write_q;
    reg [PTR_BITS-1:0] read_q;
    reg [LEVEL_BITS-1:0] level_q;

    wire s_fire = s_valid && s_ready;
    wire m_fire = m_valid && m_ready;

    assign s_ready = level_q != FULL;
    assign m_valid = level_q != {LEVEL_BITS{1'b0}};

    always @(posedge clk) begin
        if (s_fire) mem[write_q] <= s_data;
    end

    wire next;  // the read position moves on
    generate
        if (BLOCK != 0) begin : gen_block
            localparam [LEVEL_BITS-1:0] ONE = 1;
            reg [WIDTH-1:0] ram_q;
            reg [WIDTH-1:0] fresh_q;
            reg             fresh_at_front_q;
            wire alone = level_q == ONE;
            // The beat that comes is the front of the next cycle.
            wire fresh = s_fire && (!m_valid || (alone && m_fire));
            assign next   = fresh || (m_fire && !alone);
            assign m_data = fresh_at_front_q ? fresh_q : ram_q;
            always @(posedge clk) begin
                if (m_fire) ram_q <= mem[read_q];
                if (fresh) fresh_q <= s_data;
                if (fresh || m_fire) fresh_at_front_q <= fresh;
            end
        end else begin : gen_luts
            assign next   = m_fire;
            assign m_data = mem[read_q];
        end
    endgenerate

    always @(posedge clk) begin
        if (!rst_n) begin
            write_q <= {PTR_BITS{1'b0}};
            read_q  <= {PTR_BITS{1'b0}};
            level_q <= {LEVEL_BITS{1'b0}};
        end else begin
            if (s_fire) write_q <= (write_q == LAST) ? {PTR_BITS{1'b0}} : write_q + 1'b1;
            if (next) read_q <= (read_q == LAST) ? {PTR_BITS{1'b0}} : read_q + 1'b1;
            if (s_fire && !m_fire) level_q <= level_q + 1'b1;
            if (!s_fire && m_fire) level_q <= level_q - 1'b1;
        end
    end

    // altera translate_off
`ifndef SYNTHESIS
    level_check #(
        .DEPTH     (DEPTH),
        .LEVEL_BITS(LEVEL_BITS)
    ) u_check (
        .clk  (clk),
        .rst_n(rst_n),
        .write(s_fire),
        .read (m_fire),
        .level(level_q),
        .held (level_q)
    );
`endif
    // altera translate_on
endmodule
`default_nettype wire
