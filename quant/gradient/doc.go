// Package gradient differentiates a loss of a network's outputs, sample by sample, with respect to the
// sums and the weights of its layers: float or quantised, of every kind that nn.Model has.
//
// A quantiser counts as the identity where it does not clip and as a constant where it does, the
// straight-through estimate (arXiv 1308.3432); all else is differentiated as it is, in inference: batch
// norms have their running statistics.
//
// Samples go through in spans, on all cores, and nothing is kept of a span: Each states the memory.
package gradient
