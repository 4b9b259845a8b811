package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
)

// Sample is one synthesised unit: what it was, and what came out.
//
// The table need not hold the Verilog: the sample makes the same one again, and only a
// change of the RTL or of what it draws makes its counts out of date.
type Sample struct {
	block.Sample
	Counts synth.Counts
}

// header has the columns of the table, in the order that parseSample reads them in: the last are
// the cells of the family that cost nothing.
func (t *table) header() []string {
	names := []string{"kind", "split", "seed", "params", "lut", "ff", t.fabric.BlockRAM.Unit, "dsp"}
	for _, f := range t.fabric.Synthesis.Free {
		names = append(names, f.Name)
	}
	return names
}

// writeSamples writes samples as CSV, one per line.
func (t *table) writeSamples(w io.Writer, samples []Sample) error {
	out := csv.NewWriter(w)
	rows := [][]string{t.header()}
	for _, s := range samples {
		split := "train"
		if s.HeldOut {
			split = "held-out"
		}
		row := []string{s.Kind, split, strconv.FormatUint(s.Seed, 10), s.Words()}
		c := s.Counts
		for _, v := range append([]int{c.LUT, c.FF, c.BlockRAM, c.DSP}, c.Free...) {
			row = append(row, strconv.Itoa(v))
		}
		rows = append(rows, row)
	}
	return out.WriteAll(rows)
}

// readSamples reads what writeSamples wrote. Errors name the line.
func (t *table) readSamples(r io.Reader) ([]Sample, error) {
	in := csv.NewReader(r)
	header := t.header()
	in.FieldsPerRecord = len(header)
	rows, err := in.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("cost: samples: %w", err)
	}
	var samples []Sample
	for i, row := range rows {
		if i == 0 {
			if !slices.Equal(row, header) {
				return nil, fmt.Errorf("cost: samples: columns are %v, want %v", row, header)
			}
			continue
		}
		s, err := parseSample(row)
		if err != nil {
			return nil, fmt.Errorf("cost: samples: line %d: %w", i+1, err)
		}
		samples = append(samples, s)
	}
	return samples, nil
}

// parseSample reads a row of as many fields as the header has; readSamples has checked that.
func parseSample(row []string) (Sample, error) {
	s := Sample{Sample: block.Sample{Kind: row[0], HeldOut: row[1] == "held-out", Params: map[string]int{}}}
	var err error
	if s.Seed, err = strconv.ParseUint(row[2], 10, 64); err != nil {
		return s, err
	}
	for _, word := range strings.Fields(row[3]) {
		k, v, _ := strings.Cut(word, "=")
		if s.Params[k], err = strconv.Atoi(v); err != nil {
			return s, err
		}
	}
	c := &s.Counts
	c.Free = make([]int, len(row)-8)
	to := []*int{&c.LUT, &c.FF, &c.BlockRAM, &c.DSP}
	for i := range c.Free {
		to = append(to, &c.Free[i])
	}
	for i, p := range to {
		if *p, err = strconv.Atoi(row[4+i]); err != nil {
			return s, err
		}
	}
	return s, nil
}
