package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/a2qgen/a2qgen/hwgen"
)

// Model is the fitted cost model of a family.
type Model struct {
	Family string `json:"family"`
	// Coefficients holds the LUTs of a unit of each term, by kind of block.
	Coefficients map[string]map[string]float64 `json:"coefficients"`
	// Products are measured, not fitted.
	Products ProductTable `json:"products"`
	// InDesign is the LUTs of a block in a design, in LUTs of the block alone: a flattened
	// design lets ABC share more and trade depth for area.
	InDesign float64 `json:"in_design"`
	// Errors of the model, by kind of block, on the samples.
	Errors map[string]Errors `json:"errors"`
}

// Errors holds the relative errors of a kind's estimates on the samples that it was
// fitted to, and on those that were held out.
type Errors struct {
	Train   Error `json:"train"`
	HeldOut Error `json:"held_out"`
}

// Error sums up relative errors, in percent of what was synthesised. Only samples of
// at least 20 LUTs count: on smaller ones a LUT more is a large part.
type Error struct {
	Samples   int     `json:"samples"`
	LUTMedian float64 `json:"lut_median_percent"`
	LUTP90    float64 `json:"lut_p90_percent"`
	LUTMax    float64 `json:"lut_max_percent"`
	FFMedian  float64 `json:"ff_median_percent"`
	FFP90     float64 `json:"ff_p90_percent"`
	FFMax     float64 `json:"ff_max_percent"`
}

// Marshal returns the model as JSON.
func (m *Model) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("cost: model: %w", err)
	}
	return append(compactRows(data), '\n'), nil
}

//go:embed data/xc7.json
var xc7 []byte

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

func (m *Model) shapeOf(b hwgen.Block) shape {
	switch b := b.(type) {
	case *hwgen.MVAU:
		return mvauShape(b, &m.Products)
	case *hwgen.ReplayBuffer:
		return replayBufferShape(b)
	case *hwgen.FIFO:
		return fifoShape(b)
	case *hwgen.WidthConverter:
		return widthConverterShape(b)
	case *hwgen.LabelSelect:
		return labelSelectShape(b, &m.Products)
	}
	panic(fmt.Sprintf("cost: no formula for %T", b))
}

// WriteReport prints the error of each kind of block, fitted and held out.
func (m *Model) WriteReport(w io.Writer) {
	fmt.Fprintf(w, "%-16s %-9s %7s  %-23s  %s\n", "", "", "", "LUT error %", "FF error %")
	fmt.Fprintf(w, "%-16s %-9s %7s  %7s %7s %7s  %7s %7s %7s\n", "block", "samples", "number", "median", "p90", "max", "median", "p90", "max")
	for _, kind := range append(blockKinds(), KindDesign) {
		for _, e := range []struct {
			name string
			Error
		}{{"fitted", m.Errors[kind].Train}, {"held out", m.Errors[kind].HeldOut}} {
			fmt.Fprintf(w, "%-16s %-9s %7d  %7.2f %7.2f %7.2f  %7.2f %7.2f %7.2f\n", kind, e.name, e.Samples,
				e.LUTMedian, e.LUTP90, e.LUTMax, e.FFMedian, e.FFP90, e.FFMax)
		}
	}
}

// blockKinds lists the kinds of samples that are blocks.
func blockKinds() []string {
	return []string{KindMVAU, KindReplayBuffer, KindFIFO, KindWidthConverter, KindLabelSelect}
}
