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
type Sample struct {
	Kind string
	// HeldOut samples take no part in the fit.
	HeldOut bool
	Seed    uint64
	Params  map[string]int
	Counts  synth.Counts
}

// Key identifies what was synthesised.
func (s Sample) Key() string {
	return fmt.Sprintf("%s %d %s", s.Kind, s.Seed, s.params())
}

func (s Sample) params() string {
	var words []string
	for k, v := range s.Params {
		words = append(words, fmt.Sprintf("%s=%d", k, v))
	}
	sort.Strings(words)
	return strings.Join(words, " ")
}

var sampleHeader = []string{"kind", "split", "seed", "params", "lut", "ff", "ramb18", "dsp", "carry4", "muxf", "inv"}

// WriteSamples writes samples as CSV, one a line.
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
