package hwgen

import (
	"cmp"
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
)

// Parameter is a Verilog parameter of an instance.
type Parameter struct {
	Name, Value string
	// File says that the value names a memory file, or begins the names of some.
	File bool
}

// Number, Text, FileName and Flag are the parameters that blocks have.
func Number(name string, v int) Parameter { return Parameter{Name: name, Value: fmt.Sprint(v)} }

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
