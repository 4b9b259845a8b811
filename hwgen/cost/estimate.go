package cost

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
)

// Report is the estimate of a design.
type Report struct {
	Family string    `json:"family"`
	Total  Resources `json:"total"`
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
	Resources
}

// BlockCost is the cost of one block.
type BlockCost struct {
	Name   string `json:"name"`
	Module string `json:"module"`
	Layer  string `json:"layer"`
	Resources
}

// Estimate returns what d takes of an FPGA of the family. It fails for a family that
// is not among Families.
func Estimate(d *hwgen.Design, family string) (*Report, error) {
	m, err := modelOf(family)
	if err != nil {
		return nil, err
	}
	return m.estimate(d), nil
}

// estimate sums blocks into layers and into the total. Every block belongs to a layer of d, by
// name; the error that goes with the design is of the class of its own estimate.
func (m *Model) estimate(d *hwgen.Design) *Report {
	r := &Report{Family: m.Family, Fit: map[string]Error{}}
	byName := map[string]int{}
	for i, l := range d.Layers {
		byName[l.Layer.Name] = i
		r.Layers = append(r.Layers, LayerCost{Name: l.Layer.Name, AccBits: l.AccBits, Safe: l.Safe()})
	}
	for _, b := range d.Blocks {
		c := BlockCost{Name: b.Name(), Module: b.Module(), Layer: layerOf(b), Resources: m.block(b)}
		r.Blocks = append(r.Blocks, c)
		r.Total = r.Total.Plus(c.Resources)
		l := &r.Layers[byName[c.Layer]]
		l.Resources = l.Resources.Plus(c.Resources)
	}
	r.Total = r.Total.Plus(frameCounterShape(d).resources(m))
	for kind, e := range m.Errors {
		r.Fit[kind] = e.HeldOut
	}
	r.Fit[KindDesign] = m.classOf(r.Total.LUT)
	return r
}

// designShapes returns the shapes of the blocks of d and of its frame counter.
//
// The same that estimate adds up, so that the fit sees designs as they are estimated.
func (m *Model) designShapes(d *hwgen.Design) []shape {
	var shapes []shape
	for _, b := range d.Blocks {
		shapes = append(shapes, m.shapeOf(b))
	}
	return append(shapes, frameCounterShape(d))
}

// layerOf returns the name of the layer that a block belongs to.
func layerOf(b hwgen.Block) string {
	switch b := b.(type) {
	case *hwgen.MVAU:
		return b.Layer.Name
	case *hwgen.ReplayBuffer:
		return b.LayerName
	case *hwgen.FIFO:
		return b.LayerName
	case *hwgen.WidthConverter:
		return b.LayerName
	case *hwgen.LabelSelect:
		return b.Layer.Name
	}
	panic(fmt.Sprintf("cost: no layer for %T", b))
}

// frameCounterShape is the counter of output beats in the top module: a register and a LUT
// per bit, and one LUT to count on.
//
// Frames of one beat need no counter (its width is 0). It is Exact, and the shape has no kind:
// one such counter per design is too little to fit a coefficient to.
func frameCounterShape(d *hwgen.Design) shape {
	n := addressWidth(d.Streams[len(d.Streams)-1].Beats)
	return shape{FF: n, Terms: []term{{"counter_bits", float64(n + oneIf(n > 0)), 1, true}}}
}
