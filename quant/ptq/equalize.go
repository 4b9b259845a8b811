package ptq

import (
	"fmt"
	"math"
)

// Matrix is a layer's float weights, one output channel per row.
type Matrix struct {
	// Rows and K are the size of Weights; columns are in the order (kh, kw, Cin).
	Rows, K int
	// Weights is Rows x K, row-major.
	Weights []float64
	// Bias of each row, or nil.
	Bias []float64
	// Channels is the number of input channels, Cin of all groups together.
	// Where a channel has several positions (a linear layer after a
	// flatten in channels-last order) they are columns Channels apart, as the
	// taps of a window are.
	Channels int
	// Groups of a grouped convolution, 1 where it is 0.
	Groups int
}

// channel returns the input channel that column c of row r reads. Rows of group
// r/(Rows/Groups) read that group's channels alone; within a row the channel is the
// fastest axis of a column.
func (m *Matrix) channel(r, c int) int {
	groups := max(m.Groups, 1)
	own := m.Channels / groups
	return r/(m.Rows/groups)*own + c%own
}

// check returns an error unless m's sizes agree.
func (m *Matrix) check() error {
	groups := max(m.Groups, 1)
	switch {
	case m.Rows < 1 || m.K < 1 || len(m.Weights) != m.Rows*m.K:
		return fmt.Errorf("matrix of %d weights, want %dx%d", len(m.Weights), m.Rows, m.K)
	case m.Bias != nil && len(m.Bias) != m.Rows:
		return fmt.Errorf("%d biases, want %d", len(m.Bias), m.Rows)
	case m.Channels < 1 || m.Channels%groups != 0 || m.Rows%groups != 0 || m.K%(m.Channels/groups) != 0:
		return fmt.Errorf("%dx%d weights, %d input channels and %d groups do not go together",
			m.Rows, m.K, m.Channels, groups)
	}
	return nil
}

// Equalize moves scale between the output channels of first and the input
// channels of second, in place, so that channel by channel their largest
// weights become equal (arXiv 1906.04721, section 4.1, equation 11):
//
//	f_c = sqrt(r1_c / r2_c), first's row and bias / f_c, second's columns * f_c
//
// with r1 and r2 the largest magnitudes. The network computes the same where
// what lies between is positively homogeneous for each channel (ReLU, leaky
// ReLU, pooling, nothing), at one position or many. A channel that either layer
// has no weight for keeps its scale. It returns f, by which ranges of the
// activation between shrink.
func Equalize(first, second *Matrix) ([]float64, error) {
	for i, m := range []*Matrix{first, second} {
		// The first layer's own input channels do not matter.
		c := *m
		if i == 0 {
			c.Channels, c.Groups = 1, 1
		}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("ptq: equalise: layer %d of the pair: %w", i+1, err)
		}
	}
	if second.Channels != first.Rows {
		return nil, fmt.Errorf("ptq: equalise: second layer reads %d channels, the first has %d",
			second.Channels, first.Rows)
	}
	factors := second.factors(first)
	for r, f := range factors {
		for i := range first.K {
			first.Weights[r*first.K+i] /= f
		}
		if first.Bias != nil {
			first.Bias[r] /= f
		}
	}
	for i := range second.Weights {
		second.Weights[i] *= factors[second.channel(i/second.K, i%second.K)]
	}
	return factors, nil
}

// factors returns f of Equalize for m after first. A channel without a weight has
// r1 or r2 of 0, whose quotient gives 0, +Inf or NaN: none is a factor, so it stays
// as it is.
func (m *Matrix) factors(first *Matrix) []float64 {
	f := make([]float64, first.Rows)
	reads := make([]float64, first.Rows)
	for i, w := range m.Weights {
		c := m.channel(i/m.K, i%m.K)
		reads[c] = max(reads[c], math.Abs(w))
	}
	for r := range f {
		f[r] = math.Sqrt(peak(first.Weights[r*first.K:(r+1)*first.K]) / reads[r])
		if !(f[r] > 0) || math.IsInf(f[r], 1) {
			f[r] = 1
		}
	}
	return f
}
