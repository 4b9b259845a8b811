package qonnx

import (
	"math"
	"slices"
)

// repeatsAll returns an error unless n repeats every element, along each axis as
// often as factors say. An axis of factor 1 may be moved as well: by a region of
// interest, or by half an element. Interpolation is none at whole positions.
func (n *node) repeatsAll(dims, factors []int) error {
	mode := n.string("mode", "nearest")
	if mode != "nearest" && slices.ContainsFunc(factors, func(f int) bool { return f != 1 }) {
		return n.errorf("interpolates by %s, want nearest", show(mode))
	}
	for i, f := range factors {
		if err := n.repeatsExactly(dims[i], f); err != nil {
			return err
		}
	}
	return nil
}

// repeatsExactly returns an error unless the node's rules for coordinates make
// element i of the result element i/f of the input (ONNX, Resize). ONNX has
// several rules to find the source coordinate and four to round it; which pairs
// repeat evenly depends on the sizes, so that each position is computed.
// Upsample has no rules: floor(i/f), by definition.
func (n *node) repeatsExactly(length, f int) error {
	if n.op == "Upsample" {
		return nil
	}
	between := n.string("mode", "nearest") != "nearest" // of factor 1 (repeatsAll)
	transform := n.string("coordinate_transformation_mode", "half_pixel")
	nearest := n.string("nearest_mode", "round_prefer_floor")
	if n.opset < 11 {
		transform, nearest = "asymmetric", "floor" // before opset 11
	}
	if length > 1<<20/f {
		return n.errorf("makes %d elements of %d, want at most %d", length*f, length, 1<<20)
	}
	for i := range length * f {
		x := float64(i) / float64(f)
		switch transform {
		case "asymmetric":
		// They are the same for whole factors, and for an output of one element, whose
		// only position is 0.
		case "half_pixel", "pytorch_half_pixel", "half_pixel_symmetric":
			x = (float64(i)+0.5)/float64(f) - 0.5
		case "tf_half_pixel_for_nn":
			x = (float64(i) + 0.5) / float64(f)
		// The ends of input and output fall together.
		case "align_corners":
			x = float64(i) * float64(length-1) / float64(max(1, length*f-1))
		default:
			return n.errorf("transforms coordinates by %s, which is not supported", show(transform))
		}
		if between && x != float64(i) {
			return n.errorf("interpolates between elements at position %d with %s, want nearest", i, transform)
		}
		switch nearest {
		// Halves down: ceil(x - 1/2).
		case "round_prefer_floor":
			x = math.Ceil(x - 0.5)
		case "round_prefer_ceil":
			x = math.Floor(x + 0.5)
		case "floor":
			x = math.Floor(x)
		case "ceil":
			x = math.Ceil(x)
		default:
			return n.errorf("rounds coordinates by %s, which is not supported", show(nearest))
		}
		if clamp(x, 0, float64(length-1)) != float64(i/f) {
			return n.errorf("picks element %v for position %d with %s and %s, want every element repeated %d times",
				x, i, transform, nearest, f)
		}
	}
	return nil
}
