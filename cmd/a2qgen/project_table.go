package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/ptq"
)

// tableMethods are the columns of the table. From the plainest on: to nearest, then what
// fits (rtn), A2Q+'s projection, GPTQ within the zero-centred bound (AXE), and GPTQ within
// the exact budget under either rule. All but the last start accumulators at 0.
var tableMethods = []struct {
	name   string
	method ptq.Method
	rule   quant.Rule
}{
	{"rtn", ptq.RTN, quant.Split},
	{"ep", ptq.EP, quant.Split},
	{"axe", ptq.AXE, quant.Split},
	{"budget (split)", ptq.Budget, quant.Split},
	{"budget (shifted)", ptq.Budget, quant.Shifted},
}

// projectTable is the JSON of project --table. One table for several networks: methods are
// compared by their mean, and a difference below the spread is none.
type projectTable struct {
	// Networks are the files that were projected, each a sample of the spread.
	Networks []string `json:"networks"`
	// Data and Samples are what calibrated, the same for all networks.
	Data    string `json:"data"`
	Samples int    `json:"samples"`
	// WeightBits and ActBits are those of the hidden layers, in every cell.
	WeightBits int `json:"weight_bits"`
	ActBits    int `json:"act_bits"`
	// Equalised says that weights were equalised from layer to layer.
	Equalised bool `json:"equalised"`
	// Float holds the float networks' accuracies on the test samples, percent.
	Float []float64     `json:"float_accuracy_percent"`
	Cells []projectCell `json:"cells"`
}

// projectCell is one width under one method. AccBits is 0 for no limit.
type projectCell struct {
	// Cells go width by width and, within one, in the order of tableMethods: rows and fill
	// count on it.
	AccBits int    `json:"acc_bits"`
	Method  string `json:"method"`
	// Accuracy of each network on the test samples, percent, and their spread.
	Accuracy []float64 `json:"integer_accuracy_percent"`
	Spread   spread    `json:"spread"`
}

// tableAction is project --table. Width 0, no limit, comes first: what a method loses at P
// is to be read against what it loses by 4-bit weights alone.
func tableAction(c *cli.Context) error {
	if err := checkProjectFlags(c); err != nil {
		return err
	}
	widths, err := parseWidths(c.String("table"))
	if err != nil {
		return usagef("project: --table: %w", err)
	}
	if !c.Args().Present() {
		return usagef("project: FLOAT.onnx is missing; see a2qgen project --help")
	}
	con := newConsole(c)
	doc := &projectTable{Networks: c.Args().Slice(), WeightBits: c.Int("weights"), ActBits: c.Int("acts"),
		Equalised: c.Bool("equalize")}
	for k, path := range doc.Networks {
		p, err := openProjection(c, path)
		if err != nil {
			return err
		}
		// Said after the first calibration, as only the data set knows.
		if !p.scored {
			return fmt.Errorf("project: %s has no labels, a table wants some", p.sets.test.Name)
		}
		// All networks see the same data; the last one's name stands for it.
		doc.Data, doc.Samples, doc.Float = p.sets.train.Name, p.samples, append(doc.Float, p.float)
		if err := doc.fill(c.Context, con, p, settingsOf(c), append([]int{0}, widths...), k); err != nil {
			return err
		}
	}
	for i := range doc.Cells {
		doc.Cells[i].Spread = newSpread(doc.Cells[i].Accuracy)
	}
	if prefix := c.String("results"); prefix != "" {
		if err := doc.write(prefix); err != nil {
			return err
		}
	}
	return con.result(doc, doc.print)
}

// fill adds network k's accuracies. k = 0 also makes the cells; later networks add to
// them.
func (d *projectTable) fill(
	ctx context.Context, con *console, p *projection, s ptq.Settings, widths []int, k int,
) error {
	for i, width := range widths {
		for j, m := range tableMethods {
			if k == 0 {
				d.Cells = append(d.Cells, projectCell{AccBits: width, Method: m.name})
			}
			// s is this call's own copy.
			s.Method, s.Acc.Rule, s.Acc.Bits = m.method, m.rule, width
			accuracy, err := p.accuracy(ctx, con, s)
			if err != nil {
				return fmt.Errorf("%s at P=%d: %w", m.name, width, err)
			}
			con.line("%s  P=%-2d  %-16s  %.2f %%", p.path, width, m.name, accuracy)
			// Row-major: width i, method j.
			cell := &d.Cells[i*len(tableMethods)+j]
			cell.Accuracy = append(cell.Accuracy, accuracy)
		}
	}
	return nil
}

// accuracy projects, certifies and scores without a file: the network is decoded from the
// bytes that would be written. Decoding is the same reader that a file would meet, so the
// number is that of project.
func (p *projection) accuracy(ctx context.Context, con *console, s ptq.Settings) (float64, error) {
	m, _, err := p.quantise(ctx, con, s)
	if err != nil {
		return 0, err
	}
	_, net, err := imported(m, p.path)
	if err != nil {
		return 0, err
	}
	// score fills a report; the accuracy is all that a cell takes of it.
	var doc projectReport
	if err := p.score(ctx, con, net, &doc); err != nil {
		return 0, err
	}
	return *doc.IntegerAccuracyPercent, nil
}

// widthName is P, or "none". Rows are labelled by it.
func widthName(p int) string {
	if p == 0 {
		return "none"
	}
	return fmt.Sprint(p)
}

// rows returns the table: a line for each width, a column for each method.
func (d *projectTable) rows(cell func(s spread) string) [][]string {
	rows := [][]string{{"P"}}
	for _, m := range tableMethods {
		rows[0] = append(rows[0], m.name)
	}
	for i := range d.Cells {
		// The first cell of a width begins its row.
		if i%len(tableMethods) == 0 {
			rows = append(rows, []string{widthName(d.Cells[i].AccBits)})
		}
		last := len(rows) - 1
		rows[last] = append(rows[last], cell(d.Cells[i].Spread))
	}
	return rows
}

func (d *projectTable) print(w io.Writer) {
	fmt.Fprintf(w, "networks  %s\n", strings.Join(d.Networks, ", "))
	fmt.Fprintf(w, "data      %s: %d samples calibrate, test samples scored by the integer executor\n",
		d.Data, d.Samples)
	fmt.Fprintf(w, "float     %v %%\n", newSpread(d.Float))
	var t table
	for _, row := range d.rows(func(s spread) string { return fmt.Sprintf("%.2f", s.Mean) }) {
		cells := make([]any, len(row))
		for i, v := range row {
			cells[i] = v
		}
		t.row(cells...)
	}
	t.print(w)
}

// write writes PREFIX.csv, a line for each network, and PREFIX.md, the means. The CSV
// keeps each network's value, from which other statistics can be made.
func (d *projectTable) write(prefix string) error {
	var csv, md bytes.Buffer
	// Networks are numbered from 1, in the order of the command line: paths are the
	// machine's.
	fmt.Fprintln(&csv, "network,acc_bits,method,float_accuracy_percent,integer_accuracy_percent")
	for _, cell := range d.Cells {
		for k, a := range cell.Accuracy {
			fmt.Fprintf(&csv, "%d,%d,%s,%.2f,%.2f\n", k+1, cell.AccBits, cell.Method, d.Float[k], a)
		}
	}
	fmt.Fprintf(&md,
		"Accuracy on the test samples, percent, after projection without training: mean of %d networks, smallest and\n"+
			"largest in brackets. W%dA%d, ends of 8 bits, %d calibration samples. Float: %v.\n\n",
		len(d.Networks), d.WeightBits, d.ActBits, d.Samples, newSpread(d.Float))
	markdownTable(&md, d.rows(func(s spread) string { return fmt.Sprintf("%.2f (%.2f..%.2f)", s.Mean, s.Min, s.Max) }))
	for i, text := range [][]byte{csv.Bytes(), md.Bytes()} {
		if err := maybe.WriteFile(tableFiles(prefix)[i], text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tableFiles are the files of --results: a CSV and Markdown.
func tableFiles(prefix string) []string { return []string{prefix + ".csv", prefix + ".md"} }
