// Package qonnx reads quantised networks from QONNX files (ONNX with Quant
// nodes, as Brevitas exports and FINN reads them) and writes those that a2qgen
// trains (nn.Model). It also reads float models, for training to start from.
//
// The reader works in four steps:
//
//   - graph.go turns the file into nodes in topological order, those that the
//     output needs.
//   - Each node is evaluated on abstract values (value.go). What does not
//     depend on the network's input is a tensor and is folded (fold.go). What
//     does is a stream: elements of the input, or of a layer's accumulators,
//     arranged by a view (view.go) and followed by a chain of elementwise steps
//     (chain.go). Either has an element type, which Cast changes (cast.go).
//     What a Quant knows of a constant goes wherever its elements go (known.go).
//     No operator is evaluated that has an attribute it does not know
//     (attributes.go); where opsets differ, the file's counts (versions.go).
//   - An operator that sums or compares integers ends its streams and starts the
//     next: it becomes a site (site.go, with linear.go, conv.go, pool.go,
//     join.go, sum.go, select.go). A view that is not in the order of its base becomes one too
//     (image.go).
//   - Sites become layers (assembly.go). Each chain, from the accumulator to the
//     Quant that a reader wants, is evaluated in float64 exactly as the graph
//     defines it, and bisected into integer thresholds. The last layer's chain
//     becomes a score (score.go).
//
// Nothing is rewritten, so no order of nodes needs a rule of its own.
//
// An example: Conv of x (scale sx) with weights (scales sw, one per output
// channel c), BatchNormalization, Relu and a Quant of scale s. The Conv becomes
// a site whose accumulators acc are sums of integers; its stream has the steps
//
//	mul sx*sw[c]; sub mean[c]; div sigma[c]; mul gamma[c]; add beta[c]; Relu
//
// and the Quant makes y = clip(round(v/s)) of their result v. For each c, y is
// a staircase over acc, of which [min, max] is known (MATH 1): bisection finds
// the largest acc below each of its steps, and these integers are all that is
// left of scales, bias, batch norm and ReLU. A MaxPool before the Quant moves
// behind it, since no step falls unless gamma[c] is negative; a Reshape or
// Transpose anywhere in between changes the stream's view and no step.
//
// Three rules hold throughout. What an operator means is what its ONNX page
// says for the opset of the file, defaults included; where versions put a
// parameter into an attribute or an input, both are read. What ONNX leaves open
// is refused where it can occur, never chosen. And numbers that decide an
// integer are computed in the graph's own order in float64 or exactly in
// rational numbers, so that no simplification moves a threshold.
//
// docs/import.md lists the operators and what is refused.
package qonnx
