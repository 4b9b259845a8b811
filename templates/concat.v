// Concat: the beats of several streams one after the other, position by position: of each the
// beats of operand 0, then those of operand 1, and so on.
//
//   s_*[0] -\
//            -> select -> spill register -> m_*
//   s_*[1] -/     ^ operand, beat
//
//   Elements leave in one type, to which each operand's are extended by their sign or by 0.
//   Throughput 1 beat per cycle, latency 1 cycle. s_ready depends on registers only.
//
// Parameters
//   OPERANDS  streams, >= 2
//   PE        elements of a beat, >= 1
//   BEATS     beats that each operand has of a position, >= 1: 32 bits for each, operand 0 in the
//             low ones
//   BITS      bits of an element of each operand, >= 1, in the same way
//   SIGNS     bit k: elements of operand k are two's complement, else unsigned
//   Y_BITS    bits of an element that leaves, no fewer than those of an operand
//   S_BITS    bits of s_data: the operands side by side, operand 0 in the low bits; derived, no
//             other value is taken
`default_nettype none
module concat #(
    parameter integer OPERANDS = 2,
    parameter integer PE       = 1,
    parameter [32*OPERANDS-1:0] BEATS = {OPERANDS{32'd1}},
    parameter [32*OPERANDS-1:0] BITS  = {OPERANDS{32'd4}},
    parameter [OPERANDS-1:0] SIGNS = {OPERANDS{1'b0}},
    parameter integer Y_BITS = 4,
    parameter integer S_BITS = 8
) (
    input  wire                 clk,
    input  wire                 rst_n,
    input  wire [OPERANDS-1:0]  s_valid,
    output wire [OPERANDS-1:0]  s_ready,
    input  wire [S_BITS-1:0]    s_data,
    output wire                 m_valid,
    input  wire                 m_ready,
    output wire [PE*Y_BITS-1:0] m_data
);
    // Bits of the operands before operand k in s_data; the most beats that one has.
    function integer offset(input integer k);
        integer j;
        begin
            offset = 0;
            for (j = 0; j < k; j = j + 1) offset = offset + PE * BITS[32*j +: 32];
        end
    endfunction
    function integer most(input [32*OPERANDS-1:0] numbers);
        integer j;
        begin
            most = 1;
            for (j = 0; j < OPERANDS; j = j + 1)
                if (numbers[32*j +: 32] > most) most = numbers[32*j +: 32];
        end
    endfunction

    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (OPERANDS < 2) begin : gen_operands_at_least_2
            concat_needs_OPERANDS_at_least_2 u_refused ();
        end
        if (PE < 1) begin : gen_pe_at_least_1
            concat_needs_PE_at_least_1 u_refused ();
        end
        if (Y_BITS < most(BITS)) begin : gen_y_bits_no_fewer
            concat_needs_Y_BITS_no_fewer u_refused ();
        end
        if (S_BITS != offset(OPERANDS)) begin : gen_s_bits_as_derived
            concat_needs_S_BITS_as_derived u_refused ();
        end
    endgenerate

    localparam integer MOST = most(BEATS);
    localparam integer BEAT_BITS = (MOST > 1) ? $clog2(MOST) : 1;

    reg  [OPERANDS-1:0]  turn_q;  // one-hot: the operand whose beats pass
    reg  [BEAT_BITS-1:0] beat_q;
    wire [OPERANDS-1:0]  last;    // it is the last beat that operand k has of the position
    wire spill_ready;
    wire fire = spill_ready && |(turn_q & s_valid);
    wire ends = |(turn_q & last);

    assign s_ready = turn_q & {OPERANDS{spill_ready}};

    always @(posedge clk) begin
        if (!rst_n) begin
            turn_q <= {{OPERANDS-1{1'b0}}, 1'b1};
            beat_q <= {BEAT_BITS{1'b0}};
        end else if (fire) begin
            beat_q <= ends ? {BEAT_BITS{1'b0}} : beat_q + 1'b1;
            if (ends) turn_q <= {turn_q[OPERANDS-2:0], turn_q[OPERANDS-1]};
        end
    end

    // Each operand in the type that leaves, zeros unless it is its turn.
    wire [OPERANDS*PE*Y_BITS-1:0] gated;
    genvar k, pe;
    generate
        for (k = 0; k < OPERANDS; k = k + 1) begin : gen_operand
            localparam integer WIDTH = BITS[32*k +: 32];
            localparam integer LAST_BEAT = BEATS[32*k +: 32] - 1;
            localparam integer AT = offset(k);
            assign last[k] = beat_q == LAST_BEAT[BEAT_BITS-1:0];
            for (pe = 0; pe < PE; pe = pe + 1) begin : gen_element
                wire [WIDTH-1:0] x = s_data[AT + pe*WIDTH +: WIDTH];
                wire [Y_BITS+WIDTH-1:0] wide = {{Y_BITS{SIGNS[k] && x[WIDTH-1]}}, x};
                assign gated[(k*PE+pe)*Y_BITS +: Y_BITS] = wide[Y_BITS-1:0] & {Y_BITS{turn_q[k]}};
                wire unused = &{1'b0, wide};
            end
        end
    endgenerate
    reg [PE*Y_BITS-1:0] chosen;
    integer j;
    always @* begin
        chosen = {PE*Y_BITS{1'b0}};
        for (j = 0; j < OPERANDS; j = j + 1)
            chosen = chosen | gated[j*PE*Y_BITS +: PE*Y_BITS];
    end

    spill_register #(
        .WIDTH(PE * Y_BITS)
    ) u_spill (
        .clk    (clk),
        .rst_n  (rst_n),
        .s_valid(fire),
        .s_ready(spill_ready),
        .s_data (chosen),
        .m_valid(m_valid),
        .m_ready(m_ready),
        .m_data (m_data)
    );
endmodule
`default_nettype wire
