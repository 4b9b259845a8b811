package boards_test

import (
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/boards"
)

// TestFamilyStyles: every family has both words, boards have families, and another name is
// refused with those there are.
func TestFamilyStyles(t *testing.T) {
	for _, name := range boards.FamilyNames() {
		if s, err := boards.Family(name).MemoryStyle(); err != nil || s.LUTRAM == "" || s.BlockRAM == "" {
			t.Errorf("family %s: %+v, %v, want both words", name, s, err)
		}
	}
	for _, b := range boards.List() {
		if _, err := b.Family.MemoryStyle(); err != nil {
			t.Errorf("board %s: %v", b.Name, err)
		}
	}
	// Without RAM in LUTs "distributed" is an error of Yosys, so it must not come back.
	for name, want := range map[boards.Family]boards.MemoryStyle{
		"":           {LUTRAM: "distributed", BlockRAM: "block", PairLanes: true}, // xc7
		boards.XC7:   {LUTRAM: "distributed", BlockRAM: "block", PairLanes: true},
		boards.ICE40: {LUTRAM: "auto", BlockRAM: "block"},
		boards.ECP5:  {LUTRAM: "distributed", BlockRAM: "block", LateRead: true},
		"intel_alm":  {LUTRAM: "MLAB", BlockRAM: "M10K"},
	} {
		if got, err := name.MemoryStyle(); err != nil || got != want {
			t.Errorf("family %q: %+v, %v, want %+v", name, got, err, want)
		}
	}
	if _, err := boards.Family("abacus").MemoryStyle(); err == nil ||
		!strings.Contains(err.Error(), strings.Join(boards.FamilyNames(), ", ")) {
		t.Errorf("abacus: %v, want the families", err)
	}
}
