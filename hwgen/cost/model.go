package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/a2qgen/a2qgen/hwgen"
)

// Model is the fitted cost model of a family.
//
// It is what data/xc7.json holds, which the binary embeds: an estimate reads no file.
type Model struct {
	Family string `json:"family"`
	// Coefficients holds the LUTs of a unit of each term, by kind of block.
	Coefficients map[string]map[string]float64 `json:"coefficients"`
	// Errors of the model, by kind of block, on the samples.
	Errors map[string]Errors `json:"errors"`
	// Classes are the errors on held-out designs, by size.
	Classes []SizeClass `json:"classes"`
}

// Marshal returns the model as JSON.
func (m *Model) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("cost: model: %w", err)
	}
	return append(data, '\n'), nil
}

//go:embed data/xc7.json
var xc7 []byte

// loadXC7 reads it once, at the first estimate. That it does not parse is a fault of the build,
// which tests find, so it panics.
var loadXC7 = sync.OnceValue(func() *Model {
	var m Model
	if err := json.Unmarshal(xc7, &m); err != nil {
		panic("cost: data/xc7.json: " + err.Error())
	}
	return &m
})

// modelOf returns the model of a family.
func modelOf(family string) (*Model, error) {
	if err := checkFamily(family); err != nil {
		return nil, err
	}
	return loadXC7(), nil
}

// block estimates one block. It panics on a kind that it does not know.
func (m *Model) block(b hwgen.Block) Resources { return m.shapeOf(b).resources(m) }

// shapeOf returns what a block is made of, of which m has the coefficients. A new kind of block
// needs a case here, one in layerOf, and samples; it panics without.
func (m *Model) shapeOf(b hwgen.Block) shape {
	switch b := b.(type) {
	case *hwgen.MVAU:
		return mvauShape(b)
	case *hwgen.ReplayBuffer:
		return replayBufferShape(b)
	case *hwgen.FIFO:
		return fifoShape(b)
	case *hwgen.WidthConverter:
		return widthConverterShape(b)
	case *hwgen.LabelSelect:
		return labelSelectShape(b)
	}
	panic(fmt.Sprintf("cost: no formula for %T", b))
}

// blockKinds lists the kinds of samples that are blocks.
//
// The order is that of the report.
func blockKinds() []string {
	return []string{KindMVAU, KindReplayBuffer, KindFIFO, KindWidthConverter, KindLabelSelect}
}
