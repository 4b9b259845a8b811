//go:build openblas

package train

// #cgo LDFLAGS: -lopenblas
import "C"

import (
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/netlib/blas/netlib"
)

// With the build tag openblas every matrix product goes to the C library
// OpenBLAS (Debian: libopenblas-dev).
func init() { blas32.Use(netlib.Implementation{}) }
