package cost

import (
	"encoding/csv"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
)

// Kinds of samples: the five blocks, and whole designs.
const (
	KindMVAU           = "mvau"
	KindReplayBuffer   = "replay_buffer"
	KindFIFO           = "fifo"
	KindWidthConverter = "width_converter"
	KindLabelSelect    = "label_select"
	KindDesign         = "design" // a whole network, flattened
)

// Sample is one synthesised unit: what it was, and what came out. Kind, Seed and
// Params determine it completely, contents of memories included.
//
// So the table need not hold the Verilog: Unit and Design make the same one again, and only a
// change of the RTL or of what they draw makes the counts of a sample out of date.
type Sample struct {
	Kind string
	// HeldOut samples take no part in the fit.
	HeldOut bool
	Seed    uint64
	Params  map[string]int
	Counts  synth.Counts
}

// Key identifies what was synthesised.
//
// Whether it is held out is no part of it: moving a sample between the sets needs no synthesis.
func (s Sample) Key() string {
	return fmt.Sprintf("%s %d %s", s.Kind, s.Seed, s.params())
}

// params returns the parameters as "name=value", by name, so that a map gives one text.
func (s Sample) params() string {
	var words []string
	for k, v := range s.Params {
		words = append(words, fmt.Sprintf("%s=%d", k, v))
	}
	sort.Strings(words)
	return strings.Join(words, " ")
}

// sampleHeader has the columns of data/xc7.csv, in the order that parseSample reads them in.
var sampleHeader = []string{"kind", "split", "seed", "params", "lut", "ff", "ramb18", "dsp", "carry4", "muxf", "inv"}

// WriteSamples writes samples as CSV, one per line.
func WriteSamples(w io.Writer, samples []Sample) error {
	out := csv.NewWriter(w)
	rows := [][]string{sampleHeader}
	for _, s := range samples {
		split := "train"
		if s.HeldOut {
			split = "held-out"
		}
		row := []string{s.Kind, split, strconv.FormatUint(s.Seed, 10), s.params()}
		c := s.Counts
		for _, v := range []int{c.LUT, c.FF, c.RAMB18, c.DSP, c.Carry4, c.MuxF, c.Inv} {
			row = append(row, strconv.Itoa(v))
		}
		rows = append(rows, row)
	}
	return out.WriteAll(rows)
}

// ReadSamples reads what WriteSamples wrote. Errors name the line.
func ReadSamples(r io.Reader) ([]Sample, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = len(sampleHeader)
	rows, err := in.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("cost: samples: %w", err)
	}
	var samples []Sample
	for i, row := range rows {
		if i == 0 {
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

// parseSample reads a row of as many fields as sampleHeader has; ReadSamples has checked that.
func parseSample(row []string) (Sample, error) {
	s := Sample{Kind: row[0], HeldOut: row[1] == "held-out", Params: map[string]int{}}
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
	for i, p := range []*int{&c.LUT, &c.FF, &c.RAMB18, &c.DSP, &c.Carry4, &c.MuxF, &c.Inv} {
		if *p, err = strconv.Atoi(row[4+i]); err != nil {
			return s, err
		}
	}
	return s, nil
}
