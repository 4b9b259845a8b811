package synth

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"text/template"

	"github.com/a2qgen/a2qgen/hwgen"
)

// Product is one multiplier of dot_product.v with its register: an input times a
// weight. The weight has WeightBits and comes from a memory of 64 random words; or it
// is Constant, unless that is 0.
type Product struct {
	WeightBits, Constant int
	InputBits            int
	InputSigned          bool
	// Bits of the product: at most WeightBits + InputBits.
	Bits int
}

// ROMLUTs returns the LUTs of the memory alone, one a bit that the product depends on.
func (p Product) ROMLUTs() int { return min(p.WeightBits, p.Bits) }

//go:embed product.v.tmpl
var productText string

var productTemplate = template.Must(template.New("product.v.tmpl").Parse(productText))

// product is what product.v.tmpl is filled in with, one a product.
type product struct {
	Name                        string
	WeightBits, InputBits, Bits int
	InputSigned                 int
	Memory                      string // file, or "" where the weight is constant
	Constant                    string // Verilog number
}

// Products synthesises products apart from each other in one run of Yosys.
func Products(ctx context.Context, products []Product) ([]Counts, error) {
	all := make([]product, len(products))
	files := map[string][]byte{}
	for i, p := range products {
		t := product{Name: unitName(i), WeightBits: p.WeightBits, InputBits: p.InputBits, Bits: p.Bits}
		if p.InputSigned {
			t.InputSigned = 1
		}
		if p.Constant == 0 {
			t.Memory = unitFile(i, "weights.mem")
			files[t.Memory] = p.memory()
		} else {
			t.Constant = fmt.Sprintf("%d'd%d", p.WeightBits, uint64(p.Constant)&(1<<p.WeightBits-1))
		}
		all[i] = t
	}
	var text bytes.Buffer
	if err := productTemplate.Execute(&text, all); err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	stats, err := Verilog(ctx, text.Bytes(), files, "all_units")
	if err != nil {
		return nil, err
	}
	counts := make([]Counts, len(products))
	for i := range products {
		counts[i] = stats[unitName(i)]
	}
	return counts, nil
}

// memory draws 64 weights, the same each time.
func (p Product) memory() []byte {
	rng := rand.New(rand.NewPCG(uint64(p.WeightBits), uint64(p.WeightBits)))
	m := hwgen.Memory{Bits: p.WeightBits}
	for range 64 {
		word := make([]byte, (p.WeightBits+7)/8)
		hwgen.PutBits(word, 0, p.WeightBits, rng.Int64N(1<<p.WeightBits)-1<<(p.WeightBits-1))
		m.Words = append(m.Words, word)
	}
	return m.Text()
}
