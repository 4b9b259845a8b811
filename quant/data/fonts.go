package data

import (
	"image"
	"image/draw"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// outline is a digit's contours in the unit square: y down, the digit's height
// 0..1, centred across.
type outline []curve

// curve is one piece of a contour: a move, a line or a quadratic curve, with the
// end point last. TrueType outlines have quadratic curves only; the Go fonts are
// TrueType.
type curve struct {
	op sfnt.SegmentOp
	p  [2]point
}

// outlineFonts returns the digits of the Go fonts. The fonts are part of
// golang.org/x/image, so no file is needed at run time; a failure to read them is a
// fault of the build, hence a panic.
var outlineFonts = sync.OnceValue(func() [][10]outline {
	var fonts [][10]outline
	for _, ttf := range [][]byte{
		goregular.TTF, gobold.TTF, goitalic.TTF, gobolditalic.TTF, gomono.TTF, gomonobold.TTF,
	} {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			panic("data: built-in font: " + err.Error())
		}
		var digits [10]outline
		for d := range digits {
			digits[d] = loadOutline(f, rune('0'+d))
		}
		fonts = append(fonts, digits)
	}
	return fonts
})

// loadOutline reads the glyph of r from one of the built-in fonts.
func loadOutline(f *sfnt.Font, r rune) outline {
	const em = 1000 // pixels: fine enough for fixed-point coordinates
	var buf sfnt.Buffer
	g, err := f.GlyphIndex(&buf, r)
	// Glyph 0 is .notdef, the box for what a font lacks.
	if err == nil && g == 0 {
		err = sfnt.ErrNotFound
	}
	if err != nil {
		panic("data: built-in font: " + err.Error())
	}
	segments, err := f.LoadGlyph(&buf, g, fixed.I(em), nil)
	if err != nil {
		panic("data: built-in font: " + err.Error())
	}
	box, _, err := f.GlyphBounds(&buf, g, fixed.I(em), font.HintingNone)
	if err != nil {
		panic("data: built-in font: " + err.Error())
	}
	height := float64(box.Max.Y - box.Min.Y)
	// The height is 1, and x is centred on 1/2 with the same unit, so that a 1
	// stays narrower than an 0.
	unit := func(p fixed.Point26_6) point {
		return point{
			float64(2*p.X-box.Min.X-box.Max.X)/(2*height) + 0.5,
			float64(p.Y-box.Min.Y) / height,
		}
	}
	o := make(outline, len(segments))
	for i, s := range segments {
		o[i] = curve{op: s.Op, p: [2]point{unit(s.Args[0]), unit(s.Args[1])}}
	}
	return o
}

// filler fills outlines. Rasteriser and picture are reused: a filler belongs to one
// painter.
type filler struct {
	r   vector.Rasterizer
	out *image.Alpha
}

// draw adds the warped outline to ink.
func (f *filler) draw(o outline, w warp, ink []float32) {
	if f.out == nil {
		f.out = image.NewAlpha(image.Rect(0, 0, drawnSide, drawnSide))
	}
	f.r.Reset(drawnSide, drawnSide)
	f.r.DrawOp = draw.Src
	for _, c := range o {
		a := w.apply(c.p[0])
		switch c.op {
		// A contour ends where the next begins; the rasteriser fills by the nonzero
		// rule, for which TrueType winds holes the other way.
		case sfnt.SegmentOpMoveTo:
			f.r.ClosePath()
			f.r.MoveTo(float32(a.x), float32(a.y))
		case sfnt.SegmentOpLineTo:
			f.r.LineTo(float32(a.x), float32(a.y))
		case sfnt.SegmentOpQuadTo:
			b := w.apply(c.p[1])
			f.r.QuadTo(float32(a.x), float32(a.y), float32(b.x), float32(b.y))
		default:
			panic("data: built-in font has cubic curves")
		}
	}
	f.r.ClosePath()
	f.r.Draw(f.out, f.out.Rect, image.Opaque, image.Point{})
	for k, v := range f.out.Pix {
		// The rasteriser's 8-bit coverage.
		ink[k] = max(ink[k], float32(v)/255)
	}
}

// strokeShare is how often a stroke font is drawn: strokeShare times for every
// len(outlineFonts()) outlines. As there are six fonts, half of the digits are
// strokes.
const strokeShare = 6

// strokeDigits holds, for each digit, the ways of writing it by hand: each is a
// list of polylines in the unit square (x 0..1, but digits are about 0.6 wide). The
// third way of most digits is that of a seven-segment display or of print, the
// first two are those of a hand.
var strokeDigits = [10][][][]point{
	0: {
		{arc(.5, .5, .3, .5, -90, 270)},
		{arc(.5, .5, .36, .46, -90, 270), {{.3, .85}, {.7, .15}}},
		{arc(.5, .5, .24, .5, -60, 330)},
	},
	1: {
		{{{.5, 0}, {.5, 1}}},
		{{{.32, .22}, {.54, 0}, {.54, 1}}},
		{{{.3, .2}, {.52, 0}, {.52, 1}}, {{.28, 1}, {.76, 1}}},
	},
	2: {
		{join(arc(.5, .28, .28, .28, -160, 30), []point{{.22, 1}, {.8, 1}})},
		{join(arc(.48, .27, .28, .27, -170, 60), []point{{.3, .8}}, arc(.3, .9, .09, .1, -60, -300),
			[]point{{.5, .9}, {.82, 1}})},
		{{{.24, .04}, {.76, .04}, {.76, .48}, {.24, .52}, {.24, 1}, {.78, 1}}},
	},
	3: {
		{join(arc(.46, .25, .27, .25, -150, 90), arc(.46, .75, .31, .25, -90, 150))},
		{{{.22, 0}, {.76, 0}, {.46, .4}}, arc(.46, .7, .3, .3, -90, 140)},
		{{{.22, .02}, {.76, .02}, {.76, 1}, {.22, 1}}, {{.34, .5}, {.76, .5}}},
	},
	4: {
		{{{.66, 1}, {.66, 0}, {.16, .68}, {.88, .68}}},
		{{{.28, 0}, {.2, .56}, {.84, .56}}, {{.68, .2}, {.66, 1}}},
		{{{.24, 0}, {.24, .5}, {.74, .5}}, {{.74, 0}, {.74, 1}}},
	},
	5: {
		{join([]point{{.76, 0}, {.3, 0}, {.26, .44}}, arc(.46, .68, .32, .32, -110, 150))},
		{join([]point{{.28, .02}, {.28, .42}}, arc(.42, .7, .34, .3, -100, 120)), {{.28, .02}, {.8, .04}}},
		{{{.78, .02}, {.24, .02}, {.24, .48}, {.76, .5}, {.76, 1}, {.22, 1}}},
	},
	6: {
		{join([]point{{.68, 0}, {.36, .34}}, arc(.5, .7, .28, .3, -160, 200))},
		{join(arc(.62, .56, .4, .56, -80, -180), arc(.5, .72, .28, .28, 180, 540))},
		{{{.74, .02}, {.24, .02}, {.24, 1}, {.76, 1}, {.76, .5}, {.24, .5}}},
	},
	7: {
		{{{.2, 0}, {.8, 0}, {.42, 1}}},
		{{{.2, 0}, {.8, 0}, {.42, 1}}, {{.34, .5}, {.76, .5}}},
		{{{.22, .14}, {.22, 0}, {.78, 0}, {.56, .45}, {.5, 1}}},
	},
	8: {
		{arc(.5, .25, .24, .25, -90, 270), arc(.5, .75, .3, .25, -90, 270)},
		{arc(.5, .3, .3, .3, -90, 270), arc(.5, .8, .22, .2, -90, 270)},
		{join([]point{{.74, .12}}, arc(.48, .24, .24, .24, -40, -230), []point{{.7, .66}},
			arc(.5, .78, .24, .22, -30, 210), []point{{.74, .12}})},
	},
	9: {
		{arc(.48, .28, .28, .28, 0, 360), {{.76, .28}, {.7, .66}, {.56, 1}}},
		{join(arc(.48, .28, .28, .28, 0, -360), []point{{.76, .28}}, arc(.42, .64, .34, .36, 0, 130))},
		{{{.76, .5}, {.24, .5}, {.24, .02}, {.76, .02}, {.76, 1}, {.26, 1}}},
	},
}

// arc returns points of an ellipse around (cx, cy) from angle a to b, degrees;
// 0 points right and 90 down.
func arc(cx, cy, rx, ry, a, b float64) []point {
	// One point per 24 degrees: at a radius of 0.5 and 22 pixels a chord is off the
	// arc by a quarter of a pixel at most.
	n := 2 + int(math.Abs(b-a)/24)
	line := make([]point, n)
	for i := range line {
		sin, cos := math.Sincos((a + (b-a)*float64(i)/float64(n-1)) * math.Pi / 180)
		line[i] = point{cx + rx*cos, cy + ry*sin}
	}
	return line
}

// join makes one polyline of several.
func join(parts ...[]point) []point {
	var line []point
	for _, p := range parts {
		line = append(line, p...)
	}
	return line
}
