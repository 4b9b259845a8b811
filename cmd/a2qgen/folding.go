package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen"
)

const foldingHelp = `The folding (rows PE and columns SIMD computed at once, a layer) is chosen for --fps
at --clock, unless --folding FILE (YAML: layer: {pe: 4, simd: 8}) or --fold set it.`

// maxFoldingBytes bounds a folding file.
const maxFoldingBytes = 1 << 20

// foldingFlags are the flags that decide the folding of a design.
func foldingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.Float64Flag{Name: "fps", DefaultText: fmt.Sprint(hwgen.DefaultFPS), Usage: "frames a second to reach: `F`"},
		&cli.Float64Flag{Name: "clock", DefaultText: fmt.Sprintf("the board's, or %d", hwgen.DefaultClockMHz), Usage: "clock in `MHZ`"},
		&cli.StringFlag{Name: "folding", Usage: "folding `FILE` in YAML"},
		&cli.StringSliceFlag{Name: "fold", Usage: "fold one layer, may be repeated: `LAYER=PE,SIMD`"},
	}
}

// foldingOptions reads foldingFlags.
func foldingOptions(c *cli.Context) (hwgen.Options, error) {
	var o hwgen.Options
	o.FPS, o.ClockMHz = c.Float64("fps"), c.Float64("clock")
	if c.IsSet("fps") && c.IsSet("clock") && o.FPS > o.ClockMHz*1e6 {
		return o, usagef("%s: --fps is %v at --clock %v MHz, want at most one frame per cycle (%v)",
			c.Command.Name, o.FPS, o.ClockMHz, o.ClockMHz*1e6)
	}
	var err error
	if path := c.String("folding"); path != "" {
		if o.Folding, err = readFolding(path); err != nil {
			return o, err
		}
	}
	set := map[string]bool{}
	for _, text := range c.StringSlice("fold") {
		name, fold, err := parseFold(text)
		if err != nil {
			return o, usagef("%s: %w", c.Command.Name, err)
		}
		if set[name] {
			return o, usagef("%s: --fold gives layer %s twice", c.Command.Name, name)
		}
		set[name] = true
		if o.Folding == nil {
			o.Folding = hwgen.Folding{}
		}
		f := o.Folding[name] // keep what the file says about acc and fifo
		f.PE, f.SIMD = fold.PE, fold.SIMD
		o.Folding[name] = f
	}
	return o, nil
}

func readFolding(path string) (hwgen.Folding, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFoldingBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFoldingBytes {
		return nil, fmt.Errorf("%s: folding is larger than %d bytes", path, maxFoldingBytes)
	}
	folding, err := hwgen.ParseFolding(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return folding, nil
}

// parseFold parses LAYER=PE,SIMD, both at least 1. Whether the layer is there and they
// divide its sizes is for the network to say.
func parseFold(text string) (string, hwgen.Fold, error) {
	fail := fmt.Errorf("--fold is %q, want LAYER=PE,SIMD, both at least 1", text)
	name, sizes, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return "", hwgen.Fold{}, fail
	}
	pe, simd, ok := strings.Cut(sizes, ",")
	if !ok {
		return "", hwgen.Fold{}, fail
	}
	var f hwgen.Fold
	for _, n := range []struct {
		text string
		to   *int
	}{{pe, &f.PE}, {simd, &f.SIMD}} {
		v, err := strconv.Atoi(n.text)
		if err != nil || v < 1 {
			return "", hwgen.Fold{}, fail
		}
		*n.to = v
	}
	return name, f, nil
}
