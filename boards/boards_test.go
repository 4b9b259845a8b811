package boards

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBoards restates the figures of the boards from their data
// sheets, so that a slip of the pen in a YAML file shows.
func TestBoards(t *testing.T) {
	want := map[string]Resources{
		"arty-a7-100t":     {LUT: 63400, FF: 126800, BRAM36: 135, DSP: 240, BRAMKbits: 4860},
		"ice40-hx8k-b-evn": {LUT: 7680, FF: 7680, EBR4: 32, BRAMKbits: 128},
		"pynq-z1":          {LUT: 53200, FF: 106400, BRAM36: 140, DSP: 220, BRAMKbits: 5040},
		"pynq-z2":          {LUT: 53200, FF: 106400, BRAM36: 140, DSP: 220, BRAMKbits: 5040},
		"ulx3s-85f":        {LUT: 83640, FF: 83640, EBR18: 208, DSP: 156, BRAMKbits: 3744},
		"zcu104":           {LUT: 230400, FF: 460800, BRAM36: 312, URAM: 96, DSP: 1728, BRAMKbits: 11232},
	}
	got := map[string]Resources{}
	last := ""
	for _, b := range List() {
		got[b.Name] = b.Resources
		if b.Name <= last {
			t.Errorf("%q listed after %q", b.Name, last)
		}
		last = b.Name
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestGet(t *testing.T) {
	b, err := Get("arty-a7-100t")
	if err != nil || b.Part != "xc7a100tcsg324-1" || b.Family != XC7 ||
		b.Clock != (Clock{Pin: "E3", MHz: 100, TargetMHz: 100}) {
		t.Errorf("%+v, error %v", b, err)
	}
	const want = `boards: no board "arty", want one of ` +
		`arty-a7-100t, ice40-hx8k-b-evn, pynq-z1, pynq-z2, ulx3s-85f, zcu104`
	if _, err := Get("arty"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		board string
		used  Resources
		want  string
	}{
		{"pynq-z1", Resources{}, ""},
		{"pynq-z1", Resources{LUT: 53200, FF: 106400, BRAM36: 140, DSP: 220}, ""}, // exactly full
		{"pynq-z1", Resources{LUT: 61234},
			"boards: pynq-z1 (xc7z020clg400-1): needs 61234 LUT, has 53200: 8034 too many (115 %)"},
		{"pynq-z1", Resources{FF: 10, BRAM36: 140.5, DSP: 2200},
			"boards: pynq-z1 (xc7z020clg400-1): needs 140.5 BRAM36, has 140: 0.5 too many (100 %); needs 2200 DSP, " +
				"has 220: 1980 too many (1000 %)"},
		{"ice40-hx8k-b-evn", Resources{DSP: 3, EBR4: 33},
			"boards: ice40-hx8k-b-evn (ice40hx8k-ct256): needs 33 EBR of 4 kbit, has 32: 1 too many (103 %); needs 3 " +
				"DSP, has 0: 3 too many"},
		// Blocks say it, so kilobits need not.
		{"ulx3s-85f", Resources{EBR18: 209, BRAMKbits: 3762},
			"boards: ulx3s-85f (LFE5U-85F-6BG381C): needs 209 EBR of 18 kbit, has 208: 1 too many (100 %)"},
		{"ice40-hx8k-b-evn", Resources{BRAMKbits: 256},
			"boards: ice40-hx8k-b-evn (ice40hx8k-ct256): needs 256 kbit of block RAM, has 128: 128 too many (200 %)"},
		{"zcu104", Resources{LUT: 10_000_000},
			"boards: zcu104 (xczu7ev-ffvc1156-2-e): needs 10000000 LUT, has 230400: 9769600 too many (4340 %)"},
	} {
		b, err := Get(tc.board)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := b.Check(tc.used); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s with %v:\n got %s\nwant %s", tc.board, tc.used, got, tc.want)
		}
	}
}

const sample = `name: toy
title: A toy
family: ice40
part: ice40toy
resources: {lut: 100, ff: 100, ebr4: 2, bram_kbits: 8}
clock: {pin: A1, mhz: 12, target_mhz: 24}
pins: {led: B2}
sources:
  part: data sheet
  resources.lut: data sheet
  resources.ff: data sheet
  resources.ebr4: data sheet
  resources.bram_kbits: data sheet
  clock.pin: schematic
  clock.mhz: schematic
  clock.target_mhz: choice
  pins.led: schematic
`

func TestParse(t *testing.T) {
	b, err := Parse("somewhere/toy.yaml", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Resources.String(), "100 LUT, 100 FF, 2 EBR of 4 kbit, 8 kbit of block RAM"; got != want {
		t.Errorf("resources %q, want %q", got, want)
	}
	if b.Pins["led"] != "B2" {
		t.Errorf("pins %v", b.Pins)
	}
}

// TestParseErrors changes one thing in a good file at a time.
func TestParseErrors(t *testing.T) {
	for _, tc := range []struct{ old, new, want string }{
		{sample, "", "is empty"},
		{"name: toy", "name: tow", `name is "tow", want "toy" as the file`},
		{"title: A toy", "titel: A toy", "field titel not found"},
		{"lut: 100", "luts: 100", "line 5: field resources.luts not found"},
		{"title: A toy", "", "title is missing"},
		{"part: ice40toy", "", "part is missing"},
		{"family: ice40", "family: spartan", `family "spartan", want one of ` + strings.Join(withBlocks(), ", ")},
		{"family: ice40", "family: xc7", "family xc7 has its block RAM in bram36"},
		{"lut: 100", "lut: -100", "resources.lut is -100, want a whole number from 0 on"},
		{"lut: 100", "lut: 100.5", "resources.lut is 100.5, want a whole number"},
		{"lut: 100", "lut: many", "resources.lut is many, want a whole number"},
		{"ff: 100", "ff: 0", "100 lut and 0 ff, want both"},
		{"ebr4: 2", "ebr4: 2, bram36: 0.5", "resources.bram36 is 0.5"},
		{"ebr4: 2", "ebr4: 2, bram36: .inf", "block RAM in ebr4"},
		{"bram_kbits: 8", "bram_kbits: 9", "resources.bram_kbits is 9, want 8"},
		{"bram_kbits: 8", "bram_kbits: 8, lut: 3", "already defined"},
		{"pin: A1, ", "", "clock.pin is missing"},
		{"mhz: 12,", "mhz: -12,", "clock.mhz is -12"},
		{"mhz: 12,", "mhz: .nan,", "clock.mhz is NaN"},
		{"target_mhz: 24", "target_mhz: 24000", "clock.target_mhz is 24000, want above 0 and up to 1000"},
		{"{led: B2}", "{led: ''}", `signal "led" on pin ""`},
		{"  resources.lut: data sheet\n", "", "sources: none for resources.lut"},
		{"resources.lut: data sheet", "resources.lut: ' '", "sources: none for resources.lut"},
		{"  pins.led: schematic\n", "", "sources: none for pins.led"},
		{"clock.pin: schematic", "clock.pin: schematic\n  clock.foo: schematic", "clock.foo is not a fact"},
		{"name: toy", "---\nname: toy", ""},
		{"title: A toy", "title: [", "yaml"},
	} {
		if !strings.Contains(sample, tc.old) {
			t.Fatalf("%q is not in the sample", tc.old)
		}
		_, err := Parse("toy.yaml", []byte(strings.Replace(sample, tc.old, tc.new, 1)))
		if tc.want == "" {
			if err != nil {
				t.Errorf("%q: %v", tc.new, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "boards: toy.yaml: ") ||
			!strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q for %q: error %v, want %q", tc.new, tc.old, err, tc.want)
		}
	}
	if _, err := Parse("toy.yaml", []byte(sample+"---\nname: two\n")); err == nil ||
		!strings.Contains(err.Error(), "more than one document") {
		t.Errorf("two documents: %v", err)
	}
}

// TestJSON pins the schema that `a2qgen boards --json` prints.
func TestJSON(t *testing.T) {
	b, err := Get("pynq-z2")
	if err != nil {
		t.Fatal(err)
	}
	b.Sources = nil
	got, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"pynq-z2","title":"TUL Pynq-Z2","family":"xc7","part":"xc7z020clg400-1",` +
		`"resources":{"lut":53200,"ff":106400,"bram36":140,"uram":0,"ebr18":0,"ebr4":0,"dsp":220,"bram_kbits":5040},` +
		`"clock":{"pin":"H16","mhz":125,"target_mhz":100},"sources":null}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, text []byte) {
		if b, err := Parse("toy.yaml", text); err == nil {
			b.Check(Resources{LUT: 1 << 30})
		}
	})
}
