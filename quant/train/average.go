package train

// average is an exponential average of a network's numbers, one update per step:
// mean += (1-decay) * (live - mean). Over the first steps decay is at most
// (1+n)/(10+n), n the steps before, so that the starting weights do not stay in
// it for 1/(1-decay) steps (TensorFlow's ExponentialMovingAverage with
// num_updates). Running statistics of batch norm are averaged like weights; what is left
// out, net.averaged says.
//
// A nil *average does nothing.
type average struct {
	decay      float64
	live, mean [][]float32
	weight     float32 // of live in the update under way
	update     *pair
}

// newAverage returns an average of live, which stays the network's; nil where
// decay is 0.
func newAverage(decay float64, live [][]float32) *average {
	if decay == 0 {
		return nil
	}
	a := &average{decay: decay, live: live}
	size := 0
	for _, v := range live {
		a.mean = append(a.mean, append([]float32(nil), v...))
		size += len(v)
	}
	a.update = newPair(size, a.updateHalf)
	return a
}

// step takes the live numbers in after step n of the phase, counted from 1.
func (a *average) step(n int) {
	if a == nil {
		return
	}
	// With n steps before, (1+n)/(10+n); here n counts this one too: n/(9+n).
	a.weight = float32(1 - min(a.decay, float64(n)/float64(9+n)))
	a.update.run()
}

// updateHalf averages half of every vector. mean + weight*(live - mean) leaves
// equal numbers equal, which decay*mean + weight*live does not.
func (a *average) updateHalf(half int) {
	for i, mean := range a.mean {
		lo, hi := bounds(half, len(mean))
		mean, live := mean[lo:hi], a.live[i][lo:hi]
		for k, v := range live {
			mean[k] += a.weight * (v - mean[k])
		}
	}
}

// swap exchanges the average and the live numbers. Buffers stay where they are:
// parameters and optimiser hold slices of the live ones.
func (a *average) swap() {
	if a == nil {
		return
	}
	for i, mean := range a.mean {
		live := a.live[i][:len(mean)]
		for k, v := range mean {
			mean[k], live[k] = live[k], v
		}
	}
}

// numbers returns the averages, nil where there are none. A checkpoint keeps them.
func (a *average) numbers() [][]float32 {
	if a == nil {
		return nil
	}
	return a.mean
}
