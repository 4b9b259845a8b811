// Package train trains networks for accumulator-constrained integer inference:
// a float phase, then quantisation-aware training (QAT) from its weights with
// the quantisers of package quant.
//
// A network is a graph of layers: an 8-bit input quantiser of fixed scale,
// hidden layers (linear, convolution, depthwise convolution) without bias that
// batch norm, ReLU and a learned activation quantiser follow, pools, residual
// sums and concatenations of one common scale, moves, and a linear classifier
// with bias. First and last layers (quant.Roles) carry no accumulator target
// unless the spec gives them one (MATH 5). Activations are channels last: a batch is
// samples x rows x columns x channels; weights are outputs x k, with k in the
// order (row, column, channel).
//
// A Spec becomes a plan (layers of package nn and their quantisers; nothing
// allocated), the plan a net of nodes. A node is an operation, which nn.Forward
// computes, its way back, and batch norm and activation behind it; it runs on the two
// halves of a batch at once (pair). Most convolutions go another way, with kernels of their own (sliding,
// package tile), where the processor has them.
//
// A run is a function of its Spec, its data and the BLAS in use: the same
// three give the same bytes, on any number of cores, whether or not the run was
// interrupted and resumed. OpenBLAS (build tag openblas) picks its kernels by
// the processor, so there the bits depend on that too, as they do on whether there are kernels
// for convolutions.
package train
