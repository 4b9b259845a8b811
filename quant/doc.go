// Package quant holds what a2qgen knows about integer networks: data types,
// accumulator bounds and certificates, weight quantisers, thresholds and the
// exact integer executor that every other layer is compared with.
//
// Sub-packages widen it: quant/data reads data sets, quant/qonnx reads and
// writes networks, quant/train trains them. quant imports nothing of a2qgen.
//
// "MATH 2" in a comment is section 2 of docs/arithmetic.md.
package quant
