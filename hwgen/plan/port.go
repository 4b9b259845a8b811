package plan

import (
	"fmt"
	"slices"
	"strings"
)

// solePort is the output port of a design that has one.
const solePort = "m_axis"

// maxPortName bounds what a port's name takes of an output's: exporters write paths of modules.
const maxPortName = 48

// portNames returns the names of the output ports for outputs of these names: m_ and the
// output's, in which what no plain Verilog name has becomes _, with a number behind it where
// streams or ports before it have that name, in whatever case: VHDL, in which wrappers are written,
// does not tell.
func portNames(outputs, streams []string) []string {
	if len(outputs) == 1 {
		return []string{solePort}
	}
	var names, taken []string
	for _, s := range streams {
		taken = append(taken, strings.ToLower(s))
	}
	for _, output := range outputs {
		plain := "m_" + plainName(output)
		name := plain
		for n := 2; slices.Contains(taken, strings.ToLower(name)); n++ {
			name = fmt.Sprintf("%s_%d", plain, n)
		}
		names, taken = append(names, name), append(taken, strings.ToLower(name))
	}
	return names
}

// plainName returns the letters and digits of a name, and one _ for all that is between them.
func plainName(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	})
	plain := strings.Join(words, "_")
	// The end of a path tells more than its start.
	if len(plain) > maxPortName {
		plain = plain[len(plain)-maxPortName:]
		if _, whole, cut := strings.Cut(plain, "_"); cut { // words
			plain = whole
		}
	}
	if plain == "" {
		return "output"
	}
	return plain
}
