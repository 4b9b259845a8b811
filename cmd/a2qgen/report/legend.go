package report

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// legend names the lines of a figure. It stands above the plot: inside it would lie on the
// data of one figure or another. Each entry is a legend of one line of gonum's plot, which
// stacks them: rows are ours.
type legend []entry

// entry is a line's name beside a sample of it. width includes the gap to the next.
type entry struct {
	drawn plot.Legend
	width vg.Length
}

// newEntry measures an entry: sample, name, and the gap to the next one.
func newEntry(name string, samples ...plot.Thumbnailer) entry {
	l := plot.NewLegend()
	l.Top, l.Left = true, true
	l.Add(name, samples...)
	return entry{l, l.ThumbnailWidth + l.TextStyle.Width(" "+name) + legendGap}
}

// rows breaks the legend where it would be wider than the figure. An entry that is wider
// than the figure has a row of its own.
func (l legend) rows() (rows []legend) {
	var used vg.Length
	for _, e := range l {
		if used += e.width; len(rows) == 0 || used > figureWidth {
			rows, used = append(rows, nil), e.width
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
	}
	return rows
}

// drawRows draws the rows from the top of the canvas down. Each entry keeps the place that
// rows measured for it.
func drawRows(c draw.Canvas, rows []legend) {
	for i, row := range rows {
		left := legendGap
		for _, e := range row {
			e.drawn.Draw(draw.Crop(c, left, 0, 0, -legendRow*vg.Length(i)))
			left += e.width
		}
	}
}
