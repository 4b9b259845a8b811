// Package nn is the one description of networks in real numbers: layers with
// weights, biases, batch norms, ReLUs and, where they are quantised, quantisers, as
// a graph. What a file is read to and written from (package qonnx), what training
// makes (package train) and what is quantised without training (package ptq) is a
// Model.
//
// A Graph is a Model that has been checked, with the sizes of its tensors. It is
// evaluated layer by layer, on many samples at once: Graph.Outputs for the whole
// network, Graph.Walk and Graph.Run for who looks at what lies between.
//
// Each kind of layer is computed in one place, by Forward, in float32 or float64.
// Training has gradients and a rounding of its own around it, in float32; Graph.Run
// sums in float64, in which sums of integers are exact, so that a quantised network
// gives the numbers of quant.Executor.
//
// Tensors are channels last, as quant.Shape has them.
package nn
