package data

import "math"

// Patterns of fills.
const (
	flatFill = iota
	shadedFill
	stripedFill
	chequeredFill
	cloudyFill
	fills
)

// fill gives every point of an object its colour: base plus a wave of -1..1
// times delta.
type fill struct {
	pattern     int
	base, delta colour
	period      float64 // pixels
	seed        uint64  // of the clouds
}

// newFill draws a fill for an object of half size a pixels.
func (s *scene) newFill(a float64) fill {
	f := fill{pattern: s.rng.IntN(fills), base: s.newColour(), period: s.uniform(3, 16), seed: s.rng.Uint64()}
	for k := range f.delta {
		f.delta[k] = s.uniform(-0.3, 0.3)
	}
	if f.pattern == shadedFill {
		// The shade runs from -1/2 to 1/2 across the object.
		f.period = 2 * a
	}
	return f
}

// newColour draws a colour: a brightness and a tint. The tint is below the range of
// brightness, so channels go together, as in photographs.
func (s *scene) newColour() (c colour) {
	bright := s.uniform(0.1, 0.9)
	for k := range c {
		c[k] = bright + s.uniform(-0.2, 0.2)
	}
	return c
}

// at returns the colour at (u, v), pixels from the object's centre.
func (f *fill) at(u, v float64) colour {
	c, wave := f.base, f.wave(u/f.period, v/f.period)
	for k, d := range f.delta {
		c[k] += wave * d
	}
	return c
}

// wave returns the pattern at (u, v), in periods.
func (f *fill) wave(u, v float64) float64 {
	switch f.pattern {
	case shadedFill:
		return max(-1, min(u, 1))
	case stripedFill:
		return math.Sin(2 * math.Pi * u)
	case chequeredFill: // steep sines: edges of about a pixel
		return max(-1, min(4*math.Sin(2*math.Pi*u)*math.Sin(2*math.Pi*v), 1))
	// Two octaves; the offset gives the finer one numbers of its own at the centre,
	// where both would read lattice point (0, 0).
	case cloudyFill:
		return 0.7*f.noise(u, v) + 0.3*f.noise(2*u+5, 2*v+5)
	}
	return 0
}

// noise interpolates random numbers of -1..1 at integer coordinates smoothly
// (value noise).
func (f *fill) noise(u, v float64) float64 {
	x, y := math.Floor(u), math.Floor(v)
	// Smoothstep, 3t^2 - 2t^3: its slope is 0 at both ends, so cells join without a
	// crease.
	ease := func(t float64) float64 { return t * t * (3 - 2*t) }
	a, b := ease(u-x), ease(v-y)
	i, j := int64(x), int64(y)
	upper := (1-a)*f.lattice(i, j) + a*f.lattice(i+1, j)
	lower := (1-a)*f.lattice(i, j+1) + a*f.lattice(i+1, j+1)
	return (1-b)*upper + b*lower
}

// lattice returns the random number at (i, j): the finaliser of SplitMix64
// (Steele, Lea and Flood, OOPSLA 2014, figure 14) on seed and place.
func (f *fill) lattice(i, j int64) float64 {
	z := f.seed + uint64(i)*0x9e3779b97f4a7c15 + uint64(j)*0xd1b54a32d192ed03
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	// 53 random bits, as many as a float64 holds: 0..2 in steps of 2^-52, less 1.
	return float64(z>>11)/(1<<52) - 1
}
