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

// psnr returns the peak signal-to-noise ratio in dB of a mean squared error
// between values of 0..1: -10 log10(mse).
func psnr(mse float64) float64 { return -10 * math.Log10(mse) }

// score returns the network's accuracy on t, or 0 where t is nil.
func (r *run) score(t *table) float64 { return r.net.accuracy(t) }
