// Package cost estimates what a design takes of an FPGA: LUTs, flip-flops, block RAM
// and DSP slices, block by block and for every accumulator width P.
//
// Every kind of block has one file with its formula: flip-flops and block RAMs are
// counted from the structure of the module, LUTs are a sum of terms with physical
// meaning (product LUTs, adder bits, comparator bits, memory LUTs, ...), each times a
// coefficient. Weights and thresholds are known, so memories in LUTs are counted from
// their contents: constant and equal columns cost nothing.
//
// The coefficients of family xc7 were fitted to Yosys 0.23 `synth_xilinx -nodsp` on the
// samples in data/xc7.csv, which `go run ./hwgen/cost/fit` regenerates together with
// data/xc7.json. A LUT is a LUT1 to LUT6 or a LUT used as memory or shift register; INV,
// CARRY4 and MUXF7/8 cost nothing (see synth.Counts). LUT pairs are not packed.
package cost
