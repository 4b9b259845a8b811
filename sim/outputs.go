package sim

import "github.com/a2qgen/a2qgen/verilator"

// frameOutputs puts together what leaves the Verilog by an output port.
type frameOutputs struct {
	port, probe int
	lanes       []lane
	beats       int64 // of a frame
	passed      int64
	values      []int32
	see         func(port, frame int, values []int32)
}

// newFrameOutputs is for see, which Options.Outputs describes.
func (c *comparison) newFrameOutputs(port int, see func(port, frame int, values []int32)) *frameOutputs {
	o := &frameOutputs{port: port, probe: len(c.sent) + port, see: see}
	content := c.design.Sink(port).Content
	// Beside a label lies its score, which is no output of the graph.
	o.lanes = c.lanes(o.probe)[:content[0].Lanes]
	o.beats = int64(c.design.Sink(port).Beats)
	o.values = make([]int32, content[0].Elements())
	return o
}

// cycle takes the beat that passes in a cycle, if one does: the Verilog's, whatever the model
// says of it.
func (o *frameOutputs) cycle(rtl *verilator.Cycle) {
	if !rtl.Fires(o.probe) {
		return
	}
	beat := int(o.passed % o.beats)
	for _, l := range o.lanes {
		o.values[l.part.Element(beat, l.index)] = int32(l.value(rtl.Data[o.probe]))
	}
	if o.passed++; o.passed%o.beats == 0 {
		o.see(o.port, int(o.passed/o.beats)-1, o.values)
	}
}
