package blocktest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/sim/cycle"
	"github.com/a2qgen/a2qgen/verilator"
)

var (
	drawn = flag.Int("blocks", usual, "drawn blocks of each kind to simulate")
	first = flag.Uint64("first-block", 0, "seed of the first of them: a long run can be split")
	tool  = flag.String("block-simulator", string(verilator.Icarus),
		"icarus, or verilator (which compiles a program per block)")
)

// usual is how many drawn blocks of each kind are simulated by default, beside the fixed ones:
// what it takes that every trait is among them, with some to spare.
const usual = 16

// Kind is what a kind of block brings to its test.
type Kind struct {
	// Draw draws a legal block and what leads into it.
	Draw func(rng *rand.Rand) Case
	// Cases are tried beside the drawn ones, and every fault in Mutations must show on one of
	// them: few and small, each with what the others lack.
	Cases     []Case
	Mutations []Mutation
}

// modelled is how many drawn blocks are held against the witness alone, beside those that are
// simulated: they take no tool and little time.
const modelled = 100

// Check compares blocks of the kind: control machine with recurrences over beats, and both with
// the Verilog and the contents, in every cycle. With -short, and without a simulator, it ends
// behind the former.
func Check(t *testing.T, k Kind) {
	// First, as it takes no tool: a machine that is wrong fails here with the beat.
	t.Run("machine", func(t *testing.T) { checkMachines(t, k) })
	t.Run("traits", func(t *testing.T) { checkTraits(t, k) })
	t.Run("verilog", func(t *testing.T) {
		// Only here: what stands before runs on any machine.
		tooltest.Need(t, compilers[verilator.Simulator(*tool)])
		// One for the kind: blocks with the same texts share a compiled bench.
		cache := t.TempDir()
		for i, c := range k.cases(*first, *drawn) {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				if err := c.check(t.Context(), t.TempDir(), cache, uint64(i)); err != nil {
					t.Errorf("%s: %v", c.Name, err)
				}
			})
		}
	})
}

// compilers are the programs that make a simulation.
var compilers = map[verilator.Simulator]string{verilator.Icarus: "iverilog", verilator.Verilator: "verilator"}

// cases are the fixed ones and so many drawn, of seed first and those that follow.
func (k *Kind) cases(first uint64, count int) []Case {
	// A copy: append could else write into the array of the kind's own.
	all := append([]Case(nil), k.Cases...)
	for seed := first; seed < first+uint64(count); seed++ {
		// By the seed alone, so that a case that fails can be drawn again without those before it.
		c := k.Draw(rand.New(rand.NewPCG(seed, 40)))
		c.Name = fmt.Sprint("seed ", seed)
		all = append(all, c)
	}
	return all
}

func checkMachines(t *testing.T, k Kind) {
	// At least those that are simulated: a failure there then names the side that is wrong.
	for i, c := range k.cases(*first, max(modelled, *drawn)) {
		if err := c.checkMachine(uint64(i)); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

// checkTraits: what is simulated by default is of every trait, and something is not. A kind
// whose draw forgets one would else pass without it for ever.
func checkTraits(t *testing.T, k Kind) {
	// The default draws whatever the flags: they are what CI runs.
	cases := k.cases(0, usual)
	has, lacks := map[string]int{}, map[string]int{}
	for _, c := range cases {
		for trait, is := range c.Traits {
			if is {
				has[trait]++
			} else {
				lacks[trait]++
			}
		}
	}
	// All cases name the same traits, as they come from one function.
	for trait := range cases[0].Traits {
		if has[trait] == 0 || lacks[trait] == 0 {
			t.Errorf("%s: %d blocks of %d are so, want some and not all", trait, has[trait], len(cases))
		}
	}
}

// checkMachine holds the closed formulas of the block and its machine against the engine and
// the witness, without pauses and with them.
func (c *Case) checkMachine(seed uint64) error {
	d, err := c.design()
	if err != nil {
		return err
	}
	if p, want := d.Timing, int64(c.Block.Cycles()); p.Cycles != want*p.Frames || p.Latency != int64(c.Latency) {
		return fmt.Errorf("the engine says %d cycles for %d frames and a latency of %d, the formulas %d and %d",
			p.Cycles, p.Frames, p.Latency, want, c.Latency)
	}
	for _, p := range pauses {
		// Enough to fill a block, and to come back to each of its states.
		const frames = 6
		if _, err := Witness(d, frames, p.cycles(seed)); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// pause is how source and sink pause: each in a part of the cycles. Where one does, long pauses
// of either side come with it (sim.Options).
type pause struct {
	name       string
	gap, stall sim.Pattern
}

// pauses are those that blocks are tried under: each side alone, both, and hardly any beside the
// long ones.
var pauses = []pause{
	{"no pauses", sim.Pattern{}, sim.Pattern{}},
	{"gaps", sim.Pattern{Probability: 0.5}, sim.Pattern{}},
	{"stalls", sim.Pattern{}, sim.Pattern{Probability: 0.5}},
	{"gaps and stalls", sim.Pattern{Probability: 0.4}, sim.Pattern{Probability: 0.4}},
	{"long pauses", sim.Pattern{Probability: 0.01}, sim.Pattern{Probability: 0.01}},
}

// none says that there are no pauses at all.
func (p pause) none() bool { return p.gap.Probability == 0 && p.stall.Probability == 0 }

// cycles draws the pauses of each port in each cycle, for the engine; the long ones apart.
func (p pause) cycles(seed uint64) cycle.Pauses {
	if p.none() {
		return nil
	}
	return func(n int64) (gaps, stalls uint64) {
		// By the cycle, as engine and witness ask for cycles in different orders and must be told the same.
		rng := rand.New(rand.NewPCG(seed, uint64(n)))
		for i := range 64 {
			gaps |= cycle.Bit(rng.Float64() < p.gap.Probability) << i
			stalls |= cycle.Bit(rng.Float64() < p.stall.Probability) << i
		}
		return gaps, stalls
	}
}

// bench is a case to be simulated.
type bench struct {
	design  *hwgen.Design
	files   []emit.File
	samples [][]int32
}

// extraFrames beyond what the block holds: enough for both long pauses, and to fill it after
// them.
const extraFrames = 12

// bench emits the case and draws its frames.
func (c *Case) bench(seed uint64) (*bench, error) {
	d, err := c.design()
	if err != nil {
		return nil, err
	}
	// Blocked and starved are wanted of every stream (judge): that takes more frames than fit in.
	full, err := holds(d)
	if err != nil {
		return nil, err
	}
	// No network file: nobody plans this directory again.
	files, err := emit.Files(d, nil)
	if err != nil {
		return nil, err
	}
	return &bench{d, files, sim.DrawFrames(c.Network, extraFrames+4*full, seed)}, nil
}

// build writes files, which may be changed, below a new folder and compiles them.
func (b *bench) build(ctx context.Context, s verilator.Simulator, files []emit.File, dir, cache string) (
	*verilator.Binary, error) {
	// WriteDir makes it: the folder of a test is there already, and is not its own.
	dir = filepath.Join(dir, "design")
	if err := emit.WriteDir(dir, files); err != nil {
		return nil, err
	}
	return verilator.Build(ctx, sim.Bench(b.design, dir), s, false, cache)
}

// check simulates the case under all pauses.
func (c *Case) check(ctx context.Context, dir, cache string, seed uint64) error {
	b, err := c.bench(seed)
	if err != nil {
		return err
	}
	// Compiled once; pauses are data of a run.
	bin, err := b.build(ctx, verilator.Simulator(*tool), b.files, dir, cache)
	if err != nil {
		return err
	}
	for _, p := range pauses {
		r, err := sim.Compare(ctx, b.design, bin, b.samples, sim.Options{Seed: seed, Gap: p.gap, Stall: p.stall})
		if err == nil {
			err = c.judge(p, r)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// judge says what is wrong with a run.
func (c *Case) judge(p pause, r *sim.Result) error {
	switch {
	case r.Mismatches > 0:
		return fmt.Errorf("%d mismatches, the first: %s", r.Mismatches, r.First)
	// A run in which nothing was compared has no mismatch either.
	case r.BeatsCompared == 0 || r.CyclesModel != r.CyclesRTL:
		return fmt.Errorf("%d beats compared, %d cycles of the model, %d of the Verilog",
			r.BeatsCompared, r.CyclesModel, r.CyclesRTL)
	case p.none() && (*r.IntervalCycles != int64(c.Block.Cycles()) || r.LatencyCycles != int64(c.Latency)):
		return fmt.Errorf("interval %d and latency %d cycles, want %d and %d", *r.IntervalCycles, r.LatencyCycles,
			c.Block.Cycles(), c.Latency)
	case p.none():
		return nil
	}
	// A run that never blocks a stream, or never lets it run dry, has not tried its handshake.
	starved := int64(0) // cycles of all inputs
	for _, s := range r.Streams[:len(c.Inputs)] {
		starved += s.Starved
	}
	for i, s := range r.Streams {
		// Whoever is asked for a beat now and then may always have one.
		if c.Turns && i < len(c.Inputs) && starved > 0 && s.Blocked > 0 {
			continue
		}
		if s.Blocked == 0 || s.Starved == 0 {
			return fmt.Errorf("stream %q is blocked for %d cycles and starved for %d, want both",
				s.Name, s.Blocked, s.Starved)
		}
	}
	return nil
}
