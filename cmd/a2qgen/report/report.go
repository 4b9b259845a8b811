// Package report writes a run's results as one self-contained HTML page: text,
// tables, and plots as inline SVG. The same document gives the same bytes.
package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/a2qgen/a2qgen/internal/table"
)

// Document is a page. It has no date and no path, so that two runs can be compared by
// their reports.
type Document struct {
	Title    string
	Sections []Section
}

// Section is a part of a page; what is empty is left out. They come in this order: lines,
// table, figures.
type Section struct {
	Heading string
	Lines   []string
	Table   *table.Table
	Figures []Figure
}

// Figure is a plot of series over a common axis of whole numbers. Both axes begin near
// the data, not at 0.
type Figure struct {
	Caption string
	// X and Y name the axes, with their units.
	X, Y string
	// LogY has an axis of powers of ten: all y are above 0.
	LogY   bool
	Series []Series
}

// Series is a line through points; X and Y have equal length. Order is the caller's: a
// line that goes back draws back.
type Series struct {
	Name   string
	X, Y   []float64
	Dashed bool
}

//go:embed page.html
var page string

// Parsed at the start: a page that does not parse fails every test at once.
var pageTemplate = template.Must(template.New("page").Parse(page))

// section is what the template sees of a Section. template.HTML marks table and plots as
// safe: package table and gonum's SVG writer escape their text. All other text the template
// escapes.
type section struct {
	Section
	Table template.HTML
	SVG   []template.HTML
}

// WriteHTML writes the page to w. A figure that cannot be drawn is an error that names its
// caption. The page is rendered in memory first: an error leaves w without half of one.
func (d *Document) WriteHTML(w io.Writer) error {
	view := struct {
		Title    string
		Sections []section
	}{Title: d.Title}
	for _, s := range d.Sections {
		// Its Table shadows that of the Section: the template is given finished HTML.
		v := section{Section: s}
		if s.Table != nil {
			var b strings.Builder
			if err := s.Table.WriteHTML(&b); err != nil {
				return fmt.Errorf("report: table of %q: %w", s.Heading, err)
			}
			v.Table = template.HTML(b.String())
		}
		for i := range s.Figures {
			// Inline, not beside the page: it stays whole when it is sent or moved.
			svg, err := s.Figures[i].SVG()
			if err != nil {
				return fmt.Errorf("report: figure %q: %w", s.Figures[i].Caption, err)
			}
			v.SVG = append(v.SVG, template.HTML(svg))
		}
		view.Sections = append(view.Sections, v)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, view); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
