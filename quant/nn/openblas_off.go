//go:build !openblas

package nn

// OpenBLAS says which BLAS the program was built with.
const OpenBLAS = false
