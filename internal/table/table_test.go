package table

import (
	"io"
	"strings"
	"testing"
)

// sample has text and numbers, an empty cell, a word among numbers, and what each form must
// escape.
func sample() *Table {
	t := New(Left("layer"), Right("P"), Left("kind"), Fixed(1, "%", "zeros"), []Column{{Head: "loss", Format: "%+.2f"}})
	t.Row("fc1", 12, "linear", 12.34, 0.5)
	t.Row("né|<b>", "-", "a,b", nil, -1.0)
	t.Note("%d layers <all>", 2)
	return t
}

// TestForms holds each form to its layout, written by hand.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(*Table, io.Writer) error
		want  string
	}{
		{"text", (*Table).WriteText, `
  layer    P  kind    zeros, %   loss
  fc1     12  linear      12.3  +0.50
  né|<b>   -  a,b               -1.00
  2 layers <all>
`},
		{"Markdown", (*Table).WriteMarkdown, `
| layer | P | kind | zeros, % | loss |
|---|---:|---|---:|---:|
| fc1 | 12 | linear | 12.3 | +0.50 |
| né\|<b> | - | a,b |  | -1.00 |

2 layers <all>
`},
		{"CSV", (*Table).WriteCSV, `
layer,P,kind,"zeros, %",loss
fc1,12,linear,12.3,+0.50
né|<b>,-,"a,b",,-1.00
`},
		{"HTML", (*Table).WriteHTML, `
<table>
<tr><th class="text">layer</th><th>P</th><th class="text">kind</th><th>zeros, %</th><th>loss</th></tr>
<tr><td class="text">fc1</td><td>12</td><td class="text">linear</td><td>12.3</td><td>&#43;0.50</td></tr>
<tr><td class="text">né|&lt;b&gt;</td><td>-</td><td class="text">a,b</td><td></td><td>-1.00</td></tr>
</table>
<p>2 layers &lt;all&gt;</p>
`},
	} {
		var b strings.Builder
		if err := c.write(sample(), &b); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := "\n" + b.String(); got != c.want {
			t.Errorf("%s:%s\nwant%s", c.name, got, c.want)
		}
	}
}

// full is a writer without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestFull: no form loses the error of what it writes to.
func TestFull(t *testing.T) {
	for i, write := range []func(*Table, io.Writer) error{
		(*Table).WriteText, (*Table).WriteMarkdown, (*Table).WriteCSV, (*Table).WriteHTML,
	} {
		if err := write(sample(), full{}); err == nil {
			t.Errorf("form %d: no error", i)
		}
	}
}

// TestRowLength: a row that does not fit its columns is a mistake of the program.
func TestRowLength(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New(Left("a", "b")).Row(1)
}
