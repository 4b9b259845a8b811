// Drives a generated `bench` module under Icarus Verilog.
//
// The same stimulus files and the same cycle as harness.cpp; the trace is the
// text form of ../TRACE.md, one line per cycle, so that unknown bits can be told.
//
//   vvp -N bench.vvp +beats=FILE +stim=FILE +trace=FILE [+vcd=FILE] [+no_trace]
`default_nettype none
`timescale 1ns / 1ps

module icarus_harness #(
    parameter SW    = 8,  // bits of s_axis_tdata, a multiple of 8
    parameter MW    = 8,  // bits of m_axis_tdata, a multiple of 8
    parameter S     = 1,  // probed streams
    parameter W     = 1,  // bits of probe_data
    parameter FRAME = 1   // beats per frame
);
    localparam RESET_EDGES = 4;
    localparam PATH_BITS   = 8 * 4096;

    reg           aclk    = 1'b0;
    reg           aresetn = 1'b0;
    reg           s_valid = 1'b0;
    reg           s_last  = 1'b0;
    reg  [SW-1:0] s_data  = {SW{1'b0}};
    reg           m_ready = 1'b0;
    wire          s_ready, m_valid, m_last;
    wire [MW-1:0] m_data;
    wire [ S-1:0] probe_valid, probe_ready;
    wire [ W-1:0] probe_data;

    bench u_bench (
        .aclk          (aclk),
        .aresetn       (aresetn),
        .s_axis_tvalid (s_valid),
        .s_axis_tready (s_ready),
        .s_axis_tdata  (s_data),
        .s_axis_tlast  (s_last),
        .m_axis_tvalid (m_valid),
        .m_axis_tready (m_ready),
        .m_axis_tdata  (m_data),
        .m_axis_tlast  (m_last),
        .probe_valid   (probe_valid),
        .probe_ready   (probe_ready),
        .probe_data    (probe_data)
    );

    reg [PATH_BITS-1:0] path;
    reg [       SW-1:0] beat;       // the word at the head of the beats file
    reg                 have_beat;  // the file is not used up
    reg                 pending;    // tvalid was raised and not taken: hold it
    reg                 no_trace;
    integer beats_fd, stim_fd, trace_fd, stim, frame_beat, cycle, i;

    // Little-endian bytes; the end of the file ends the source.
    task read_beat;
        integer c;
        begin
            have_beat = 1'b1;
            for (i = 0; i < SW / 8; i = i + 1) begin
                c = $fgetc(beats_fd);
                if (c < 0) have_beat = 1'b0;
                beat[8*i+:8] = c[7:0];
            end
        end
    endtask

    task drive;
        input valid;
        begin
            s_valid = valid;
            s_data  = valid ? beat : {SW{1'b0}};
            s_last  = valid && (frame_beat == FRAME - 1);
        end
    endtask

    // Bit for bit only where something is unknown: hexadecimal digits cannot
    // say which of their bits are.
    task sample;
        begin
            if ((^probe_data) === 1'bx)
                $fdisplay(trace_fd, "%b %b b%b", probe_valid, probe_ready, probe_data);
            else $fdisplay(trace_fd, "%b %b h%h", probe_valid, probe_ready, probe_data);
        end
    endtask

    task take_beat;
        begin
            pending = s_valid && (s_ready !== 1'b1);
            if (s_valid && !pending) begin
                frame_beat = (frame_beat == FRAME - 1) ? 0 : frame_beat + 1;
                read_beat;
            end
        end
    endtask

    task rising_edge;
        begin
            aclk = 1'b1;
            #1 aclk = 1'b0;
        end
    endtask

    task open_files;
        begin
            trace_fd = 0;
            if (!$value$plusargs("beats=%s", path)) path = 0;
            beats_fd = $fopen(path, "rb");
            if (!$value$plusargs("stim=%s", path)) path = 0;
            stim_fd = $fopen(path, "rb");
            if ($value$plusargs("trace=%s", path)) trace_fd = $fopen(path, "wb");
            if (beats_fd == 0 || stim_fd == 0 || trace_fd == 0) begin
                $display("%%Error: icarus_harness: cannot open its files");
                $finish_and_return(1);
            end
            if ($value$plusargs("vcd=%s", path)) begin
                $dumpfile(path);
                $dumpvars(0, u_bench);
            end
        end
    endtask

    initial begin
        open_files;
        no_trace   = $test$plusargs("no_trace") != 0;
        pending    = 1'b0;
        frame_beat = 0;
        cycle      = 0;
        read_beat;
        repeat (RESET_EDGES) begin
            #1 rising_edge;
        end
        aresetn = 1'b1;
        stim    = $fgetc(stim_fd);
        while (stim >= 0) begin
            drive(have_beat && (pending || !stim[0]));
            m_ready = !stim[1];
            #1 take_beat;
            if (!no_trace) sample;
            rising_edge;
            cycle = cycle + 1;
            stim  = $fgetc(stim_fd);
        end
        $fdisplay(trace_fd, "end %0d", cycle);
        $fclose(trace_fd);
        $finish(0);
    end
endmodule

`default_nettype wire
