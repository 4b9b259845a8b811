package boards

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/a2qgen/a2qgen/internal/strict"
)

// Family is an FPGA family: it decides which cost formulas apply, which block RAMs a part
// has and how its tools are told where a memory belongs. The zero value stands for XC7.
type Family string

// The families that have boards or formulas here; FamilyNames lists all. Estimates are for
// XC7 alone, and serve XCUP, whose LUTs and block RAMs are the same.
const (
	XC7   Family = "xc7"   // AMD 7 series and Zynq-7000: RAM blocks of 36 kbit
	XCUP  Family = "xcup"  // AMD UltraScale+: RAM blocks of 36 kbit, UltraRAM of 288
	ICE40 Family = "ice40" // Lattice iCE40: RAM blocks of 4 kbit
	ECP5  Family = "ecp5"  // Lattice ECP5: RAM blocks of 18 kbit
)

// MemoryStyle holds a family's values of the memory attributes ram_style (Vivado, Yosys)
// and ramstyle (Quartus). A memory carries its word under the name that each tool reads
// (docs/hardware.md).
type MemoryStyle struct {
	// LUTRAM is for a small RAM that is read without a clock, BlockRAM for a large memory
	// that is read with one. Where a family has no RAM in LUTs, or its tools no word for
	// it, the word leaves the choice to them.
	LUTRAM   string `yaml:"lut_ram"`
	BlockRAM string `yaml:"block_ram"`
}

// family is an entry of families.yaml. Title is for people; the name is what flags and
// board files use.
type family struct {
	Name        Family
	Title       string
	MemoryStyle `yaml:",inline"`
	// Source is the document that the words come from.
	Source string
}

//go:embed families/families.yaml
var familyText []byte

// families parses the embedded list once; it is tested, so an error in it is a programming
// error. Unknown keys are refused: a misspelt lut_ram would leave every queue of a family
// to chance.
var families = sync.OnceValue(func() []family {
	var list []family
	if err := strict.Decode(familyText, &list); err != nil {
		panic("boards: families.yaml: " + err.Error())
	}
	return list
})

// FamilyNames returns the names of all families, in the order of families.yaml. Families
// without boards are among them: a design can be written for any.
func FamilyNames() []string {
	var names []string
	for _, f := range families() {
		names = append(names, string(f.Name))
	}
	return names
}

// MemoryStyle returns the family's words, or an error that lists the families there are.
// An unknown family is no default: its tools might read none of the words.
func (f Family) MemoryStyle() (MemoryStyle, error) {
	// Library callers need not name a family: xc7 is what the estimates are for.
	if f == "" {
		f = XC7
	}
	for _, known := range families() {
		if known.Name == f {
			return known.MemoryStyle, nil
		}
	}
	return MemoryStyle{}, fmt.Errorf("boards: no family %q, want one of %s", f, strings.Join(FamilyNames(), ", "))
}
