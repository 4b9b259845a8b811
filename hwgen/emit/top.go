package emit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
)

// Top is what the templates top.v, bench.v and README.md are filled in with.
type Top struct {
	Module, Title string
	Version, Hash string
	// Network is the file of the network.
	Network string
	// Summary lines of the header: layers, cycles, rates.
	Summary []string
	// Sources and Sinks are the ports of the design, SourceBits all bits of tdata of the former.
	Sources, Sinks []TopPort
	SourceBits     int
	// Instances are the blocks, each behind those that feed it.
	Instances []Instance
	// Probes are the streams that the bench shows.
	Probes []Probe
}

// TopPort is a port of the top module.
type TopPort struct {
	// Name is the prefix of its signals, Doc says in a line what a beat is, Lines in several.
	Name, Doc string
	Lines     []string
	// TdataBits is the width of tdata, whole bytes. In the bench it begins at bit Offset of those
	// of all sources.
	TdataBits, Offset int
	// Beats of a frame.
	Beats int
	// Stream is the stream that it feeds or empties, Bits its width. Padded says that tdata is
	// wider.
	Stream string
	Bits   int
	Padded bool
	// Fields are the parts of a beat, the highest first.
	Fields []TopField
}

// TopField is bits High..Low of a stream's data with Pad copies of the sign, or of 0, above.
type TopField struct {
	Stream         string
	High, Low, Pad int
	Signed         bool
}

// Instance is a block in the top module.
type Instance struct {
	Name, Module string
	Comment      []string // lines
	Parameters   []hwgen.Parameter
	In, Out      []hwgen.Stream
}

// S joins a signal (valid, ready or data) of the streams that the block reads, M of those that
// it feeds, as the module's port takes them: the first in the low bits.
func (i Instance) S(signal string) string { return joined(i.In, signal) }

// M implements what S says.
func (i Instance) M(signal string) string { return joined(i.Out, signal) }

func joined(streams []hwgen.Stream, signal string) string {
	var names []string
	// Verilog's concatenations have the high bits first.
	for _, s := range slices.Backward(streams) {
		names = append(names, s.Name+"_"+signal)
	}
	// Braces around one name would be legal, and noise in nearly every instance.
	if len(names) == 1 {
		return names[0]
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// Probe is a stream that the bench shows, of Bits bits of data. Valid, Ready and Data are its
// signals as the bench names them.
type Probe struct {
	Name               string
	Bits               int
	Valid, Ready, Data string
}

// Probes returns the streams that the bench shows, in the order of Design.Streams, and after
// them the sinks, as the design's user sees them: tdata, and tlast above it.
func Probes(d *hwgen.Design) []Probe {
	var probes []Probe
	// Hierarchical names: the design needs no port for what only simulations look at.
	for _, s := range d.Streams {
		// Named by the writer's wires, which the top module declares one by one.
		signal := "u_dut." + s.Name
		probes = append(probes, Probe{s.Name, s.Bits, signal + "_valid", signal + "_ready", signal + "_data"})
	}
	for i, p := range d.Sinks {
		probes = append(probes, Probe{p.Name, d.Streams[p.Stream].Content.PortBits() + 1, p.Name + "_tvalid",
			fmt.Sprintf("m_axis_tready[%d]", i), fmt.Sprintf("{%s_tlast, %[1]s_tdata}", p.Name)})
	}
	return probes
}

// newTop describes d to the templates.
func newTop(d *hwgen.Design) *Top {
	t := &Top{Module: d.Name, Title: title(d), Network: networkFile, Version: d.Version, Hash: d.Hash,
		Summary: summary(d), Probes: Probes(d)}
	// README and manifest describe the ports from one source, so they cannot differ.
	ends := NewInterface(d)
	for i, p := range d.Sources {
		port := topPort(p, d.Streams[p.Stream], ends.Inputs[i])
		port.Offset, t.SourceBits = t.SourceBits, t.SourceBits+port.TdataBits
		t.Sources = append(t.Sources, port)
	}
	for i, p := range d.Sinks {
		t.Sinks = append(t.Sinks, topPort(p, d.Streams[p.Stream], ends.Outputs[i]))
	}
	for _, n := range d.Nodes {
		t.Instances = append(t.Instances, Instance{Name: n.Name(), Module: n.Module(), Comment: n.Comment(),
			Parameters: n.Parameters(), In: d.StreamsAt(n.In), Out: d.StreamsAt(n.Out)})
	}
	return t
}

// topPort describes a port of a stream.
func topPort(p hwgen.Port, s hwgen.Stream, described Port) TopPort {
	t := TopPort{Name: p.Name, Lines: described.Lines(), TdataBits: described.TdataBits, Beats: s.Beats,
		Stream: s.Name, Bits: s.Bits, Padded: described.TdataBits > s.Bits}
	// A line, for the comment beside the port.
	t.Doc = fmt.Sprintf("%s; %s per frame, tlast on the last.", described.brief(), hwgen.Count(s.Beats, "beat"))
	// In the stream parts lie bit by bit; in tdata each of several begins at a whole byte.
	at := 0
	for _, part := range s.Content {
		width := part.Lanes * part.Bits
		f := TopField{Stream: s.Name, Low: at, High: at + width - 1, Pad: hwgen.WholeBytes(width) - width,
			// Activations side by side have no room for a sign each: a beat of one part ends in zeros.
			Signed: part.Signed && len(s.Content) > 1}
		at += width
		// The highest first, as a concatenation has them.
		t.Fields = append([]TopField{f}, t.Fields...)
	}
	return t
}

// title gives the sizes of the layers with weights, such as 784-64-10.
func title(d *hwgen.Design) string {
	sizes := []string{fmt.Sprint(d.Network.InputSize())}
	for _, lp := range d.Layers {
		// Sums have the sizes of their operands: a title of all layers would tell nothing more.
		if lp.Layer.Kind.Weighted() {
			sizes = append(sizes, fmt.Sprint(lp.Layer.Out))
		}
	}
	return "streaming accelerator of the network " + strings.Join(sizes, "-") + "."
}

func summary(d *hwgen.Design) []string {
	var lines []string
	for i, lp := range d.Layers {
		l, f := lp.Layer, lp.Fold
		// P beside what is needed: an unsafe or a generous width shows in the header.
		needs := fmt.Sprintf("needs %d", lp.NeededBits)
		if lp.Shifted() {
			needs += ", shifted"
		}
		what := fmt.Sprintf("%d x %d, M = %d, N = %d", l.In, l.Out, l.WeightBits, l.Input.Bits)
		// There is no matrix and no M.
		if !l.Kind.Weighted() {
			what = fmt.Sprintf("%s of %s x %d, N = %d", l.Kind, hwgen.Count(l.In, "operand"), l.Out, l.Input.Bits)
		}
		fold := fmt.Sprintf("PE = %d, SIMD = %d", f.PE, f.SIMD)
		if f.Lanes > 0 {
			fold = fmt.Sprintf("PE = %d of %s", f.PE, hwgen.Count(f.Lanes, "lane"))
		}
		lines = append(lines, fmt.Sprintf("  %s: %s, P = %d (%s); %s: %s, %s", l.Name, what, lp.AccBits, needs,
			f.Unit, fold, hwgen.Count(d.LayerCycles(i), "cycle")))
	}
	return append(lines, fmt.Sprintf("One frame every %s; %s from its first input beat to its result.",
		hwgen.Count(d.IntervalCycles(), "cycle"), hwgen.Count(d.LatencyCycles(), "cycle")))
}
