package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
)

// Sizes of the drawn data set, and the side of its square images in pixels.
const (
	// About 2,000 and 400 samples per class, a third of MNIST.
	drawnTrain = 20000
	drawnTest  = 4000
	drawnSide  = 28
)

// Seeds of the two parts: no sample of one is a sample of the other.
const (
	drawnTrainSeed = 1
	drawnTestSeed  = 2
)

// Drawn returns the training part (20,000 samples) or the test part (4,000) of
// the drawn digits: always the same ones.
func Drawn(train bool) *Set {
	n, seed := drawnTest, uint64(drawnTestSeed)
	if train {
		n, seed = drawnTrain, drawnTrainSeed
	}
	s := Draw(n, seed)
	s.Name = fmt.Sprintf("drawn digits, built in (%d samples)", n)
	return s
}

// Draw returns n drawn digits of 28x28 unsigned bytes: the digits 0..9 in outline
// and stroke fonts, each turned, sheared, scaled, moved and bent at random, with
// changing stroke width, contrast, noise and stray strokes. Sample i depends on
// seed and i alone, on one architecture (others may round a coordinate
// differently). It panics when n is negative. The generator is PCG with seed and i
// as its two words.
func Draw(n int, seed uint64) *Set {
	const size = drawnSide * drawnSide
	s := &Set{
		Name: fmt.Sprintf("drawn digits, built in (%d samples, seed %d)", n, seed), Shape: []int{drawnSide, drawnSide},
		Bytes: make([]uint8, n*size), Labels: make([]uint8, n), Scale: ByteScale, Classes: digitClasses,
	}
	// Worker w draws samples w, w+workers, ...: who draws a sample does not matter,
	// since paint seeds the generator anew for each.
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			p := newPainter()
			for i := w; i < n; i += workers {
				s.Labels[i] = p.paint(seed, uint64(i), s.Bytes[i*size:(i+1)*size])
			}
		}()
	}
	wg.Wait()
	return s
}

// painter draws one digit at a time; its buffers are reused. There is one painter
// per goroutine.
type painter struct {
	pcg  *rand.PCG
	rng  *rand.Rand
	ink  [drawnSide * drawnSide]float32 // coverage, 0..1
	fill filler
}

func newPainter() *painter {
	pcg := rand.NewPCG(0, 0)
	return &painter{pcg: pcg, rng: rand.New(pcg)}
}

// paint draws sample i of the given seed to dst and returns its digit.
func (p *painter) paint(seed, i uint64, dst []uint8) uint8 {
	// Every draw below takes numbers from the generator in a fixed order: a draw
	// added or moved changes all data sets, and the accuracies in docs/results with
	// them.
	p.pcg.Seed(seed, i)
	digit := p.rng.IntN(digitClasses)
	clear(p.ink[:])
	w := newWarp(p.rng)
	fonts := outlineFonts()
	if f := p.rng.IntN(len(fonts) + strokeShare); f < len(fonts) {
		p.fill.draw(fonts[f][digit], w, p.ink[:])
	} else {
		variants := strokeDigits[digit]
		width := p.uniform(0.7, 1.7)
		for _, line := range variants[p.rng.IntN(len(variants))] {
			p.stroke(line, w, width)
		}
	}
	p.clutter()
	p.expose(dst)
	return uint8(digit)
}

// uniform draws from lo..hi.
func (p *painter) uniform(lo, hi float64) float64 { return lo + (hi-lo)*p.rng.Float64() }

// clutter draws up to three short stray strokes anywhere. Without them the ink of a
// few pixels would give many digits away.
func (p *painter) clutter() {
	for range p.rng.IntN(4) {
		a := point{p.uniform(0, drawnSide), p.uniform(0, drawnSide)}
		t, r := p.uniform(0, 2*math.Pi), p.uniform(1, 5)
		b := point{a.x + r*math.Cos(t), a.y + r*math.Sin(t)}
		p.segment(a, b, p.uniform(0.4, 0.9))
	}
}

// expose turns coverage into bytes, with random contrast and noise. A pixel is
// paper + gain*coverage + noise, held to a byte; the mean of the noise is 0, so the
// paper's level is kept where it does not clip.
func (p *painter) expose(dst []uint8) {
	gain := p.uniform(110, 255)
	paper := p.uniform(0, 30)
	noise := p.uniform(5, 45)
	for k := 0; k < len(dst); k += 4 { // four pixels' noise from one draw
		u := p.rng.Uint64()
		for j := range 4 {
			// The difference of two bytes is a triangular deviate in -1..1.
			d := float64(int(u&0xff)-int(u>>8&0xff)) / 255
			u >>= 16
			v := paper + gain*float64(p.ink[k+j]) + noise*d
			dst[k+j] = uint8(max(0, min(v, 255)))
		}
	}
}

// stroke draws a polyline of the unit square, warped, with the given half
// width in pixels.
func (p *painter) stroke(line []point, w warp, half float64) {
	prev := w.apply(line[0])
	for _, q := range line[1:] {
		next := w.apply(q)
		p.segment(prev, next, half)
		prev = next
	}
}

// segment inks every pixel by how far its centre lies within half pixels of
// the segment from a to b.
func (p *painter) segment(a, b point, half float64) {
	reach := half + 0.5
	x0, x1 := clampPixel(min(a.x, b.x)-reach), clampPixel(max(a.x, b.x)+reach)
	y0, y1 := clampPixel(min(a.y, b.y)-reach), clampPixel(max(a.y, b.y)+reach)
	dx, dy := b.x-a.x, b.y-a.y
	// t = (p-a)(b-a) / |b-a|^2 is where the foot of the perpendicular lies on the
	// segment, held to its ends, which makes round caps. The least denominator
	// keeps a segment of no length, a dot, finite.
	inv := 1 / max(dx*dx+dy*dy, 1e-9)
	for y := y0; y <= y1; y++ {
		for x := x0; x <= x1; x++ {
			px, py := float64(x)+0.5-a.x, float64(y)+0.5-a.y
			t := max(0, min((px*dx+py*dy)*inv, 1))
			px, py = px-t*dx, py-t*dy
			// Full ink up to half - 1/2, none from half + 1/2 on: about the share
			// of the pixel that is covered.
			ink := float32(min(reach-math.Sqrt(px*px+py*py), 1))
			// The largest, not the sum: segments of a stroke overlap at their
			// joint, which is no darker than the rest. It also drops negative ink.
			cell := &p.ink[y*drawnSide+x]
			*cell = max(*cell, ink)
		}
	}
}

// clampPixel returns the index of the pixel that holds v, held to the image.
// Strokes may leave the image.
func clampPixel(v float64) int { return int(max(0, min(math.Floor(v), drawnSide-1))) }

// point is a position: x to the right, y down.
type point struct{ x, y float64 }

// warp maps the unit square of a digit to pixels: a wave that bends it, then a
// random affine map.
type warp struct {
	m              [4]float64 // row-major
	at             point      // where the digit's centre goes
	bendX, bendY   float64    // amplitudes of the wave, unit square
	freqX, freqY   float64
	phaseX, phaseY float64
}

// newWarp draws a warp: turn up to 0.3 rad (17 degrees), shear up to 0.25, size
// 15 to 22 pixels with up to 20 % change of aspect, shift up to 2.5 pixels.
func newWarp(rng *rand.Rand) warp {
	u := func(lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }
	sin, cos := math.Sincos(u(-0.3, 0.3))
	shear, size, aspect := u(-0.25, 0.25), u(15, 22), u(0.8, 1.2)
	sx, sy := size*aspect, size
	// m is turn * shear * size, [cos -sin; sin cos] [1 shear; 0 1] diag(sx, sy).
	return warp{
		m:     [4]float64{sx * cos, sy * (shear*cos - sin), sx * sin, sy * (shear*sin + cos)},
		at:    point{drawnSide/2 + u(-2.5, 2.5), drawnSide/2 + u(-2.5, 2.5)},
		bendX: u(0, 0.07), bendY: u(0, 0.07), freqX: u(3, 8), freqY: u(3, 8),
		phaseX: u(0, 2*math.Pi), phaseY: u(0, 2*math.Pi),
	}
}

// apply returns where the point q of the unit square goes, in pixels. The wave
// comes before the affine map, so that its amplitude, up to 7 % of the height, goes
// with the digit's size.
func (w warp) apply(q point) point {
	x := q.x - 0.5 + w.bendX*math.Sin(w.freqX*q.y+w.phaseX)
	y := q.y - 0.5 + w.bendY*math.Sin(w.freqY*q.x+w.phaseY)
	return point{w.at.x + w.m[0]*x + w.m[1]*y, w.at.y + w.m[2]*x + w.m[3]*y}
}
