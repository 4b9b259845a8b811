package boards

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/a2qgen/a2qgen/hwgen/fabric"
	"github.com/a2qgen/a2qgen/internal/strict"
)

// Family is the name of an FPGA family: it decides how prices are reckoned, which block RAMs a
// part has and how its tools are told where a memory belongs. One file in families/ says all of
// it. The zero value stands for XC7.
type Family string

// The families that the code names; FamilyNames lists all.
const (
	XC7   Family = "xc7"   // AMD 7 series and Zynq-7000: what is taken where no family is named
	XCUP  Family = "xcup"  // AMD UltraScale+
	ICE40 Family = "ice40" // Lattice iCE40
	ECP5  Family = "ecp5"  // Lattice ECP5
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
	// LateRead says that a block RAM gives its word so late in a cycle that a register behind it
	// pays, where what it reads is an address or steers an adder.
	LateRead bool `yaml:"late_read"`
	// PairLanes says that the LUT before a carry chain takes in the row of a product of two lanes
	// (templates/pair_product.v), so that dense units save LUTs by it.
	PairLanes bool `yaml:"pair_lanes"`
}

// family is a file of families/. Title is for people; the name is what flags and board files
// use, and that of the file.
type family struct {
	Name        Family
	Title       string
	MemoryStyle `yaml:",inline"`
	// Source names the documents that all of it comes from.
	Source string
	// Block is what boards of the family count block RAM in; nil where there is none.
	Block *block
	// CheckedAs is another family whose estimates serve boards of this one.
	CheckedAs Family `yaml:"checked_as"`
	// Fabric is there for families with prices.
	Fabric *fabric.Family
}

// block is a block RAM: the key of Resources that counts it, and what one holds, in kbit.
type block struct {
	Resource string
	Kbits    int
}

//go:embed families/*.yaml
var familyFiles embed.FS

// families parses the embedded files once; they are tested, so an error in one is a programming
// error.
var families = sync.OnceValue(func() []family {
	entries, err := familyFiles.ReadDir("families") // sorted by name
	if err != nil {
		panic("boards: " + err.Error())
	}
	var list []family
	for _, e := range entries {
		text, err := familyFiles.ReadFile("families/" + e.Name())
		if err != nil {
			panic("boards: " + err.Error())
		}
		f, err := parseFamily(e.Name(), text)
		if err != nil {
			panic(err.Error())
		}
		list = append(list, f)
	}
	return list
})

// parseFamily reads and checks a family; file names it in errors. Unknown keys are refused: a
// misspelt lut_ram would leave every queue of a family to chance.
func parseFamily(file string, text []byte) (family, error) {
	var f family
	err := strict.Decode(text, &f)
	if err == nil {
		err = f.check(strings.TrimSuffix(path.Base(file), ".yaml"))
	}
	if err != nil {
		return family{}, fmt.Errorf("boards: families/%s: %w", file, err)
	}
	return f, nil
}

// check returns an error for the first thing that is missing or makes no sense.
func (f *family) check(name string) error {
	switch {
	case string(f.Name) != name:
		return fmt.Errorf("name is %q, want %q as the file", f.Name, name)
	case f.Title == "" || f.Source == "":
		return fmt.Errorf("title is %q, source %q, want both", f.Title, f.Source)
	case f.LUTRAM == "" || f.MemoryStyle.BlockRAM == "":
		return fmt.Errorf("lut_ram is %q, block_ram %q, want both", f.LUTRAM, f.MemoryStyle.BlockRAM)
	case f.Block != nil && (!slices.Contains(blockKeys(), f.Block.Resource) || f.Block.Kbits < 1):
		return fmt.Errorf("block is %q of %d kbit, want one of %s, and a size", f.Block.Resource, f.Block.Kbits,
			strings.Join(blockKeys(), ", "))
	case f.Fabric == nil:
		return nil
	case f.Block == nil || f.CheckedAs != "":
		return fmt.Errorf("fabric wants block, to count block RAM in, and no checked_as")
	}
	if err := f.Fabric.Check(); err != nil {
		return fmt.Errorf("fabric: %w", err)
	}
	return nil
}

// FamilyNames returns the names of all families, sorted. Families without boards or prices are
// among them: a design can be written for any.
func FamilyNames() []string {
	var names []string
	for _, f := range families() {
		names = append(names, string(f.Name))
	}
	return names
}

// get returns what the file of a family says, or an error that lists the families there are.
// An unknown family is no default: its tools might read none of the words.
func (f Family) get() (family, error) {
	// Library callers need not name a family.
	if f == "" {
		f = XC7
	}
	for _, known := range families() {
		if known.Name == f {
			return known, nil
		}
	}
	return family{}, fmt.Errorf("boards: no family %q, want one of %s", f, strings.Join(FamilyNames(), ", "))
}

// MemoryStyle returns the family's words. It fails where there is no such family.
func (f Family) MemoryStyle() (MemoryStyle, error) {
	known, err := f.get()
	return known.MemoryStyle, err
}

// Fabric returns what the family builds hardware of, for prices. It fails where there is no such
// family, or its file says nothing of it; the error lists those that do.
func (f Family) Fabric() (*fabric.Family, error) {
	known, err := f.get()
	if err != nil {
		return nil, err
	}
	if known.Fabric == nil {
		var with []string
		for _, other := range families() {
			if other.Fabric != nil {
				with = append(with, string(other.Name))
			}
		}
		return nil, fmt.Errorf("boards: family %s has no fabric to price, only %s have", f, strings.Join(with, ", "))
	}
	return known.Fabric, nil
}

// CheckedAs returns the family whose estimates serve boards of f: f itself, unless its file
// names another.
func (f Family) CheckedAs() Family {
	if known, err := f.get(); err == nil && known.CheckedAs != "" {
		return known.CheckedAs
	}
	return f
}

// Blocks returns n block RAMs of the family as resources, and the same in kbit; none where the
// family has none.
func (f Family) Blocks(n float64) Resources {
	var r Resources
	if known, err := f.get(); err == nil && known.Block != nil {
		r.setBlocks(known.Block.Resource, n)
		r.BRAMKbits = int(n * float64(known.Block.Kbits))
	}
	return r
}

// BlockName returns the heading of a column of the family's block RAMs, "RAM" where there is none.
func (f Family) BlockName() string {
	if known, err := f.get(); err == nil && known.Block != nil {
		return strings.ToUpper(known.Block.Resource)
	}
	return "RAM"
}
