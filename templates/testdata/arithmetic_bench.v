// Exhaustive check of product.v, pair_product.v, accumulator.v and threshold_stage.v at small
// widths: every operand of every width, against Verilog's own arithmetic on 32-bit integers.
// Prints "checked N" at the end, or a line for each wrong result.
`timescale 1ns/1ns
`default_nettype none
module arithmetic_bench;
    reg clk = 1'b0;
    integer checked = 0;
    integer wrong = 0;

    // v as a two's complement number of so many bits.
    function integer number(input integer v, input integer bits);
        number = (v >= (1 << (bits - 1))) ? v - (1 << bits) : v;
    endfunction

    task compare(input integer got, input integer want, input [127:0] what, input integer a,
                 input integer b);
        begin
            checked = checked + 1;
            if (got !== want) begin
                wrong = wrong + 1;
                if (wrong < 10)
                    $display("%0s of %0d and %0d: %0d, want %0d", what, a, b, got, want);
            end
        end
    endtask

    localparam integer MAX_PRODUCT = 8;
    localparam integer MAX_PAIR = 3;
    localparam integer MAX_ACC = 5;
    localparam integer MAX_WIDE = 5;

    genvar m, n, s, p;
    generate
        for (m = 1; m <= MAX_PRODUCT; m = m + 1) begin : gen_m
            for (n = 1; n <= MAX_PRODUCT; n = n + 1) begin : gen_n
                for (s = 0; s <= 1; s = s + 1) begin : gen_signed
                    localparam integer STAGES = (m + 1) / 2;
                    reg tick = 1'b0;
                    reg [m-1:0] w;
                    reg [n-1:0] x;
                    wire [m+n-1:0] full;
                    integer i, k, v, want;
                    product #(.WEIGHT_BITS(m), .INPUT_BITS(n), .INPUT_SIGNED(s)) u_product (
                        .clk(tick), .en(1'b1), .w(w), .x(x), .p(full));
                    // New operands every cycle; those of STAGES - 1 cycles ago come out.
                    task run;
                        for (i = 0; i < (1 << (m + n)) + STAGES - 1; i = i + 1) begin
                            {w, x} = i;
                            #1 tick = 1'b1;
                            #1 tick = 1'b0;
                            k = (i - STAGES + 1) >>> n;
                            v = (i - STAGES + 1) & ((1 << n) - 1);
                            want = number(k, m) * ((s != 0) ? number(v, n) : v);
                            if (k >= 0)
                                compare(full, want & ((1 << (m + n)) - 1), "product", k, v);
                        end
                    endtask
                end
            end
        end

        for (m = 1; m <= MAX_PAIR; m = m + 1) begin : gen_pair_m
            for (n = 1; n <= MAX_PAIR; n = n + 1) begin : gen_pair_n
                for (s = 0; s <= 1; s = s + 1) begin : gen_pair_signed
                    reg tick = 1'b0;
                    reg [2*m-1:0] w;
                    reg [2*m-1:0] w_q;  // a cycle after its x
                    reg [2*n-1:0] x;
                    wire [m+n:0] full;
                    integer i, k, v, want;
                    pair_product #(.WEIGHT_BITS(m), .INPUT_BITS(n), .INPUT_SIGNED(s)) u_pair (
                        .clk(tick), .rst_n(1'b1), .en(1'b1), .w(w_q), .x(x), .p(full));
                    always @(posedge tick) w_q <= w;
                    function integer input_of(input integer v);
                        input_of = (s != 0) ? number(v, n) : v;
                    endfunction
                    // New operands every cycle; those of m cycles ago come out.
                    task run;
                        for (i = 0; i < (1 << (2 * (m + n))) + m; i = i + 1) begin
                            {w, x} = i;
                            #1 tick = 1'b1;
                            #1 tick = 1'b0;
                            k = (i - m) >>> (2 * n);
                            v = (i - m) & ((1 << (2 * n)) - 1);
                            want = number(k & ((1 << m) - 1), m) * input_of(v & ((1 << n) - 1))
                                 + number(k >> m, m) * input_of(v >> n);
                            if (i >= m)
                                compare(full, want & ((1 << (m + n + 1)) - 1), "pair", k, v);
                        end
                    endtask
                end
            end
        end

        // Wide operands at their corners: the three least and the three largest numbers, and
        // those next to 0. Gains and accumulators are so wide in label_select.v.
        for (p = 1; p <= MAX_WIDE; p = p + 1) begin : gen_wide
            localparam integer M = 8 + 3 * p;
            localparam integer N = 31 - 2 * p;
            localparam integer STAGES = (M + 1) / 2;
            reg tick = 1'b0;
            reg signed [M-1:0] w;
            reg signed [N-1:0] x;
            wire signed [M+N-1:0] full;
            wire signed [M+N-1:0] want = w * x;
            integer i, j, k;
            product #(.WEIGHT_BITS(M), .INPUT_BITS(N), .INPUT_SIGNED(1)) u_product (
                .clk(tick), .en(1'b1), .w(w), .x(x), .p(full));
            task run;
                for (i = 0; i < 9; i = i + 1)
                    for (j = 0; j < 9; j = j + 1) begin
                        w = (i < 3) ? i - 1 : {1'b1, {(M-1){1'b0}}} + i - 6;
                        x = (j < 3) ? j - 1 : {1'b1, {(N-1){1'b0}}} + j - 6;
                        for (k = 0; k < STAGES; k = k + 1) begin
                            #1 tick = 1'b1;
                            #1 tick = 1'b0;
                        end
                        compare(full === want, 1, "wide product", i, j);
                    end
            endtask
        end

        for (p = 1; p <= MAX_ACC; p = p + 1) begin : gen_acc
            for (s = 1; s <= p; s = s + 1) begin : gen_sum
                reg first;
                reg [p-1:0] start;
                reg [s-1:0] sum;
                wire [p-1:0] acc;
                wire [p-1:0] acc_one;
                integer i, j, k;
                accumulator #(.SUM_BITS(s), .ACC_BITS(p)) u_loop (
                    .clk(clk), .en(1'b1), .valid(1'b1), .first(first),
                    .start(start), .sum(sum), .acc(acc));
                accumulator #(.SUM_BITS(s), .ACC_BITS(p), .ONE_SUM(1)) u_one (
                    .clk(clk), .en(1'b1), .valid(1'b1), .first(first),
                    .start(start), .sum(sum), .acc(acc_one));
                task tick;
                    begin
                        #1 clk = 1'b1;
                        #1 clk = 1'b0;
                    end
                endtask
                task run;
                    for (i = 0; i < (1 << p); i = i + 1)
                        for (j = 0; j < (1 << s); j = j + 1) begin
                            first = 1'b1;
                            start = i;
                            sum = j;
                            tick;
                            k = (number(i, p) + number(j, s)) & ((1 << p) - 1);
                            compare(acc, k, "restarted sum", i, j);
                            compare(acc_one, k, "single sum", i, j);
                            first = 1'b0;
                            start = ~start;
                            tick;
                            compare(acc, (k + number(j, s)) & ((1 << p) - 1), "next sum", k, j);
                        end
                endtask
            end
        end

        for (p = 1; p <= MAX_ACC; p = p + 1) begin : gen_compare
            for (s = p; s <= p + 1; s = s + 1) begin : gen_threshold
                reg [p-1:0] value;
                wire above;
                integer i, j;
                threshold_stage #(.PE(1), .FOLDS(1), .STAGE(0), .ACC_BITS(p),
                                  .THRESHOLD_BITS(s)) u_stage (
                    .clk(clk), .en(1'b1), .fold_in(1'b0), .acc_in(value), .found_in(1'b0),
                    .fold_out(), .acc_out(), .found_out(above));
                task run;
                    for (i = 0; i < (1 << p); i = i + 1)
                        for (j = 0; j < (1 << s); j = j + 1) begin
                            value = i;
                            u_stage.gen_pe[0].u_thresholds.gen_constant.mem[0] = j;
                            #1 clk = 1'b1;  // the threshold is read
                            #1 clk = 1'b0;
                            #1 clk = 1'b1;  // and compared
                            #1 clk = 1'b0;
                            compare(above, number(i, p) > number(j, s), "comparison", i, j);
                        end
                endtask
            end
        end
    endgenerate

    // One process for each unit would let them disturb each other's clock: a chain of events
    // starts them in turn.
    generate
        for (m = 1; m <= MAX_PRODUCT; m = m + 1) begin : gen_run_m
            for (n = 1; n <= MAX_PRODUCT; n = n + 1) begin : gen_run_n
                initial begin
                    #(1 + 280000 * (m - 1) * MAX_PRODUCT + 280000 * (n - 1));
                    gen_m[m].gen_n[n].gen_signed[0].run;
                    gen_m[m].gen_n[n].gen_signed[1].run;
                end
            end
        end
        for (m = 1; m <= MAX_PAIR; m = m + 1) begin : gen_run_pair_m
            for (n = 1; n <= MAX_PAIR; n = n + 1) begin : gen_run_pair_n
                initial begin
                    #(22200000 + 20000 * (m * MAX_PAIR + n));
                    gen_pair_m[m].gen_pair_n[n].gen_pair_signed[0].run;
                    gen_pair_m[m].gen_pair_n[n].gen_pair_signed[1].run;
                end
            end
        end
        for (p = 1; p <= MAX_WIDE; p = p + 1) begin : gen_run_wide
            initial #(22000000 + 10000 * p) gen_wide[p].run;
        end
        for (p = 1; p <= MAX_ACC; p = p + 1) begin : gen_run_acc
            for (s = 1; s <= p; s = s + 1) begin : gen_run_sum
                initial begin
                    #(20000000 + 10000 * (p * MAX_ACC + s));
                    gen_acc[p].gen_sum[s].run;
                end
            end
            for (s = p; s <= p + 1; s = s + 1) begin : gen_run_threshold
                initial begin
                    #(21000000 + 10000 * (p * MAX_ACC + s));
                    gen_compare[p].gen_threshold[s].run;
                end
            end
        end
    endgenerate

    initial begin
        #23000000;
        $display("checked %0d, wrong %0d", checked, wrong);
        $finish;
    end
endmodule
`default_nettype wire
