package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
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

// ModelOf returns the model of a family.
func ModelOf(family string) (*Model, error) {
	if err := CheckFamily(family); err != nil {
		return nil, err
	}
	return loadXC7(), nil
}

// KindDesign is the kind of samples that are whole designs, beside the kinds of blocks.
const KindDesign = "design"
