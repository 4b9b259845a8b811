// Package synth runs Yosys on library blocks and whole designs and counts what
// comes out. It is how the cost model's samples are made and checked.
package synth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/internal/process"
	"github.com/a2qgen/a2qgen/templates"
)

// Counts is what a synthesised module consists of.
type Counts struct {
	// LUT counts LUT1 to LUT6, and LUTs used as memory: SRL16E and SRLC32E 1 each,
	// RAM32X1D and RAM64X1D 2, RAM32M and RAM64M 4, RAM128X1D 4, RAM256X1S 4.
	LUT int
	// FF counts FDRE, FDSE, FDCE, FDPE.
	FF int
	// RAMB18 counts 18-kbit halves: a RAMB36 is two.
	RAMB18 int
	DSP    int
	// Carry4, MuxF and Inv (CARRY4, MUXF7 and MUXF8, INV) are for information: they cost
	// no LUT. Yosys leaves an INV where an inverted signal meets a register or a carry
	// chain; place and route moves most of them into the LUT that drives them.
	Carry4, MuxF, Inv int
}

// cells that cost LUTs, and how many.
var lutsOf = map[string]int{
	"LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "LUT5": 1, "LUT6": 1,
	"SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1, "RAM32X1S": 1, "RAM64X1S": 1,
	"RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1S": 2, "RAM128X1D": 4, "RAM256X1S": 4, "RAM32M": 4, "RAM64M": 4,
}

func countCells(cells map[string]int) Counts {
	var c Counts
	for name, n := range cells {
		c.LUT += lutsOf[name] * n
		switch name {
		case "FDRE", "FDSE", "FDCE", "FDPE":
			c.FF += n
		case "RAMB36E1":
			c.RAMB18 += 2 * n
		case "RAMB18E1":
			c.RAMB18 += n
		case "DSP48E1":
			c.DSP += n
		case "CARRY4":
			c.Carry4 += n
		case "MUXF7", "MUXF8":
			c.MuxF += n
		case "INV":
			c.Inv += n
		}
	}
	return c
}

// Blocks synthesises units apart from each other, but in one run of Yosys, and
// returns the counts of each. Errors come from the tool or the file system.
func Blocks(ctx context.Context, units []Unit) ([]Counts, error) {
	text, err := unitsVerilog(units)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for i, u := range units {
		for _, m := range u.Block.Memories() {
			files[unitFile(i, m.File)] = m.Text()
		}
	}
	stats, err := Verilog(ctx, text, files, "all_units")
	if err != nil {
		return nil, err
	}
	counts := make([]Counts, len(units))
	for i := range units {
		c, ok := stats[unitName(i)]
		if !ok {
			return nil, fmt.Errorf("synth: yosys reports no module %s", unitName(i))
		}
		counts[i] = c
	}
	return counts, nil
}

// Verilog synthesises the modules of text, which may use library modules and read
// files by name. It returns the counts of top and of each module that keeps its
// hierarchy.
func Verilog(ctx context.Context, text []byte, files map[string][]byte, top string) (map[string]Counts, error) {
	all := map[string][]byte{"units.v": text}
	for _, m := range templates.Modules() {
		all[m+".v"] = templates.Module(m)
	}
	for name, data := range files {
		all[name] = data
	}
	return run(ctx, all, top)
}

// Design synthesises a whole design, flattened.
func Design(ctx context.Context, d *hwgen.Design) (Counts, error) {
	files, err := d.Emit(nil)
	if err != nil {
		return Counts{}, err
	}
	rtl := map[string][]byte{}
	for _, f := range files {
		if name, ok := strings.CutPrefix(f.Path, "rtl/"); ok {
			rtl[name] = f.Data
		}
	}
	stats, err := run(ctx, rtl, d.Name)
	return stats[d.Name], err
}

// run synthesises files, in a directory of its own, and returns the counts of each
// module that is left.
func run(ctx context.Context, files map[string][]byte, top string) (map[string]Counts, error) {
	dir, err := os.MkdirTemp("", "a2qgen-synth-")
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	defer os.RemoveAll(dir)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return nil, fmt.Errorf("synth: %w", err)
		}
	}
	cmd := process.Command(ctx, dir, "yosys", "-q", "-p", "read_verilog *.v; "+
		"synth_xilinx -family xc7 -nodsp -noiopad -flatten -top "+top+"; tee -q -o stat.json stat -json")
	if out, err := cmd.CombinedOutput(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("synth: yosys is missing: install the package yosys")
		}
		return nil, fmt.Errorf("synth: yosys: %w: %s", err, lastLine(out))
	}
	data, err := os.ReadFile(filepath.Join(dir, "stat.json"))
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	return parse(data)
}

func parse(data []byte) (map[string]Counts, error) {
	at := bytes.IndexByte(data, '{')
	if at < 0 {
		return nil, errors.New("synth: yosys wrote no statistics")
	}
	var stat struct {
		Modules map[string]struct {
			Cells map[string]int `json:"num_cells_by_type"`
		} `json:"modules"`
	}
	if err := json.NewDecoder(bytes.NewReader(data[at:])).Decode(&stat); err != nil {
		return nil, fmt.Errorf("synth: yosys statistics: %w", err)
	}
	counts := map[string]Counts{}
	for name, m := range stat.Modules {
		counts[strings.TrimPrefix(name, `\`)] = countCells(m.Cells)
	}
	return counts, nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
