// Two-entry register that cuts every path between its two sides.
//
//   s_ready is 1 unless both entries are full; it depends on registers only, so no
//   combinational path leads from m_ready to s_ready, nor from s_data to m_data.
//   Latency 1 cycle, throughput 1 beat a cycle.
//
//            +---------+     +---------+
//   s_* ---->| spill_q |---->| data_q  |----> m_*
//        \   +---------+     +---------+
//         `------------------------^   (spill_q is used only while m_* is stalled)
//
// Parameters
//   WIDTH  payload, bits, >= 1
`default_nettype none
module spill_register #(
    parameter integer WIDTH = 8
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
            spill_register_needs_WIDTH_at_least_1 u_refused ();
        end
    endgenerate

    reg             valid_q;
    reg             spill_valid_q;
    reg [WIDTH-1:0] data_q;
    reg [WIDTH-1:0] spill_q;

    wire s_fire  = s_valid && s_ready;
    wire free    = m_ready || !valid_q;  // as an enable its inverse would cost a LUT a bit

    assign s_ready = !spill_valid_q;
    assign m_valid = valid_q;
    assign m_data  = data_q;

    always @(posedge clk) begin
        if (!rst_n) begin
            valid_q       <= 1'b0;
            spill_valid_q <= 1'b0;
        end else begin
            valid_q       <= !free || s_fire || spill_valid_q;
            spill_valid_q <= !free && (s_fire || spill_valid_q);
        end
        if (free) data_q <= spill_valid_q ? spill_q : s_data;
        if (s_ready) spill_q <= s_data;
    end
endmodule
`default_nettype wire
