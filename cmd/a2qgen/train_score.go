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

// bestPSNR stands for the PSNR of a sample without any error, in dB, as in
// training.
const bestPSNR = 100

// integerPSNR returns the mean over the samples of set of the PSNR, in dB with
// a peak of 1, of what net gives with integers to the sample itself: how well
// an autoencoder does.
func integerPSNR(ctx context.Context, con *console, net *quant.Network, set *data.Set) (float64, error) {
	if set.Size() != net.InputSize() || net.OutputSize() != net.InputSize() || net.Dequantize == nil {
		return 0, fmt.Errorf("%s: samples of %d elements, the network turns %d into %d real outputs",
			set.Name, set.Size(), net.InputSize(), net.OutputSize())
	}
	e, ratios := quant.NewExecutor(net), make([]float64, set.Len())
	bar := con.bar(set.Len(), "integer executor")
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var tr quant.Trace
			sample, x, out := make([]float32, set.Size()), make([]int32, set.Size()), make([]float64, set.Size())
			for i := w; i < set.Len() && ctx.Err() == nil; i += workers {
				set.Sample(i, sample)
				net.Input.Apply(sample, x)
				e.Run(x, &tr)
				e.Real(&tr, out)
				ratios[i] = samplePSNR(out, sample, net.Input.Order)
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

// samplePSNR compares outputs, channels last, with a sample whose element
// order[i] belongs to output i; a nil order is 0, 1, 2 and so on.
func samplePSNR(out []float64, sample []float32, order []int32) float64 {
	sum := 0.0
	for i, v := range out {
		at := i
		if order != nil {
			at = int(order[i])
		}
		d := v - float64(sample[at])
		sum += d * d
	}
	return min(-10*math.Log10(sum/float64(len(out))), bestPSNR)
}
