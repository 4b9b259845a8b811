package lanes

import "math"

// The loops in Go. There is no branch on a value, since their signs are random.

func moments(x, pivot, s1, s2 []float32) {
	n := len(pivot)
	for ; len(x) >= n; x = x[n:] {
		row := x[:n]
		pivot, s1, s2 := pivot[:len(row)], s1[:len(row)], s2[:len(row)]
		for c, v := range row {
			d := v - pivot[c]
			s1[c] += d
			s2[c] += d * d
		}
	}
}

// limit takes all ones as keep for a ReLU, else 0. u - u is 0, or NaN where u is none or infinite.
func limit(x, y, gain, shift []float32, keep int32) {
	for n := len(gain); len(x) >= n; x, y = x[n:], y[n:] {
		row := x[:n]
		out, gain, shift := y[:len(row)], gain[:len(row)], shift[:len(row)]
		for c, v := range row {
			u := v*gain[c] + shift[c]
			b := int32(math.Float32bits(u))
			out[c] = math.Float32frombits(uint32(b&^(b>>31&keep))) + (u - u)
		}
	}
}

// quantise clips among integers: u + roundMagic is the integer with a fixed exponent, so
// comparing its bits as integers clips without a branch.
func quantise(x, y, gain, shift []float32, b block) {
	for n := len(gain); len(x) >= n; x, y = x[n:], y[n:] {
		row := x[:n]
		out, gain, shift := y[:len(row)], gain[:len(row)], shift[:len(row)]
		for c, v := range row {
			u := v*gain[c] + shift[c]
			out[c] = b.scale * (b.integer(u) + (u - u))
		}
	}
}

// integer returns the integer next to u, clipped.
func (b *block) integer(u float32) float32 {
	bits := min(max(int32(math.Float32bits(u+roundMagic)), b.first), b.last)
	return math.Float32frombits(uint32(bits)) - roundMagic
}

// limitBack keeps a gradient by an & with all ones or zeros, which is a product with 1 or 0.
func limitBack(x, g, gain, shift, mu, s1, s2 []float32, b block) {
	for n := len(gain); len(x) >= n; x, g = x[n:], g[n:] {
		row := x[:n]
		grad, gain, shift, mu := g[:len(row)], gain[:len(row)], shift[:len(row)], mu[:len(row)]
		s1, s2 := s1[:len(row)], s2[:len(row)]
		for c, v := range row {
			keep := uint32(0)
			if v*gain[c]+shift[c] > b.lo {
				keep = math.MaxUint32
			}
			d := math.Float32frombits(math.Float32bits(grad[c]) & keep)
			grad[c] = d
			s1[c] += d
			s2[c] += d * (v - mu[c])
		}
	}
}

func quantiseBack(x, g, gain, shift, mu, s1, s2, ds []float32, b block) {
	for n := len(gain); len(x) >= n; x, g = x[n:], g[n:] {
		row := x[:n]
		grad, gain, shift, mu := g[:len(row)], gain[:len(row)], shift[:len(row)], mu[:len(row)]
		s1, s2, ds := s1[:len(row)], s2[:len(row)], ds[:len(row)]
		for c, v := range row {
			u, keep := v*gain[c]+shift[c], uint32(0)
			if u > b.lo {
				keep = math.MaxUint32
			}
			if u >= b.hi {
				keep = 0
			}
			ds[c] += grad[c] * (b.integer(u) - math.Float32frombits(math.Float32bits(u)&keep))
			d := math.Float32frombits(math.Float32bits(grad[c]) & keep)
			grad[c] = d
			s1[c] += d
			s2[c] += d * (v - mu[c])
		}
	}
}

func combine(x, g, byG, byX, offset []float32) {
	for n := len(byG); len(x) >= n; x, g = x[n:], g[n:] {
		row := x[:n]
		out, byG, byX, offset := g[:len(row)], byG[:len(row)], byX[:len(row)], offset[:len(row)]
		for c, v := range row {
			out[c] = byG[c]*out[c] + byX[c]*v + offset[c]
		}
	}
}
