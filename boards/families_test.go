package boards

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFamilyFiles: what the committed files say reads in, and what is amiss in one is refused
// with its name, the key and what was wanted.
func TestFamilyFiles(t *testing.T) {
	text, err := os.ReadFile("families/ecp5.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, to, want string }{
		{"name: ecp5", "name: ecp6", `name is "ecp6", want "ecp5" as the file`},
		{"title: Lattice ECP5\n", "", `title is "", source`},
		{"lut_ram: distributed\n", "", `lut_ram is "", block_ram "block", want both`},
		{"lut_ram: distributed", "lutram: distributed", "lutram"},
		{"{resource: ebr18, kbits: 18}", "{resource: lut, kbits: 18}",
			`block is "lut" of 18 kbit, want one of bram36, ebr18, ebr4`},
		{"{resource: ebr18, kbits: 18}", "{resource: ebr18}", "and a size"},
		{"block: {resource: ebr18, kbits: 18}\n", "", "fabric wants block"},
		{"name: ecp5", "name: ecp5\nchecked_as: xc7", "no checked_as"},
		{"inputs: 4", "inputs: 9", "fabric: lut has 9 inputs"},
		{"inputs: 4", "inputs: 4.5", "fabric.lut.inputs is 4.5"},
		{"inputs: 4", "inputs: 4, speed: 6", "fabric.lut.speed"},
		{"cell_luts: 2", "cell_luts: 0", "fabric: adder wants"},
		{"unit: ebr18", "unit: ''", "fabric: block_ram wants unit"},
		{"command: synth_ecp5 -nodsp", "command: ''", "fabric: synthesis wants command"},
	} {
		if !strings.Contains(string(text), c.old) {
			t.Fatalf("%q is not in ecp5.yaml", c.old)
		}
		_, err := parseFamily("ecp5.yaml", []byte(strings.Replace(string(text), c.old, c.to, 1)))
		if err == nil || !strings.HasPrefix(err.Error(), "boards: families/ecp5.yaml: ") ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %q", c.to, c.old, err, c.want)
		}
	}
}

// TestBlocks: block RAMs in the family's own blocks and in kbit (UG473: 36 kbit, in halves;
// FPGA-DS-02012: 18; DS1040: 4), none where the file names none.
func TestBlocks(t *testing.T) {
	for name, want := range map[Family]struct {
		Resources
		heading string
	}{
		"":      {Resources{BRAM36: 2.5, BRAMKbits: 90}, "BRAM36"},
		XC7:     {Resources{BRAM36: 2.5, BRAMKbits: 90}, "BRAM36"},
		XCUP:    {Resources{BRAM36: 2.5, BRAMKbits: 90}, "BRAM36"},
		"gowin": {Resources{}, "RAM"},
	} {
		if d := cmp.Diff(want.Resources, name.Blocks(2.5)); d != "" || name.BlockName() != want.heading {
			t.Errorf("%q: %s, want %s: %s", name, name.BlockName(), want.heading, d)
		}
	}
	got := ECP5.Blocks(3).Plus(ECP5.Blocks(1)).Plus(Resources{LUT: 1, FF: 2, DSP: 3, URAM: 4})
	if want := (Resources{LUT: 1, FF: 2, URAM: 4, EBR18: 4, DSP: 3, BRAMKbits: 72}); got != want || got.Blocks() != 4 {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := ICE40.Blocks(2); got != (Resources{EBR4: 2, BRAMKbits: 8}) {
		t.Errorf("%+v", got)
	}
}

// TestFabrics: which families have prices, and which are checked by those of another.
func TestFabrics(t *testing.T) {
	checked := map[Family]Family{XC7: XC7, XCUP: XC7, ECP5: ECP5, ICE40: ICE40, "gowin": "gowin", "abacus": "abacus"}
	for name, want := range checked {
		if got := name.CheckedAs(); got != want {
			t.Errorf("%s is checked as %s, want %s", name, got, want)
		}
	}
	for name, want := range map[Family]string{XC7: "", "": "", ECP5: "", ICE40: "no fabric", XCUP: "no fabric",
		"abacus": "no family"} {
		f, err := name.Fabric()
		if (err == nil) != (want == "") || (f != nil) != (want == "") ||
			err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("fabric of %q: %v, want %q", name, err, want)
		}
	}
}
