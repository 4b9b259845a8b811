package study

import (
	"context"
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/gradient"
)

// Score is the JSON of how many samples a network labels right.
type Score struct {
	Data string `json:"data"`
	// Output is the one that was scored, where the network has several.
	Output string `json:"output,omitempty"`
	// Correct of Total samples got the label of the data set.
	Correct int `json:"correct"`
	Total   int `json:"total"`
	// AccuracyPercent = 100 Correct / Total; Seconds is the executor's time.
	AccuracyPercent float64 `json:"accuracy_percent"`
	Seconds         float64 `json:"seconds"`
	// CrossEntropy is the mean of -log of the probability that the outputs, as logits, give the
	// label; left out where the file does not say what its outputs are worth.
	CrossEntropy *float64 `json:"cross_entropy,omitempty"`
	// Input says what the network's input does to the values of the samples.
	Input InputUse `json:"input"`
	// Warning is there where all labels are the same.
	Warning string `json:"warning,omitempty"`
}

// Accuracy scores output k of net on set with the integer executor. An output of one element is
// scored by its decision boundary. Whatever the network reads beyond the ends of its input
// saturates, as in the graph, with a warning.
func Accuracy(ctx context.Context, net *quant.Network, k int, set *data.Set, p Progress) (*Score, error) {
	// A sample has one label: there is nothing to compare those of many positions with.
	if s := net.OutputLayer(max(k, 0)).Shape; s.Positions() > 1 {
		return nil, fmt.Errorf("network %s gives an image of %v, one output for each position: there is no accuracy by the "+
			"labels of %s; give targets (--spec) for images", net.Name, s, set.Name)
	}
	fit, err := Fit(net, k, set)
	if err != nil {
		return nil, err
	}
	// Before the run: a wrong scale is seen without waiting for a score.
	p.warn(fit.Warnings()...)
	set = fit.Set
	start, labels, losses := time.Now(), make([]int, set.Len()), make([]float64, set.Len())
	known := net.Outputs[k].Dequantize != nil
	err = each(ctx, net, set, p, func(i int, e *quant.Executor, tr *quant.Trace) {
		labels[i] = tr.Label[k]
		if known {
			y := make([]float64, net.OutputLayer(k).Shape.Size())
			e.Real(tr, k, y)
			losses[i] = crossEntropy(y, int(set.Labels[i]))
		}
	})
	if err != nil {
		return nil, err
	}
	correct := 0
	for i, want := range set.Labels {
		if labels[i] == int(want) {
			correct++
		}
	}
	s := &Score{Data: set.Name, Output: nameOfSeveral(net, k), Correct: correct, Total: set.Len(),
		AccuracyPercent: Percent(correct, set.Len()), Seconds: Seconds(start), Input: fit.Input, Warning: oneLabel(set)}
	if known {
		mean := stat.Mean(losses, nil)
		s.CrossEntropy = &mean
	}
	return s, nil
}

// crossEntropy returns that of outputs, as logits, with a label.
func crossEntropy(y []float64, label int) float64 {
	return gradient.CrossEntropy{label}.Gradient(0, quant.Vector(len(y)), y, make([]float64, len(y)))
}

// each runs all samples of set through the integer executor. A score of some samples is
// none: it is an error where ctx ends.
func each(ctx context.Context, net *quant.Network, set *data.Set, p Progress,
	see func(i int, e *quant.Executor, tr *quant.Trace)) error {
	const work = "integer executor"
	n, e := set.Len(), quant.NewExecutor(net)
	defer p.step(work, n, n)
	err := e.Each(ctx, n, set.Sample, func(i int, tr *quant.Trace) { see(i, e, tr) },
		func(done int) { p.step(work, done, n) })
	if err != nil {
		return fmt.Errorf("scoring: stopped: %w", err)
	}
	return nil
}

// bestPSNR stands for the PSNR of a sample without any error, in dB, as in training. -10
// log10(0) has no value, and one perfect sample would make every mean infinite.
const bestPSNR = 100

// nameOfSeveral returns the name of output k of a network that has several, for reports.
func nameOfSeveral(net *quant.Network, k int) string {
	if len(net.Outputs) < 2 {
		return ""
	}
	return net.Outputs[k].Name
}

// ImageOutput returns the output of net that PSNR compares with the targets of set: the first of
// as many elements, or the first where there is none.
func ImageOutput(net *quant.Network, set *data.Set) int {
	for k := range net.Outputs {
		if net.OutputLayer(k).Shape.Size() == aimsOf(set).Size() {
			return k
		}
	}
	return 0
}

// aimsOf returns the targets of set or, where there are none, set itself.
func aimsOf(set *data.Set) *data.Set {
	if set.Targets != nil {
		return set.Targets
	}
	return set
}

// PSNR returns the mean over the samples of set of the PSNR, in dB with a peak of
// 1, of what output k of net gives with integers to the sample's target or, where set has none, to the
// sample itself. Values are real, through the scales of the file, so that they are in the
// targets' units. The mean of dB, not the dB of the mean error: that is how papers state
// PSNR.
func PSNR(ctx context.Context, net *quant.Network, k int, set *data.Set, p Progress) (float64, error) {
	// Fit may move the channels of what the network reads; targets stay as they
	// lie, and samplePSNR reads them so.
	aims := aimsOf(set)
	fit, err := Fit(net, k, set)
	if err != nil {
		return 0, err
	}
	p.warn(fit.Warnings()...)
	// Without scales there are integers only, which have no PSNR.
	if aims.Size() != net.OutputLayer(k).Shape.Size() || net.Outputs[k].Dequantize == nil {
		return 0, fmt.Errorf("%s: targets of %d elements, the network gives %d real outputs",
			set.Name, aims.Size(), net.OutputLayer(k).Shape.Size())
	}
	// By sample, so that the sum has the same order whatever the number of cores, hence the
	// same last digit.
	ratios := make([]float64, fit.Len())
	err = each(ctx, net, fit.Set, p, func(i int, e *quant.Executor, tr *quant.Trace) {
		want, got := make([]float32, aims.Size()), make([]float64, aims.Size())
		e.Real(tr, k, got)
		aims.Sample(i, want)
		ratios[i] = samplePSNR(got, want, aims.Shape)
	})
	return stat.Mean(ratios, nil), err
}

// samplePSNR compares outputs, channels last, with a target of the given shape, whose
// channels are first where it has an axis for them. -10 log10(MSE) with a peak of 1.
// Output i is channel i mod C at position i div C; in the target, whose planes are one
// after the other, it is element i div C of plane i mod C.
func samplePSNR(got []float64, want []float32, shape []int) float64 {
	channels := 1
	if len(shape) == 3 {
		channels = shape[0]
	}
	positions, sum := len(want)/channels, 0.0
	for i, v := range got {
		d := v - float64(want[i%channels*positions+i/channels])
		sum += d * d
	}
	return min(-10*math.Log10(sum/float64(len(got))), bestPSNR)
}
