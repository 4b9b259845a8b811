package study

import (
	"context"
	"fmt"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/ptq"
)

// projections are what a Comparison compares. From the plainest on: to nearest, then what
// fits (rtn), A2Q+'s projection, GPTQ within the zero-centred bound (AXE), and GPTQ within
// the exact budget under either rule. All but the last start accumulators at 0.
var projections = []struct {
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

// ProjectionMethods names the methods of a Comparison, in the order of its cells.
func ProjectionMethods() (names []string) {
	for _, m := range projections {
		names = append(names, m.name)
	}
	return names
}

// Comparison is the JSON of projections of some networks by every method at several widths.
// One table for all networks: methods are compared by their mean, and a difference below
// the spread is none.
type Comparison struct {
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
	Float []float64 `json:"float_accuracy_percent"`
	// Cells go width by width and, within one, in the order of ProjectionMethods.
	Cells []ComparisonCell `json:"cells"`
}

// ComparisonCell is one width under one method. AccBits is 0 for no limit.
type ComparisonCell struct {
	AccBits int    `json:"acc_bits"`
	Method  string `json:"method"`
	// Accuracy of each network on the test samples, percent, and their spread.
	Accuracy []float64 `json:"integer_accuracy_percent"`
	Spread   Spread    `json:"spread"`
}

// Compare projects the networks at paths by every method without a limit and at every width.
// Without a limit comes first: what a method loses at P is to be read against what it loses
// by narrow weights alone. Of s, method, rule and P are the comparison's own. It writes no
// network.
func Compare(ctx context.Context, paths []string, c Calibration, s ptq.Settings, widths []int,
	progress Progress) (*Comparison, error) {
	d := &Comparison{Networks: paths, WeightBits: s.WeightBits, ActBits: s.ActBits, Equalised: c.Equalise}
	for _, width := range append([]int{0}, widths...) {
		for _, m := range projections {
			d.Cells = append(d.Cells, ComparisonCell{AccBits: width, Method: m.name})
		}
	}
	for _, path := range paths {
		p, err := OpenProjection(ctx, path, c, progress)
		if err != nil {
			return nil, err
		}
		// Said after the first calibration, as only the data set knows.
		if !p.Scored {
			return nil, fmt.Errorf("%s has no labels, by which methods are compared", p.Sets.Test.Name)
		}
		// All networks see the same data; the last one's name stands for it.
		d.Data, d.Samples, d.Float = p.Sets.Train.Name, p.Samples, append(d.Float, p.Float)
		if err := d.add(ctx, p, s); err != nil {
			return nil, err
		}
	}
	for i := range d.Cells {
		d.Cells[i].Spread = NewSpread(d.Cells[i].Accuracy)
	}
	return d, nil
}

// add adds a network's accuracy to every cell.
func (d *Comparison) add(ctx context.Context, p *Projection, s ptq.Settings) error {
	for i := range d.Cells {
		cell, m := &d.Cells[i], projections[i%len(projections)]
		s.Method, s.Acc.Rule, s.Acc.Bits = m.method, m.rule, cell.AccBits
		r, err := p.Project(ctx, s, "")
		if err != nil {
			return fmt.Errorf("%s at P=%d: %w", m.name, cell.AccBits, err)
		}
		p.Progress.note("%s  P=%-2d  %-16s  %.2f %%", p.Path, cell.AccBits, m.name, *r.IntegerAccuracyPercent)
		cell.Accuracy = append(cell.Accuracy, *r.IntegerAccuracyPercent)
	}
	return nil
}
