// Package cost estimates what a design takes of an FPGA: LUTs, flip-flops, block RAM
// and DSP slices, block by block and for every accumulator width P.
//
// Every kind of block has one file with its formula, which asks the family what its LUTs, adders
// and memories hold (fabric.Family, boards/families). Units that compute are built bit by
// bit as a netlist, with the weights and thresholds that there are, and what synthesis
// leaves of it is counted. Control, deep memories and blocks that move data are a sum of
// terms with physical meaning, each times a coefficient.
//
// The rules and coefficients of a family are those of Yosys 0.23 by the command in its file;
// the coefficients were fitted to the samples in data/<family>.csv, which `go run
// ./hwgen/cost/fit -family <family>` regenerates together with data/<family>.json. What a cell
// of the netlist counts for is in the family's file, too. LUT pairs are not packed.
package cost
