package cost

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// Model is the fitted cost model of a family.
//
// It is what data/<family>.json holds, which the binary embeds: an estimate reads no file.
type Model struct {
	Family string `json:"family"`
	// Coefficients holds the LUTs of a unit of each term, by kind of block.
	Coefficients map[string]map[string]float64 `json:"coefficients"`
	// Errors of the model, by kind of block, on the samples.
	Errors map[string]Errors `json:"errors"`
	// Classes are the errors on held-out designs, by size.
	Classes []SizeClass `json:"classes"`
	// Fabric is what the family's file says.
	Fabric *fabric.Family `json:"-"`
}

// Marshal returns the model as JSON.
func (m *Model) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("cost: model: %w", err)
	}
	return append(data, '\n'), nil
}

//go:embed data/*.json
var tables embed.FS

// models reads the fitted tables once, at the first estimate, by family. One that does not
// parse, or is of a family without a fabric, is a fault of the build, which tests find.
var models = sync.OnceValue(func() map[string]*Model {
	entries, err := tables.ReadDir("data")
	if err != nil {
		panic("cost: " + err.Error())
	}
	all := map[string]*Model{}
	for _, e := range entries {
		m, err := NewModel(strings.TrimSuffix(e.Name(), ".json"))
		if err != nil {
			panic(err.Error())
		}
		data, err := tables.ReadFile("data/" + e.Name())
		if err != nil {
			panic("cost: " + err.Error())
		}
		if err := json.Unmarshal(data, m); err != nil {
			panic("cost: data/" + e.Name() + ": " + err.Error())
		}
		all[m.Family] = m
	}
	return all
})

// NewModel returns a model of a family without coefficients. It fails where the family's file
// has no fabric.
func NewModel(family string) (*Model, error) {
	f, err := boards.Family(family).Fabric()
	if err != nil {
		return nil, fmt.Errorf("cost: %w", err)
	}
	return &Model{Family: family, Coefficients: map[string]map[string]float64{}, Errors: map[string]Errors{},
		Fabric: f}, nil
}

// Families lists the FPGA families that Estimate knows, sorted: those that a table was fitted for.
func Families() []string { return slices.Sorted(maps.Keys(models())) }

// CheckFamily returns an error that names the families there are where family is none of them.
func CheckFamily(family string) error {
	_, err := ModelOf(family)
	return err
}

// ModelOf returns the model of a family.
func ModelOf(family string) (*Model, error) {
	if m, ok := models()[family]; ok {
		return m, nil
	}
	return nil, fmt.Errorf("cost: no estimates for family %q, only for: %s", family, strings.Join(Families(), ", "))
}

// Price applies the model to a block.
func (m *Model) Price(b hwgen.Block) boards.Resources {
	return m.Of(hwgen.KindOf(b), b.Price(m.Fabric))
}

// Of applies the model's coefficients to the shape of a block of a kind.
//
// A term that the model has no coefficient for counts as nothing. Rounding is per block, so a
// design's total is the sum of what is shown for its blocks.
func (m *Model) Of(kind string, s fabric.Shape) boards.Resources {
	lut := 0.0
	for _, t := range s.Terms {
		if t.Exact {
			lut += t.Value
		} else {
			lut += m.Coefficients[kind][t.Name] * t.Value
		}
	}
	r := boards.Family(m.Family).Blocks(float64(s.BlockRAM) / float64(m.Fabric.BlockRAM.PerBlock))
	r.LUT, r.FF = int(math.Round(max(0, lut))), s.FF
	return r
}

// KindDesign is the kind of samples that are whole designs, beside the kinds of blocks.
const KindDesign = "design"
