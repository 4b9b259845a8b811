package report

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"github.com/a2qgen/a2qgen/internal/table"
)

func sample() *Document {
	t := table.New(table.Left("P"), table.Right("LUT"))
	t.Row(12, 34)
	return &Document{Title: "a <b> & c", Sections: []Section{{
		Heading: "one", Lines: []string{"x < y"},
		Table: t,
		Figures: []Figure{{Caption: "LUT over P", X: "P, bits", Y: "LUT",
			Series: []Series{{Name: "LUT", X: []float64{8, 9}, Y: []float64{5, 7}}, {Name: "none"},
				{Name: "unsafe", X: []float64{8}, Y: []float64{5}, Dashed: true}}}},
	}}}
}

func TestWriteHTML(t *testing.T) {
	var a, b bytes.Buffer
	if err := sample().WriteHTML(&a); err != nil {
		t.Fatal(err)
	}
	if err := sample().WriteHTML(&b); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("second writing: error %v, equal bytes %v", err, bytes.Equal(a.Bytes(), b.Bytes()))
	}
	for _, want := range []string{"a &lt;b&gt; &amp; c", "x &lt; y", `<td class="text">12</td><td>34</td>`,
		"<svg", "LUT over P", "</html>"} {
		if !strings.Contains(a.String(), want) {
			t.Errorf("page lacks %q", want)
		}
	}
	if strings.Contains(a.String(), "<?xml") {
		t.Error("page holds an XML header")
	}
}

func TestFigureErrors(t *testing.T) {
	for name, s := range map[string]Series{
		"lengths": {Name: "s", X: []float64{1, 2}, Y: []float64{1}},
		"nan":     {Name: "s", X: []float64{1}, Y: []float64{math.NaN()}},
	} {
		d := Document{Sections: []Section{{Figures: []Figure{{Caption: "cap", Series: []Series{s}}}}}}
		err := d.WriteHTML(new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), `figure "cap"`) ||
			!strings.Contains(err.Error(), `series "s"`) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestTicks: no decimals that say nothing, commas between thousands, and no mark at
// half a bit.
func TestTicks(t *testing.T) {
	for _, c := range []struct {
		whole    bool
		from, to float64
		want     string
	}{
		{true, 11600, 20400, "12,000 16,000 20,000"},
		{true, 0.96, 2.04, "1 2"},
		{false, 88.55, 89.68, "88.8 89.2 89.6"},
		{false, -0.3, 0.3, "-0.25 0.00 0.25"},
	} {
		var got []string
		for _, m := range (ticks{c.whole}).Ticks(c.from, c.to) {
			if m.Label != "" {
				got = append(got, m.Label)
			}
			if c.whole && m.Value != math.Round(m.Value) {
				t.Errorf("%v..%v: a mark at %v", c.from, c.to, m.Value)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v..%v: labels %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for want, v := range map[string]float64{"0.00": -0.001, "-1,234,567.50": -1234567.5, "999.00": 999,
		"12,500.00": 12500} {
		if got := number(v, 2); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

// TestLegendRows: a legend breaks rather than leave the page, and the figure grows.
func TestLegendRows(t *testing.T) {
	var l legend
	for range 9 {
		l = append(l, newEntry("budget/shifted, P and M by layer"))
	}
	rows := l.rows()
	if len(rows) < 5 {
		t.Fatalf("%d rows, want several", len(rows))
	}
	for _, r := range rows {
		var width vg.Length
		for _, e := range r {
			width += e.width
		}
		if width > figureWidth || len(r) == 0 {
			t.Errorf("a row of %d names is %v wide, want at most %v", len(r), width, figureWidth)
		}
	}
}

// TestRoom: the ends of the data lie within the axis.
func TestRoom(t *testing.T) {
	a := plot.Axis{Min: 8, Max: 32}
	widen(&a)
	if a.Min >= 8 || a.Max <= 32 {
		t.Errorf("axis %v..%v", a.Min, a.Max)
	}
}
