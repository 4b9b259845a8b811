// Package ptq quantises trained float weights, without training, to integers
// that a P-bit accumulator provably holds (MATH 7).
//
// It works on one matrix of weights at a time: Problem is a layer's float
// weights, the second moment of its integer inputs and what the integers must
// fit; Solve finds integers by a Method, Repair makes given integers fit. Both
// minimise, row by row,
//
//	loss = (u - q)' H (u - q),  u = w/s,  H = E[x x']
//
// which is the mean squared error of the accumulator in units of one. Moments
// collects H from calibration data, Equalize prepares weights and BiasCorrection
// mends what is left. The integer test of MATH 1 alone decides what fits.
//
// Calibration does so for a whole network, an nn.Model, layer by layer: package nn
// evaluates it, float to choose scales and quantised to know what each layer reads.
package ptq
