// Gives every beat to each of several readers, who take it when they like.
//
//   s_ready is 1 unless some reader still has two beats to take; it depends on registers
//   only, so no combinational path leads from m_ready to s_ready. A reader that stalls stops
//   the others two beats later: queues behind the fork let them run further ahead.
//   Latency 1 cycle, throughput 1 beat per cycle.
//
//              +--------+   level 0     +-----> m_*[0]
//   s_* ------>| two    |---------------|
//              | beats  |   level 1     +-----> m_*[1]
//              +--------+
//
//   Beats are stored once; a level per reader says how many of them it has not taken.
//
// Parameters
//   WIDTH    bits of a beat, >= 1
//   OUTPUTS  readers, >= 2; reader i has bit i of m_valid and m_ready and the WIDTH bits of
//            m_data from i*WIDTH on
`default_nettype none
module fork_stream #(
    parameter integer WIDTH   = 8,
    parameter integer OUTPUTS = 2
) (
    input  wire                     clk,
    input  wire                     rst_n,
    input  wire                     s_valid,
    output wire                     s_ready,
    input  wire [WIDTH-1:0]         s_data,
    output wire [OUTPUTS-1:0]       m_valid,
    input  wire [OUTPUTS-1:0]       m_ready,
    output wire [OUTPUTS*WIDTH-1:0] m_data
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WIDTH < 1) begin : gen_width_at_least_1
            fork_stream_needs_WIDTH_at_least_1 u_refused ();
        end
        if (OUTPUTS < 2) begin : gen_outputs_at_least_2
            fork_stream_needs_OUTPUTS_at_least_2 u_refused ();
        end
    endgenerate

    reg [WIDTH-1:0] even_q;  // beats 0, 2, 4 and so on
    reg [WIDTH-1:0] odd_q;
    reg             odd_next_q;  // which of the two the next beat goes to

    wire s_fire = s_valid && s_ready;

    always @(posedge clk) begin
        if (!rst_n) odd_next_q <= 1'b0;
        else if (s_fire) odd_next_q <= !odd_next_q;
        // Without a reset: what they hold counts only where a level says so.
        if (s_ready && !odd_next_q) even_q <= s_data;
        if (s_ready && odd_next_q) odd_q <= s_data;
    end

    wire [OUTPUTS-1:0] full;
    // A store is overwritten only when no reader has two beats left: then none has that one.
    assign s_ready = !(|full);

    genvar i;
    generate
        for (i = 0; i < OUTPUTS; i = i + 1) begin : gen_reader
            reg  one_q;  // at least one beat is left to take
            reg  two_q;  // both are
            wire m_fire = m_valid[i] && m_ready[i];
            assign m_valid[i] = one_q;
            assign full[i]    = two_q;
            // The oldest beat left: of two the one that is written next, of one the other.
            assign m_data[i*WIDTH +: WIDTH] = (odd_next_q ^ two_q) ? even_q : odd_q;
            always @(posedge clk) begin
                if (!rst_n) begin
                    one_q <= 1'b0;
                    two_q <= 1'b0;
                end else begin
                    one_q <= s_fire || two_q || (one_q && !m_fire);
                    two_q <= (one_q && s_fire && !m_fire) || (two_q && !m_fire);
                end
            end
        end
    endgenerate
endmodule
`default_nettype wire
