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

// Title is the head with its unit.
func (c Column) Title() string {
	if c.Unit == "" {
		return c.Head
	}
	return c.Head + ", " + c.Unit
}

// cell writes a value. Nil is an empty cell, for what is not known; a string is a word in
// place of a number ("-") whatever the column's format.
func (c Column) cell(v any) string {
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

// lines returns all lines of the table, the titles of the columns first.
func (t *Table) lines() [][]string {
	titles := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		titles[i] = c.Title()
	}
	return append([][]string{titles}, t.Rows...)
}

// write writes each line as line says, what stands below the first one, and each note as the
// verb in note says: at once, so that an error of w leaves no half of a table behind.
func (t *Table) write(w io.Writer, line func(cells []string) string, below, note string) error {
	var b strings.Builder
	for i, cells := range t.lines() {
		b.WriteString(line(cells) + "\n")
		if i == 0 {
			b.WriteString(below)
		}
	}
	for _, n := range t.Notes {
		fmt.Fprintf(&b, note, n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteText writes aligned columns for people, and the notes, all indented by two spaces.
// Widths are counted in runes. Package text/tabwriter aligns all columns to one side.
func (t *Table) WriteText(w io.Writer) error {
	wide := make([]int, len(t.Columns))
	for _, line := range t.lines() {
		for i, cell := range line {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	return t.write(w, func(cells []string) string {
		text := ""
		for i, cell := range cells {
			// fmt counts runes too; a negative width pads on the right.
			pad := wide[i]
			if t.Columns[i].Left {
				pad = -pad
			}
			text += fmt.Sprintf("  %*s", pad, cell)
		}
		return strings.TrimRight(text, " ")
	}, "", "  %s\n")
}

// inMarkdown keeps a cell within its cell: a bar would begin the next one, a new line the
// next row.
var inMarkdown = strings.NewReplacer("|", `\|`, "\n", " ")

// WriteMarkdown writes a table of GitHub's Markdown, and the notes as paragraphs.
func (t *Table) WriteMarkdown(w io.Writer) error {
	aligned := "|"
	for _, c := range t.Columns {
		if c.Left {
			aligned += "---|"
		} else {
			aligned += "---:|"
		}
	}
	return t.write(w, func(cells []string) string {
		line := "|"
		for _, cell := range cells {
			line += " " + inMarkdown.Replace(cell) + " |"
		}
		return line
	}, aligned+"\n", "\n%s\n")
}

// WriteCSV writes comma-separated values for programs (RFC 4180), one line of heads first.
// It has no notes.
func (t *Table) WriteCSV(w io.Writer) error { return csv.NewWriter(w).WriteAll(t.lines()) }

// inHTML is a table whose cells of text have the class "text", for a style sheet to align.
var inHTML = template.Must(template.New("table").Parse(`
{{- $columns := .Columns}}<table>
<tr>{{range .Columns}}<th{{if .Left}} class="text"{{end}}>{{.Title}}</th>{{end}}</tr>
{{- range .Rows}}
<tr>{{range $i, $cell := .}}<td{{if (index $columns $i).Left}} class="text"{{end}}>{{$cell}}</td>{{end}}</tr>
{{- end}}
</table>
{{- range .Notes}}
<p>{{.}}</p>
{{- end}}
`))

// WriteHTML writes a table element, and the notes as paragraphs, for the body of a page.
// All text is escaped.
func (t *Table) WriteHTML(w io.Writer) error { return inHTML.Execute(w, t) }
