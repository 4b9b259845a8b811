// The probed skid buffer: streams in (72 bits), level (5), out (72).
`default_nettype none

module bench (
    input  wire         aclk,
    input  wire         aresetn,
    input  wire         s_axis_tvalid,
    output wire         s_axis_tready,
    input  wire [ 71:0] s_axis_tdata,
    input  wire         s_axis_tlast,
    input  wire         m_axis_tready,
    output wire [ 71:0] probe_0,
    output wire [  4:0] probe_1,
    output wire [ 71:0] probe_2,
    output wire [  2:0] probe_valid,
    output wire [  2:0] probe_ready
);
    wire [ 1:0] level;
    wire        m_axis_tvalid;
    wire        m_axis_tlast;
    wire [71:0] m_axis_tdata;

    skid #(
        .W   (72),
        .TRAP(8'hEE)
    ) u_skid (
        .aclk    (aclk),
        .aresetn (aresetn),
        .s_valid (s_axis_tvalid),
        .s_ready (s_axis_tready),
        .s_data  (s_axis_tdata),
        .s_last  (s_axis_tlast),
        .m_valid (m_axis_tvalid),
        .m_ready (m_axis_tready),
        .m_data  (m_axis_tdata),
        .m_last  (m_axis_tlast),
        .level   (level)
    );

    assign probe_valid = {m_axis_tvalid, level != 2'd0, s_axis_tvalid};
    assign probe_ready = {m_axis_tready, 1'b1, s_axis_tready};
    assign probe_0 = s_axis_tdata;
    assign probe_1 = {s_axis_tlast, m_axis_tlast, 1'b0, level};
    assign probe_2 = m_axis_tdata;
endmodule

`default_nettype wire
