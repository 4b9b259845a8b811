package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// TestForwardEqualsExecutor: what each layer's training code gives, from the
// integers of the layers before, is what the integer executor gives, for every
// kind of layer and method.
func TestForwardEqualsExecutor(t *testing.T) {
	image, vector := quant.Shape{H: 9, W: 8, C: 3}, quant.Vector(30)
	for _, c := range []struct {
		name, layers string
		in           quant.Shape
		outputs      int // 0 with a classifier
	}{
		{"linear", "[20, {linear: {out: 16, norm: false}}, {linear: {out: 12, relu: false}}, " +
			"{linear: {out: 10, act_bits: 1}}]", vector, 0},
		{"autoencoder", "[16, {linear: {out: 8, relu: false}}, 16, 30]", vector, 30},
		{"conv", `
  - conv: {out: 6, kernel: 3, stride: 2, pad: 1}
  - conv: {out: 4, kernel: 3, pad: 2, dilation: 2, norm: false}
  - conv: {out: 6, kernel: 2, groups: 2, relu: false}
  - conv: {out: 6, kernel: 1, stride: 2, groups: 3}
  - conv: {out: 5, kernel: 1, norm: false, relu: false}
  - 7`, image, 0},
		{"depthwise", `
  - depthwise: {kernel: 3, pad: 1}
  - depthwise: {kernel: 3, stride: 2, pad: 1, norm: false}
  - conv: {out: 6, kernel: 1}
  - depthwise: {kernel: 2, pad: 2, dilation: 2, relu: false}
  - depthwise: {kernel: 3, pad: 1, relu: false, norm: false}
  - conv: {out: 4, kernel: 1}`, image, 0},
		{"pools", `
  - maxpool: {kernel: 3, stride: 2, pad: 1}
  - conv: {out: 6, kernel: 3, pad: 1, relu: false}
  - maxpool: {kernel: 2, stride: 1}
  - avgpool: {kernel: 3, stride: 1, pad: 1}
  - conv: {out: 6, kernel: 3, pad: 1}
  - avgpool: {kernel: 2, act_bits: 6}
  - conv: {out: 6, kernel: 1}
  - global_avgpool: {}`, image, 0},
		{"first pool", "[{avgpool: {kernel: 2, act_bits: 8}}, {conv: {out: 6, kernel: 3, pad: 1}}, " +
			"{conv: {out: 6, kernel: 3}}]", image, 0},
		{"joins", `
  - conv: {out: 4, kernel: 3, pad: 1}
  - residual:
      body: [{conv: {out: 4, kernel: 3, pad: 1}}, {depthwise: {kernel: 3, pad: 1, norm: false}}]
  - residual:
      relu: false
      act_bits: 5
      body: [{conv: {out: 8, kernel: 3, stride: 2, pad: 1, relu: true}}]
      shortcut: [{conv: {out: 8, kernel: 1, stride: 2, norm: false}}]
  - concat: {branches: [[], [{depthwise: {kernel: 3, pad: 1}}], [{conv: {out: 3, kernel: 1, relu: false}}]]}
  - upsample: 2
  - conv: {out: 8, kernel: 3, groups: 1}
  - pixel_shuffle: 2
  - conv: {out: 4, kernel: 1}
  - 6`, image, 0},
		{"sides", `
  - conv: {out: 6, kernel: [1, 5], stride: [1, 2], pad: [0, 2]}
  - depthwise: {kernel: [3, 1], pad: [1, 0], stride: [2, 1]}
  - maxpool: {kernel: [1, 2]}
  - conv: {out: 4, kernel: [2, 1], dilation: [2, 1], norm: false}
  - avgpool: {kernel: [3, 1], act_bits: 6}`, image, 0},
		{"transposed", `
  - conv: {out: 6, kernel: 3, stride: 2, pad: 1}
  - conv_transpose: {out: 4, kernel: 4, stride: 2, pad: 1}
  - conv_transpose: {out: 3, kernel: [2, 3], stride: [2, 1], pad: [0, 1], norm: false}
  - conv: {out: 4, kernel: 3, stride: 2}
  - conv_transpose: {out: 5, kernel: 3, relu: false}
  - global_avgpool: {}`, image, 0},
		{"transposed output", "[{conv: {out: 4, kernel: 3, pad: 1}}, {conv_transpose: {out: 5, kernel: 2, stride: 2}}, " +
			"{conv_transpose: {out: 3, kernel: 4, stride: 2, pad: 1}}]", image, 3 * 16 * 72},
		{"super", strings.TrimPrefix(superSpec, "\nlayers:"), image, 4 * 72},
		{"super residual", strings.TrimPrefix(superResidualSpec, "\nlayers:"), image, 12 * 72},
	} {
		for _, m := range []string{"base", "wn", "a2q", "a2q+", "budget\nrule: split", "budget\nrule: shifted",
			"budget\nrule: split\nfirst_acc_bits: 13\nlast_acc_bits: 9",
			"a2q+\nfirst_acc_bits: 14\nlast_acc_bits: 10\ndepthwise_method: a2q+"} {
			t.Run(fmt.Sprintf("%s %q", c.name, m), func(t *testing.T) {
				outputs, classifier := c.outputs, c.outputs == 0
				if classifier {
					outputs = 5
				}
				text := fmt.Sprintf("method: %s\nacc_bits: 10\nlayers: %s\n", m, c.layers)
				checkForward(t, quantised(t, text, c.in, outputs, classifier))
			})
		}
	}
}

func checkForward(t *testing.T, n *net) {
	in := n.input.shape
	data, err := qonnx.Encode(n.export(DefaultSpec(), []int{in.C, in.H, in.W}))
	if err != nil {
		t.Fatal(err)
	}
	network, err := qonnx.Decode("net", data)
	if err != nil {
		t.Fatal(err)
	}
	if err := network.Certify(); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(19, 1))
	e := quant.NewExecutor(network)
	var tr quant.Trace
	x, raw := make([]int32, in.Size()), make([]float32, in.Size())
	for range 6 {
		for i := range raw {
			v := float32(rng.IntN(256)) * inputScale(8)
			y, z, c := i/in.C/in.W, i/in.C%in.W, i%in.C
			n.x[i], raw[(c*in.H+y)*in.W+z] = v, v // the file has channels first
		}
		network.Input.Apply(raw, x)
		e.Run(x, &tr)
		compareNodes(t, n, network, &tr)
	}
}

// compareNodes runs each node of n on the integers in tr that it reads, n.x the
// first, and compares what it gives. Sums of float32 may fall on the other side
// of a tie.
func compareNodes(t *testing.T, n *net, network *quant.Network, tr *quant.Trace) {
	t.Helper()
	scale := map[*tensor]float32{n.input: inputScale(8)}
	for _, node := range n.nodes {
		s := scale[node.in[0].tensor]
		solo(node).evaluate(1)
		quantises := node.act != nil && node.act.q != nil
		if quantises {
			s = node.act.s
		} else if node.w != nil {
			continue // logits
		}
		scale[node.out] = s
		for k, code := range tr.Out[outputOf(t, network, node)] {
			had, tie := int32(math.Round(float64(node.out.v[k]/s))), 1.0
			if quantises {
				c := k % node.act.f
				_, frac := math.Modf(float64(node.pre[k]*node.act.gain[c] + node.act.shift[c]))
				tie = math.Abs(math.Abs(frac) - 0.5)
			}
			if had != code && (tie > nearTie || max(had-code, code-had) > 1) {
				t.Fatalf("layer %q, element %d: %d, training gives %d", node.Name, k, code, had)
			}
			node.out.v[k] = float32(code) * s
		}
	}
}
