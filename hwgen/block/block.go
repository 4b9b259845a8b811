// Package block says what a kind of hardware block brings with it beside the blocks of designs:
// samples, by which its price is fitted and its Verilog is tried.
//
// Each folder below is one kind, under the name of its module in templates: geometry and
// parameters, control machine, price, samples, test.
package block

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
)

// Kind is a kind of block.
type Kind struct {
	// Name is that of its module.
	Name string
	// Build returns the block that a sample stands for, and the bits of each of its inputs.
	Build func(Sample) (b hwgen.Block, inputBits []int)
	// Witness returns the recurrences of the module with these numbers among its parameters and these
	// memories, whose beats pass at e.
	Witness func(parameters map[string]int, memories []hwgen.Memory, e Ends) Unit
	// Sweep returns the samples that the price is fitted to and judged by: the same list every
	// time. Batch is how many of them are synthesised in one run.
	Sweep func() []Sample
	Batch int
}

// Sample stands for a block: Kind, Seed and Params determine it completely, contents of
// memories included. Params are explained where they are drawn; one that a sample lacks is 0.
type Sample struct {
	Kind string
	// HeldOut samples take no part in the fit.
	HeldOut bool
	Seed    uint64
	Params  map[string]int
	// Style has the words of the family that the block is synthesised for. It is no part of what
	// identifies a sample: every family has a table of its own.
	Style boards.MemoryStyle
}

// Key identifies what was synthesised.
//
// Whether it is held out is no part of it: moving a sample between the sets needs no synthesis.
func (s Sample) Key() string {
	return fmt.Sprintf("%s %d %s", s.Kind, s.Seed, s.Words())
}

// Words returns the parameters as "name=value", by name, so that a map gives one text.
func (s Sample) Words() string {
	var words []string
	for k, v := range s.Params {
		words = append(words, fmt.Sprintf("%s=%d", k, v))
	}
	sort.Strings(words)
	return strings.Join(words, " ")
}

// Pick draws one of the values, each as likely as it is often listed.
func Pick(rng *rand.Rand, from ...int) int { return from[rng.IntN(len(from))] }

// Draw returns n samples with contents of seed first, first+1, ..., a quarter of them held out.
//
// stream numbers the sequence of random parameters, one for each sweep, so that another sweep
// does not change this one. Seeds of two sweeps of a kind must not meet where parameters may be
// alike, or their samples have one key.
func Draw(kind string, stream uint64, n int, first uint64, params func(*rand.Rand) map[string]int) []Sample {
	rng := rand.New(rand.NewPCG(stream, 1))
	all := make([]Sample, n)
	for i := range all {
		all[i] = Sample{Kind: kind, HeldOut: i%4 == 3, Seed: first + uint64(i),
			Params: params(rng)}
	}
	return all
}
