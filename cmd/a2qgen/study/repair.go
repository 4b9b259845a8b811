package study

import (
	"context"
	"fmt"
	"time"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/ptq"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// Repair makes an integer network fit P bits.
type Repair struct {
	// Path is the network that is read, Out the file that is written.
	Path, Out string
	// Input is what is told of the samples beside the file.
	Input qonnx.Told
	// Settings has P, the rule and the layers; its samples come from Source.
	Settings ptq.NetworkRepair
	// Source, unless nil, has the samples that say which units count, at most Samples of its
	// training part; its test part is scored. Without it all inputs count alike.
	Source  *Source
	Samples int
}

// Repaired is the JSON of a repair.
type Repaired struct {
	// Network is the file that was read, Out the one that was written.
	Network string `json:"network"`
	Out     string `json:"out"`
	// AccBits is the P that was asked for, 0 where widths were to stay, and Taps the bound
	// on the units of rows and banks, nil without.
	AccBits int         `json:"acc_bits"`
	Taps    *quant.Taps `json:"taps,omitempty"`
	// Data is what decided which units count; empty where all inputs count
	// alike.
	Data    string `json:"data,omitempty"`
	Samples int    `json:"samples,omitempty"`
	// Accuracies on the test part, left out without labels.
	BeforePercent *float64 `json:"accuracy_before_percent,omitempty"`
	AfterPercent  *float64 `json:"accuracy_after_percent,omitempty"`
	Seconds       float64  `json:"seconds"`
	// Layers are those that were changed.
	Layers []RepairedLayer `json:"layers"`
	// All are the layers with weights as the file now has them.
	All []Bounds `json:"all_layers"`
}

// RepairedLayer is a layer that did not fit. A layer that fitted already has no entry.
type RepairedLayer struct {
	// Rule says where the accumulators start: "split" at 0, "shifted" at a constant of
	// their channel.
	Name string `json:"name"`
	Rule string `json:"rule"`
	// NeededBefore and NeededAfter are the smallest safe widths, bits.
	NeededBefore int `json:"needed_before"`
	NeededAfter  int `json:"needed_after"`
	// WeightsChanged counts weights; UnitsChanged sums by how many integer steps they
	// moved.
	WeightsChanged int   `json:"weights_changed"`
	UnitsChanged   int64 `json:"units_changed"`
	// RelativeLoss is E[(change of a sum)^2] / E[sum^2] over the samples.
	RelativeLoss float64 `json:"relative_loss"`
}

// Run repairs the network and writes it. The file is rewritten rather than written anew:
// graphs of any origin keep their nodes, scales and names, only weight integers and declared
// widths change. What comes out is read and certified from its bytes before it reaches the
// disk.
func (r *Repair) Run(ctx context.Context, p Progress) (*Repaired, error) {
	start := time.Now()
	read, err := qonnx.ReadFile(r.Path, r.Input)
	if err != nil {
		return nil, err
	}
	// A note says that the file may not be the network that was trained: repairing it
	// keeps that.
	for _, note := range read.Notes {
		p.note("note: %s", note)
	}
	net, settings := read.Network, r.Settings
	done := &Repaired{Network: r.Path, Out: r.Out, AccBits: settings.Bits, Layers: []RepairedLayer{}}
	if settings.Taps.Any() {
		done.Taps = &settings.Taps
	}
	var test *data.Set
	if r.Source != nil {
		if test, err = r.calibrate(net, &settings, done); err != nil {
			return nil, err
		}
	}
	// Layers that fit are not in changes: nothing but what must change does.
	changes, layers, err := settings.Repair(ctx, net)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Path, err)
	}
	file, err := qonnx.Rewrite(r.Path, read.Data, changes)
	if err != nil {
		return nil, err
	}
	// The bytes that will be written, through the reader that generate uses.
	repaired, err := qonnx.Decode(r.Path, file)
	if err != nil {
		return nil, err
	}
	if err := certifyChanged(repaired, changes); err != nil {
		return nil, err
	}
	done.add(layers, repaired)
	if done.BeforePercent, done.AfterPercent, err = beforeAfter(ctx, net, repaired, test, p); err != nil {
		return nil, err
	}
	// Last: a repair that fails, or is stopped while it is scored, leaves no file.
	if err := maybe.WriteFile(r.Out, file, 0o644); err != nil {
		return nil, err
	}
	done.Seconds = Seconds(start)
	return done, nil
}

// calibrate opens the samples for the moments of inputs and returns their test part. The
// second moments of each layer's inputs weigh the integers: a unit taken off a weight whose
// input is mostly 0 costs little.
func (r *Repair) calibrate(net *quant.Network, to *ptq.NetworkRepair, done *Repaired) (*data.Set, error) {
	// Calibrated on the training part and scored on the test part, as a projection does.
	sets, err := r.Source.OpenBoth()
	if err != nil {
		return nil, err
	}
	fit, err := Fit(net, net.Classifier(), sets.Train)
	if err != nil {
		return nil, err
	}
	done.Data, done.Samples = fit.Name, min(r.Samples, fit.Len())
	to.Samples = spreadSamples(fit.Set, done.Samples)
	// A test part that does not suit the network is found before the repair, which may take
	// its time. Without labels it is not scored, and may be anything.
	if sets.Test.Labels != nil {
		_, err = Fit(net, net.Classifier(), sets.Test)
	}
	return sets.Test, err
}

// certifyChanged applies the integer test to the layers that were changed: the others may
// never have declared a width. A layer that was not asked for may well need more than P:
// that is no failure here.
func certifyChanged(net *quant.Network, changes map[string]qonnx.Integers) error {
	for i := range net.Layers {
		l := &net.Layers[i]
		if ch, ok := changes[l.Name]; ok {
			if err := l.Certify(ch.AccBits); err != nil {
				return err
			}
		}
	}
	return nil
}

// add describes the repaired layers, with the width that the new integers need.
func (r *Repaired) add(layers []ptq.RepairReport, net *quant.Network) {
	r.All = Inspect(net).Layers
	for _, l := range layers {
		row := RepairedLayer{Name: l.Name, Rule: string(l.Rule), NeededBefore: l.Before,
			WeightsChanged: l.Weights, UnitsChanged: l.Units, RelativeLoss: l.RelativeLoss}
		for i := range r.All {
			if r.All[i].Name == l.Name {
				row.NeededAfter = r.All[i].AccBitsNeeded
			}
		}
		r.Layers = append(r.Layers, row)
	}
}

// beforeAfter scores both networks on test; nil where it has no labels or is nil. Both by the
// same executor on the same samples, so that the difference is the repair's.
func beforeAfter(ctx context.Context, old, repaired *quant.Network, test *data.Set, p Progress) (before, after *float64,
	err error) {
	if test == nil || test.Labels == nil {
		return nil, nil, nil
	}
	a, err := Accuracy(ctx, old, old.Classifier(), test, p)
	if err != nil {
		return nil, nil, err
	}
	b, err := Accuracy(ctx, repaired, repaired.Classifier(), test, p)
	if err != nil {
		return nil, nil, err
	}
	return &a.AccuracyPercent, &b.AccuracyPercent, nil
}
