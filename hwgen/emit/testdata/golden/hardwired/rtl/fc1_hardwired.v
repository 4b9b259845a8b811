// fc1_hardwired: all rows of the layer fc1 at once, by adders that they share.
//
//   Layer fc1: 6 inputs (UINT3) x 5 outputs, all at once, 8-bit accumulators;
//   20 adders in 4 levels, shared by the rows: a vector per cycle.
//
//   s_* -> adders of each level -> results -> queue -> m_*
//
//   A vector comes in a beat, its results leave in a beat, one per cycle. x3_2 is input 3 in the
//   registers of stage 2, a7_2 adder 7, y5_3 the result of row 5; stage 0 is s_data. Comments say
//   which inputs an adder sums up, and for which rows. Every adder is as wide as its readers
//   need: an operand is extended by its sign or by 0, never cut off where that could matter.
//
//   The pipeline never halts: a beat is taken while the beats inside are fewer than the queue
//   holds. s_ready and m_valid depend on registers only. Latency STAGES + 1 cycles.
//
// Parameters
//   ACC_BITS   P, bits of an accumulator, signed: in simulation a sum beyond them is an error
//   STAGES     registers before the queue, as generated
//   DEPTH      beats that the queue holds, a power of two, >= STAGES + 2 for full rate
//   RAM_STYLE  the tool's word for a RAM in LUTs, or auto
`default_nettype none
module fc1_hardwired #(
    parameter integer ACC_BITS = 8,
    parameter integer STAGES   = 5,
    parameter integer DEPTH    = 8,
    parameter RAM_STYLE = "auto"
) (
    input  wire clk,
    input  wire rst_n,
    input  wire s_valid,
    output wire s_ready,
    input  wire [17:0] s_data,
    output wire m_valid,
    input  wire m_ready,
    output wire [9:0] m_data
);
    localparam integer LEVEL_BITS = $clog2(DEPTH + 1);
    localparam [LEVEL_BITS-1:0] FULL = DEPTH[LEVEL_BITS-1:0];

    // level_q counts the beats inside: each has a place in the queue to go to.
    reg [STAGES-1:0] valid_q;
    reg [LEVEL_BITS-1:0] level_q;
    wire s_fire = s_valid && s_ready;
    wire m_fire = m_valid && m_ready;
    wire [STAGES:0] valid = {valid_q, s_fire};

    assign s_ready = level_q != FULL;

    always @(posedge clk) begin
        if (!rst_n) begin
            valid_q <= {STAGES{1'b0}};
            level_q <= {LEVEL_BITS{1'b0}};
        end else begin
            valid_q <= valid[STAGES-1:0];
            if (s_fire && !m_fire) level_q <= level_q + 1'b1;
            if (!s_fire && m_fire) level_q <= level_q - 1'b1;
        end
    end

    // What is read of the vector.
    wire [2:0] x0_0 = s_data[2:0];
    wire [2:0] x1_0 = s_data[5:3];
    wire [2:0] x2_0 = s_data[8:6];
    wire [2:0] x3_0 = s_data[11:9];
    wire [2:0] x4_0 = s_data[14:12];
    wire [2:0] x5_0 = s_data[17:15];
    wire unused_inputs = &{1'b0, s_data, x0_0, x1_0, x2_0, x3_0, x4_0, x5_0};

    // Stage 1.
    reg [2:0] x0_1;
    reg [2:0] x1_1;
    reg [2:0] x2_1;
    reg [2:0] x4_1;
    reg [2:0] x5_1;
    reg [3:0] a0_1;  // x4 + x5: 0, 2, 4
    reg [4:0] a1_1;  // x0 - 2*x3: 0, 1, 2, 3
    reg [4:0] a2_1;  // 2*x1 - x2: 0, 2
    reg [4:0] a6_1;  // x1 + 2*x2: 1
    reg [3:0] a7_1;  // x3 - x5: 1
    reg [4:0] a9_1;  // 3*x0: 2
    reg [5:0] a10_1;  // x2 + 4*x5: 2
    always @(posedge clk) begin
        x0_1 <= x0_0[2:0];
        x1_1 <= x1_0[2:0];
        x2_1 <= x2_0[2:0];
        x4_1 <= x4_0[2:0];
        x5_1 <= x5_0[2:0];
        a0_1 <= {1'b0, x4_0[2:0]} + {1'b0, x5_0[2:0]};
        a1_1 <= {{2'b0, x0_0[2:1]} - {1'b0, x3_0[2:0]}, x0_0[0:0]};
        a2_1 <= {1'b0, x1_0[2:0], 1'b0} - {2'b0, x2_0[2:0]};
        a6_1 <= {{2'b0, x1_0[2:1]} + {1'b0, x2_0[2:0]}, x1_0[0:0]};
        a7_1 <= {1'b0, x3_0[2:0]} - {1'b0, x5_0[2:0]};
        a9_1 <= {x0_0[2:0], 2'b0} - {2'b0, x0_0[2:0]};
        a10_1 <= {{3'b0, x2_0[2:2]} + {1'b0, x5_0[2:0]}, x2_0[1:0]};
    end

    // Stage 2.
    reg [5:0] a3_2;  // - 3*x4 + x5: 0, 2
    reg [5:0] a4_2;  // x0 + 2*x1 - x2 - 2*x3: 0, 2
    reg [5:0] a8_2;  // x1 + 2*x2 + x3 - x5: 1
    reg [5:0] a11_2;  // 3*x0 + x2 + 4*x5: 2
    reg [4:0] a12_2;  // - 2*x0 + x4: 1, 3
    reg [5:0] a13_2;  // x0 - 2*x3 - 2*x5: 1, 3
    reg [3:0] a15_2;  // x1 + x2: 4
    reg [4:0] a16_2;  // 2*x2 + x4 + x5: 4
    always @(posedge clk) begin
        a3_2 <= {{2'b0, a0_1[3:2]} - {1'b0, x4_1[2:0]}, a0_1[1:0]};
        a4_2 <= {a1_1[4], a1_1[4:0]} + {a2_1[4], a2_1[4:0]};
        a8_2 <= {1'b0, a6_1[4:0]} + {{2{a7_1[3]}}, a7_1[3:0]};
        a11_2 <= {1'b0, a9_1[4:0]} + a10_1[5:0];
        a12_2 <= {{2'b0, x4_1[2:1]} - {1'b0, x0_1[2:0]}, x4_1[0:0]};
        a13_2 <= {{a1_1[4], a1_1[4:1]} - {2'b0, x5_1[2:0]}, a1_1[0:0]};
        a15_2 <= {1'b0, x1_1[2:0]} + {1'b0, x2_1[2:0]};
        a16_2 <= {{1'b0, x2_1[2:0]} + {1'b0, a0_1[3:1]}, a0_1[0:0]};
    end

    // Stage 3.
    reg [6:0] a5_3;  // x0 + 2*x1 - x2 - 2*x3 - 3*x4 + x5: 0, 2
    reg [5:0] a8_3;
    reg [5:0] a11_3;
    reg [6:0] a14_3;  // - 3*x0 - 2*x3 + 2*x4 - 2*x5: 1, 3
    reg [5:0] a17_3;  // - x1 + 3*x2 + 2*x4 + 2*x5: 4
    always @(posedge clk) begin
        a5_3 <= {a3_2[5], a3_2[5:0]} + {a4_2[5], a4_2[5:0]};
        a8_3 <= a8_2[5:0];
        a11_3 <= a11_2[5:0];
        a14_3 <= {{a12_2[4], a12_2[4:0]} + {a13_2[5], a13_2[5:1]}, a13_2[0:0]};
        a17_3 <= {a16_2[4:0], 1'b0} - {2'b0, a15_2[3:0]};
    end

    // Stage 4.
    reg [6:0] a18_4;  // - 3*x0 + x1 + 2*x2 - x3 + 2*x4 - 3*x5: 1
    reg [6:0] a19_4;  // 2*x0 - 2*x1 + 2*x2 + 2*x3 + 3*x4 + 3*x5: 2
    always @(posedge clk) begin
        a18_4 <= {a8_3[5], a8_3[5:0]} + a14_3[6:0];
        a19_4 <= {1'b0, a11_3[5:0]} - a5_3[6:0];
    end

    // Results: what the sum of a row gives, its start value, sign and shift included.
    wire [9:0] result;
    reg [1:0] y0_4;
    reg [1:0] y0_5;
    always @(posedge clk)
        case (a5_3[6:0])
            7'd86, 7'd87, 7'd88, 7'd89, 7'd90, 7'd91, 7'd92, 7'd93,
            7'd94, 7'd95, 7'd96, 7'd97, 7'd98, 7'd99, 7'd100, 7'd101,
            7'd102, 7'd103, 7'd104, 7'd105, 7'd106, 7'd107, 7'd108, 7'd109,
            7'd110, 7'd111, 7'd112, 7'd113, 7'd114, 7'd115, 7'd116, 7'd117,
            7'd118, 7'd119, 7'd120, 7'd121, 7'd122, 7'd123, 7'd124, 7'd125,
            7'd126, 7'd127, 7'd0, 7'd1: y0_4 <= 2'd0;
            7'd2, 7'd3: y0_4 <= 2'd1;
            7'd4, 7'd5, 7'd6, 7'd7, 7'd8: y0_4 <= 2'd2;
            7'd9, 7'd10, 7'd11, 7'd12, 7'd13, 7'd14, 7'd15, 7'd16,
            7'd17, 7'd18, 7'd19, 7'd20, 7'd21, 7'd22, 7'd23, 7'd24,
            7'd25, 7'd26, 7'd27, 7'd28: y0_4 <= 2'd3;
            default: y0_4 <= 2'bx;  // no sum of this row
        endcase
    always @(posedge clk) begin
        y0_5 <= y0_4;
    end
    assign result[0*2 +: 2] = y0_5;
    reg [1:0] y1_5;
    always @(posedge clk)
        case (a18_4[6:0])
            7'd79, 7'd80, 7'd81, 7'd82, 7'd83, 7'd84, 7'd85, 7'd86,
            7'd87, 7'd88, 7'd89, 7'd90, 7'd91, 7'd92, 7'd93, 7'd94,
            7'd95, 7'd96, 7'd97, 7'd98, 7'd99, 7'd100, 7'd101, 7'd102,
            7'd103, 7'd104, 7'd105, 7'd106, 7'd107, 7'd108, 7'd109, 7'd110,
            7'd111, 7'd112, 7'd113, 7'd114, 7'd115, 7'd116, 7'd117, 7'd118,
            7'd119, 7'd120, 7'd121, 7'd122, 7'd123: y1_5 <= 2'd0;
            7'd124, 7'd125: y1_5 <= 2'd1;
            7'd126, 7'd127, 7'd0, 7'd1, 7'd2: y1_5 <= 2'd2;
            7'd3, 7'd4, 7'd5, 7'd6, 7'd7, 7'd8, 7'd9, 7'd10,
            7'd11, 7'd12, 7'd13, 7'd14, 7'd15, 7'd16, 7'd17, 7'd18,
            7'd19, 7'd20, 7'd21, 7'd22, 7'd23, 7'd24, 7'd25, 7'd26,
            7'd27, 7'd28, 7'd29, 7'd30, 7'd31, 7'd32, 7'd33, 7'd34,
            7'd35: y1_5 <= 2'd3;
            default: y1_5 <= 2'bx;  // no sum of this row
        endcase
    assign result[1*2 +: 2] = y1_5;
    reg [1:0] y2_5;
    always @(posedge clk)
        case (a19_4[6:0])
            7'd114, 7'd115, 7'd116, 7'd117, 7'd118, 7'd119, 7'd120, 7'd121,
            7'd122, 7'd123, 7'd124, 7'd125, 7'd126, 7'd127, 7'd0, 7'd1,
            7'd2: y2_5 <= 2'd0;
            7'd3, 7'd4: y2_5 <= 2'd1;
            7'd5, 7'd6, 7'd7, 7'd8, 7'd9: y2_5 <= 2'd2;
            7'd10, 7'd11, 7'd12, 7'd13, 7'd14, 7'd15, 7'd16, 7'd17,
            7'd18, 7'd19, 7'd20, 7'd21, 7'd22, 7'd23, 7'd24, 7'd25,
            7'd26, 7'd27, 7'd28, 7'd29, 7'd30, 7'd31, 7'd32, 7'd33,
            7'd34, 7'd35, 7'd36, 7'd37, 7'd38, 7'd39, 7'd40, 7'd41,
            7'd42, 7'd43, 7'd44, 7'd45, 7'd46, 7'd47, 7'd48, 7'd49,
            7'd50, 7'd51, 7'd52, 7'd53, 7'd54, 7'd55, 7'd56, 7'd57,
            7'd58, 7'd59, 7'd60, 7'd61, 7'd62, 7'd63, 7'd64, 7'd65,
            7'd66, 7'd67, 7'd68, 7'd69, 7'd70, 7'd71, 7'd72, 7'd73,
            7'd74, 7'd75, 7'd76, 7'd77, 7'd78, 7'd79, 7'd80, 7'd81,
            7'd82, 7'd83, 7'd84: y2_5 <= 2'd3;
            default: y2_5 <= 2'bx;  // no sum of this row
        endcase
    assign result[2*2 +: 2] = y2_5;
    reg [1:0] y3_4;
    reg [1:0] y3_5;
    always @(posedge clk)
        case (a14_3[5:0])
            6'd15, 6'd16, 6'd17, 6'd18, 6'd19, 6'd20, 6'd21, 6'd22,
            6'd23, 6'd24, 6'd25, 6'd26, 6'd27, 6'd28, 6'd29, 6'd30,
            6'd31, 6'd32, 6'd33, 6'd34, 6'd35, 6'd36, 6'd37, 6'd38,
            6'd39, 6'd40, 6'd41, 6'd42, 6'd43, 6'd44, 6'd45, 6'd46,
            6'd47, 6'd48, 6'd49, 6'd50, 6'd51, 6'd52, 6'd53, 6'd54,
            6'd55, 6'd56, 6'd57, 6'd58, 6'd59, 6'd60, 6'd61: y3_4 <= 2'd0;
            6'd62, 6'd63: y3_4 <= 2'd1;
            6'd0, 6'd1, 6'd2, 6'd3, 6'd4: y3_4 <= 2'd2;
            6'd5, 6'd6, 6'd7, 6'd8, 6'd9, 6'd10, 6'd11, 6'd12,
            6'd13, 6'd14: y3_4 <= 2'd3;
            default: y3_4 <= 2'bx;  // no sum of this row
        endcase
    always @(posedge clk) begin
        y3_5 <= y3_4;
    end
    assign result[3*2 +: 2] = y3_5;
    reg [1:0] y4_4;
    reg [1:0] y4_5;
    always @(posedge clk)
        case (a17_3[5:0])
            6'd57, 6'd58, 6'd59: y4_4 <= 2'd0;
            6'd60, 6'd61: y4_4 <= 2'd1;
            6'd62, 6'd63, 6'd0, 6'd1, 6'd2: y4_4 <= 2'd2;
            6'd3, 6'd4, 6'd5, 6'd6, 6'd7, 6'd8, 6'd9, 6'd10,
            6'd11, 6'd12, 6'd13, 6'd14, 6'd15, 6'd16, 6'd17, 6'd18,
            6'd19, 6'd20, 6'd21, 6'd22, 6'd23, 6'd24, 6'd25, 6'd26,
            6'd27, 6'd28, 6'd29, 6'd30, 6'd31, 6'd32, 6'd33, 6'd34,
            6'd35, 6'd36, 6'd37, 6'd38, 6'd39, 6'd40, 6'd41, 6'd42,
            6'd43, 6'd44, 6'd45, 6'd46, 6'd47, 6'd48, 6'd49: y4_4 <= 2'd3;
            default: y4_4 <= 2'bx;  // no sum of this row
        endcase
    always @(posedge clk) begin
        y4_5 <= y4_4;
    end
    assign result[4*2 +: 2] = y4_5;

    wire queue_ready;  // always, since level_q counts what is on its way
    fifo #(
        .WIDTH    (10),
        .DEPTH    (DEPTH),
        .RAM_STYLE(RAM_STYLE)
    ) u_queue (
        .clk    (clk),
        .rst_n  (rst_n),
        .s_valid(valid[STAGES]),
        .s_ready(queue_ready),
        .s_data (result),
        .m_valid(m_valid),
        .m_ready(m_ready),
        .m_data (m_data)
    );
    wire unused_ready = queue_ready;

    // altera translate_off
`ifndef SYNTHESIS
    // Every sum once more, in 64 bits, by the weights alone: where one leaves ACC_BITS bits, the
    // low bits above might still look right.
    wire [63:0] w0 = {{61{1'b0}}, x0_0};
    wire [63:0] w1 = {{61{1'b0}}, x1_0};
    wire [63:0] w2 = {{61{1'b0}}, x2_0};
    wire [63:0] w3 = {{61{1'b0}}, x3_0};
    wire [63:0] w4 = {{61{1'b0}}, x4_0};
    wire [63:0] w5 = {{61{1'b0}}, x5_0};
    sum_check #(
        .ACC_BITS(ACC_BITS)
    ) u_row0 (
        .clk  (clk),
        .rst_n(rst_n),
        .valid(s_fire),
        .sum  (64'd0
            + w0
            + 64'd2 * w1
            - w2
            - 64'd2 * w3
            - 64'd3 * w4
            + w5)
    );
    sum_check #(
        .ACC_BITS(ACC_BITS)
    ) u_row1 (
        .clk  (clk),
        .rst_n(rst_n),
        .valid(s_fire),
        .sum  (64'd0
            - 64'd3 * w0
            + w1
            + 64'd2 * w2
            - w3
            + 64'd2 * w4
            - 64'd3 * w5)
    );
    sum_check #(
        .ACC_BITS(ACC_BITS)
    ) u_row2 (
        .clk  (clk),
        .rst_n(rst_n),
        .valid(s_fire),
        .sum  (64'd0
            + 64'd2 * w0
            - 64'd2 * w1
            + 64'd2 * w2
            + 64'd2 * w3
            + 64'd3 * w4
            + 64'd3 * w5)
    );
    sum_check #(
        .ACC_BITS(ACC_BITS)
    ) u_row3 (
        .clk  (clk),
        .rst_n(rst_n),
        .valid(s_fire),
        .sum  (64'd0
            - 64'd3 * w0
            - 64'd2 * w3
            + 64'd2 * w4
            - 64'd2 * w5)
    );
    sum_check #(
        .ACC_BITS(ACC_BITS)
    ) u_row4 (
        .clk  (clk),
        .rst_n(rst_n),
        .valid(s_fire),
        .sum  (64'd0
            - w1
            + 64'd3 * w2
            + 64'd2 * w4
            + 64'd2 * w5)
    );
    wire unused_wide = &{1'b0, w0, w1, w2, w3, w4, w5};
`endif
    // altera translate_on
endmodule
`default_nettype wire
