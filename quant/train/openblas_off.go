//go:build !openblas

package train

// openBLAS says which BLAS the program was built with.
const openBLAS = false
