package report

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func sample() *Document {
	return &Document{Title: "a <b> & c", Sections: []Section{{
		Heading: "one", Lines: []string{"x < y"},
		Table: &Table{Head: []string{"P", "LUT"}, Rows: [][]string{{"12", "34"}}},
		Figures: []Figure{{Caption: "LUT over P", X: "P, bits", Y: "LUT", FromZero: true,
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
	for _, want := range []string{"a &lt;b&gt; &amp; c", "x &lt; y", "<td>34</td>", "<svg", "LUT over P", "</html>"} {
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
		if err == nil || !strings.Contains(err.Error(), `figure "cap"`) || !strings.Contains(err.Error(), `series "s"`) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
