package verilator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/internal/tooltest"
)

// cacheDir is shared by the tests, so that Verilator's library compiles once.
var cacheDir string

func TestMain(m *testing.M) {
	var err error
	if cacheDir, err = os.MkdirTemp("", "a2qgen-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(cacheDir)
	os.Exit(code)
}

var simulators = []Simulator{Verilator, Icarus}

// wantTools skips on a laptop without the simulator and with -short, and fails in CI.
func wantTools(t testing.TB, sim Simulator) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs " + string(sim) + ": not in -short")
	}
	if _, err := builder(sim); err != nil {
		tooltest.Absent(t, err)
	}
}

// skidBench describes testdata/skid: see its bench.v for the layout.
func skidBench(dir string) Bench {
	return Bench{
		Dir: dir, Hash: "skid", Sources: []Source{{Bits: 72, FrameBeats: 3}}, Sinks: 1,
		Streams: []Stream{{"in", 72}, {"level", 5}, {"out", 72}},
	}
}

func build(t testing.TB, b Bench, sim Simulator, vcd bool) *Binary {
	t.Helper()
	wantTools(t, sim)
	bin, err := Build(context.Background(), b, sim, vcd, cacheDir)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// mutated copies testdata/skid and replaces text in one of its files.
func mutated(t testing.TB, file, old, new string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/skid")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("%s does not hold %q", file, old)
	}
	text = bytes.ReplaceAll(text, []byte(old), []byte(new))
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// show writes a cycle as one line: a stream is ".", "r" (ready only) or its data
// with "!" (waits) or "" (fires).
func show(c *Cycle, streams int) string {
	var words []string
	for i := range streams {
		word := "."
		if c.IsReady(i) {
			word = "r"
		}
		if c.IsValid(i) {
			word = fmt.Sprintf("%x", c.Data[i])
			if !c.IsReady(i) {
				word += "!"
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func trace(t testing.TB, bin *Binary, st Stimulus, opt RunOptions) []string {
	t.Helper()
	var lines []string
	res, err := bin.Run(context.Background(), st, opt, func(cycle int, c *Cycle) error {
		if cycle != len(lines) {
			return fmt.Errorf("want cycle %d, have %d", len(lines), cycle)
		}
		lines = append(lines, show(c, len(bin.bench.Streams)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.Seconds <= 0 || (res.Cycles != len(lines) && !opt.NoTrace) {
		t.Errorf("result %+v after %d visits", res, len(lines))
	}
	return lines
}

// beat returns a 9-byte word of known bytes; its first byte is i.
func beat(i int) []byte {
	return []byte{byte(i), 1, 2, 3, 4, 5, 6, 7, byte(0x80 + i)}
}

// key is what testdata/skid exclusive-ors every word with (key.mem, byte 0 first).
var key = []byte{0x01, 0xff, 0, 0, 0, 0, 0, 0, 0}

func keyed(word []byte) []byte {
	out := make([]byte, len(word))
	for i := range word {
		out[i] = word[i] ^ key[i]
	}
	return out
}

// pattern is a stimulus written out, for the one source and sink of the test's designs.
type pattern struct {
	beats      []byte
	gap, stall []bool
}

func (p pattern) stimulus() Stimulus {
	return Stimulus{Beats: [][]byte{p.beats}, Cycles: len(p.stall), Pauses: func(t int64) (gaps, stalls uint64) {
		if p.gap != nil && p.gap[t] {
			gaps = 1
		}
		if p.stall[t] {
			stalls = 1
		}
		return gaps, stalls
	}}
}

// TestExactCycles drives the buffer by hand. Gaps in cycles 0 and 4, stalls in
// cycles 1 to 3 and 6; the gap in 4 does not withdraw beat 2, offered since 3.
// level's data is {s_last, m_last, 0, level}: 0x10 is tlast of the beat at the input.
func TestExactCycles(t *testing.T) {
	st := pattern{
		beats: bytes.Join([][]byte{beat(0), beat(1), beat(2), beat(3)}, nil),
		gap:   []bool{true, false, false, false, true, false, false, false},
		stall: []bool{false, true, true, true, false, false, true, false},
	}.stimulus()
	in := func(i int) string { return fmt.Sprintf("%x", beat(i)) }
	out := func(i int) string { return fmt.Sprintf("%x", keyed(beat(i))) }
	want := []string{
		"r r r",                        // a gap
		in(0) + " r .",                 // empty
		in(1) + " 01 " + out(0) + "!",  // the sink stalls
		in(2) + "! 12 " + out(0) + "!", // full: beat 2 waits
		in(2) + "! 12 " + out(0),       // a gap, but beat 2 stays; a place gets free
		in(2) + " 11 " + out(1),        // level 1
		in(3) + " 09 " + out(2) + "!",  // beat 2 is a frame's last
		". 0a " + out(2),               // full, and the source is empty
	}
	for _, sim := range simulators {
		t.Run(string(sim), func(t *testing.T) {
			bin := build(t, skidBench("testdata/skid"), sim, false)
			if diff := cmp.Diff(want, trace(t, bin, st, RunOptions{})); diff != "" {
				t.Errorf("trace (-want +got):\n%s", diff)
			}
		})
	}
}

// skidModel is the buffer and the harness's semantics in Go.
func skidModel(st pattern, cycles int) []string {
	type word struct {
		data []byte
		last bool
	}
	var queue []word
	var lines []string
	next, pending := 0, false
	for t := range cycles {
		c := &Cycle{Valid: []byte{0}, Ready: []byte{2}, Data: make([][]byte, 3)}
		valid := next*9 < len(st.beats) && (pending || !st.gap[t])
		ready := len(queue) < 2
		level := byte(len(queue))
		if valid {
			c.Valid[0] |= 1
			c.Data[0] = st.beats[9*next : 9*next+9]
			if next%3 == 2 {
				level |= 0x10
			}
		}
		if ready {
			c.Ready[0] |= 1
		}
		if !st.stall[t] {
			c.Ready[0] |= 4
		}
		pop := len(queue) > 0 && !st.stall[t]
		if len(queue) > 0 {
			c.Valid[0] |= 6
			c.Data[2] = queue[0].data
			if queue[0].last {
				level |= 8
			}
			c.Data[1] = []byte{level}
		}
		lines = append(lines, show(c, 3))
		if pop {
			queue = queue[1:]
		}
		if valid && ready {
			queue = append(queue, word{keyed(c.Data[0]), next%3 == 2})
			next++
		}
		pending = valid && !ready
	}
	return lines
}

// randomStimulus never sends the byte that the buffer's check refuses (0xEE).
func randomStimulus(seed int64, beats, cycles int, gap, stall float64) pattern {
	rng := rand.New(rand.NewSource(seed))
	st := pattern{make([]byte, 9*beats), make([]bool, cycles), make([]bool, cycles)}
	rng.Read(st.beats)
	for i := range st.beats {
		if st.beats[i] == 0xEE {
			st.beats[i] = 0
		}
	}
	for t := range cycles {
		st.gap[t], st.stall[t] = rng.Float64() < gap, rng.Float64() < stall
	}
	return st
}

func TestRandomGapsAndStalls(t *testing.T) {
	cycles := 20000
	if testing.Short() {
		cycles = 2000
	}
	for _, sim := range simulators {
		for _, p := range []struct{ gap, stall float64 }{{0, 0}, {0.7, 0}, {0, 0.7}, {0.5, 0.5}} {
			t.Run(fmt.Sprintf("%s/gap%v/stall%v", sim, p.gap, p.stall), func(t *testing.T) {
				bin := build(t, skidBench("testdata/skid"), sim, false)
				st := randomStimulus(7, cycles/3, cycles, p.gap, p.stall)
				want, got := skidModel(st, cycles), trace(t, bin, st.stimulus(), RunOptions{})
				for i := range want {
					if want[i] != got[i] {
						t.Fatalf("seed 7, cycle %d: want %s, got %s", i, want[i], got[i])
					}
				}
			})
		}
	}
}

// onlyCycles is a stimulus of n gapless cycles and a few beats.
func onlyCycles(n int) Stimulus {
	return Stimulus{Beats: [][]byte{bytes.Repeat(beat(1), 6)}, Cycles: n}
}

func TestFailures(t *testing.T) {
	trap := Stimulus{Beats: [][]byte{append(beat(1), beat(0xEE)...)}, Cycles: 20}
	for _, c := range []struct {
		name           string
		file, old, new string
		st             Stimulus
		want           string // in the error
	}{
		{"check", "rtl/skid.v", "TRAP", "TRAP", trap, "ERROR skid: low byte ee is refused"},
		{"check with $stop", "rtl/skid.v", "$finish", "$stop", trap, "ERROR skid: low byte ee is refused"},
		{"check in the last cycle", "rtl/skid.v", "TRAP", "TRAP",
			Stimulus{Beats: trap.Beats, Cycles: 2}, "ERROR skid: low byte ee is refused"},
		{"silent $finish", "rtl/skid.v", "$display", "if (1'b0) $display", trap, "verilator: "},
		{"no memory file", "rtl/skid.v", "key.mem", "kex.mem", onlyCycles(9), "kex.mem"},
	} {
		for _, sim := range simulators {
			t.Run(c.name+"/"+string(sim), func(t *testing.T) {
				wantTools(t, sim)
				bin := build(t, skidBench(mutated(t, c.file, c.old, c.new)), sim, false)
				for _, opt := range []RunOptions{{}, {NoTrace: true}} {
					_, err := bin.Run(context.Background(), c.st, opt, func(int, *Cycle) error { return nil })
					if err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("%+v: want an error with %q, have %v", opt, c.want, err)
					}
					if want := strings.HasPrefix(c.want, "ERROR"); errors.As(err, new(*CheckError)) != want {
						t.Errorf("%+v: error of type %T, want a CheckError: %v", opt, err, want)
					}
				}
			})
		}
	}
}

// TestUnknownBits: Icarus tells a register without a reset from one with.
func TestUnknownBits(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"if (!aresetn) level_q <= 2'd0;", "if (!aresetn) level_q <= level_q;",
			`cycle 0: stream "level": valid is unknown`},
		{"s_data ^ key[0]", "s_data ^ key[1]", `cycle 1: stream "out": data is unknown`},
	} {
		bin := build(t, skidBench(mutated(t, "rtl/skid.v", c.old, c.new)), Icarus, false)
		_, err := bin.Run(context.Background(), onlyCycles(9), RunOptions{}, func(int, *Cycle) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error with %q, have %v", c.want, err)
		}
		if !errors.As(err, new(*UnknownError)) {
			t.Errorf("error of type %T, want an UnknownError", err)
		}
	}
}

// killDelay is how long a killed child may keep its pipes open (internal/process).
const killDelay = 2 * time.Second

func TestStopEarly(t *testing.T) {
	enough := errors.New("seen enough")
	for _, sim := range simulators {
		t.Run(string(sim), func(t *testing.T) {
			bin := build(t, skidBench("testdata/skid"), sim, false)
			_, err := bin.Run(context.Background(), onlyCycles(20_000_000), RunOptions{},
				func(cycle int, _ *Cycle) error {
					if cycle == 100 {
						return enough
					}
					return nil
				})
			if err != enough {
				t.Errorf("want the visitor's error, have %v", err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err = bin.Run(ctx, onlyCycles(50_000_000), RunOptions{NoTrace: true}, nil)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > killDelay {
				t.Errorf("after %v: want the context's error, have %v", time.Since(start), err)
			}
		})
	}
}

func TestNoTrace(t *testing.T) {
	for _, sim := range simulators {
		t.Run(string(sim), func(t *testing.T) {
			bin := build(t, skidBench("testdata/skid"), sim, false)
			if lines := trace(t, bin, onlyCycles(50), RunOptions{NoTrace: true}); len(lines) != 0 {
				t.Errorf("visited %d cycles", len(lines))
			}
		})
	}
}

// BenchmarkBuild compiles the test design anew: the library is in the cache.
func BenchmarkBuild(b *testing.B) {
	bench := skidBench("testdata/skid")
	build(b, bench, Verilator, false)
	for i := range b.N {
		bench.Hash = fmt.Sprint("benchmark", i)
		if _, err := Build(context.Background(), bench, Verilator, false, cacheDir); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRun reports cycles per second with and without a trace.
func BenchmarkRun(b *testing.B) {
	for _, sim := range simulators {
		for _, opt := range []RunOptions{{}, {NoTrace: true}} {
			b.Run(fmt.Sprintf("%s/notrace=%v", sim, opt.NoTrace), func(b *testing.B) {
				bin := build(b, skidBench("testdata/skid"), sim, false)
				st := randomStimulus(1, 1<<16, 1<<17, 0.3, 0.3).stimulus()
				b.ResetTimer()
				for range b.N {
					if _, err := bin.Run(context.Background(), st, opt,
						func(int, *Cycle) error { return nil }); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*float64(st.Cycles)/b.Elapsed().Seconds(), "cycles/s")
			})
		}
	}
}
