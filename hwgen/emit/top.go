package emit

import (
	"fmt"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
)

// Top is what the templates top.v and bench.v are filled in with.
type Top struct {
	Module, Title string
	Version, Hash string
	// Network is the file of the network.
	Network string
	// Ports describes both ends of the design, a list of lines each.
	Ports [][]string
	// Summary lines of the header: layers, cycles, rates.
	Summary []string
	// InputDoc and OutputDoc describe a beat at either end.
	InputDoc, OutputDoc string
	// InputBits and OutputBits are the tdata widths, whole bytes.
	InputBits, OutputBits int
	// InputBeats and OutputBeats are the beats of a frame.
	InputBeats, OutputBeats int
	// Streams are the inner streams; Source is the first and Sink the last of them.
	Streams []hwgen.Stream
	Source  string
	// SourceBits of s_axis_tdata are used; SourcePadded says that some are not.
	SourceBits   int
	SourcePadded bool
	Sink         string
	SinkBits     int
	// SinkPad is the number of zero bits above the data, where there is no label.
	SinkPad int
	// Label says that the sink carries {score, label}; the pads fill whole bytes.
	Label                                    bool
	LabelBits, ScoreBits, LabelPad, ScorePad int
	// Instances are the blocks in the order of the data.
	Instances []Instance
	// Probes are the streams that the bench shows, ProbeBits their data bits in all.
	Probes    []Probe
	ProbeBits int
}

// Instance is a block in the top module.
type Instance struct {
	Name, Module string
	Comment      []string // lines
	Parameters   []hwgen.Parameter
	In, Out      string // stream names
}

// Probe is a stream that the bench shows: Bits of data at bit Offset of probe_data.
// Valid, Ready and Data are its signals as the bench names them.
type Probe struct {
	Name               string
	Bits, Offset       int
	Valid, Ready, Data string
}

// OutputPort is the name of the last probe: the port as the design's user sees it.
const OutputPort = "m_axis"

// Probes returns the streams that the bench shows, in the order of Design.Streams,
// and after them the output port: m_axis_tdata, and m_axis_tlast above it.
func Probes(d *hwgen.Design) []Probe {
	probes := make([]Probe, len(d.Streams), len(d.Streams)+1)
	// Hierarchical names: the design needs no port for what only simulations look at.
	at := 0
	for i, s := range d.Streams {
		signal := "u_dut." + s.Name
		probes[i] = Probe{s.Name, s.Bits, at, signal + "_valid", signal + "_ready", signal + "_data"}
		at += s.Bits
	}
	return append(probes, Probe{OutputPort, d.Sink().Content.PortBits() + 1, at,
		"m_axis_tvalid", "m_axis_tready", "{m_axis_tlast, m_axis_tdata}"})
}

func newTop(d *hwgen.Design) *Top {
	source, sink := d.Source(), d.Sink()
	inBits, outBits := source.Content.PortBits(), sink.Content.PortBits()
	t := &Top{Module: d.Name, Title: title(d), Network: networkFile, Version: d.Version, Hash: d.Hash,
		Summary: summary(d), InputBits: inBits, OutputBits: outBits,
		InputBeats: source.Beats, OutputBeats: sink.Beats,
		Streams: d.Streams, Source: source.Name, SourceBits: source.Bits, SourcePadded: inBits > source.Bits,
		Sink: sink.Name, SinkBits: sink.Bits, SinkPad: outBits - sink.Bits, Probes: Probes(d)}
	first, last := d.Layers[0], d.Layers[len(d.Layers)-1]
	t.InputDoc = fmt.Sprintf("%d %v per beat, %s per frame, tlast on the last.", first.Fold.SIMD, first.Layer.Input,
		hwgen.Count(source.Beats, "beat"))
	if c := sink.Content; len(c) == 2 {
		t.Label, t.LabelBits, t.ScoreBits = true, c[0].Bits, c[1].Bits
		t.LabelPad, t.ScorePad = hwgen.WholeBytes(t.LabelBits)-t.LabelBits, hwgen.WholeBytes(t.ScoreBits)-t.ScoreBits
		t.OutputDoc = fmt.Sprintf("class index in bits %d:0, its signed score above, one beat per frame.",
			hwgen.WholeBytes(t.LabelBits)-1)
	} else {
		t.OutputDoc = fmt.Sprintf("%d %v per beat, %s per frame.", last.Fold.PE, last.Layer.Thresholds.Output,
			hwgen.Count(sink.Beats, "beat"))
	}
	// README and manifest describe the ports from one source, so they cannot differ.
	ends := NewInterface(d)
	t.Ports = [][]string{ends.Input.Lines(), ends.Output.Lines()}
	for _, n := range d.Nodes {
		t.Instances = append(t.Instances, Instance{Name: n.Name(), Module: n.Module(), Comment: n.Comment(),
			Parameters: n.Parameters(), In: d.Streams[n.In[0]].Name, Out: d.Streams[n.Out[0]].Name})
	}
	// The bench shows all probes side by side in one vector (probe_data).
	for _, p := range t.Probes {
		t.ProbeBits += p.Bits
	}
	return t
}

// title gives the layer sizes, such as 784-64-10.
func title(d *hwgen.Design) string {
	sizes := []string{fmt.Sprint(d.Network.InputSize())}
	for _, lp := range d.Layers {
		sizes = append(sizes, fmt.Sprint(lp.Layer.Out))
	}
	return "streaming accelerator of the network " + strings.Join(sizes, "-") + "."
}

func summary(d *hwgen.Design) []string {
	var lines []string
	for _, lp := range d.Layers {
		l, f := lp.Layer, lp.Fold
		// P beside what is needed: an unsafe or a generous width shows in the header.
		needs := fmt.Sprintf("needs %d", lp.NeededBits)
		if lp.Shifted() {
			needs += ", shifted"
		}
		lines = append(lines, fmt.Sprintf("  %s: %d x %d, M = %d, N = %d, P = %d (%s); PE = %d, SIMD = %d, %s",
			l.Name, l.In, l.Out, l.WeightBits, l.Input.Bits, lp.AccBits, needs, f.PE, f.SIMD,
			hwgen.Count(f.Cycles(l.In, l.Out), "cycle")))
	}
	return append(lines, fmt.Sprintf("One frame every %s; %s from its first input beat to its result.",
		hwgen.Count(d.IntervalCycles(), "cycle"), hwgen.Count(d.LatencyCycles(), "cycle")))
}
