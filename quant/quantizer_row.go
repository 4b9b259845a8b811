package quant

import "math"

// policy is a Quantizer with its constants worked out.
type policy struct {
	method  Method
	clip    float64 // largest |q|
	budget  float64 // T/s, the largest norm1(w/s)
	input   DataType
	accBits int
	bare    bool
	// allowance is what allot fits, on a grid of 2^-gridBits units and with
	// histograms of 2^binBits grid steps a bin.
	allowance         Allowance
	gridBits, binBits uint
	work              *workspace
}

// rowState says how a row was quantised: u[i] = (v[i]-mean)*gain before
// truncation and clipping. Base, Budget and DQ set s only.
type rowState struct {
	mean, gain float64
	s          float64 // scale
	norm       float64 // norm1(v-mean)
	g          float64 // 2^t
	limited    bool    // g > T
}

// quantize writes the integers of one row, as floats, to q.
func (p *policy) quantize(v []float32, d, t float32, q []float32) rowState {
	s := Scale(d)
	switch p.method {
	case Base:
		p.round(v, s, q)
		return rowState{s: float64(s)}
	case Budget:
		p.allot(v, 1/float64(s), q)
		return rowState{s: float64(s)}
	case DQ:
		copy(q, v)
		return rowState{s: float64(s)}
	}
	st := p.normalize(v, d, t)
	if p.method == WN {
		p.allot(v, st.gain, q)
		return st
	}
	if pos, neg := p.truncate(v, st, q); !p.fits(pos, neg) {
		p.repair(v, st, q, pos, neg)
	}
	return st
}

// normalize finds the mean and the gain that bring a row to its norm.
func (p *policy) normalize(v []float32, d, t float32) rowState {
	st := rowState{s: float64(Scale(d)), g: math.Exp2(float64(t))}
	if p.method == A2QPlus {
		// The sum of equal float32 is exact (up to 2^29 of them), so a constant
		// row is centred to exactly 0, not to noise.
		st.mean = sum(v) / float64(len(v))
	}
	st.norm = norm1(v, st.mean)
	st.limited = st.g > p.budget*st.s
	target := st.g / st.s
	if st.limited {
		target = p.budget
	}
	if st.norm != 0 {
		st.gain = target / st.norm
	}
	if math.IsInf(st.norm, 1) || math.IsInf(st.gain, 0) {
		st.gain = math.NaN()
	}
	return st
}

// round writes q = clip(round_half_even(v/s)), the quotient in float32 as the
// reference implementations have it. Clipping first is the same, since the
// limit is an integer.
func (p *policy) round(v []float32, s float32, q []float32) {
	// Floats from 2^23 on are integers: adding this rounds, half to even, what
	// is below 2^22, as every clip is.
	const shift = 0x1.8p23
	clip := float32(p.clip)
	for i, x := range v[:len(q)] {
		u := x / s
		if u > clip {
			u = clip
		} else if u < -clip {
			u = -clip
		}
		q[i] = (u + shift) - shift
	}
}

// truncate writes q = clip(trunc(u)) and returns the sums of the positive and
// of the negated negative integers.
func (p *policy) truncate(v []float32, st rowState, q []float32) (pos, neg int64) {
	if math.IsNaN(st.gain) {
		for i := range q {
			q[i] = float32(math.NaN())
		}
		return 0, 0
	}
	total, size := int64(0), int64(0)
	for i, x := range v[:len(q)] {
		u := (float64(x) - st.mean) * st.gain
		if u > p.clip {
			u = p.clip
		} else if u < -p.clip {
			u = -p.clip
		}
		n := int32(u) // Go truncates towards zero
		q[i] = float32(n)
		total += int64(n)
		size += int64((n ^ n>>31) - n>>31) // |n|
	}
	return (size + total) / 2, (size - total) / 2
}

// fits is the integer certificate of MATH 1.
func (p *policy) fits(pos, neg int64) bool {
	return rangeOf(pos, neg, p.input).Bits() <= p.accBits
}

// repair takes units off q until it fits: each time the one that the real
// weight u misses least. In real arithmetic the quantiser's integers fit by
// construction (arXiv 2308.13504, 2401.10432), so only rounding errors come
// here, and a unit or two mends them.
func (p *policy) repair(v []float32, st rowState, q []float32, pos, neg int64) {
	for !p.fits(pos, neg) {
		best, least := -1, math.Inf(1)
		for i, x := range q {
			if x == 0 || !p.relieves(x, pos, neg) {
				continue
			}
			u := (float64(v[i]) - st.mean) * st.gain
			if miss := math.Abs(u) - math.Abs(float64(x)); miss < least {
				best, least = i, miss
			}
		}
		if q[best] > 0 {
			q[best]--
			pos--
		} else {
			q[best]++
			neg--
		}
	}
}

// relieves says whether a unit less of a weight of x's sign moves an end of
// the range that does not fit.
func (p *policy) relieves(x float32, pos, neg int64) bool {
	now, then := rangeOf(pos, neg, p.input), rangeOf(pos, neg-1, p.input)
	if x > 0 {
		then = rangeOf(pos-1, neg, p.input)
	}
	return signedBits(now.Max) > p.accBits && then.Max < now.Max ||
		signedBits(now.Min) > p.accBits && then.Min > now.Min
}

// sum adds in four lanes, in a fixed order.
func sum(v []float32) float64 {
	var a, b, c, d float64
	for len(v) >= 4 {
		a += float64(v[0])
		b += float64(v[1])
		c += float64(v[2])
		d += float64(v[3])
		v = v[4:]
	}
	for _, x := range v {
		a += float64(x)
	}
	return (a + b) + (c + d)
}

// norm1 returns the sum of |v[i]-mean|, in four lanes.
func norm1(v []float32, mean float64) float64 {
	var a, b, c, d float64
	for len(v) >= 4 {
		a += math.Abs(float64(v[0]) - mean)
		b += math.Abs(float64(v[1]) - mean)
		c += math.Abs(float64(v[2]) - mean)
		d += math.Abs(float64(v[3]) - mean)
		v = v[4:]
	}
	for _, x := range v {
		a += math.Abs(float64(x) - mean)
	}
	return (a + b) + (c + d)
}
