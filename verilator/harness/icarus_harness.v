// Drives a generated `bench` module under Icarus Verilog.
//
// The same stimulus files and the same cycle as harness.cpp; the trace is the
// text form of ../TRACE.md, one line per cycle, so that unknown bits can be told.
// Ports and probes of the bench are in shape.vh (shape.vh.tmpl).
//
//   vvp -N bench.vvp +beats=PREFIX +stim=FILE +trace=FILE [+vcd=FILE] [+no_trace]
`default_nettype none
`timescale 1ns / 1ps

module icarus_harness;
`include "shape.vh"
    localparam RESET_EDGES = 4;
    localparam PATH_BITS   = 8 * 4096;
    localparam STIM_BYTES  = (SOURCES + SINKS + 7) / 8;

    reg                    aclk    = 1'b0;
    reg                    aresetn = 1'b0;
    reg  [    SOURCES-1:0] s_valid = {SOURCES{1'b0}};
    reg  [    SOURCES-1:0] s_last  = {SOURCES{1'b0}};
    reg  [SOURCE_BITS-1:0] s_data  = {SOURCE_BITS{1'b0}};
    reg  [      SINKS-1:0] m_ready = {SINKS{1'b0}};
    wire [    SOURCES-1:0] s_ready;
    wire [    STREAMS-1:0] probe_valid, probe_ready;

    bench u_bench (
        .aclk          (aclk),
        .aresetn       (aresetn),
        .s_axis_tvalid (s_valid),
        .s_axis_tready (s_ready),
        .s_axis_tdata  (s_data),
        .s_axis_tlast  (s_last),
        .m_axis_tready (m_ready),
        `BENCH_PROBES
        .probe_valid   (probe_valid),
        .probe_ready   (probe_ready)
    );

    reg [   PATH_BITS-1:0] path;
    reg [ SOURCE_BITS-1:0] beat;       // the words at the heads of the beats files
    reg [     SOURCES-1:0] have_beat;  // the file is not used up
    reg [     SOURCES-1:0] pending;    // tvalid was raised and not taken: hold it
    reg [8*STIM_BYTES-1:0] stim;
    reg                    have_stim;
    reg                    no_trace;
    integer beats_fd [0:SOURCES-1];
    integer frame_beat [0:SOURCES-1];
    integer stim_fd, trace_fd, cycle, i, k, c;

    // Little-endian bytes; the end of the file ends the source.
    task read_beat;
        input integer source;
        begin
            have_beat[source] = 1'b1;
            for (k = 0; k < source_bytes(source); k = k + 1) begin
                c = $fgetc(beats_fd[source]);
                if (c < 0) have_beat[source] = 1'b0;
                beat[8*(source_at(source)+k)+:8] = c[7:0];
            end
        end
    endtask

    // The gaps of all sources, then the stalls of all sinks; the end of the file ends the run.
    task read_stim;
        begin
            have_stim = 1'b1;
            for (k = 0; k < STIM_BYTES; k = k + 1) begin
                c = $fgetc(stim_fd);
                if (c < 0) have_stim = 1'b0;
                stim[8*k+:8] = c[7:0];
            end
        end
    endtask

    task drive;
        input integer source;
        begin
            s_valid[source] = have_beat[source] && (pending[source] || !stim[source]);
            s_last[source] = s_valid[source] && (frame_beat[source] == frame_beats(source) - 1);
            // Ones in a gap: a design that takes a beat without valid must not get away with a 0.
            for (k = 0; k < source_bytes(source); k = k + 1)
                s_data[8*(source_at(source)+k)+:8] =
                    s_valid[source] ? beat[8*(source_at(source)+k)+:8] : 8'hff;
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
        input integer source;
        begin
            pending[source] = s_valid[source] && (s_ready[source] !== 1'b1);
            if (s_valid[source] && !pending[source]) begin
                frame_beat[source] = (frame_beat[source] == frame_beats(source) - 1) ?
                    0 : frame_beat[source] + 1;
                read_beat(source);
            end
        end
    endtask

    task rising_edge;
        begin
            aclk = 1'b1;
            #1 aclk = 1'b0;
        end
    endtask

    task fail;
        begin
            $display("%%Error: icarus_harness: cannot open its files");
            $finish_and_return(1);
        end
    endtask

    // The files of the sources are PREFIX0, PREFIX1 and so on.
    task open_files;
        reg [PATH_BITS-1:0] file;
        begin
            trace_fd = 0;
            if (!$value$plusargs("beats=%s", path)) path = 0;
            for (i = 0; i < SOURCES; i = i + 1) begin
                $sformat(file, "%0s%0d", path, i);
                beats_fd[i] = $fopen(file, "rb");
                if (beats_fd[i] == 0) fail;
            end
            if (!$value$plusargs("stim=%s", path)) path = 0;
            stim_fd = $fopen(path, "rb");
            if ($value$plusargs("trace=%s", path)) trace_fd = $fopen(path, "wb");
            if (stim_fd == 0 || trace_fd == 0) fail;
            if ($value$plusargs("vcd=%s", path)) begin
                $dumpfile(path);
                $dumpvars(0, u_bench);
            end
        end
    endtask

    initial begin
        open_files;
        no_trace = $test$plusargs("no_trace") != 0;
        pending  = {SOURCES{1'b0}};
        cycle    = 0;
        for (i = 0; i < SOURCES; i = i + 1) begin
            frame_beat[i] = 0;
            read_beat(i);
        end
        repeat (RESET_EDGES) begin
            #1 rising_edge;
        end
        aresetn = 1'b1;
        read_stim;
        while (have_stim) begin
            for (i = 0; i < SOURCES; i = i + 1) drive(i);
            m_ready = ~stim[SOURCES+:SINKS];
            #1;
            for (i = 0; i < SOURCES; i = i + 1) take_beat(i);
            if (!no_trace) sample;
            rising_edge;
            cycle = cycle + 1;
            read_stim;
        end
        $fdisplay(trace_fd, "end %0d", cycle);
        $fclose(trace_fd);
        $finish(0);
    end
endmodule

`default_nettype wire
