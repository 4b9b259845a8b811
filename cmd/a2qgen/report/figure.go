package report

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Size of a figure on the page, and of its parts. Width suits an A4 page with margins; the
// legend adds to the height, so that all plots of a report have equal axes.
const (
	figureWidth  = 18 * vg.Centimeter
	figureHeight = 9 * vg.Centimeter // without legend
	legendRow    = 18 * vg.Length(1)
	legendGap    = 16 * vg.Length(1)
)

// room is the part of the data's range that stays free on either side, so that points at
// its ends are whole and apart from the axes. The axes of gonum's plots end at the data
// otherwise, and half of a glyph is clipped.
const room = 0.04

// colours are Okabe and Ito's palette, which colour-blind readers can tell apart
// (Color Universal Design, 2008), without its yellow and black.
var colours = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0x00, 0x9e, 0x73, 0xff},
	color.RGBA{0xcc, 0x79, 0xa7, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff}, color.RGBA{0x56, 0xb4, 0xe9, 0xff},
}

// SVG draws the figure as an SVG element without an XML header. It is an element, not a
// file with a header, so that a page can hold it; as a file of its own it is valid too.
func (f *Figure) SVG() ([]byte, error) {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = f.X, f.Y
	// Widths, epochs and LUT are whole numbers; accuracies are not.
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{whole: true}, ticks{}
	if f.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	p.Add(plotter.NewGrid())
	var names legend
	// Colours by the place among all series, so that an empty one does not shift those of others.
	for i, s := range f.Series {
		entry, err := s.addTo(p, colours[i%len(colours)])
		if err != nil {
			return nil, err
		}
		names = append(names, entry...)
	}
	widen(&p.X)
	if !f.LogY { // room in proportion would reach below 0
		widen(&p.Y)
	}
	rows := names.rows()
	top := legendRow * vg.Length(len(rows))
	// The legend's rows come on top of the plot's height, not out of it.
	canvas := vgsvg.New(figureWidth, figureHeight+top)
	// Cropped at the top for the plot alone; rows are drawn on what is left free.
	all := draw.New(canvas)
	p.Draw(draw.Crop(all, 0, 0, 0, -top))
	drawRows(all, rows)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	at := bytes.Index(b.Bytes(), []byte("<svg")) // the XML header has no place in HTML
	if at < 0 {
		return nil, errors.New("the plot has no svg element")
	}
	return b.Bytes()[at:], nil
}

// widen leaves room on either side of an axis that has data. An axis without data is
// infinite in gonum's plot, one with a single value has no width: both are left to it.
func widen(a *plot.Axis) {
	if free := room * (a.Max - a.Min); free > 0 && !math.IsInf(free, 0) {
		a.Min, a.Max = a.Min-free, a.Max+free
	}
}

// addTo adds the line and its points, and returns its entry of the legend, none where it
// is empty. An empty series has no points to draw, and plotter refuses it; others of its
// figure are drawn all the same. NaN and infinity are errors.
func (s *Series) addTo(p *plot.Plot, c color.Color) (legend, error) {
	if len(s.X) != len(s.Y) {
		return nil, fmt.Errorf("series %q has %d x and %d y values", s.Name, len(s.X), len(s.Y))
	}
	if len(s.X) == 0 {
		return nil, nil
	}
	points := make(plotter.XYs, len(s.X))
	for i := range points {
		points[i] = plotter.XY{X: s.X[i], Y: s.Y[i]}
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return nil, fmt.Errorf("series %q: %w", s.Name, err)
	}
	line.Color, line.Width = c, vg.Points(1.5)
	dots.Color, dots.Shape = c, draw.CircleGlyph{}
	// Rings beside dashes, so that black and white prints tell them too.
	if s.Dashed {
		line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		dots.Shape = draw.RingGlyph{}
	}
	p.Add(line, dots)
	return legend{newEntry(s.Name, line, dots)}, nil
}
