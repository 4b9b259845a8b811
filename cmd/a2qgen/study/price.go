package study

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/train"
)

// DefaultFamily is the family that estimates are for unless another is asked for.
const DefaultFamily = string(boards.XC7)

// Price estimates the design of a network, folded by o, with the widths that its layers
// declare: the zero AccBits of o leaves every layer its own.
func Price(net *quant.Network, o hwgen.Options, family string) (*cost.Report, error) {
	d, err := plan.Plan(net, o)
	if err != nil {
		return nil, err
	}
	return cost.Estimate(d, family)
}

// encoded returns the bytes of m's file, of the given name, and the network that the
// importer reads from them.
func encoded(m *nn.Model, name string) ([]byte, *quant.Network, error) {
	file, err := qonnx.Encode(m)
	if err != nil {
		return nil, nil, err
	}
	net, err := qonnx.Decode(name, file)
	return file, net, err
}

// Prices is the JSON of what a design costs at each accumulator width.
type Prices struct {
	// Family of the FPGA, as --family names it.
	Family string `json:"family"`
	// ClockMHz does not enter the estimate of LUT and FF: it decides the folding, with
	// the frames per second.
	ClockMHz float64 `json:"clock_mhz"`
	// IntervalCycles are the cycles per frame of the design, the same for every P.
	IntervalCycles int `json:"interval_cycles"`
	// Rows are one per width, in the order asked for, unsafe ones too.
	Rows []plan.Row `json:"rows"`
	// Yosys is what synthesis makes of the design of each row, nothing of those that are not safe;
	// nil unless it was asked for.
	Yosys []*boards.Resources `json:"yosys,omitempty"`
	// Fit is the error of the formulas on held-out samples, by kind of block.
	Fit map[string]cost.Error `json:"fit"`
}

// Synthesise fills in Yosys. The context stops it; progress counts the designs.
//
// It counts what Emit would write, for the family that the designs were planned for. Errors are
// those of synth.Design.
func (p *Prices) Synthesise(ctx context.Context, progress Progress) error {
	// No Verilog is written of what can overflow.
	p.Yosys = make([]*boards.Resources, len(p.Rows))
	for i, row := range p.Rows {
		if row.Safe {
			c, err := synth.Resources(ctx, row.Design)
			if err != nil {
				return err
			}
			p.Yosys[i] = &c
		}
		progress.step("synthesis", i+1, len(p.Rows))
	}
	return nil
}

// PriceWidths estimates net for every width, one at least. The folding is the same for all.
// The first width serves for what does not depend on P, the clock, the interval and the
// error of the formulas: the plan allows it to be unsafe, since an estimate builds nothing.
func PriceWidths(net *quant.Network, o hwgen.Options, family string, widths []int) (*Prices, error) {
	// Folds are chosen by the family's prices, as generate would choose them for it.
	o.Family = cmp.Or(o.Family, boards.Family(family))
	rows, err := plan.Table(net, o, widths, family)
	if err != nil {
		return nil, err
	}
	d := rows[0].Design
	one, err := cost.Estimate(d, family)
	if err != nil {
		return nil, err
	}
	return &Prices{Family: family, ClockMHz: d.ClockMHz, IntervalCycles: d.IntervalCycles(), Rows: rows,
		Fit: one.Fit}, nil
}

// HasVerilog returns an error unless every layer of spec has Verilog. Other layers train
// and certify, but a design of them cannot be planned yet.
func HasVerilog(spec *train.Spec) error { return haveVerilog(spec.Layers) }

func haveVerilog(layers train.Layers) error {
	for i := range layers {
		switch l := &layers[i]; l.Kind {
		case train.LinearLayer:
		case train.ResidualLayer:
			if err := errors.Join(haveVerilog(l.Body), haveVerilog(l.Shortcut)); err != nil {
				return err
			}
		default:
			return fmt.Errorf("wants linear layers and residuals of them, which alone have Verilog so far, "+
				"not %s", l.Kind)
		}
	}
	return nil
}

// CheckFolding returns an error where the design of a spec's network cannot be planned
// with o: known before the training, not after it. Sizes alone decide whether a fold
// divides a layer, so drawn weights will do.
func CheckFolding(spec *train.Spec, sets Sets, o hwgen.Options) error {
	m, err := train.Untrained(spec, sets.fewSamples())
	if err != nil {
		return err
	}
	_, _, err = planModel(m, o, DefaultFamily)
	return err
}
