package emit

import (
	"fmt"
	"math"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// Interface says how a design is fed and read: what an engineer needs beside the waveform.
type Interface struct {
	Inputs  []Port `json:"inputs"`
	Outputs []Port `json:"outputs"`
}

// Port is an AXI4-Stream port of the design: a frame is Elements numbers of ElementBits
// bits, ElementsPerBeat of them in a beat of tdata, the first in the low bits.
type Port struct {
	Name string `json:"name"`
	// Output is the graph's output that leaves here, and LatencyCycles the design's latency to
	// its last beat; neither is there where there is one output.
	Output        string `json:"output,omitempty"`
	LatencyCycles int    `json:"latency_cycles,omitempty"`
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

// NewInterface describes the ports of d.
func NewInterface(d *hwgen.Design) Interface {
	var all Interface
	// In the order of the design's ports, which is that of the top module's.
	for _, p := range d.Sources {
		in := newPort(d.Network, nil, p.Name, d.Streams[p.Stream])
		// Bits in place of -1 and +1 look like any others.
		if f := &in.Fields[0]; d.Given != nil && d.Given.Input.Type.Bipolar && f.Bits == 1 {
			f.Holds += ", 0 for -1 and 1 for +1"
		}
		all.Inputs = append(all.Inputs, in)
	}
	for i, p := range d.Sinks {
		o := outputAt(d, i)
		out := newPort(d.Network, o, p.Name, d.Streams[p.Stream])
		if o != nil && len(d.Sinks) > 1 {
			out.Output, out.LatencyCycles = o.Name, d.OutputLatency(i)
		}
		all.Outputs = append(all.Outputs, out)
	}
	return all
}

// outputAt returns the output of the network at sink i; nil where benches of single blocks, or of
// layers, have other activations there.
func outputAt(d *hwgen.Design, i int) *quant.Output {
	part := d.Sink(i).Content[0]
	for k := range d.Network.Outputs {
		// In their order, as a plan makes them: two may show one layer.
		if len(d.Sinks) == len(d.Network.Outputs) && k != i {
			continue
		}
		if d.Network.OutputLayer(k).Name == part.Layer {
			return &d.Network.Outputs[k]
		}
	}
	return nil
}

// newPort describes the port of a stream, by its content. o is the output of n there, or nil.
func newPort(n *quant.Network, o *quant.Output, name string, s hwgen.Stream) Port {
	// From the content alone: what a port carries is said once, in the design.
	p := Port{Name: name, TdataBits: s.Content.PortBits(), BeatsPerFrame: s.Beats}
	at := 0
	for _, part := range s.Content {
		f := Field{Holds: part.Holds, Bit: at, Bits: part.Bits, Count: part.Lanes, Signed: part.Signed}
		// A label and its score are read by software, byte by byte; numbers of one kind stay packed.
		if len(s.Content) > 1 { // each fills whole bytes
			f.Bits = hwgen.WholeBytes(part.Bits)
		}
		at += f.Bits * f.Count
		p.describe(n, o, part, &f)
		p.Fields = append(p.Fields, f)
	}
	return p
}

// describe says what the numbers of a part stand for: samples, the class and its score, or
// activations; and what an output of one element means, which tells two classes apart.
func (p *Port) describe(n *quant.Network, o *quant.Output, part hwgen.Part, f *Field) {
	switch {
	case part.Holds == hwgen.HoldsInputs:
		f.Holds = "input"
		if scale, zero, ok := n.Input.Affine(); ok {
			f.Scale, f.Zero = &scale, &zero
		}
		p.Shape, p.Order = shape(n.Input.Shape), order(n.Input.Shape)
	// Activations of a layer within, as benches of single blocks have them: their scale is not known.
	case o != nil:
		p.describeOutput(o, &n.Layers[o.Layer], part, f)
	}
}

// describeOutput is describe of an output, which shows layer last.
func (p *Port) describeOutput(o *quant.Output, last *quant.Layer, part hwgen.Part, f *Field) {
	switch part.Holds {
	// Neither is a number to be scaled: a score only ranks (docs/architecture.md).
	case hwgen.HoldsLabel:
		f.Holds = "class index"
		if s := last.Shape; s.Positions() > 1 {
			p.Shape, p.Order = []int{s.H, s.W}, "row by row, a class index and its score for each position"
		}
	case hwgen.HoldsScore:
		f.Holds = "score, which ranks the classes"
		// One score of two classes is a signed distance from the boundary, not one of a ranking.
		if last.Out == 1 {
			f.Holds = "score, above 0 for class 1, else class 0"
		}
	case hwgen.HoldsOutputs, hwgen.HoldsAccumulators:
		f.Holds = "output"
		if last.Shape.Size() == 1 {
			f.Holds = fmt.Sprintf("output, above %d for class 1, else class 0", o.Boundary)
		}
		if scale, zero, ok := outputScale(o.Dequantize, last.Output(), last.Out); ok {
			f.Scale, f.Zero = &scale, &zero
		}
		// A label has no shape: it is one number and its score.
		p.Shape, p.Order = shape(last.Shape), order(last.Shape)
	}
}

// outputScale returns what the integers of an output stand for, where that is
// scale*(q-zero) for every channel. real says it, or is nil where it is not known.
func outputScale(real func(c int, q int64) float64, t quant.DataType, channels int) (scale, zero float64, ok bool) {
	if real == nil {
		return 0, 0, false
	}
	// What the integers stand for is a function; only where it is one straight line for all
	// channels is there a scale to write down.
	// Two points give a straight line; the others below must lie on it, the ends of the type
	// among them, where an error of the slope is largest.
	scale = real(0, 1) - real(0, 0)
	if scale == 0 {
		return 0, 0, false
	}
	zero = 0 - real(0, 0)/scale // not -0, where that is what it is
	for c := range channels {
		for _, q := range []int64{t.Min(), 0, 1, t.Max()} {
			// 1e-9: far above the rounding of float64, far below a step of any quantiser.
			want, got := scale*(float64(q)-zero), real(c, q)
			if math.Abs(got-want) > 1e-9*(math.Abs(want)+math.Abs(scale)) {
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
		hwgen.Count(p.BeatsPerFrame, "beat"))}
	if p.Output != "" {
		lines = append(lines, fmt.Sprintf("It is the graph's output %q, %s behind the first beat of the input.",
			p.Output, hwgen.Count(p.LatencyCycles, "cycle")))
	}
	for _, f := range p.Fields {
		lines = append(lines, f.line())
	}
	if p.Order != "" {
		lines = append(lines, fmt.Sprintf("A frame has the shape %v: %s.", p.Shape, p.Order))
	}
	return lines
}

// brief says in a line what a beat is.
func (p Port) brief() string {
	var parts []string
	for _, f := range p.Fields {
		// What is behind a comma says what it means, which README and manifest tell in full.
		what, _, _ := strings.Cut(f.Holds, ",")
		parts = append(parts, fmt.Sprintf("%s in bits %d:%d", hwgen.Count(f.Count, what),
			f.Bit+f.Count*f.Bits-1, f.Bit))
	}
	return strings.Join(parts, ", ")
}

func (f Field) line() string {
	// Always said: a reader of hexadecimal digits cannot tell.
	sign, each := "unsigned", ""
	if f.Signed {
		sign = "signed"
	}
	if f.Count > 1 {
		each = " each, the first in the low bits"
	}
	text := fmt.Sprintf("From bit %d on: %s, %s%s.", f.Bit, hwgen.Count(f.Count, f.Holds),
		hwgen.Count(f.Bits, "bit")+" "+sign, each)
	if f.Scale != nil {
		text += fmt.Sprintf(" Integer q and value v: q = round(v / %.9g + %.9g), v = %.9g * (q - %.9g).", *f.Scale,
			*f.Zero, *f.Scale, *f.Zero)
	}
	return text
}
