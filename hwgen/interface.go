package hwgen

import (
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant"
)

// Interface says how a design is fed and read: what an engineer needs beside the waveform.
type Interface struct {
	Input  Port `json:"input"`
	Output Port `json:"output"`
}

// Port is an AXI4-Stream port of the design: a frame is Elements numbers of ElementBits
// bits, ElementsPerBeat of them in a beat of tdata, the first in the low bits.
type Port struct {
	Name          string `json:"name"`
	TdataBits     int    `json:"tdata_bits"`
	BeatsPerFrame int    `json:"beats_per_frame"`
	// Fields are the parts of a beat, from the low bits on.
	Fields []Field `json:"fields"`
	// Shape of a frame, and the order in which its elements come.
	Shape []int  `json:"shape"`
	Order string `json:"order"`
}

// Field is a part of a beat: Count numbers side by side.
type Field struct {
	Holds  string `json:"holds"`
	Bit    int    `json:"bit"` // where the first begins
	Bits   int    `json:"bits"`
	Count  int    `json:"count"`
	Signed bool   `json:"signed"`
	// Integer q is round(v/Scale + Zero) of a value v, clipped, at an input; it stands for
	// Scale*(q-Zero) at an output. Both are left out where elements differ.
	Scale *float64 `json:"scale,omitempty"`
	Zero  *float64 `json:"zero_point,omitempty"`
}

// Interface describes the ports of the design.
func (d *Design) Interface() Interface {
	n, first := d.Network, d.Layers[0]
	source, sink := d.Streams[0], d.Streams[len(d.Streams)-1]
	in := Field{Holds: "input", Bits: first.Layer.Input.Bits, Count: first.Fold.SIMD, Signed: first.Layer.Input.Signed}
	if scale, zero, ok := n.Input.Affine(); ok {
		in.Scale, in.Zero = &scale, &zero
	}
	i := Interface{
		Input: Port{Name: "s_axis", TdataBits: d.InputBits(), BeatsPerFrame: source.Beats, Fields: []Field{in},
			Shape: shape(n.Input.Shape), Order: order(n.Input.Shape)},
		Output: Port{Name: "m_axis", TdataBits: d.OutputBits(), BeatsPerFrame: sink.Beats, Fields: d.outputFields()},
	}
	// A label has no shape: it is one number and its score.
	if d.Label() == nil {
		last := d.Layers[len(d.Layers)-1].Layer.Shape
		i.Output.Shape, i.Output.Order = shape(last), order(last)
	}
	return i
}

// outputFields are the class and its score, or activations. A single output tells two
// classes apart.
func (d *Design) outputFields() []Field {
	if l := d.Label(); l != nil {
		score := "score, which ranks the classes"
		// One score of two classes is a signed distance from the boundary, not one of a ranking.
		if l.Layer.Out == 1 {
			score = "score, above 0 for class 1, else class 0"
		}
		return []Field{{Holds: "class index", Bits: wholeBytes(l.LabelBits()), Count: 1},
			{Holds: score, Bit: wholeBytes(l.LabelBits()), Bits: wholeBytes(l.ScoreBits()),
				Count: 1, Signed: true}}
	}
	last := d.Layers[len(d.Layers)-1]
	t := last.Layer.Thresholds.Output
	holds := "output"
	if d.Network.OutputSize() == 1 {
		holds = fmt.Sprintf("output, above %d for class 1, else class 0", d.Network.Boundary)
	}
	f := Field{Holds: holds, Bits: t.Bits, Count: last.Fold.PE, Signed: t.Signed}
	if scale, zero, ok := outputScale(d.Network, t, last.Layer.Out); ok {
		f.Scale, f.Zero = &scale, &zero
	}
	return []Field{f}
}

// outputScale returns what the integers of the last layer stand for, where that is
// scale*(q-zero) for every channel.
func outputScale(n *quant.Network, t quant.DataType, channels int) (scale, zero float64, ok bool) {
	if n.Dequantize == nil {
		return 0, 0, false
	}
	real := func(c int, q int64) float64 { return n.Dequantize(c, q) }
	// Two points give a straight line; the others below must lie on it, the ends of the type
	// among them, where an error of the slope is largest.
	scale = real(0, 1) - real(0, 0)
	if scale == 0 {
		return 0, 0, false
	}
	zero = -real(0, 0) / scale
	for c := range channels {
		for _, q := range []int64{t.Min(), 0, 1, t.Max()} {
			// 1e-9: far above the rounding of float64, far below a step of any quantiser.
			if want, got := scale*(float64(q)-zero), real(c, q); math.Abs(got-want) > 1e-9*(math.Abs(want)+math.Abs(scale)) {
				return 0, 0, false
			}
		}
	}
	return scale, zero, true
}

// shape leaves the spatial dimensions out where there are none: (C), else (H, W, C) as streams go.
func shape(s quant.Shape) []int {
	if s.H*s.W == 1 {
		return []int{s.C}
	}
	return []int{s.H, s.W, s.C}
}

// order says how the numbers of a frame follow each other. Channels together (NHWC), as FINN's
// streams have them: a pixel is a vector for the next layer.
func order(s quant.Shape) string {
	if s.H*s.W == 1 {
		return "element 0 first"
	}
	return "row by row, pixel by pixel, the channels of a pixel together"
}

// Lines describes the port in words, a line each.
func (p Port) Lines() []string {
	lines := []string{fmt.Sprintf("`%s_tdata`: %d bits, %s per frame, `tlast` on the last.", p.Name, p.TdataBits,
		count(p.BeatsPerFrame, "beat"))}
	for _, f := range p.Fields {
		lines = append(lines, f.line())
	}
	if p.Order != "" {
		lines = append(lines, fmt.Sprintf("A frame has the shape %v: %s.", p.Shape, p.Order))
	}
	return lines
}

func (f Field) line() string {
	sign, each := "unsigned", ""
	if f.Signed {
		sign = "signed"
	}
	if f.Count > 1 {
		each = " each, the first in the low bits"
	}
	text := fmt.Sprintf("From bit %d on: %s, %s%s.", f.Bit, count(f.Count, f.Holds), count(f.Bits, "bit")+" "+sign,
		each)
	if f.Scale != nil {
		text += fmt.Sprintf(" Integer q and value v: q = round(v / %.9g + %.9g), v = %.9g * (q - %.9g).", *f.Scale,
			*f.Zero, *f.Scale, *f.Zero)
	}
	return text
}
