package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

// bestPSNR stands for the PSNR of a sample without any error, in dB, as in training. -10
// log10(0) has no value, and one perfect sample would make every mean infinite.
const bestPSNR = 100

// integerPSNR returns the mean over the samples of set of the PSNR, in dB with a peak of
// 1, of what net gives with integers to the sample's target or, where set has none, to the
// sample itself. Values are real, through the scales of the file, so that they are in the
// targets' units. The mean of dB, not the dB of the mean error: that is how papers state
// PSNR.
func integerPSNR(ctx context.Context, con *console, net *quant.Network, set *data.Set) (float64, error) {
	// fitSamples may move the channels of what the network reads; targets stay as they
	// lie, and samplePSNR reads them so.
	aims := set // in their own order, whatever the network reads
	if set.Targets != nil {
		aims = set.Targets
	}
	fit, err := fitSamples(net, set)
	if err != nil {
		return 0, err
	}
	fit.warn(con)
	set = fit.Set
	// Without scales there are integers only, which have no PSNR.
	if aims.Size() != net.OutputSize() || net.Dequantize == nil {
		return 0, fmt.Errorf("%s: targets of %d elements, the network gives %d real outputs",
			set.Name, aims.Size(), net.OutputSize())
	}
	e, ratios := quant.NewExecutor(net), make([]float64, set.Len())
	bar := con.bar(set.Len(), "integer executor")
	// Sample i goes to worker i mod workers and its result to ratios[i]: no lock, and a
	// sum in the same order whatever the number of cores, hence the same last digit.
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var tr quant.Trace
			sample, x := make([]float32, set.Size()), make([]int32, set.Size())
			want, got := make([]float32, aims.Size()), make([]float64, aims.Size())
			for i := w; i < set.Len() && ctx.Err() == nil; i += workers {
				set.Sample(i, sample)
				net.Input.Apply(sample, x)
				e.Run(x, &tr)
				e.Real(&tr, got)
				aims.Sample(i, want)
				ratios[i] = samplePSNR(got, want, aims.Shape)
				bar.Add(1)
			}
		})
	}
	wg.Wait()
	bar.Finish()
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("eval: stopped: %w", err)
	}
	sum := 0.0
	for _, r := range ratios {
		sum += r
	}
	return sum / float64(set.Len()), nil
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
