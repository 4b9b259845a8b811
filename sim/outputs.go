package sim

import "github.com/a2qgen/a2qgen/verilator"

// frameOutputs puts together what leaves the Verilog by the first output port.
type frameOutputs struct {
	probe  int
	lanes  []lane
	beats  int64 // of a frame
	passed int64
	values []int32
	see    func(frame int, values []int32)
}

// newFrameOutputs is for see, which Options.Outputs describes.
func (c *comparison) newFrameOutputs(see func(frame int, values []int32)) *frameOutputs {
	o := &frameOutputs{probe: len(c.sent), see: see}
	o.lanes = c.lanes(o.probe)
	o.beats = int64(c.design.Streams[c.stream(o.probe)].Beats)
	o.values = make([]int32, o.beats*int64(len(o.lanes)))
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
		o.see(int(o.passed/o.beats)-1, o.values)
	}
}
