// Package table prints rows of values as aligned text, Markdown, CSV or HTML, from one description of the columns.
package table

import (
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"strings"
	"unicode/utf8"
)

// Column says how the values below a head are written.
type Column struct {
	Head string
	// Unit follows the head behind a comma, so that cells hold numbers alone; empty for
	// text and counts.
	Unit string
	// Left aligns text; numbers stand to the right, digits of one weight below each other.
	Left bool
	// Format is a verb of package fmt; empty is %v.
	Format string
}

// Left returns columns of text, aligned to the left.
func Left(heads ...string) []Column { return columns(Column{Left: true}, heads) }

// Right returns columns of whole numbers, or of short words among them.
func Right(heads ...string) []Column { return columns(Column{}, heads) }

// Fixed returns columns of float64 values with so many decimals, in a unit or none.
func Fixed(decimals int, unit string, heads ...string) []Column {
	return columns(Column{Unit: unit, Format: fmt.Sprintf("%%.%df", decimals)}, heads)
}

// columns returns one column like c for each head.
func columns(c Column, heads []string) []Column {
	list := make([]Column, len(heads))
	for i, head := range heads {
		list[i], list[i].Head = c, head
	}
	return list
}

// title is the head with its unit.
func (c *Column) title() string {
	if c.Unit == "" {
		return c.Head
	}
	return c.Head + ", " + c.Unit
}

// cell writes a value. Nil is an empty cell, for what is not known; a string is a word in
// place of a number ("-") whatever the column's format.
func (c *Column) cell(v any) string {
	switch s, word := v.(string); {
	case v == nil:
		return ""
	case word:
		return s
	case c.Format != "":
		return fmt.Sprintf(c.Format, v)
	}
	return fmt.Sprint(v)
}

// Table is rows of text below heads. Rows are as long as Columns.
type Table struct {
	Columns []Column
	// Rows hold the cells as they are printed.
	Rows [][]string
	// Notes are lines that explain the table. All forms but CSV have them below it.
	Notes []string
}

// New returns an empty table whose columns are those of all groups, in order.
func New(groups ...[]Column) *Table {
	t := &Table{}
	for _, g := range groups {
		t.Columns = append(t.Columns, g...)
	}
	return t
}

// Row adds a row, a value for each column. It panics on any other number of values: rows are
// as long as the code that writes them says.
func (t *Table) Row(values ...any) {
	if len(values) != len(t.Columns) {
		panic(fmt.Sprintf("table: row of %d values, want %d", len(values), len(t.Columns)))
	}
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = t.Columns[i].cell(v)
	}
	t.Rows = append(t.Rows, row)
}

// Note adds a note, formatted as package fmt does.
func (t *Table) Note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}

// heads returns the titles of the columns.
func (t *Table) heads() []string {
	heads := make([]string, len(t.Columns))
	for i := range t.Columns {
		heads[i] = t.Columns[i].title()
	}
	return heads
}

// lines returns all lines of the table, the heads first.
func (t *Table) lines() [][]string { return append([][]string{t.heads()}, t.Rows...) }

// WriteText writes aligned columns for people, and the notes, all indented by two spaces.
// Widths are counted in runes. Package text/tabwriter aligns all columns to one side.
func (t *Table) WriteText(w io.Writer) error {
	wide := make([]int, len(t.Columns))
	for _, line := range t.lines() {
		for i, cell := range line {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, line := range t.lines() {
		text := ""
		for i, cell := range line {
			// A negative width pads on the right; fmt counts runes too.
			pad := wide[i]
			if t.Columns[i].Left {
				pad = -pad
			}
			text += fmt.Sprintf("  %*s", pad, cell)
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	for _, note := range t.Notes {
		fmt.Fprintf(&b, "  %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// inMarkdown keeps a cell within its cell: a bar would begin the next one, a new line the
// next row.
var inMarkdown = strings.NewReplacer("|", `\|`, "\n", " ")

// WriteMarkdown writes a table of GitHub's Markdown, and the notes as paragraphs.
func (t *Table) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	for i, line := range t.lines() {
		cells := make([]string, len(line))
		for k, cell := range line {
			cells[k] = inMarkdown.Replace(cell)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			b.WriteString(t.rule())
		}
	}
	for _, note := range t.Notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rule is the line below the heads in Markdown, which says how columns are aligned.
func (t *Table) rule() string {
	line := "|"
	for i := range t.Columns {
		if t.Columns[i].Left {
			line += "---|"
		} else {
			line += "---:|"
		}
	}
	return line + "\n"
}

// WriteCSV writes comma-separated values for programs (RFC 4180), one line of heads first.
// It has no notes.
func (t *Table) WriteCSV(w io.Writer) error { return csv.NewWriter(w).WriteAll(t.lines()) }

// inHTML is a table whose cells of text have the class "text", for a style sheet to align.
var inHTML = template.Must(template.New("table").Parse(`
{{- $columns := .Columns}}<table>
<tr>{{range $i, $c := .Heads}}<th{{if (index $columns $i).Left}} class="text"{{end}}>{{$c}}</th>{{end}}</tr>
{{- range .Rows}}
<tr>{{range $i, $c := .}}<td{{if (index $columns $i).Left}} class="text"{{end}}>{{$c}}</td>{{end}}</tr>
{{- end}}
</table>
{{- range .Notes}}
<p>{{.}}</p>
{{- end}}
`))

// WriteHTML writes a table element, and the notes as paragraphs, for the body of a page.
// All text is escaped.
func (t *Table) WriteHTML(w io.Writer) error {
	return inHTML.Execute(w, struct {
		*Table
		Heads []string
	}{t, t.heads()})
}
