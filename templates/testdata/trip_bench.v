// Trips one check of the library, as chosen by an argument (+TLAST, +TAKE, +GIVE), by the
// contents of weights.mem or by a fault in a block: a bench as a user writes it, without the
// harness. It ends by itself where nothing stops it.
`timescale 1ns/1ns
`default_nettype none
module trip_bench;
    reg clk = 1'b0;
    reg rst_n = 1'b0;
    reg full = 1'b0;  // queues run dry first, then nobody reads them
    always #1 clk = !clk;
    initial begin
        #9 rst_n = 1'b1;
        #40 full = 1'b1;
        #40 $finish;
    end

    // Checks by themselves, with what a good block never shows them.
    reg early = 1'b0;
    reg take = 1'b0;
    reg give = 1'b0;
    initial begin
        early = $test$plusargs("TLAST") != 0;
        take  = $test$plusargs("TAKE") != 0;
        give  = $test$plusargs("GIVE") != 0;
    end
    reg [1:0] beat_q = 2'd0;
    always @(posedge clk) if (rst_n) beat_q <= beat_q + 2'd1;
    tlast_check #(.BEATS(4)) u_tlast (
        .clk(clk), .rst_n(rst_n), .fire(rst_n), .tlast(beat_q == (early ? 2'd2 : 2'd3)));
    level_check #(.DEPTH(2), .LEVEL_BITS(2)) u_level (
        .clk(clk), .rst_n(rst_n), .write(take), .read(give), .level({take, 1'b0}), .held(2'd0));

    // Two beats of four inputs 1: with weights 1 the sums come to 8, and 4 bits hold 7.
    wire mvau_ready, mvau_valid;
    wire [7:0] mvau_data;
    mvau #(.MW(8), .MH(2), .PE(2), .SIMD(4), .WEIGHT_BITS(2), .INPUT_BITS(1), .ACC_BITS(4),
           .OUTPUT_BITS(0), .WEIGHTS("weights.mem")) u_mvau (
        .clk(clk), .rst_n(rst_n), .s_valid(rst_n), .s_ready(mvau_ready), .s_data(4'hf),
        .m_valid(mvau_valid), .m_ready(1'b1), .m_data(mvau_data));

    wire fifo_ready, fifo_valid;
    wire [7:0] fifo_data;
    fifo #(.DEPTH(2)) u_fifo (
        .clk(clk), .rst_n(rst_n), .s_valid(full), .s_ready(fifo_ready), .s_data(8'd0),
        .m_valid(fifo_valid), .m_ready(!full), .m_data(fifo_data));

    wire replay_ready, replay_valid;
    wire [7:0] replay_data;
    replay_buffer #(.LENGTH(2)) u_replay (
        .clk(clk), .rst_n(rst_n), .s_valid(full), .s_ready(replay_ready), .s_data(8'd0),
        .m_valid(replay_valid), .m_ready(!full), .m_data(replay_data));
endmodule
`default_nettype wire
