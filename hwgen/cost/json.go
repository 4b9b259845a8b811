package cost

import "regexp"

var numberList = regexp.MustCompile(`\[\s+(-?[0-9.]+(?:,\s+-?[0-9.]+)*)\s+\]`)
var space = regexp.MustCompile(`\s+`)

// compactRows puts each innermost list of numbers of indented JSON on one line.
//
// MarshalIndent gives every number a line of its own, which makes diffs of tables unreadable.
func compactRows(data []byte) []byte {
	return numberList.ReplaceAllFunc(data, func(list []byte) []byte {
		return space.ReplaceAll(list, nil)
	})
}
