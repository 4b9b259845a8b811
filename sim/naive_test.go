package sim

import "github.com/a2qgen/a2qgen/quant"

// naive evaluates a network of linear layers and sums the long way: by the definition, and
// outputs by counting thresholds. It shares nothing with quant.Executor.
func naive(n *quant.Network, x []int32) (acc [][]int64, out [][]int64) {
	input := make([]int64, len(x))
	for i, v := range x {
		input[i] = int64(v)
	}
	for i := range n.Layers {
		l := &n.Layers[i]
		var in [][]int64
		for _, from := range reads(l, i) {
			if from == quant.Source {
				in = append(in, input)
			} else {
				in = append(in, out[from])
			}
		}
		acc, out = append(acc, make([]int64, l.Out)), append(out, make([]int64, l.Out))
		for row := range l.Out {
			acc[i][row] = naiveSum(l, in, row)
			out[i][row] = acc[i][row]
			if l.Thresholds != nil {
				out[i][row] = naiveOutput(l.Thresholds, row, acc[i][row])
			}
		}
	}
	return acc, out
}

// reads returns what layer i reads.
func reads(l *quant.Layer, i int) []int {
	if l.From == nil {
		return []int{i - 1} // of the first layer quant.Source
	}
	return l.From
}

func naiveSum(l *quant.Layer, in [][]int64, row int) (sum int64) {
	if l.Start != nil {
		sum = l.Start[row]
	}
	if l.Kind == quant.Add {
		for k := range in {
			factor := int64(1)
			if l.Factors != nil {
				factor = l.Factors[k]
			}
			sum += factor * in[k][row]
		}
		return sum
	}
	for col, v := range in[0] {
		sum += int64(l.Weights[row*l.In+col]) * v
	}
	return sum
}

func naiveOutput(t *quant.Thresholds, row int, acc int64) int64 {
	above := int64(0)
	for _, v := range t.Channel(row) {
		above += int64(bit(acc > v))
	}
	if t.Inverted != nil && t.Inverted[row] {
		return t.Output.Max() - above
	}
	return t.Output.Min() + above
}
