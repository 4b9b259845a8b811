package data

import "math"

// Images are made smaller and larger as the benchmarks of super-resolution do, with
// bicubic weights (a = -1/2: Keys 1981, "Cubic Convolution Interpolation for Digital
// Image Processing", equation 15) that are stretched where the result is smaller, so that
// it holds no more than its pixels can, and with images mirrored at their borders. Sums
// stay real numbers until both directions are done. Package x/image/draw has the same
// kernel, but leaves out the weights beyond the border, and rounds twice, so that its figures
// are not those of the benchmarks (Set5 reduced three times and enlarged: 30.39 dB).

// keys is the kernel, of support -2..2.
func keys(x float64) float64 {
	switch x = math.Abs(x); {
	case x <= 1:
		return (1.5*x-2.5)*x*x + 1
	case x <= 2:
		return ((-0.5*x+2.5)*x-4)*x + 2
	}
	return 0
}

// taps are the pixels along a line that a new pixel is made of, and their weights, which
// add up to 1.
type taps struct {
	at     []int
	weight []float64
}

// resampling returns the taps of each of to pixels along a line of from pixels.
func resampling(from, to int) []taps {
	scale := float64(to) / float64(from)
	stretch := min(scale, 1)
	reach := 2 / stretch
	lines := make([]taps, to)
	for i := range lines {
		// The centre of pixel i, in pixels of the line that it is made of.
		centre := (float64(i)+0.5)/scale - 0.5
		l, sum := &lines[i], 0.0
		for k := int(math.Ceil(centre - reach)); float64(k) <= centre+reach; k++ {
			if w := keys((float64(k) - centre) * stretch); w != 0 {
				l.at, l.weight = append(l.at, mirrored(k, from)), append(l.weight, w)
				sum += w
			}
		}
		for k := range l.weight {
			l.weight[k] /= sum
		}
	}
	return lines
}

// mirrored returns which pixel of n lies at position k of a line that is mirrored at its
// ends, which are there twice: ... 1 0 | 0 1 2 ...
func mirrored(k, n int) int {
	k = ((k % (2 * n)) + 2*n) % (2 * n)
	return min(k, 2*n-1-k)
}

// resample returns the upper left fromH x fromW pixels of m as h x w pixels, channel by
// channel, rounded to the nearest level.
func (m *Image) resample(h, w, fromH, fromW int) *Image {
	out := &Image{Name: m.Name, Channels: m.Channels, Height: h, Width: w, Pixels: make([]uint8, m.Channels*h*w)}
	down, across := resampling(fromH, h), resampling(fromW, w)
	wide := make([]float64, fromH*w) // resampled across
	for c := range m.Channels {
		src, dst := m.Pixels[c*m.Height*m.Width:], out.Pixels[c*h*w:]
		for y := range fromH {
			for x, l := range across {
				sum := 0.0
				for k, at := range l.at {
					sum += l.weight[k] * float64(src[y*m.Width+at])
				}
				wide[y*w+x] = sum
			}
		}
		for y, l := range down {
			for x := range w {
				sum := 0.0
				for k, at := range l.at {
					sum += l.weight[k] * wide[at*w+x]
				}
				dst[y*w+x] = uint8(max(0, min(math.MaxUint8, math.Round(sum))))
			}
		}
	}
	return out
}
