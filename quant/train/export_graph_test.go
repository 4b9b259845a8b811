package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// exact is the quantised forward pass of one sample in float64, as the
// definitions have it: direct loops over integer weights and codes times their
// scales, none of the code that trains.
type exact struct {
	n      *net
	values [][]float64 // of each node, channels last
	scale  []float64   // of each node's codes; 0 where there are none
}

// run evaluates the sample x of input codes.
func (e *exact) run(x []uint8, scale float64) {
	e.values, e.scale = nil, nil
	input := make([]float64, len(x))
	for i, c := range x {
		input[i] = float64(c) * scale
	}
	for _, node := range e.n.nodes {
		var in [][]float64
		s := scale
		for _, from := range node.From {
			if from == quant.Source {
				in = append(in, input)
			} else {
				in, s = append(in, e.values[from]), e.scale[from]
			}
		}
		v := e.compute(node, in)
		e.follow(node, v)
		switch {
		case node.act != nil && node.act.q != nil:
			s = float64(node.act.q.scale())
		case node.Kind.Weighted():
			s = 0
		}
		e.values, e.scale = append(e.values, v), append(e.scale, s)
	}
}

// compute is the node's operation.
func (e *exact) compute(node *node, in [][]float64) []float64 {
	from, to := node.in[0].shape, node.step.out
	y := make([]float64, to.Size())
	switch node.Kind {
	case quant.Linear:
		for c := range to.C {
			for i, x := range in[0] {
				y[c] += weight64(node, c, i) * x
			}
		}
	case quant.Conv, quant.AvgPool, quant.MaxPool:
		e.slide(node, in[0], y)
	case quant.ConvTranspose:
		e.spread(node, in[0], y)
	case quant.Add:
		for _, x := range in {
			for i, v := range x {
				y[i] += v
			}
		}
	case quant.Concat:
		at := 0
		for k, x := range in {
			c := node.in[k].shape.C
			for i, v := range x {
				y[i/c*to.C+at+i%c] = v
			}
			at += c
		}
	case quant.Upsample, quant.PixelShuffle:
		f := node.Factor
		for i := range y {
			py, px, c := i/to.C/to.W, i/to.C%to.W, i%to.C
			if node.Kind == quant.PixelShuffle {
				c = c*f*f + py%f*f + px%f
			}
			y[i] = in[0][(py/f*from.W+px/f)*from.C+c]
		}
	case quant.Requantize:
		copy(y, in[0])
	}
	return y
}

func (e *exact) slide(node *node, x, y []float64) {
	from, to, w := node.in[0].shape, node.step.out, node.Window.Normal()
	for i := range y {
		py, px, c := i/to.C/to.W, i/to.C%to.W, i%to.C
		first := true
		for tap := range w.Taps() {
			iy, ix := py*w.StrideH-w.Top+tap/w.W*w.DilationH, px*w.StrideW-w.Left+tap%w.W*w.DilationW
			if iy < 0 || iy >= from.H || ix < 0 || ix >= from.W {
				continue
			}
			row := x[(iy*from.W+ix)*from.C:]
			switch node.Kind {
			case quant.AvgPool:
				y[i] += row[c] / float64(w.Taps())
			case quant.MaxPool:
				if first || row[c] > y[i] {
					y[i] = row[c]
				}
				first = false
			default:
				width := from.C / node.Groups
				group := c / (to.C / node.Groups)
				for k := range width {
					y[i] += weight64(node, c, tap*width+k) * row[group*width+k]
				}
			}
		}
	}
}

// spread is a transposed convolution by its definition (ONNX, ConvTranspose): each input
// gives each tap of the kernel to the output stride*i + k - pad. Row (channel, phase) has tap
// t of the input that lies at the t-th place of those that reach the phase, from the lowest.
func (e *exact) spread(node *node, x, y []float64) {
	from, to, w := node.in[0].shape, node.step.out, node.Window.Normal()
	for i := range from.Positions() {
		for k := range w.Taps() {
			oy, ox := i/from.W*w.StrideH+k/w.W-w.Top, i%from.W*w.StrideW+k%w.W-w.Left
			if oy < 0 || oy >= to.H || ox < 0 || ox >= to.W {
				continue
			}
			phase := oy%w.StrideH*w.StrideW + ox%w.StrideW
			down, across := (w.H-1-k/w.W)/w.StrideH, (w.W-1-k%w.W)/w.StrideW
			tap := down*(w.W/w.StrideW) + across
			for c := range to.C {
				for ci := range from.C {
					y[(oy*to.W+ox)*to.C+c] += weight64(node, c*w.Phases()+phase, tap*from.C+ci) * x[i*from.C+ci]
				}
			}
		}
	}
}

// weight64 returns s*q of a weight.
func weight64(node *node, c, k int) float64 {
	w := node.w.parameters()
	i := c*w.k + k
	s := float64(quant.Scale(w.q.d.v[w.q.scaleOf(i/w.q.k)]))
	return math.Round(float64(w.q.wq[i])/s) * s
}

// follow applies bias, batch norm, ReLU and quantiser.
func (e *exact) follow(node *node, v []float64) {
	for i := range v {
		c := i % node.step.out.C
		if node.bias {
			v[i] += float64(node.w.parameters().b.v[c])
		}
		if b := node.norm; b != nil {
			v[i] = (v[i]-float64(b.mean[c]))/
				math.Sqrt(float64(b.variance[c])+float64(float32(normEpsilon)))*
				float64(b.gamma.v[c]) + float64(b.beta.v[c])
		}
		if node.Relu {
			v[i] = max(v[i], 0)
		}
		if node.act != nil && node.act.q != nil {
			q := node.act.q
			s := float64(q.scale())
			v[i] = min(max(math.RoundToEven(v[i]/s), float64(q.lo)), float64(q.hi)) * s
		}
	}
}

// quantised returns a network in QAT with weights, statistics and scales that
// a training run could have left.
func quantised(t *testing.T, text string, in quant.Shape, outputs int, classifier bool) *net {
	t.Helper()
	s, err := ParseSpec([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s.Batch = 8
	rng := rand.New(rand.NewPCG(8, 1))
	n, err := newNet(s, in, false, outputs, classifier, rng)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n.x {
		n.x[i] = rng.Float32()
	}
	for _, node := range n.nodes {
		if b := node.norm; b != nil {
			copy(b.gamma.v, randoms(rng, b.f)) // of either sign
			copy(b.beta.v, randoms(rng, b.f))
		}
	}
	n.forward(s.Batch, 1)
	top := make([]float32, len(n.acts))
	for i := range top {
		top[i] = 1 + rng.Float32()
	}
	n.quantise(top)
	n.prepare()
	n.forward(s.Batch, 1) // statistics of the quantised network
	return n
}

// superSpec is a small ESPCN: the output is shuffled to twice the size.
const superSpec = `
layers:
  - conv: {out: 6, kernel: 5, pad: 2}
  - conv: {out: 8, kernel: 3, pad: 1}
  - conv: {out: 4, kernel: 3, pad: 1}
  - pixel_shuffle: 2
`

// superResidualSpec adds what it learned to the enlarged image, without batch norm.
const superResidualSpec = `
layers:
  - residual:
      body:
        - conv: {out: 6, kernel: 5, pad: 2, norm: false}
        - conv: {out: 8, kernel: 3, pad: 1, norm: false}
        - conv: {out: 12, kernel: 3, pad: 1, norm: false}
        - pixel_shuffle: 2
      shortcut:
        - upsample: 2
`

// transposedSpec has strides that differ, phases of one tap and of several, pads that reach
// beyond a phase's window, and an output that is no multiple of its stride.
const transposedSpec = `
layers:
  - conv: {out: 6, kernel: [1, 5], pad: [0, 2], stride: [1, 2]}
  - conv_transpose: {out: 4, kernel: 4, stride: 2, pad: 1}
  - conv_transpose: {out: 5, kernel: [2, 3], stride: [2, 1], pad: [0, 1], relu: false}
  - conv_transpose: {out: 3, kernel: [2, 6], stride: [2, 3], pad: [0, 4], norm: false}
  - depthwise: {kernel: [3, 1], pad: [1, 0]}
  - 6
`

// autoencoderSpec ends in a transposed convolution.
const autoencoderSpec = `
layers:
  - conv: {out: 6, kernel: 4, stride: 2, pad: 1}
  - conv_transpose: {out: 1, kernel: 4, stride: 4}
`

// TestGraphExport: each network's quantised forward pass in float64 and the
// integer network read back from its file give the same integers for every
// layer, and the same label.
func TestGraphExport(t *testing.T) {
	for _, c := range []struct {
		name, layers string
		classifier   bool
	}{{"graph", graphSpec, true}, {"cnn", refCNN, true}, {"super", superSpec, false},
		{"super residual", superResidualSpec, false}, {"transposed", transposedSpec, true},
		{"autoencoder", autoencoderSpec, false}} {
		for _, method := range []quant.Method{quant.Base, quant.WN, quant.A2Q, quant.A2QPlus, quant.Budget, quant.DQ} {
			for _, rule := range []quant.Rule{quant.Split, quant.Shifted} {
				if rule == quant.Split && !method.Ruled() {
					continue
				}
				t.Run(fmt.Sprint(c.name, " ", method, " ", rule), func(t *testing.T) {
					in, outputs := quant.Shape{H: 8, W: 8, C: 3}, 5
					if !c.classifier {
						outputs = 4 * 64
					}
					if c.layers == superResidualSpec {
						outputs *= in.C
					}
					text := fmt.Sprintf("method: %s\nrule: %s\nacc_bits: 12\n%s", method, rule, c.layers)
					checkExport(t, quantised(t, text, in, outputs, c.classifier))
				})
			}
		}
	}
}

func checkExport(t *testing.T, n *net) {
	s := DefaultSpec()
	path := filepath.Join(t.TempDir(), "net.onnx")
	in := n.input.shape
	if err := qonnx.Write(path, n.export(s, []int{in.C, in.H, in.W})); err != nil {
		t.Fatal(err)
	}
	network, err := qonnx.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0 // phases of transposed convolutions, put side by side
	for _, node := range n.nodes {
		moved += outputOf(t, network, node) - layerOf(t, network, node)
	}
	if len(network.Layers) != len(n.nodes)+moved {
		t.Fatalf("%d layers, want %d and %d that move phases", len(network.Layers), len(n.nodes), moved)
	}
	for _, node := range n.nodes {
		l := &network.Layers[layerOf(t, network, node)]
		if node.w == nil {
			continue
		}
		if want := node.step.quantiser.AccBits; l.AccBits != want {
			t.Errorf("layer %q: accumulator of %d bits, want %d", l.Name, l.AccBits, want)
		} else if want > 0 {
			if err := l.Certify(want); err != nil {
				t.Error(err)
			}
		}
	}
	rng := rand.New(rand.NewPCG(9, 1))
	e := quant.NewExecutor(network)
	for range 8 {
		compareExact(t, n, e, rng)
	}
}

// layerOf returns the layer of a node's name: a file may have another order.
func layerOf(t *testing.T, network *quant.Network, node *node) int {
	t.Helper()
	for i := range network.Layers {
		if network.Layers[i].Name == node.Name {
			return i
		}
	}

	t.Fatalf("the file has no layer %q", node.Name)
	return 0
}

// outputOf returns the layer that gives what the node does: behind the phases of a transposed
// convolution the last of those that put them side by side.
func outputOf(t *testing.T, network *quant.Network, node *node) int {
	t.Helper()
	at := layerOf(t, network, node)
	for i := at + 1; node.Kind == quant.ConvTranspose && i < len(network.Layers); i++ {
		if l := &network.Layers[i]; l.From[0] == at && l.Kind.Moves() {
			at = i
		}
	}
	return at
}

// compareExact runs a random sample through both.
func compareExact(t *testing.T, n *net, e *quant.Executor, rng *rand.Rand) {
	t.Helper()
	in := n.input.shape
	codes, raw := make([]uint8, in.Size()), make([]float32, in.Size())
	for i := range codes {
		codes[i] = uint8(rng.IntN(256))
		y, x, c := i/in.C/in.W, i/in.C%in.W, i%in.C
		raw[(c*in.H+y)*in.W+x] = float32(codes[i]) * inputScale(8) // channels first
	}
	x := make([]int32, len(raw))
	e.Network().Input.Apply(raw, x)
	var tr quant.Trace
	e.Run(x, &tr)
	want := exact{n: n}
	want.run(codes, float64(inputScale(8)))
	for i, node := range n.nodes {
		if want.scale[i] == 0 {
			continue
		}
		out := tr.Out[outputOf(t, e.Network(), node)]
		for k, v := range want.values[i] {
			if code := int32(math.Round(v / want.scale[i])); out[k] != code {
				t.Fatalf("layer %q, element %d: %d, want %d", node.Name, k, out[k], code)
			}
		}
	}
	logits := want.values[len(n.nodes)-1]
	best := 0
	for c, v := range logits {
		if v > logits[best] {
			best = c
		}
	}
	if best != tr.Label[0] {
		t.Fatalf("label %d, want %d", tr.Label[0], best)
	}
}
