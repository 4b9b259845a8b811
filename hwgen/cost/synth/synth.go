// Package synth runs Yosys on library blocks and whole designs and counts what
// comes out. It is how the cost model's samples are made and checked.
//
// What it measures is mapped logic, before packing and placement: two small LUTs that a placer
// would put into one LUT6 are two here, as they are in the model. Only development uses it; an
// estimate runs no tool.
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

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
	"github.com/a2qgen/a2qgen/internal/process"
	"github.com/a2qgen/a2qgen/templates"
)

// Counts is what a synthesised module consists of, as the family's file counts its cells.
type Counts struct {
	LUT, FF int
	// BlockRAM counts units of fabric.BlockRAM.
	BlockRAM int
	DSP      int
	// Free are counts of the cells of fabric.Synthesis.Free, for information: they cost no LUT.
	Free []int
}

// countCells sums up the cells of a module, given as their number by type, into what the model
// estimates. Types that neither cost nor inform (buffers of clocks, constants) are left out.
func countCells(s *fabric.Synthesis, cells map[string]int) Counts {
	of := func(each map[string]int) int {
		total := 0
		for name, n := range cells {
			total += each[name] * n
		}
		return total
	}
	c := Counts{LUT: of(s.LUT), FF: of(s.FF), BlockRAM: of(s.BlockRAM), DSP: of(s.DSP)}
	for _, f := range s.Free {
		n := 0
		for _, name := range f.Cells {
			n += cells[name]
		}
		c.Free = append(c.Free, n)
	}
	return c
}

// Blocks synthesises units apart from each other, but in one run of Yosys, and
// returns the counts of each. Errors come from the tool or the file system.
//
// One run for all, since starting Yosys takes half a second; keep_hierarchy on each unit
// (units.v.tmpl) holds optimisation within its borders. Even so, what one comes to depends a
// little on the others: names order ABC's choices. counts[i] belongs to units[i].
func Blocks(ctx context.Context, s *fabric.Synthesis, units []Unit) ([]Counts, error) {
	text, err := unitsVerilog(units)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for i, u := range units {
		for _, m := range u.Block.Memories() {
			// All units share a folder, and two of a kind name their memory files alike.
			files[unitFile(i, m.File)] = m.Text()
		}
		if g, ok := u.Block.(hwgen.Generated); ok {
			module := moduleOf(i, g)
			if files[module+".v"], err = emit.Generated(g, module); err != nil {
				return nil, fmt.Errorf("synth: %w", err)
			}
		}
	}
	stats, err := Verilog(ctx, s, text, files, "all_units")
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
//
// A name in files is relative to where Yosys runs, as $readmemh looks it up. A module of text
// with the name of a library module would be read twice, which Yosys refuses.
func Verilog(ctx context.Context, s *fabric.Synthesis, text []byte, files map[string][]byte,
	top string) (map[string]Counts, error) {
	all := map[string][]byte{"units.v": text}
	for _, m := range templates.Modules() {
		all[m+".v"] = templates.Module(m)
	}
	for name, data := range files {
		all[name] = data
	}
	return run(ctx, s, all, top)
}

// Design synthesises a whole design, flattened, for the family that it was planned for.
//
// It reads what Emit would put under rtl/, memory files included, so the counts are those of
// the files that users get. Only the module of the design's own name is left after -flatten;
// errors are those of emission, the tool or the file system.
func Design(ctx context.Context, d *hwgen.Design) (Counts, error) {
	f, err := d.Family.Fabric()
	if err != nil {
		return Counts{}, fmt.Errorf("synth: %w", err)
	}
	files, err := emit.Files(d, nil)
	if err != nil {
		return Counts{}, err
	}
	rtl := map[string][]byte{}
	for _, f := range files {
		if name, ok := strings.CutPrefix(f.Path, "rtl/"); ok {
			rtl[name] = f.Data
		}
	}
	stats, err := run(ctx, &f.Synthesis, rtl, d.Name)
	return stats[d.Name], err
}

// Resources returns the counts of Design in the units of boards and estimates.
func Resources(ctx context.Context, d *hwgen.Design) (boards.Resources, error) {
	c, err := Design(ctx, d)
	if err != nil {
		return boards.Resources{}, err
	}
	// Design has found the family's fabric.
	f, _ := d.Family.Fabric()
	r := d.Family.Blocks(float64(c.BlockRAM) / float64(f.BlockRAM.PerBlock))
	r.LUT, r.FF, r.DSP = c.LUT, c.FF, c.DSP
	return r, nil
}

// run synthesises files, in a directory of its own, and returns the counts of each
// module that is left.
//
// files are by name, without folders. -q and the file leave standard output for errors alone.
func run(ctx context.Context, s *fabric.Synthesis, files map[string][]byte, top string) (map[string]Counts, error) {
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
		s.Command+" -top "+top+"; tee -q -o stat.json stat -json")
	if out, err := cmd.CombinedOutput(); err != nil {
		// What the operating system says of a program that is not there would not name the
		// package.
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("synth: yosys is missing: install the package yosys")
		}
		return nil, fmt.Errorf("synth: yosys: %w: %s", err, lastLine(out))
	}
	data, err := os.ReadFile(filepath.Join(dir, "stat.json"))
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	return parse(s, data)
}

// parse returns the counts by module of what `stat -json` wrote. num_cells_by_type is per
// module, without the modules inside it, so units and the top that holds them do not count
// twice.
func parse(s *fabric.Synthesis, data []byte) (map[string]Counts, error) {
	// Yosys 0.23 prints a heading before the object, also into the file of tee.
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
		// RTLIL marks names that come from the source by a backslash; ours all do.
		counts[strings.TrimPrefix(name, `\`)] = countCells(s, m.Cells)
	}
	return counts, nil
}

// lastLine returns where Yosys says why it stopped: "ERROR: ..." ends its output.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
