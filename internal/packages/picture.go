package packages

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// Sizes of the picture, in its own units. One unit is about a pixel at full size.
const (
	boxHeight = 34
	rowStep   = 92
	gap       = 22
	// An SVG cannot measure text: the mean width of sans-serif letters at 13 units, with
	// some room.
	letter = 7.6 // width of a letter of a name
	margin = 20
)

// box is a package in the picture: x is its left edge. Rows are counted from the packages
// that import none of ours. y follows from the row alone.
type box struct {
	Package
	x, width float64
	row      int // 0 is the lowest
}

// Picture returns an SVG of the packages. Each stands above all that it imports; arrows
// are imports, without those that follow from others (a imports b, b imports c: no arrow
// from a to c), so that what depends on what can be followed by eye. It has no random
// numbers and no dates: the same packages give the same bytes, which the test compares.
func Picture(all []Package) string {
	boxes := place(all)
	rows, width := 0, 0.0
	for _, b := range boxes {
		rows, width = max(rows, b.row), max(width, b.x+b.width+margin)
	}
	// SVG's y grows downwards, rows upwards.
	top := func(b *box) float64 { return float64(margin + (rows-b.row)*rowStep) }
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" font-family="sans-serif">`+"\n",
		width, 2*margin+rows*rowStep+boxHeight)
	s.WriteString(`<defs><marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" ` +
		`orient="auto"><path d="M0 0L10 5L0 10z" fill="#567"/></marker></defs>` + "\n" +
		`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	for _, from := range boxes {
		// A cubic curve that leaves and arrives upright: arrows between the same rows part
		// at once.
		for _, name := range direct(all, from.Package) {
			to := boxes[slices.IndexFunc(boxes, func(b *box) bool { return b.Name == name })]
			fmt.Fprintf(&s,
				`<path d="M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f" fill="none" stroke="#567" stroke-width="1.2" `+
					`marker-end="url(#a)"><title>%s imports %s</title></path>`+"\n",
				from.x+from.width/2, top(from)+boxHeight, from.x+from.width/2, top(from)+boxHeight+40,
				to.x+to.width/2, top(to)-40, to.x+to.width/2, top(to), from.Name, to.Name)
		}
	}
	for _, b := range boxes {
		fmt.Fprintf(&s,
			`<g><title>%s</title><rect x="%.0f" y="%.0f" width="%.0f" height="%d" rx="5" fill="#eef3f8" `+
				`stroke="#567"/><text x="%.0f" y="%.0f" font-size="13" text-anchor="middle">%s</text></g>`+"\n",
			html.EscapeString(b.Doc), b.x, top(b), b.width, boxHeight, b.x+b.width/2, top(b)+boxHeight/2+5, b.Name)
	}
	return s.String() + "</svg>\n"
}

// place puts every package a row above the highest that it imports, and orders each row by
// where its neighbours stand. The rows are the longest paths of imports, so every arrow
// points down. The order within a row is the barycentre method of layered drawings
// (Sugiyama, Tagawa and Toda, 1981).
func place(all []Package) []*box {
	row := map[string]int{}
	var height func(name string) int
	// Memoised: the graph has many paths to the packages at the bottom. Go forbids cycles.
	height = func(name string) int {
		if h, known := row[name]; known {
			return h
		}
		h := 0
		for _, to := range all[index(all, name)].Imports {
			h = max(h, height(to)+1)
		}
		row[name] = h
		return h
	}
	var rows [][]*box
	for _, p := range all {
		b := &box{Package: p, width: letter*float64(len(p.Name)) + 24, row: height(p.Name)}
		// Rows fill in any order: a package of a high row may come first.
		for len(rows) <= b.row {
			rows = append(rows, nil)
		}
		rows[b.row] = append(rows[b.row], b)
	}
	// Places depend on the order and the order on places: each sweep lays out and sorts
	// again.
	for range 8 { // a few sweeps settle it
		for _, r := range rows {
			spread(r, rows)
			sortByNeighbours(all, r, rows)
		}
	}
	for _, r := range rows {
		spread(r, rows)
	}
	return slices.Concat(rows...)
}

// spread lays a row out from left to right, centred on the widest row. Boxes never
// overlap: each begins a gap behind the one before.
func spread(r []*box, rows [][]*box) {
	width := func(r []*box) float64 {
		w := -float64(gap)
		for _, b := range r {
			w += b.width + gap
		}
		return w
	}
	widest := 0.0
	for _, other := range rows {
		widest = max(widest, width(other))
	}
	// Centred rows keep arrows short without any search for places within them.
	x := margin + (widest-width(r))/2
	for _, b := range r {
		b.x = x
		x += b.width + gap
	}
}

// sortByNeighbours orders a row by the mean place of the packages that each has an arrow
// from or to. A package counts as its own neighbour, so that one without arrows stays
// where it is; the sort is stable, which keeps the picture the same from run to run.
func sortByNeighbours(all []Package, r []*box, rows [][]*box) {
	mean := map[string]float64{}
	for _, b := range r {
		// Centres, not left edges: boxes have the width of their names.
		sum, n := b.x+b.width/2, 1.0
		for _, other := range slices.Concat(rows...) {
			if slices.Contains(direct(all, b.Package), other.Name) ||
				slices.Contains(direct(all, other.Package), b.Name) {
				sum, n = sum+other.x+other.width/2, n+1
			}
		}
		mean[b.Name] = sum / n
	}
	slices.SortStableFunc(r, func(a, b *box) int {
		switch {
		case mean[a.Name] < mean[b.Name]:
			return -1
		case mean[a.Name] > mean[b.Name]:
			return 1
		}
		return 0
	})
}

// direct returns the imports of p that no other import of its imports too. It is the
// transitive reduction of the graph, one package at a time.
func direct(all []Package, p Package) []string {
	var list []string
	for _, to := range p.Imports {
		// Exponential in the worst case, instant on a few dozen packages.
		follows := slices.ContainsFunc(p.Imports, func(other string) bool {
			return other != to && reaches(all, other, to)
		})
		if !follows {
			list = append(list, to)
		}
	}
	return list
}

// reaches says whether from imports to, itself or through others.
func reaches(all []Package, from, to string) bool {
	imports := all[index(all, from)].Imports
	return slices.Contains(imports, to) || slices.ContainsFunc(imports, func(next string) bool {
		return reaches(all, next, to)
	})
}

// index finds a package by name. Scan has found all that are imported.
func index(all []Package, name string) int {
	return slices.IndexFunc(all, func(p Package) bool { return p.Name == name })
}
