package qonnx

import "fmt"

// inputShape is one reading of the input's declared shape. Hardware takes one
// sample at a time: the sample count of a file is an accident of its export.
type inputShape struct {
	// shape is that of the tensor for one sample, sample the same without
	// the axis that counts samples.
	shape, sample []int
	// batch is the number of samples that the file was exported with.
	batch int
}

// inputShapes returns the readings to try: an axis of unknown size counts
// samples, as does a first axis of size 1. Where no axis is so, the shape may
// be that of a sample, or its first axis a number of samples. Two symbolic axes
// (length of a sequence, size of an image) would need numbers.
func inputShapes(g *graph) ([]inputShape, error) {
	axis := -1
	shape := make([]int, len(g.shape))
	for i, d := range g.shape {
		if d > maxElements {
			return nil, fmt.Errorf("graph input %s: axis %d has size %d", show(g.input), i, d)
		}
		shape[i] = int(max(d, 1))
		if d > 0 {
			continue
		}
		if axis >= 0 {
			return nil, fmt.Errorf("graph input %s: axes %d and %d have no fixed size, want one at most", show(g.input),
				axis, i)
		}
		axis = i
	}
	// The tensor keeps the axis, of size 1: the graph's operators count it.
	without := func(axis, batch int) inputShape {
		in := inputShape{shape: append([]int(nil), shape...), batch: batch}
		in.shape[axis] = 1
		for i, d := range shape {
			if i != axis {
				in.sample = append(in.sample, d)
			}
		}
		return in
	}
	switch {
	case len(shape) == 1:
		return []inputShape{{shape: shape, sample: shape, batch: 1}}, nil
	case axis >= 0:
		return []inputShape{without(axis, 1)}, nil
	case shape[0] == 1:
		return []inputShape{without(0, 1)}, nil
	}
	return []inputShape{{shape: shape, sample: shape, batch: 1}, without(0, shape[0])}, nil
}
