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
	// Settings has P, the rule and the layers; its samples come from Source.
	Settings ptq.NetworkRepair
	// Source, unless nil, has the samples that say which units count, at most Samples of its
	// training part; its test part is scored. Without it all inputs count alike.
	Source  *Source
	Samples int
}

// Repaired is what a Repair did.
type Repaired struct {
	// Network is what the importer reads from the file that was written.
	Network *quant.Network
	// Changes are of the layers that did not fit.
	Changes []ptq.RepairReport
	// Data and Samples are what decided which units count; empty where all count alike.
	Data    string
	Samples int
	// Before and After are accuracies on the test part, percent; nil without labels.
	Before, After *float64
	// Seconds is what it all took.
	Seconds float64
}

// Run repairs the network and writes it. The file is rewritten rather than written anew:
// graphs of any origin keep their nodes, scales and names, only weight integers and declared
// widths change. What comes out is read and certified from its bytes before it reaches the
// disk.
func (r *Repair) Run(ctx context.Context, p Progress) (*Repaired, error) {
	start := time.Now()
	read, err := qonnx.ReadFile(r.Path, nil)
	if err != nil {
		return nil, err
	}
	// A note says that the file may not be the network that was trained: repairing it
	// keeps that.
	for _, note := range read.Notes {
		p.note("note: %s", note)
	}
	done, settings := &Repaired{}, r.Settings
	var test *data.Set
	if r.Source != nil {
		if test, err = r.calibrate(read.Network, &settings, done); err != nil {
			return nil, err
		}
	}
	// Layers that fit are not in changes: nothing but what must change does.
	changes, layers, err := settings.Repair(ctx, read.Network)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Path, err)
	}
	done.Changes = layers
	file, err := qonnx.Rewrite(r.Path, read.Data, changes)
	if err != nil {
		return nil, err
	}
	// The bytes that will be written, through the reader that generate uses.
	if done.Network, err = qonnx.Decode(r.Path, file); err != nil {
		return nil, err
	}
	if err := certifyChanged(done.Network, changes); err != nil {
		return nil, err
	}
	if err := done.score(ctx, read.Network, test, p); err != nil {
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
	fit, err := Fit(net, sets.Train)
	if err != nil {
		return nil, err
	}
	done.Data, done.Samples = fit.Name, min(r.Samples, fit.Len())
	to.Samples = spreadSamples(fit.Set, done.Samples)
	// A test part that does not suit the network is found before the repair, which may take
	// its time. Without labels it is not scored, and may be anything.
	if sets.Test.Labels != nil {
		_, err = Fit(net, sets.Test)
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

// score scores both networks on test, unless it has no labels or is nil. Both by the same
// executor on the same samples, so that the difference is the repair's.
func (done *Repaired) score(ctx context.Context, old *quant.Network, test *data.Set, p Progress) error {
	if test == nil || test.Labels == nil {
		return nil
	}
	before, err := Accuracy(ctx, old, test, p)
	if err != nil {
		return err
	}
	after, err := Accuracy(ctx, done.Network, test, p)
	if err != nil {
		return err
	}
	done.Before, done.After = &before.AccuracyPercent, &after.AccuracyPercent
	return nil
}
