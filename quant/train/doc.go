// Package train trains fully connected networks for accumulator-constrained
// integer inference: a float phase, then quantisation-aware training (QAT)
// from its weights with the quantisers of package quant.
//
// The network is a chain: an 8-bit input quantiser of fixed scale, hidden
// blocks of linear (no bias), batch norm, ReLU and a learned activation
// quantiser, and a linear classifier with bias. The first and the last linear
// layer carry no accumulator target (MATH 5). Matrices are row-major: a batch
// is samples x features, weights are outputs x inputs.
//
// A run is a function of its Spec, its data and the BLAS in use: the same
// three give the same bytes, whether or not the run was interrupted and
// resumed. gonum's own BLAS gives the same bits on any number of threads;
// OpenBLAS (build tag openblas) may split sums by thread, so there the bits
// also depend on OPENBLAS_NUM_THREADS.
package train
