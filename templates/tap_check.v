// Simulation only: stops where the accumulator of a tap unit leaves its ACC_BITS bits.
//
//   Works out the sign of each lane from those of the tree's nodes, and hands lanes and signs to
//   overflow_check.v, which adds up apart from tap_tree.v and tap_accumulator.v.
//   In synthesis the module is empty and nobody instantiates it.
//
// Parameters
//   LANES         >= 1
//   INPUT_BITS, INPUT_SIGNED, ACC_BITS   see overflow_check.v
//   STAGES        cycles of en from the lanes to their sum, >= 0
`default_nettype none
module tap_check #(
    parameter integer LANES        = 4,
    parameter integer INPUT_BITS   = 4,
    parameter integer INPUT_SIGNED = 0,
    parameter integer ACC_BITS     = 12,
    parameter integer STAGES       = 2
) (
    input wire                        clk,
    input wire                        rst_n,
    input wire                        en,
    input wire [LANES*INPUT_BITS-1:0] x,
    input wire [LANES-1:0]            signs,  // beside x, as tap_tree.v takes them
    input wire                        valid,  // these three are the accumulator's own: STAGES
    input wire                        first,  // behind x and signs
    input wire [ACC_BITS-1:0]         start
);
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (LANES < 1) begin : gen_lanes_at_least_1
            tap_check_needs_LANES_at_least_1 u_refused ();
        end
        if (STAGES < 0) begin : gen_stages_at_least_0
            tap_check_needs_STAGES_at_least_0 u_refused ();
        end
    endgenerate

    // altera translate_off
`ifndef SYNTHESIS
    localparam integer LEVELS = $clog2(LANES);

    // minus[i]: lane i is subtracted. Top-down: the left operand of a node has the node's sign,
    // the right one another where the node's bit is set.
    genvar level, node;
    generate
        for (level = LEVELS; level >= 0; level = level - 1) begin : gen_level
            localparam integer NODES = (LANES + (1 << level) - 1) >> level;
            wire [NODES-1:0] minus;
            if (level == LEVELS) begin : gen_root
                assign minus = signs[LANES-1];
            end else begin : gen_below
                // The bits of the nodes that this level's sums go to begin behind those of levels
                // below: each of them halves what is left.
                localparam integer BEGIN = LANES - NODES;
                for (node = 0; node < NODES; node = node + 1) begin : gen_node
                    if (node % 2 == 1) begin : gen_right
                        assign minus[node] = gen_level[level+1].minus[node/2]
                                           ^ signs[BEGIN+node/2];
                    end else begin : gen_left
                        assign minus[node] = gen_level[level+1].minus[node/2];
                    end
                end
            end
        end
    endgenerate

    wire [2*LANES-1:0] weights;
    genvar lane;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : gen_weight
            assign weights[2*lane +: 2] = gen_level[0].minus[lane] ? 2'b11 : 2'b01;
        end
    endgenerate

    // A stage later than the accumulator, as overflow_check.v wants one stage at least.
    reg valid_q;
    reg first_q;
    reg [ACC_BITS-1:0] start_q;
    always @(posedge clk) begin
        if (!rst_n) valid_q <= 1'b0;
        else if (en) valid_q <= valid;
        if (en) begin
            first_q <= first;
            start_q <= start;
        end
    end

    overflow_check #(
        .SIMD        (LANES),
        .WEIGHT_BITS (2),
        .INPUT_BITS  (INPUT_BITS),
        .INPUT_SIGNED(INPUT_SIGNED),
        .ACC_BITS    (ACC_BITS),
        .STAGES      (STAGES + 1)
    ) u_check (
        .clk    (clk),
        .rst_n  (rst_n),
        .en     (en),
        .weights(weights),
        .inputs (x),
        .valid  (valid_q),
        .first  (first_q),
        .start  (start_q)
    );
`endif
    // altera translate_on
endmodule
`default_nettype wire
