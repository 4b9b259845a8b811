package study

import (
	"context"
	"fmt"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/ptq"
)

// Contender is a method of a Comparison: with its rule, where it has one, and options.
type Contender struct {
	Name    string
	Method  ptq.Method
	Rule    quant.Rule
	Options ptq.Values
}

// Projections are what a Comparison compares by default. From the plainest on: to nearest, then what
// fits (rtn), A2Q+'s projection, GPTQ within the zero-centred bound (AXE), and GPTQ within
// the exact budget under either rule. All but the last start accumulators at 0.
func Projections() []Contender {
	return []Contender{
		{"rtn", ptq.RTN, quant.Split, nil},
		{"ep", ptq.EP, quant.Split, nil},
		{"axe", ptq.AXE, quant.Split, nil},
		{"budget/split", ptq.Budget, quant.Split, nil},
		{"budget/shifted", ptq.Budget, quant.Shifted, nil},
	}
}

// ProjectionMethods names the methods of Projections.
func ProjectionMethods() (names []string) {
	for _, c := range Projections() {
		names = append(names, c.Name)
	}
	return names
}

// ParseProjections reads a list of methods with commas between: NAME[/RULE][+OPTION=VALUE]...
func ParseProjections(list string) ([]Contender, error) {
	var all []Contender
	for _, text := range strings.Split(list, ",") {
		c := Contender{Name: text, Rule: quant.Split, Options: ptq.Values{}}
		parts := strings.Split(text, "+")
		name, rule, ruled := strings.Cut(parts[0], "/")
		d, err := ptq.Define(name)
		if err != nil {
			return nil, err
		}
		if c.Method = d.Method; ruled {
			if c.Rule = quant.Rule(rule); c.Rule != quant.Split && c.Rule != quant.Shifted {
				return nil, fmt.Errorf("%s: rule %q, want %s or %s", text, rule, quant.Split, quant.Shifted)
			}
		}
		for _, o := range parts[1:] {
			option, value, err := ParseOption(o)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", text, err)
			}
			c.Options[option] = value
		}
		if err := d.CheckOptions(c.Options); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		if r := d.Rounding(c.Options); ruled && r != ptq.Budget {
			return nil, fmt.Errorf("%s: a rule with %s, want budget, which alone has rules", text, r)
		}
		all = append(all, c)
	}
	return all, nil
}

// ParseOption reads OPTION=VALUE.
func ParseOption(text string) (option, value string, err error) {
	option, value, is := strings.Cut(text, "=")
	if !is || option == "" || value == "" {
		return "", "", fmt.Errorf("%q, want OPTION=VALUE", text)
	}
	return option, value, nil
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
	// FPS is the rate, frames per second at the default clock, that LUTs are for; 0 where none were
	// asked for.
	FPS float64 `json:"fps,omitempty"`
	// Float holds the float networks' accuracies on the test samples, percent.
	Float []float64 `json:"float_accuracy_percent"`
	// Methods are what was compared. Cells go width by width and, within one, in their order.
	Methods []string         `json:"methods"`
	Cells   []ComparisonCell `json:"cells"`
}

// ComparisonCell is one width under one method. AccBits is 0 for no limit.
type ComparisonCell struct {
	AccBits int    `json:"acc_bits"`
	Method  string `json:"method"`
	// Accuracy of each network on the test samples, percent, and their spread.
	Accuracy []float64 `json:"integer_accuracy_percent"`
	Spread   Spread    `json:"spread"`
	// Rise of each network's cross-entropy on the test samples above the float network's, and their
	// spread.
	Rise       []float64 `json:"cross_entropy_rise"`
	RiseSpread Spread    `json:"cross_entropy_rise_spread"`
	// LUT is what each network's accelerator takes at Comparison.FPS, by estimate for the default family,
	// and their spread.
	LUT       []float64 `json:"lut,omitempty"`
	LUTSpread Spread    `json:"lut_spread"`
}

// Compare projects the networks at paths by every contender without a limit and at every width.
// Without a limit comes first: what a method loses at P is to be read against what it loses
// by narrow weights alone. Of s, method, rule and P are the comparison's own. Unless fps is 0 each network is
// planned for that rate and priced. It writes no network.
func Compare(ctx context.Context, paths []string, c Calibration, s ptq.Settings, contenders []Contender,
	widths []int, fps float64, progress Progress) (*Comparison, error) {
	d := &Comparison{Networks: paths, FPS: fps, WeightBits: s.WeightBits, ActBits: s.ActBits, Equalised: c.Equalise}
	for _, width := range append([]int{0}, widths...) {
		for _, m := range contenders {
			d.Cells = append(d.Cells, ComparisonCell{AccBits: width, Method: m.Name})
		}
	}
	for _, m := range contenders {
		d.Methods = append(d.Methods, m.Name)
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
		if err := d.add(ctx, p, s, contenders); err != nil {
			return nil, err
		}
	}
	for i := range d.Cells {
		if d.Cells[i].LUT != nil {
			d.Cells[i].LUTSpread = NewSpread(d.Cells[i].LUT)
		}
		d.Cells[i].Spread, d.Cells[i].RiseSpread = NewSpread(d.Cells[i].Accuracy), NewSpread(d.Cells[i].Rise)
	}
	return d, nil
}

// add adds a network's accuracy to every cell.
func (d *Comparison) add(ctx context.Context, p *Projection, s ptq.Settings, contenders []Contender) error {
	for i := range d.Cells {
		cell, m := &d.Cells[i], contenders[i%len(contenders)]
		s.Method, s.Options, s.Acc.Rule, s.Acc.Bits = m.Method, m.Options, m.Rule, cell.AccBits
		r, err := p.Project(ctx, s, "")
		if err != nil {
			return fmt.Errorf("%s at P=%d: %w", m.Name, cell.AccBits, err)
		}
		p.Progress.note("%s  P=%-2d  %-16s  %.2f %%", p.Path, cell.AccBits, m.Name, *r.IntegerAccuracyPercent)
		cell.Accuracy = append(cell.Accuracy, *r.IntegerAccuracyPercent)
		// What project writes always says what its outputs are worth.
		cell.Rise = append(cell.Rise, *r.IntegerCrossEntropy-p.FloatLoss)
		if d.FPS > 0 {
			price, err := Price(r.net, hwgen.Options{FPS: d.FPS}, DefaultFamily)
			if err != nil {
				return fmt.Errorf("%s at P=%d: %w", m.Name, cell.AccBits, err)
			}
			cell.LUT = append(cell.LUT, float64(price.Total.LUT))
		}
	}
	return nil
}
