// Simulation only: stops where a queue takes a beat without a free place, or gives one that
// it does not hold. fifo.v and replay_buffer.v never do; one that was changed may.
//
//   In synthesis the module is empty and nobody instantiates it.
//
// Parameters
//   DEPTH       places, >= 1
//   LEVEL_BITS  bits of level, 1..32
`default_nettype none
module level_check #(
    parameter integer DEPTH      = 4,
    parameter integer LEVEL_BITS = 3
) (
    input wire                  clk,
    input wire                  rst_n,
    input wire                  write,
    input wire                  read,
    input wire [LEVEL_BITS-1:0] level,  // places in use, before this cycle's write and read
    input wire [LEVEL_BITS-1:0] held    // beats that may be read
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (DEPTH < 1) begin : gen_depth_at_least_1
            level_check_needs_DEPTH_at_least_1 u_refused ();
        end
        if (LEVEL_BITS < 1 || LEVEL_BITS > 32) begin : gen_level_bits_1_to_32
            level_check_needs_LEVEL_BITS_1_to_32 u_refused ();
        end
    endgenerate

    // altera translate_off
`ifndef SYNTHESIS
    wire [LEVEL_BITS+31:0] wide = {32'd0, level};  // as wide as DEPTH, at least

    sim_stop u_stop ();
    always @(posedge clk) begin
        if (rst_n && write && wide[31:0] >= DEPTH) begin
            $display("ERROR %m: takes a beat with all %0d places in use", DEPTH);
            u_stop.fail;
        end
        if (rst_n && read && held == {LEVEL_BITS{1'b0}}) begin
            $display("ERROR %m: gives a beat that it does not hold");
            u_stop.fail;
        end
    end
    wire unused = &{1'b0, wide};
`endif
    // altera translate_on
endmodule
`default_nettype wire
