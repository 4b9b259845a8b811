package hwgen

import (
	"fmt"
	"strings"
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
	Streams []Stream
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
	Parameters   []Parameter
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
func (d *Design) Probes() []Probe {
	probes := make([]Probe, len(d.Streams), len(d.Streams)+1)
	at := 0
	for i, s := range d.Streams {
		signal := "u_dut." + s.Name
		probes[i] = Probe{s.Name, s.Bits, at, signal + "_valid", signal + "_ready", signal + "_data"}
		at += s.Bits
	}
	return append(probes, Probe{OutputPort, d.OutputBits() + 1, at,
		"m_axis_tvalid", "m_axis_tready", "{m_axis_tlast, m_axis_tdata}"})
}

// InputBits returns the width of s_axis_tdata, OutputBits that of m_axis_tdata.
func (d *Design) InputBits() int { return wholeBytes(d.Streams[0].Bits) }

// OutputBits returns the width of m_axis_tdata: the label in whole bytes, the score
// above it in whole bytes; or the outputs of a beat, padded to whole bytes.
func (d *Design) OutputBits() int {
	if l := d.Label(); l != nil {
		return wholeBytes(l.LabelBits()) + wholeBytes(l.ScoreBits())
	}
	return wholeBytes(d.Streams[len(d.Streams)-1].Bits)
}

// Label returns the design's label selection, nil where it has none.
func (d *Design) Label() *LabelSelect {
	l, _ := d.Blocks[len(d.Blocks)-1].(*LabelSelect)
	return l
}

func (d *Design) top() *Top {
	source, sink := d.Streams[0], d.Streams[len(d.Streams)-1]
	t := &Top{Module: d.Name, Title: d.title(), Network: networkFile, Version: d.Version, Hash: d.Hash, Summary: d.summary(),
		InputBits: d.InputBits(), OutputBits: d.OutputBits(), InputBeats: source.Beats, OutputBeats: sink.Beats,
		Streams: d.Streams, Source: source.Name, SourceBits: source.Bits, SourcePadded: d.InputBits() > source.Bits,
		Sink: sink.Name, SinkBits: sink.Bits, SinkPad: d.OutputBits() - sink.Bits, Probes: d.Probes()}
	first, last := d.Layers[0], d.Layers[len(d.Layers)-1]
	t.InputDoc = fmt.Sprintf("%d %v a beat, %s a frame, tlast on the last.", first.Fold.SIMD, first.Layer.Input,
		count(source.Beats, "beat"))
	if l := d.Label(); l != nil {
		t.Label, t.LabelBits, t.ScoreBits = true, l.LabelBits(), l.ScoreBits()
		t.LabelPad, t.ScorePad = wholeBytes(t.LabelBits)-t.LabelBits, wholeBytes(t.ScoreBits)-t.ScoreBits
		t.OutputDoc = fmt.Sprintf("class index in bits %d:0, its signed score above, one beat a frame.", wholeBytes(t.LabelBits)-1)
	} else {
		t.OutputDoc = fmt.Sprintf("%d %v a beat, %s a frame.", last.Fold.PE, last.Layer.Thresholds.Output, count(sink.Beats, "beat"))
	}
	ends := d.Interface()
	t.Ports = [][]string{ends.Input.Lines(), ends.Output.Lines()}
	for i, b := range d.Blocks {
		t.Instances = append(t.Instances, Instance{Name: b.Name(), Module: b.Module(), Comment: b.Comment(),
			Parameters: b.Parameters(), In: d.Streams[i].Name, Out: d.Streams[i+1].Name})
	}
	for _, p := range t.Probes {
		t.ProbeBits += p.Bits
	}
	return t
}

// title gives the layer sizes, such as 784-64-10.
func (d *Design) title() string {
	sizes := []string{fmt.Sprint(d.Network.InputSize())}
	for _, lp := range d.Layers {
		sizes = append(sizes, fmt.Sprint(lp.Layer.Out))
	}
	return "streaming accelerator of the network " + strings.Join(sizes, "-") + "."
}

func (d *Design) summary() []string {
	var lines []string
	for _, lp := range d.Layers {
		l, f := lp.Layer, lp.Fold
		needs := fmt.Sprintf("needs %d", lp.NeededBits)
		if lp.Shifted() {
			needs += ", shifted"
		}
		lines = append(lines, fmt.Sprintf("  %s: %d x %d, M = %d, N = %d, P = %d (%s); PE = %d, SIMD = %d, %s",
			l.Name, l.In, l.Out, l.WeightBits, l.Input.Bits, lp.AccBits, needs, f.PE, f.SIMD, count(f.Cycles(l.In, l.Out), "cycle")))
	}
	return append(lines, fmt.Sprintf("One frame every %s; %s from its first input beat to its result.",
		count(d.IntervalCycles(), "cycle"), count(d.LatencyCycles(), "cycle")))
}

// count gives a number with its noun: 1 word, 2 words.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func wholeBytes(bits int) int { return (bits + 7) / 8 * 8 }
