package train

import "math"

// rate sets the score of e, a mean over samples, in the unit of the task.
func (e *Event) rate(task string, mean float64) {
	if task == Regress {
		e.PSNR = psnr(mean)
	} else {
		e.Accuracy = mean
	}
}

// maxPSNR stands for the PSNR of images without any error, in dB. An infinite one
// would swallow a mean over samples.
const maxPSNR = 100

// psnr returns the peak signal-to-noise ratio in dB of a mean squared error
// between values of 0..1: -10 log10(mse), at most maxPSNR.
func psnr(mse float64) float64 { return min(-10*math.Log10(mse), maxPSNR) }

// score returns the network's accuracy on t, or its PSNR in dB where the task is
// regress: the mean over the samples of each one's own. It is 0 where t is nil.
// Means of PSNR and of squared errors rank networks differently; the former is what
// papers on super-resolution report.
func (r *run) score(t *table) float64 {
	if t == nil || r.spec.Task == Classify {
		return r.net.accuracy(t)
	}
	sum, aim, want := 0.0, t.aims(), make([]float32, r.width)
	r.net.over(t, t.n, func(at, rows int, out []float32) {
		for i := range rows {
			aim.row(at+i, want)
			sum += psnr(meanSquare(out[i*r.width:(i+1)*r.width], want))
		}
	})
	return sum / float64(t.n)
}

// meanSquare returns the mean of (a-b)^2.
func meanSquare(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
	}
	return sum / float64(len(a))
}
