// Simulation only: stops where a memory file is missing, or is not as long as its memory.
//
//   One instance beside each $readmemh, which by itself leaves words that the file has not
//   unknown (Icarus) or random (Verilator) and goes on. The file is opened again and its
//   digits are counted: what the memory holds says nothing where there is no unknown value.
//   In synthesis the module is empty and nobody instantiates it.
//
// Parameters
//   MEM    file of DEPTH hexadecimal words, all digits of a word written, nothing else in it
//   WIDTH  bits of a word, >= 1
//   DEPTH  words, >= 1
`default_nettype none
module memory_file #(
    parameter MEM = "",
    parameter integer WIDTH = 8,
    parameter integer DEPTH = 4
) ();
    // What the header forbids: no tool finds a module of these names (docs/hardware.md).
    generate
        if (WIDTH < 1) begin : gen_width_at_least_1
            memory_file_needs_WIDTH_at_least_1 u_refused ();
        end
        if (DEPTH < 1) begin : gen_depth_at_least_1
            memory_file_needs_DEPTH_at_least_1 u_refused ();
        end
    endgenerate

    // altera translate_off
`ifndef SYNTHESIS
    localparam integer DIGITS = (WIDTH + 3) / 4;
    integer file;
    integer letter;
    integer count;

    sim_stop u_stop ();

    task count_digits;
        begin
            count  = 0;
            letter = $fgetc(file);
            while (letter >= 0) begin
                if (letter > 32) count = count + 1;  // above the blank: no white space
                letter = $fgetc(file);
            end
            $fclose(file);
        end
    endtask

    initial begin
        file = $fopen(MEM, "r");
        if (file == 0) begin
            $display("ERROR %m: memory file not found: %0s", MEM);
            u_stop.fail;
        end else begin
            count_digits;
            if (count != DEPTH * DIGITS) begin
                $display("ERROR %m: memory file %0s has %0d digits, want %0d words of %0d", MEM,
                         count, DEPTH, DIGITS);
                u_stop.fail;
            end
        end
    end
`endif
    // altera translate_on
endmodule
`default_nettype wire
