// Simulation only: stops where tlast is not on the last beat of a frame.
//
//   The unit counts beats itself and does not read tlast: one elsewhere means that source
//   and unit disagree about where a frame begins.
//   In synthesis the module is empty and nobody instantiates it.
//
// Parameters
//   BEATS  beats of a frame, >= 1
`default_nettype none
module tlast_check #(
    parameter integer BEATS = 4
) (
    input wire clk,
    input wire rst_n,
    input wire fire,  // a beat is accepted
    input wire tlast
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (BEATS < 1) begin : gen_beats_at_least_1
            tlast_check_needs_BEATS_at_least_1 u_refused ();
        end
    endgenerate

    // altera translate_off
`ifndef SYNTHESIS
    wire last;
    frame_counter #(
        .BEATS(BEATS)
    ) u_frame (
        .clk  (clk),
        .rst_n(rst_n),
        .fire (fire),
        .last (last)
    );

    sim_stop u_stop ();
    always @(posedge clk) begin
        if (rst_n && fire && (tlast != last)) begin
            $display("ERROR %m: tlast is not on the last beat of a frame");
            u_stop.fail;
        end
    end
`endif
    // altera translate_on
endmodule
`default_nettype wire
