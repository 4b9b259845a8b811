package data

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Sizes and seed of the drawn images.
const (
	// 48 images make 40 for training and 8 for the test. 192 is a multiple of every
	// factor of Super but 5 and 7, which lose 2 and 3 pixels.
	sceneCount = 48
	sceneSide  = 192
	sceneSeed  = 3
)

// DrawnImages returns the 48 drawn images of 192 x 192 pixels, always the same
// ones, grey or with channels 3 coloured.
func DrawnImages(channels int) *Images {
	s := DrawImages(sceneCount, sceneSeed, channels)
	s.Name = fmt.Sprintf("drawn images, built in (%d images)", sceneCount)
	return s
}

// DrawImages returns n drawn images of 192 x 192 pixels with 1 or 3 channels:
// overlapping ellipses, boxes and polygons with flat, shaded, striped, chequered
// or cloudy fills, and letters, on a shaded ground. Image i depends on seed and i
// alone, on one architecture. Grey images are the luma of the coloured ones.
// It panics when n is negative.
func DrawImages(n int, seed uint64, channels int) *Images {
	s := &Images{Name: fmt.Sprintf("drawn images, built in (%d images, seed %d)", n, seed), List: make([]*Image, n)}
	for i := range s.List {
		sc := &scene{rng: rand.New(rand.NewPCG(seed, uint64(i)))}
		sc.draw()
		s.List[i] = newImage(fmt.Sprintf("drawn-%d", i), sc.expose(), 3).as(channels)
	}
	return s
}

// colour is red, green and blue in 0..1, or a difference of two colours.
type colour [3]float64

// scene is one drawn image in the making.
type scene struct {
	rng *rand.Rand
	px  [sceneSide * sceneSide]colour
}

// uniform draws from lo..hi.
func (s *scene) uniform(lo, hi float64) float64 { return lo + (hi-lo)*s.rng.Float64() }

// draw paints the ground, then objects one over the other, then letters.
func (s *scene) draw() {
	// The ground is a box that covers the image wherever its centre is and however
	// it is turned.
	ground := s.newObject()
	ground.kind, ground.a, ground.b = boxKind, 2*sceneSide, 2*sceneSide
	ground.fill = s.newFill(sceneSide / 2)
	s.paint(ground)
	// 8 to 16 objects and 1 to 3 words.
	for range 8 + s.rng.IntN(9) {
		s.paint(s.newObject())
	}
	for range 1 + s.rng.IntN(3) {
		s.write()
	}
}

// Kinds of objects; from polygonKind on, regular polygons (squeezed to the
// aspect) of so many corners.
const (
	ellipseKind = 0
	boxKind     = 1
	polygonKind = 3
	kinds       = polygonKind + 4
)

// object is a shape with a fill, in coordinates turned around its centre.
type object struct {
	kind     int
	at       point
	sin, cos float64
	a, b     float64 // half axes in pixels; a polygon has b/a as its aspect
	fill     fill
}

// newObject draws an object anywhere in the image.
func (s *scene) newObject() object {
	kind := s.rng.IntN(kinds)
	// Kind 2 would be a polygon of two corners: ellipses get its share.
	if kind > boxKind && kind < polygonKind {
		kind = ellipseKind
	}
	sin, cos := math.Sincos(s.uniform(0, 2*math.Pi))
	o := object{kind: kind, at: point{s.uniform(0, sceneSide), s.uniform(0, sceneSide)}, sin: sin, cos: cos}
	// Uniform in the logarithm: as many details of 4 to 15 pixels as shapes of 15
	// to 60.
	o.a = math.Exp(s.uniform(math.Log(4), math.Log(60)))
	o.b = o.a * s.uniform(0.3, 1)
	o.fill = s.newFill(o.a)
	return o
}

// distance returns how far (u, v) lies outside the object in pixels, about; inside
// it is negative. Exact for a box, seen from its sides; the others are scaled by
// their shorter axis, which is exact across it.
func (o *object) distance(u, v float64) float64 {
	switch o.kind {
	case ellipseKind:
		return (math.Hypot(u/o.a, v/o.b) - 1) * o.b
	case boxKind:
		return max(math.Abs(u)-o.a, math.Abs(v)-o.b)
	}
	// A regular polygon is where all half planes u cos + v sin <= a/2 overlap, one
	// per side: a/2 is its inner radius. Squeezing it is stretching v.
	v *= o.a / o.b
	far := math.Inf(-1)
	for k := range o.kind {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(o.kind))
		far = max(far, u*cos+v*sin-o.a/2)
	}
	return far * o.b / o.a
}

// paint lays an object over the image; its edge is one pixel wide.
func (s *scene) paint(o object) {
	// The farthest points are a box's corner, at sqrt(2) times the half axis, and a
	// triangle's, at the half axis itself: 1.5 has them all, with their soft edge.
	reach := 1.5 * max(o.a, o.b)
	x0, x1 := sceneRange(o.at.x, reach)
	y0, y1 := sceneRange(o.at.y, reach)
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			dx, dy := float64(x)+0.5-o.at.x, float64(y)+0.5-o.at.y
			// Turned back into the object's axes, from the pixel's centre.
			u, v := dx*o.cos+dy*o.sin, dy*o.cos-dx*o.sin
			cover := max(0, min(0.5-o.distance(u, v), 1))
			if cover == 0 {
				continue
			}
			s.px[y*sceneSide+x].lay(o.fill.at(u, v), cover)
		}
	}
}

// sceneRange returns the pixels within reach of a coordinate, lo..hi-1.
func sceneRange(at, reach float64) (lo, hi int) {
	return int(max(0, math.Floor(at-reach))), int(min(sceneSide, math.Ceil(at+reach)))
}

// lay covers a share of c with d. That is the "over" operator of Porter and Duff
// for an opaque c.
func (c *colour) lay(d colour, cover float64) {
	for k := range c {
		c[k] += cover * (d[k] - c[k])
	}
}

// sceneFont is the font of the letters.
var sceneFont = sync.OnceValue(func() *opentype.Font {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic("data: built-in font: " + err.Error())
	}
	return f
})

// write sets a few letters of one colour, 8 to 40 pixels high. At 72 dpi a point is
// a pixel.
func (s *scene) write() {
	face, err := opentype.NewFace(sceneFont(), &opentype.FaceOptions{Size: s.uniform(8, 40), DPI: 72})
	if err != nil {
		panic("data: built-in font: " + err.Error())
	}
	defer face.Close()
	text := make([]byte, 4+s.rng.IntN(8))
	for i := range text {
		// Printable ASCII without the space: ! to ~.
		text[i] = byte('!' + s.rng.IntN('~'-'!'+1))
	}
	mask := image.NewAlpha(image.Rect(0, 0, sceneSide, sceneSide))
	d := font.Drawer{Dst: mask, Src: image.Opaque, Face: face,
		Dot: fixed.P(s.rng.IntN(sceneSide*2/3), s.rng.IntN(sceneSide))}
	d.DrawString(string(text))
	ink := s.newColour()
	for i, a := range mask.Pix {
		s.px[i].lay(ink, float64(a)/255)
	}
}

// expose rounds the image to bytes.
func (s *scene) expose() *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, sceneSide, sceneSide))
	for i, c := range s.px {
		m.Pix[4*i+3] = 255
		for k, v := range c {
			m.Pix[4*i+k] = uint8(math.Round(255 * max(0, min(v, 1))))
		}
	}
	return m
}
