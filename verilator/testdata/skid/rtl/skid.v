// A two-deep buffer with a registered ready, the design of the harness's tests.
//
// Latency one cycle, one beat a cycle. Every word is exclusive-ored with word 0
// of key.mem, so a run from the wrong folder shows.
`default_nettype none

module skid #(
    parameter W    = 72,   // bits of a word, at least 8
    parameter TRAP = 8'hEE // low byte that the simulation-only check refuses
) (
    input  wire         aclk,
    input  wire         aresetn,
    input  wire         s_valid,
    output wire         s_ready,
    input  wire [W-1:0] s_data,
    input  wire         s_last,
    output wire         m_valid,
    input  wire         m_ready,
    output wire [W-1:0] m_data,
    output wire         m_last,
    output wire [  1:0] level
);
    reg [W-1:0] key[0:0];
    initial $readmemh("key.mem", key);

    reg [W:0] head_q, tail_q;
    reg [1:0] level_q;
    wire [W:0] word = {s_last, s_data ^ key[0]};
    wire push = s_valid && s_ready;
    wire pop = m_valid && m_ready;

    assign s_ready = level_q != 2'd2;
    assign m_valid = level_q != 2'd0;
    assign m_data  = head_q[W-1:0];
    assign m_last  = head_q[W];
    assign level   = level_q;

    always @(posedge aclk) begin
        if (!aresetn) level_q <= 2'd0;
        else level_q <= level_q + {1'b0, push} - {1'b0, pop};
        if (pop) head_q <= tail_q;
        if (push && (level_q == {1'b0, pop})) head_q <= word;
        if (push) tail_q <= word;
    end

`ifndef SYNTHESIS
    always @(posedge aclk) begin
        if (aresetn && push && s_data[7:0] == TRAP) begin
            $display("ERROR skid: low byte %h is refused", s_data[7:0]);
            $finish;
        end
    end
`endif
endmodule

`default_nettype wire
