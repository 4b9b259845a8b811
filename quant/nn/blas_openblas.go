//go:build openblas

package nn

// #cgo LDFLAGS: -lopenblas
// void openblas_set_num_threads(int);
import "C"

import (
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/netlib/blas/netlib"
)

// With the build tag openblas every matrix product goes to the C library
// OpenBLAS (Debian: libopenblas-dev), one thread each: the two halves of a
// batch call it at once (see package train), which is faster than to share each of many
// small products, and keeps the bits independent of the number of cores.
func init() {
	C.openblas_set_num_threads(1)
	blas32.Use(netlib.Implementation{})
	blas64.Use(netlib.Implementation{}) // evaluation sums in float64
}
