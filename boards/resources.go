package boards

import (
	"fmt"
	"strconv"
	"strings"
)

// Resources counts what a part has, or what a design uses. Block RAM is counted in the
// family's own blocks; BRAMKbits is the same memory in kilobits of 1024, whatever the
// family. The zero value is a design that takes nothing. LUTs of families with 4 and with
// 6 inputs do not compare.
type Resources struct {
	LUT       int     `yaml:"lut" json:"lut"`               // look-up tables: 6 inputs (AMD), 4 inputs (Lattice)
	FF        int     `yaml:"ff" json:"ff"`                 // flip-flops
	BRAM36    float64 `yaml:"bram36" json:"bram36"`         // AMD blocks of 36 kbit; a design may use halves
	URAM      int     `yaml:"uram" json:"uram"`             // AMD UltraRAM blocks of 288 kbit
	EBR18     int     `yaml:"ebr18" json:"ebr18"`           // ECP5 blocks of 18 kbit
	EBR4      int     `yaml:"ebr4" json:"ebr4"`             // iCE40 blocks of 4 kbit
	DSP       int     `yaml:"dsp" json:"dsp"`               // DSP slices
	BRAMKbits int     `yaml:"bram_kbits" json:"bram_kbits"` // all block RAM without UltraRAM, kbit
}

// count is one field of Resources with its YAML key and its printed unit. A float64 holds
// halves of BRAM36 and every int that counts here exactly. set is there for block RAMs.
type count struct {
	key, unit string
	n         float64
	set       func(n float64)
}

// counts lists the fields of r, always in the same order. Check pairs those of a part and
// of a design by their index. A new resource is one line here: String, Check and the
// checks of files go over the list.
func (r *Resources) counts() []count {
	return []count{
		{"lut", "LUT", float64(r.LUT), nil},
		{"ff", "FF", float64(r.FF), nil},
		{"bram36", "BRAM36", r.BRAM36, func(n float64) { r.BRAM36 = n }},
		{"uram", "URAM", float64(r.URAM), nil},
		{"ebr18", "EBR of 18 kbit", float64(r.EBR18), func(n float64) { r.EBR18 = int(n) }},
		{"ebr4", "EBR of 4 kbit", float64(r.EBR4), func(n float64) { r.EBR4 = int(n) }},
		{"dsp", "DSP", float64(r.DSP), nil},
		{kbitsKey, "kbit of block RAM", float64(r.BRAMKbits), nil},
	}
}

// kbitsKey is the key of what is no resource of its own.
const kbitsKey = "bram_kbits"

// blockKeys are the keys of block RAMs.
func blockKeys() []string {
	var keys []string
	for _, c := range new(Resources).counts() {
		if c.set != nil {
			keys = append(keys, c.key)
		}
	}
	return keys
}

// setBlocks sets the number of block RAMs of a key.
func (r *Resources) setBlocks(key string, n float64) {
	for _, c := range r.counts() {
		if c.key == key {
			c.set(n)
		}
	}
}

// Blocks returns the number of block RAMs, of the one kind that a family has.
func (r Resources) Blocks() float64 { return r.BRAM36 + float64(r.EBR18+r.EBR4) }

// Plus returns r + o.
func (r Resources) Plus(o Resources) Resources {
	return Resources{LUT: r.LUT + o.LUT, FF: r.FF + o.FF, BRAM36: r.BRAM36 + o.BRAM36, URAM: r.URAM + o.URAM,
		EBR18: r.EBR18 + o.EBR18, EBR4: r.EBR4 + o.EBR4, DSP: r.DSP + o.DSP, BRAMKbits: r.BRAMKbits + o.BRAMKbits}
}

// number formats n without an exponent. %v would print 1e+06 for a million.
func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// String lists what is not zero, as in "53200 LUT, 106400 FF". A part without DSP slices
// thus has no word on them.
func (r Resources) String() string {
	var parts []string
	for _, c := range r.counts() {
		if c.n != 0 {
			parts = append(parts, number(c.n)+" "+c.unit)
		}
	}
	return strings.Join(parts, ", ")
}

// Check returns nil if a design that uses the given resources fits on b's part, and
// otherwise an error that says for each resource exceeded what is needed, what is there
// and by how much it is too little. What fits by count may still fail to route: leave
// room. All resources that are exceeded are named, not the first alone: otherwise a user
// folds a design for LUT just to be told of block RAM.
func (b Board) Check(used Resources) error {
	// In the order of counts, so that a message is always the same.
	var over []string
	has := b.Resources.counts()
	for i, need := range used.counts() {
		// Kilobits of a use that names its blocks would say the same again.
		if need.n <= has[i].n || need.key == kbitsKey && used.Blocks() > 0 {
			continue
		}
		s := fmt.Sprintf("needs %s %s, has %s: %s too many",
			number(need.n), need.unit, number(has[i].n), number(need.n-has[i].n))
		// Of nothing, no percentage.
		if has[i].n > 0 {
			s += fmt.Sprintf(" (%.0f %%)", 100*need.n/has[i].n)
		}
		// The percentage is of the part: 140 % says how much larger one is needed.
		over = append(over, s)
	}
	if over == nil {
		return nil
	}
	return fmt.Errorf("boards: %s (%s): %s", b.Name, b.Part, strings.Join(over, "; "))
}
