package cost

import (
	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// Report is the estimate of a design.
type Report struct {
	Family string           `json:"family"`
	Total  boards.Resources `json:"total"`
	// Layers sums the blocks of each layer, in order; the frame counter of the top
	// module is in Total only.
	Layers []LayerCost `json:"layers"`
	Blocks []BlockCost `json:"blocks"`
	// Fit is the error of the model on samples that it was not fitted to, by kind of
	// block, and on whole designs (KindDesign) of about the size of this one.
	Fit map[string]Error `json:"fit"`
}

// LayerCost is the cost of a layer with its converters, queue and buffer.
type LayerCost struct {
	Name    string `json:"name"`
	AccBits int    `json:"acc_bits"`
	Safe    bool   `json:"safe"`
	boards.Resources
}

// BlockCost is the cost of one block.
type BlockCost struct {
	Name   string `json:"name"`
	Module string `json:"module"`
	Layer  string `json:"layer"`
	boards.Resources
}

// Estimate returns what d takes of an FPGA of the family. It fails for a family that
// is not among Families.
func Estimate(d *hwgen.Design, family string) (*Report, error) {
	m, err := ModelOf(family)
	if err != nil {
		return nil, err
	}
	return m.Estimate(d), nil
}

// Estimate sums blocks into layers and into the total. Every block belongs to a layer of d, by
// name; the error that goes with the design is of the class of its own estimate.
func (m *Model) Estimate(d *hwgen.Design) *Report {
	r := &Report{Family: m.Family, Fit: map[string]Error{}}
	byName := map[string]int{}
	for i, l := range d.Layers {
		byName[l.Layer.Name] = i
		r.Layers = append(r.Layers, LayerCost{Name: l.Layer.Name, AccBits: l.AccBits, Safe: l.Safe()})
	}
	for _, n := range d.Nodes {
		c := BlockCost{Name: n.Name(), Module: hwgen.KindOf(n.Block), Layer: n.Serves(), Resources: m.Price(n.Block)}
		r.Blocks = append(r.Blocks, c)
		r.Total = r.Total.Plus(c.Resources)
		l := &r.Layers[byName[c.Layer]]
		l.Resources = l.Resources.Plus(c.Resources)
	}
	r.Total = r.Total.Plus(m.Of(KindDesign, FrameCounter(m.Fabric, d)))
	for kind, e := range m.Errors {
		r.Fit[kind] = e.HeldOut
	}
	r.Fit[KindDesign] = m.ClassOf(r.Total.LUT)
	return r
}

// FrameCounter is the counter of output beats in the top module, one for each output: a register
// and a LUT per bit, one LUT to count on, and the chain where it has LUTs of its own.
//
// Frames of one beat need no counter (its width is 0). It is Exact, and the shape has no kind:
// one such counter per output is too little to fit a coefficient to.
func FrameCounter(f *fabric.Family, d *hwgen.Design) fabric.Shape {
	ffs, luts := 0, 0
	for i := range d.Sinks {
		n := fabric.AddressWidth(d.Sink(i).Beats)
		ffs += n
		luts += n + fabric.OneIf(n > 0) + f.Adder.Chain(n)
	}
	return fabric.Shape{FF: ffs, Terms: []fabric.Term{fabric.Exactly("counter_bits", float64(luts))}}
}
