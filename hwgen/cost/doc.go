// Package cost estimates what a design takes of an FPGA: LUTs, flip-flops, block RAM
// and DSP slices, block by block and for every accumulator width P.
//
// Every kind of block has one file with its formula. Units that compute are built bit by
// bit as a netlist, with the weights and thresholds that there are, and what synthesis
// leaves of it is counted. Control, deep memories and blocks that move data are a sum of
// terms with physical meaning, each times a coefficient.
//
// The rules and coefficients of family xc7 are those of Yosys 0.23 `synth_xilinx -nodsp`;
// the coefficients were fitted to the samples in data/xc7.csv, which `go run
// ./hwgen/cost/fit` regenerates together with data/xc7.json. A LUT is a LUT1 to LUT6 or a
// LUT used as memory or shift register; INV, CARRY4 and MUXF7/8 cost nothing (see
// synth.Counts). LUT pairs are not packed.
package cost
