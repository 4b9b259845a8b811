package hwgen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/boards"
)

// Parameter is a Verilog parameter of an instance.
type Parameter struct {
	Name, Value string
	// File says that the value names a memory file, or begins the names of some.
	File bool
	// Values are the numbers of an array, the one in the low bits first.
	Values []int
}

// Number, Text, FileName and Flag are the parameters that blocks have.
func Number(name string, v int) Parameter { return Parameter{Name: name, Value: fmt.Sprint(v)} }

// Concatenation is constants side by side, the first in the low bits.
func Concatenation(name string, words []string) Parameter {
	// Verilog has the low bits last.
	words = slices.Clone(words)
	slices.Reverse(words)
	return Parameter{Name: name, Value: "{" + strings.Join(words, ", ") + "}"}
}

// Numbers is an array of numbers of 32 bits each, Flags one of bits, the first in the low bits.
func Numbers(name string, values []int) Parameter {
	var words []string
	for _, v := range values {
		sign := ""
		if v < 0 {
			sign, v = "-", -v
		}
		words = append(words, fmt.Sprintf("%s32'd%d", sign, v))
	}
	p := Concatenation(name, words)
	p.Values = values
	return p
}

// Flags implements what Numbers says.
func Flags(name string, values []bool) Parameter {
	var words []string
	for _, v := range values {
		words = append(words, "1'b"+Flag(name, v).Value)
	}
	return Concatenation(name, words)
}

// Lanes is so many copies, side by side, of a number of so many bits in two's complement.
func Lanes(name string, lanes, bits int, v int64) Parameter {
	return Parameter{Name: name, Value: fmt.Sprintf("{%d{%d'd%d}}", lanes, bits, uint64(v)&(1<<bits-1))}
}

// Text is a string; FileName is one that names a memory file, or begins the names of some.
func Text(name, v string) Parameter { return Parameter{Name: name, Value: `"` + v + `"`} }

// FileName implements what Text says.
func FileName(name, v string) Parameter {
	p := Text(name, v)
	p.File = true
	return p
}

// Flag is 1 where v holds, else 0.
func Flag(name string, v bool) Parameter {
	if v {
		return Parameter{Name: name, Value: "1"}
	}
	return Parameter{Name: name, Value: "0"}
}

// LUTRAM and BlockRAM return a family's words, those of xc7 where there are none: blocks that
// are priced or synthesised alone need no family.
func LUTRAM(s boards.MemoryStyle) string { return cmp.Or(s.LUTRAM, "distributed") }

// BlockRAM implements what LUTRAM says.
func BlockRAM(s boards.MemoryStyle) string { return cmp.Or(s.BlockRAM, "block") }

// Count gives a number with its noun: 1 word, 2 words.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
