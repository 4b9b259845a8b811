package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

const simHelp = `Runs frames through the generated Verilog and through the cycle model, and compares
valid, ready and data of every stream in every cycle. The network in the directory is
imported and planned again; one that was altered, or a manifest that was, is refused.
Altered Verilog or memories show as mismatches, where they matter to the frames. Frames
are test samples of --data, or random inputs where no data set of the network's size is
at hand. --stall is the probability, a cycle, that the source pauses and that the sink
does; with --period N both pause in the first N*stall of every N cycles instead.
Exit status 1 if a single beat or cycle differs.

Example:
   a2qgen sim build/net --frames 200 --stall 0.3
   a2qgen sim build/net --frames 2 --vcd waves.vcd --simulator icarus`

// maxFrames bounds the memory of a simulation.
const maxFrames = 1 << 20

func simCommand() *cli.Command {
	return &cli.Command{
		Name: "sim", Usage: "cross-check a generated design cycle by cycle",
		UsageText: "a2qgen sim DIR [--frames N] [--data DIR] [--stall 0..0.9] [--period N] [--seed S] [--vcd FILE]\n" +
			"   [--simulator verilator|icarus] [--json]",
		Description: simHelp,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "frames", Value: 100, Usage: "simulate `N` frames"},
			&cli.StringFlag{Name: "data", Usage: "`DIR` of a data set, or IMAGES,LABELS"},
			&cli.Float64Flag{Name: "stall", DefaultText: "0", Usage: "`PROBABILITY` of a pause of source and sink, 0..0.9"},
			&cli.IntFlag{Name: "period", DefaultText: "random pauses", Usage: "pause periodically, every `N` cycles, not at random"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "`S` of the pauses and of random inputs"},
			&cli.StringFlag{Name: "vcd", Usage: "`FILE` to write waves to"},
			&cli.StringFlag{Name: "simulator", Value: string(verilator.Verilator), Usage: "`NAME`: verilator or icarus"},
			jsonFlag(),
		},
		Action: simAction,
	}
}

// simOptions are the flags of sim.
type simOptions struct {
	frames, period int
	stall          float64
	seed           uint64
	data, vcd      string
	simulator      verilator.Simulator
}

func simAction(c *cli.Context) error {
	dir, err := oneArgument(c, "DIR")
	if err != nil {
		return err
	}
	o := simOptions{frames: c.Int("frames"), period: c.Int("period"), stall: c.Float64("stall"), seed: c.Uint64("seed"),
		data: c.String("data"), vcd: c.String("vcd"), simulator: verilator.Simulator(c.String("simulator"))}
	if err := o.check(); err != nil {
		return err
	}
	con := newConsole(c)
	doc, err := simulate(c.Context, con, dir, o)
	if err != nil {
		return err
	}
	if err := con.result(doc, doc.print); err != nil {
		return err
	}
	return doc.verdict()
}

func (o simOptions) check() error {
	switch {
	case o.frames < 1 || o.frames > maxFrames:
		return usagef("sim: --frames is %d, want 1..%d", o.frames, maxFrames)
	case !(o.stall >= 0 && o.stall <= 0.9):
		return usagef("sim: --stall is %v, want 0..0.9", o.stall)
	case o.period < 0:
		return usagef("sim: --period is %d, want 0 or more cycles", o.period)
	case o.period > 0 && o.stall == 0:
		return usagef("sim: --period is %d without pauses, want --stall too, the part of each period that pauses", o.period)
	case o.simulator != verilator.Verilator && o.simulator != verilator.Icarus:
		return usagef("sim: --simulator is %q, want verilator or icarus", o.simulator)
	}
	return nil
}

// simReport is the JSON of sim.
type simReport struct {
	sim.Result
	// Correct counts labels that equal the data set's; Total is 0 with random inputs.
	Correct   int     `json:"correct"`
	Total     int     `json:"total"`
	Data      string  `json:"data"`
	Stall     float64 `json:"stall"`
	Simulator string  `json:"simulator"`
	// SpeedRatio is the model's cycles a second over the simulator's.
	SpeedRatio float64 `json:"speed_ratio"`
}

// simulate cross-checks the design in dir.
func simulate(ctx context.Context, con *console, dir string, o simOptions) (*simReport, error) {
	d, _, err := readDesign(dir)
	if err != nil {
		return nil, err
	}
	in, err := frames(d.Network, o)
	if err != nil {
		return nil, err
	}
	pause := sim.Pattern{Probability: o.stall, Period: o.period}
	so := sim.Options{Simulator: o.simulator, Gap: pause, Stall: pause, Seed: o.seed, VCD: o.vcd}
	con.note("simulating %d frames with %s; the first time, its compilation takes a while", o.frames, o.simulator)
	res, err := sim.CrossCheck(ctx, d, dir, in.samples, so)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("sim: stopped: %w", ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	doc := &simReport{Result: *res, Data: in.name, Total: len(in.labels), Stall: o.stall, Simulator: string(o.simulator)}
	for i, want := range in.labels {
		if res.Labels[i] == int(want) {
			doc.Correct++
		}
	}
	if res.ModelSeconds > 0 && res.RTLSeconds > 0 && res.CyclesRTL > 0 {
		doc.SpeedRatio = float64(res.CyclesModel) / res.ModelSeconds / (float64(res.CyclesRTL) / res.RTLSeconds)
	}
	return doc, nil
}

// frameSet are the inputs of a simulation, with labels where they are known.
type frameSet struct {
	name    string
	samples [][]int32
	labels  []uint8
}

// frames takes the first test samples of the data set, again from the start where
// it has too few. Without --data, random inputs replace a set that does not fit.
func frames(net *quant.Network, o simOptions) (*frameSet, error) {
	set, err := data.Open(o.data, false)
	if err == nil {
		err = set.CheckFit(net.InputSize(), net.OutputSize())
	}
	if err != nil && o.data != "" {
		return nil, err
	}
	if err != nil {
		return randomFrames(net, o), nil
	}
	f := &frameSet{name: set.Name}
	raw := make([]float32, set.Size())
	for i := range o.frames {
		k := i % set.Len()
		set.Sample(k, raw)
		x := make([]int32, len(raw))
		net.Input.Apply(raw, x)
		f.samples, f.labels = append(f.samples, x), append(f.labels, set.Labels[k])
	}
	return f, nil
}

// randomFrames draws inputs uniformly from the range of their type.
func randomFrames(net *quant.Network, o simOptions) *frameSet {
	f := &frameSet{name: "random inputs: the default data set does not fit the network"}
	rng := rand.New(rand.NewPCG(o.seed, 1))
	lo, hi := net.Input.Type.Min(), net.Input.Type.Max()
	for range o.frames {
		x := make([]int32, net.InputSize())
		for i := range x {
			x[i] = int32(lo + rng.Int64N(hi-lo+1))
		}
		f.samples = append(f.samples, x)
	}
	return f
}

// verdict is an error unless the Verilog equals the model beat for beat.
func (r *simReport) verdict() error {
	switch {
	case r.Mismatches > 0:
		return fmt.Errorf("sim: %d mismatches; first: %s", r.Mismatches, r.First)
	case r.CyclesModel != r.CyclesRTL:
		return fmt.Errorf("sim: the Verilog takes %d cycles, the model %d", r.CyclesRTL, r.CyclesModel)
	}
	return nil
}

func (r *simReport) print(w io.Writer) {
	fmt.Fprintf(w, "inputs    %d frames, %s; stall %g\n", r.Frames, r.Data, r.Stall)
	fmt.Fprintf(w, "compared  %d beats on %s: %d mismatches\n", r.BeatsCompared, r.Simulator, r.Mismatches)
	fmt.Fprintf(w, "cycles    model %d, Verilog %d; interval %d, latency %d\n",
		r.CyclesModel, r.CyclesRTL, r.IntervalCycles, r.LatencyCycles)
	if r.Total > 0 {
		fmt.Fprintf(w, "labels    %d of %d right: %.2f %%\n", r.Correct, r.Total, percent(r.Correct, r.Total))
	}
	fmt.Fprintf(w, "time      build %.1f s, Verilog %.2f s, model %.3f s: the model is %.0f times faster\n",
		r.BuildSeconds, r.RTLSeconds, r.ModelSeconds, r.SpeedRatio)
}
