package qonnx

import (
	"fmt"
	"slices"
)

func moveNode(n *node, in []*array) *array {
	x := in[0]
	switch n.op {
	case "Flatten":
		axis := int(n.int("axis", 1))
		return &array{[]int{product(x.shape[:axis]), product(x.shape[axis:])}, x.data}
	case "Reshape":
		shape := make([]int, len(in[1].data))
		for i, v := range in[1].data {
			shape[i] = int(v)
		}
		if hole := slices.Index(shape, -1); hole >= 0 {
			shape[hole] = -len(x.data) / product(shape)
		}
		return &array{shape, x.data}
	case "Transpose":
		return transposeArray(x, intsOf(n, "perm"))
	case "Expand":
		return elementwise(func(v []float64) float64 { return v[0] }, x, newArray(ints(in[1].data)...))
	case "Slice":
		first, last, axis, stride := int(in[1].data[0]), int(in[2].data[0]), int(in[3].data[0]), int(in[4].data[0])
		var picks []int
		for p := first; p != max(last, -1); p += stride { // ends before the beginning mean all
			picks = append(picks, p)
		}
		return gathered(x, axis, picks)
	case "Gather":
		return gathered(x, int(n.int("axis", 0)), ints(in[1].data))
	case "Concat":
		return concatNode(int(n.int("axis", 0)), in)
	case "Resize", "Upsample":
		f := resizeFactors(n, in)
		return newArray(x.shape[0]*f[0], x.shape[1]*f[1], x.shape[2]*f[2],
			x.shape[3]*f[3]).fill(func(at []int) float64 {
			return x.get(at[0]/f[0], at[1]/f[1], at[2]/f[2], at[3]/f[3])
		})
	case "DepthToSpace":
		b := int(n.int("blocksize", 0))
		c := x.shape[1] / (b * b)
		return newArray(1, c, x.shape[2]*b, x.shape[3]*b).fill(func(at []int) float64 {
			phase := at[2]%b*b + at[3]%b
			if n.string("mode", "DCR") == "CRD" {
				return x.get(0, at[1]*b*b+phase, at[2]/b, at[3]/b)
			}
			return x.get(0, phase*c+at[1], at[2]/b, at[3]/b)
		})
	case "Pad":
		p := ints(in[1].data)
		return newArray(x.shape[0], x.shape[1], x.shape[2]+p[2]+p[6],
			x.shape[3]+p[3]+p[7]).fill(func(at []int) float64 {
			return x.get(at[0], at[1], at[2]-p[2], at[3]-p[3])
		})
	}
	panic(fmt.Sprintf("the oracle does not know %s", n.op))
}

// gathered returns the elements of x at some positions of an axis.
func gathered(x *array, axis int, picks []int) *array {
	shape := slices.Clone(x.shape)
	shape[axis] = len(picks)
	return newArray(shape...).fill(func(at []int) float64 {
		at = slices.Clone(at)
		at[axis] = picks[at[axis]]
		return x.get(at...)
	})
}

// splitNode sets all outputs of a Split.
func splitNode(n *node, in []*array, values map[string]*array) {
	axis, first := int(n.int("axis", 0)), 0
	for i, size := range ints(in[1].data) {
		var picks []int
		for p := range size {
			picks = append(picks, first+p)
		}
		values[n.out[i]] = gathered(in[0], axis, picks)
		first += size
	}
}

// resizeFactors reads the last input: the scales or, where it is the fourth, the
// sizes of the axes that the node names.
func resizeFactors(n *node, in []*array) []int {
	f := []int{1, 1, 1, 1}
	for i, axis := range intsOf(n, "axes", 0, 1, 2, 3) {
		if axis < 0 {
			axis += 4
		}
		f[axis] = int(in[len(in)-1].data[i])
		if len(in) == 4 {
			f[axis] /= in[0].shape[axis]
		}
	}
	return f
}

func ints(v []float64) []int {
	out := make([]int, len(v))
	for i := range v {
		out[i] = int(v[i])
	}
	return out
}

func concatNode(axis int, in []*array) *array {
	shape := slices.Clone(in[0].shape)
	if axis < 0 {
		axis += len(shape)
	}
	for _, a := range in[1:] {
		shape[axis] += a.shape[axis]
	}
	return newArray(shape...).fill(func(at []int) float64 {
		at = slices.Clone(at)
		for _, a := range in {
			if at[axis] < a.shape[axis] {
				return a.get(at...)
			}
			at[axis] -= a.shape[axis]
		}
		panic("out of range")
	})
}
