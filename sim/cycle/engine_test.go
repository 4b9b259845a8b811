package cycle_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
	widthconverter "github.com/a2qgen/a2qgen/hwgen/block/width_converter"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

var designs = flag.Int("designs", 400, "random designs whose beats are held against the witness")

// network draws a network of the given greatest layer size.
func network(rng *rand.Rand, size int) *quant.Network {
	return quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxSize: size})
}

// design plans a random network under a random fold; every other one with queues of its
// own: none, short or long ones.
func design(t *testing.T, seed uint64, size int) *hwgen.Design {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	n := network(rng, size)
	f := hwgen.Folding{}
	for i := range n.Layers {
		l := &n.Layers[i]
		pick := func(size int) int {
			for {
				if d := 1 + rng.IntN(size); size%d == 0 {
					return d
				}
			}
		}
		fold := hwgen.Fold{PE: pick(l.Out), SIMD: pick(l.In)}
		if seed%2 == 1 {
			fold.FIFO = hwgen.Depths{[]int{0, 1, 2, 3, 1 + rng.IntN(100)}[rng.IntN(5)]}
		}
		f[l.Name] = fold
	}
	d, err := plan.Plan(n, hwgen.Options{Folding: f})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// graph plans a random residual network under a random fold, for every third seed a chain.
func graph(t *testing.T, seed uint64) *hwgen.Design {
	t.Helper()
	if seed%3 == 0 {
		return design(t, seed, 60)
	}
	n := quanttest.RandomResidual(rand.New(rand.NewPCG(seed, 5)), 16, 0)
	d, err := plan.Plan(n, hwgen.Options{FPS: 1e8 / float64(1+seed%64)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func engine(t *testing.T, d *hwgen.Design) *cycle.Engine {
	t.Helper()
	e, err := cycle.New(d.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestWitness: every beat of every stream passes in the cycle that the recurrences of its blocks
// say, whatever queues were asked for, without pauses and with them; and the latency that the
// plan prints is what they come to. A fifth of the designs have forks and sums.
func TestWitness(t *testing.T) {
	count := uint64(*designs)
	if testing.Short() {
		count = 60
	}
	const frames = 6
	for seed := range count {
		d := design(t, seed, 24)
		if seed%5 == 4 {
			d = residual(t, seed)
		}
		timing, err := blocktest.Witness(d, frames, nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if want := timing.Latency(); int64(d.LatencyCycles()) != want {
			t.Errorf("seed %d: latency planned %d, want %d", seed, d.LatencyCycles(), want)
		}
		if _, err := blocktest.Witness(d, frames, pauses(seed, 0.3, 0.5)); err != nil {
			t.Fatalf("seed %d, with pauses: %v", seed, err)
		}
	}
}

// residual plans a random residual network under the plan's own folds, for some rate.
func residual(t *testing.T, seed uint64) *hwgen.Design {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0xadd))
	n := quanttest.RandomResidual(rng, 12, 0)
	d, err := plan.Plan(n, hwgen.Options{FPS: 1e6 * (1 + 49*rng.Float64())})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return d
}

// TestSteady: the planned interval is what a long run takes per frame, and no less than the
// slowest block; with the queues that planning chooses it is just that.
func TestSteady(t *testing.T) {
	count := uint64(*designs)
	if testing.Short() {
		count = 60
	}
	for seed := range count {
		d := design(t, seed, 60)
		const warm = 40
		frames := warm + 2*int(d.Timing.Frames)
		timing, err := engine(t, d).Run(frames, nil, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		ends, period := timing.FrameEnds, d.Timing
		if got := ends[frames-1] - ends[frames-1-int(period.Frames)]; got != period.Cycles {
			t.Errorf("seed %d: %d frames take %d cycles, planned %d", seed, period.Frames, got, period.Cycles)
		}
		slowest := 1
		for _, b := range d.Nodes {
			slowest = max(slowest, b.Cycles())
		}
		if i := d.IntervalCycles(); i < slowest || seed%2 == 0 && i != slowest {
			t.Errorf("seed %d: interval %d, the slowest block takes %d", seed, i, slowest)
		}
	}
}

// TestShortQueueIsSlower holds the case that outside trials found: a folding file that takes
// a queue away must not be printed the interval of the slowest block.
func TestShortQueueIsSlower(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		n := network(rng, 60)
		f := hwgen.Folding{}
		for i := range n.Layers {
			f[n.Layers[i].Name] = hwgen.Fold{FIFO: hwgen.Depths{1}}
		}
		d, err := plan.Plan(n, hwgen.Options{Folding: f, FPS: 1e6})
		if err != nil {
			t.Fatal(err)
		}
		slowest := 1
		for _, b := range d.Nodes {
			slowest = max(slowest, b.Cycles())
		}
		if d.IntervalCycles() > slowest {
			return
		}
	}
	t.Error("no network is slower without its queues")
}

// trace is what every stream shows in a cycle.
type trace struct{ valid, ready []bool }

// TestOrderDoesNotMatter: blocks may be stepped in any order.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(40) {
		d := graph(t, seed)
		var want []trace
		for shuffle := range 3 {
			e := engine(t, d)
			if shuffle > 0 {
				e.SetOrder(rand.New(rand.NewPCG(seed, uint64(shuffle))).Perm(len(d.Nodes) + 2))
			}
			var got []trace
			see := func(r *cycle.Run) error {
				var c trace
				for i := range d.Streams {
					c.valid, c.ready = append(c.valid, r.Valid(i)), append(c.ready, r.Ready(i))
				}
				got = append(got, c)
				return nil
			}
			if _, err := e.Run(3, pauses(seed, 0.3, 0.5), 5, see); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: another order, other handshakes", seed)
			}
		}
	}
}

// pauses draws pauses with the given probabilities, the same in every run.
func pauses(seed uint64, gap, stall float64) cycle.Pauses {
	return func(n int64) (uint64, uint64) {
		rng := rand.New(rand.NewPCG(seed, uint64(n)))
		draw := func(p float64) uint64 {
			if rng.Float64() < p {
				return 1
			}
			return 0
		}
		return draw(gap), draw(stall)
	}
}

// TestFastForward: skipping what repeats changes no cycle.
func TestFastForward(t *testing.T) {
	for seed := range uint64(150) {
		d := graph(t, seed)
		const frames = 40
		slow, err := engine(t, d).Run(frames, nil, 3, func(*cycle.Run) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		fast, err := engine(t, d).Run(frames, nil, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(slow, fast) {
			t.Fatalf("seed %d: %+v, want %+v", seed, fast, slow)
		}
	}
}

// queueOf is the machine of a queue.
func queueOf(depth int) cycle.Machine { return (&fifo.Block{Depth: depth}).Machine() }

// TestCheck: an impossible graph names the streams.
func TestCheck(t *testing.T) {
	queue := func(in, out int) cycle.Node {
		return cycle.Node{Name: "q", Machine: queueOf(2), In: []int{in}, Out: []int{out}}
	}
	port := func(s int) []cycle.Port { return []cycle.Port{{Stream: s, Beats: 1}} }
	for _, c := range []struct {
		name, want string
		g          cycle.Graph
	}{
		{"unread", `stream "b" is read by 0`, cycle.Graph{Streams: []string{"a", "b", "c"},
			Nodes: []cycle.Node{queue(0, 1)}, Sources: port(0), Sinks: port(2)}},
		{"two writers", `stream "b" is written by 2`, cycle.Graph{Streams: []string{"a", "b"},
			Nodes: []cycle.Node{queue(0, 1)}, Sources: []cycle.Port{{Stream: 0, Beats: 1}, {Stream: 1, Beats: 1}},
			Sinks: port(1)}},
		{"no sink", "0 sinks", cycle.Graph{Streams: []string{"a"}, Sources: port(0)}},
		{"no stream", "no stream 7", cycle.Graph{Streams: []string{"a"}, Sources: port(0), Sinks: port(7)}},
		{"no beats", "0 beats per frame", cycle.Graph{Streams: []string{"a"}, Sources: []cycle.Port{{Stream: 0}},
			Sinks: port(0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := cycle.New(c.g); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestDeadlock: a design whose frames need more beats than come is stuck for good, and the
// starved stream is named.
func TestDeadlock(t *testing.T) {
	g := cycle.Graph{Streams: []string{"in", "out"}, Sources: []cycle.Port{{Stream: 0, Beats: 3}},
		Sinks: []cycle.Port{{Stream: 1, Beats: 2}},
		Nodes: []cycle.Node{{Name: "gather", Machine: (&widthconverter.Block{In: 1, Out: 2}).Machine(), In: []int{0}, Out: []int{1}}}}
	e, err := cycle.New(g)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Run(1, nil, 0, nil)
	var d *cycle.Deadlock
	if !errors.As(err, &d) || !slices.Equal(d.Starved, []string{"in", "out"}) {
		t.Errorf("got %v, want a deadlock with both streams starved", err)
	}
}

// TestManyStreams: 500 streams, whose queues stand in any order: no two neighbours need to
// be neighbours in the engine. Latency and interval are known: a cycle per queue.
func TestManyStreams(t *testing.T) {
	const streams = 500
	rng := rand.New(rand.NewPCG(7, 7))
	g := cycle.Graph{Sources: []cycle.Port{{Stream: 0, Beats: 5}}}
	for i := range streams {
		g.Streams = append(g.Streams, fmt.Sprint("s", i))
	}
	for i := range streams - 1 {
		g.Nodes = append(g.Nodes, cycle.Node{Name: fmt.Sprint("q", i), Machine: queueOf(2 + rng.IntN(3)),
			In: []int{i}, Out: []int{i + 1}})
	}
	rng.Shuffle(len(g.Nodes), func(i, j int) { g.Nodes[i], g.Nodes[j] = g.Nodes[j], g.Nodes[i] })
	g.Sinks = []cycle.Port{{Stream: streams - 1, Beats: 5}}
	e, err := cycle.New(g)
	if err != nil {
		t.Fatal(err)
	}
	timing, err := e.Run(20, pauses(1, 0.2, 0.4), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(timing.FrameEnds) != 20 || timing.Latency() < streams {
		t.Errorf("%d frames, latency %d: a queue takes a cycle", len(timing.FrameEnds), timing.Latency())
	}
	steady, err := e.Steady(1 << 20)
	if err != nil || steady.Latency != streams-1+5 || steady.Cycles != 5*steady.Frames {
		t.Errorf("got %+v, %v, want a latency of %d and 5 cycles per frame", steady, err, streams-1+5)
	}
}

// TestManyJoins: a random graph of more than 500 streams, forks and sums among them, has the same
// handshakes in every order of its blocks, and pauses or not ends all its frames.
func TestManyJoins(t *testing.T) {
	n := quanttest.RandomResidual(rand.New(rand.NewPCG(4, 0xadd)), 4, 150)
	folds := hwgen.Folding{}
	for i := range n.Layers {
		l := &n.Layers[i]
		// Deep enough for any shortcut: to search for depths is the plan's matter.
		folds[l.Name] = hwgen.Fold{PE: l.Out, SIMD: l.In, FIFO: slices.Repeat(hwgen.Depths{400}, len(l.From))}
	}
	d, err := plan.Plan(n, hwgen.Options{Folding: folds})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Streams) < 500 {
		t.Fatalf("%d streams, want 500", len(d.Streams))
	}
	var want *cycle.Timing
	for shuffle := range uint64(2) {
		e := engine(t, d)
		e.SetOrder(rand.New(rand.NewPCG(1, shuffle)).Perm(len(d.Nodes) + 2))
		timing, err := e.Run(40, pauses(3, 0.3, 0.3), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = timing
		}
		if !reflect.DeepEqual(timing, want) {
			t.Errorf("another order, other cycles: %+v, want %+v", timing, want)
		}
	}
	t.Logf("%d streams, %d blocks, %d cycles for 40 frames", len(d.Streams), len(d.Nodes), want.Cycles)
}
