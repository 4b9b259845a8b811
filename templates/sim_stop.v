// Simulation only: ends a simulation as failed. Every check of the library ends here.
//
//   A check prints "ERROR %m: ..." (%m is its hierarchical name), then calls u_stop.fail:
//     in Icarus     $finish_and_return(1): exit status 1. Its $stop waits for a terminal.
//     in Verilator  $stop: a --binary program aborts, a2qgen's harness ends with status 3.
//                   Its $finish is an end like any other: status 0.
//     elsewhere     $fatal: an end with an error code by IEEE 1800. Some shells drop the
//                   code (Questa wants "onbreak {quit -code 1}"): there, look for "ERROR".
//   In synthesis the module is empty and nobody instantiates it.
`default_nettype none
module sim_stop ();
    // altera translate_off
`ifndef SYNTHESIS
    task fail;
        begin
`ifdef __ICARUS__
            $finish_and_return(1);
`elsif VERILATOR
            $stop;
`else
            $fatal(1);
`endif
        end
    endtask
`endif
    // altera translate_on
endmodule
`default_nettype wire
