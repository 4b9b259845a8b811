// Package qonnx reads quantised networks from QONNX files (ONNX with Quant
// nodes, as Brevitas exports and FINN reads them) and writes those that a2qgen
// trains. Today it reads fully connected networks.
//
// The reader works in four steps:
//
//   - graph.go turns the file into nodes in topological order, those that the
//     output needs.
//   - Each node is evaluated on abstract values (value.go). What does not
//     depend on the network's input is a tensor and is folded (fold.go). What
//     does is a stream: the elements of the input, or of a layer's
//     accumulators, each followed by a chain of elementwise steps (chain.go).
//   - A MatMul or Gemm of a quantised stream with quantised weights ends a
//     stream and starts the next (linear.go).
//   - Each layer's chain, from the accumulator to the next Quant, is evaluated
//     in float64 exactly as the graph defines it, and bisected into integer
//     thresholds (layers.go). The last layer's chain becomes a score (score.go).
//
// Nothing is rewritten, so no order of nodes needs a rule of its own.
package qonnx
