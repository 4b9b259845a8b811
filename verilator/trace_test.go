package verilator

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// twoStreams are 9 and 3 bits wide.
var twoStreams = []Stream{{"a", 9}, {"b", 3}}

// binaryTrace holds 2 cycles of twoStreams, written by hand from TRACE.md.
func binaryTrace() []byte {
	le := binary.LittleEndian
	b := []byte("A2QTRC1\n")
	b = le.AppendUint64(b, 2)
	b = le.AppendUint32(b, 2)
	b = le.AppendUint32(b, 9)
	b = le.AppendUint32(b, 3)
	b = append(b, 1, 2, 0xCD, 0x01) // a waits with 0x1CD, b is ready
	b = append(b, 3, 3, 0x34, 0x00, 5)
	b = append(b, "A2QTEND\n"...)
	b = le.AppendUint64(b, 2)
	return le.AppendUint64(b, 1_500_000_000)
}

var wantTwoCycles = []string{"cd01! r", "3400 05"}

func TestReadTrace(t *testing.T) {
	var got []string
	res, err := readTrace(bytes.NewReader(binaryTrace()), twoStreams, func(_ int, c *Cycle) error {
		got = append(got, show(c, 2))
		return nil
	})
	if err != nil || res != (RunResult{Cycles: 2, Seconds: 1.5}) {
		t.Errorf("result %+v, %v", res, err)
	}
	if diff := cmp.Diff(wantTwoCycles, got); diff != "" {
		t.Errorf("cycles (-want +got):\n%s", diff)
	}
}

// TestTruncatedTrace cuts the trace after every byte: each cut is told.
func TestTruncatedTrace(t *testing.T) {
	all := binaryTrace()
	for n := range all {
		if _, err := readTrace(bytes.NewReader(all[:n]), twoStreams, nil); !errors.Is(err, errNoEnd) {
			t.Errorf("%d bytes of %d: want %v, have %v", n, len(all), errNoEnd, err)
		}
	}
	text := "01 10 hbcd\n"
	for n := range text {
		_, err := readTextTrace(strings.NewReader(text[:n]), Bench{Streams: twoStreams}, nil)
		if !errors.Is(err, errNoEnd) {
			t.Errorf("text, %d bytes: want %v, have %v", n, errNoEnd, err)
		}
	}
}

func TestWrongTrace(t *testing.T) {
	for _, c := range []struct {
		at   int
		want string
	}{{0, "want magic"}, {16, "want 2 streams, have 3"}, {20, `stream "a": want 9 bits, have 8`}, {40, "want magic"}} {
		b := binaryTrace()
		b[c.at] ^= 1
		if _, err := readTrace(bytes.NewReader(b), twoStreams, nil); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("byte %d: want an error with %q, have %v", c.at, c.want, err)
		}
	}
}

func TestReadTextTrace(t *testing.T) {
	// All of b is unknown in cycle 2, where it is not valid.
	text := "01 10 hbcd\n11 11 b101000110100\n01 01 bxxx000000001\nend 3\n"
	var got []string
	res, err := readTextTrace(strings.NewReader(text), Bench{Streams: twoStreams},
		func(_ int, c *Cycle) error {
			got = append(got, show(c, 2))
			return nil
		})
	if err != nil || res.Cycles != 3 {
		t.Errorf("result %+v, %v", res, err)
	}
	if diff := cmp.Diff(append(wantTwoCycles[:2:2], "0100 ."), got); diff != "" {
		t.Errorf("cycles (-want +got):\n%s", diff)
	}
}

func TestWrongTextTrace(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"0x 00 h000", `stream "a": valid is unknown (x)`},
		{"00 z0 h000", `stream "b": ready is unknown (z)`},
		{"01 00 b000000x00000", `stream "a": data is unknown (x)`},
		{"1 00 h000", "valid: want 2 digits, have 1"},
		{"00 00 h000000", "probe_data: want at most 16 bits"},
		{"00 00 h0g0", "digit 'g'"},
		{"nonsense", "cannot read"},
	} {
		_, err := readTextTrace(strings.NewReader(c.line+"\n"), Bench{Streams: twoStreams}, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: want an error with %q, have %v", c.line, c.want, err)
		}
	}
}

// TestExtract compares with big integers, for every offset in a byte and widths
// around 1, 8 and 64.
func TestExtract(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	probe := make([]byte, 32)
	rng.Read(probe)
	whole := new(big.Int).SetBytes(reversed(probe))
	for offset := range 17 {
		for _, bits := range []int{1, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 128, 131} {
			mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(bits)), big.NewInt(1))
			want := new(big.Int).And(new(big.Int).Rsh(whole, uint(offset)), mask)
			got := make([]byte, (bits+7)/8)
			extract(got, probe, offset, bits)
			if new(big.Int).SetBytes(reversed(got)).Cmp(want) != 0 {
				t.Errorf("[%d +: %d]: want %x, have %x", offset, bits, want, reversed(got))
			}
		}
	}
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[len(b)-1-i] = b[i]
	}
	return out
}

func TestBenchCheck(t *testing.T) {
	for _, c := range []struct {
		change func(*Bench)
		want   string
	}{
		{func(b *Bench) { b.Sources[0].Bits = 12 }, "source 0: want a multiple of 8 bits, have 12"},
		{func(b *Bench) { b.Sources[0].FrameBeats = 0 }, "source 0: want at least 1 beat in a frame, have 0"},
		{func(b *Bench) { b.Sinks = 0 }, "want at least 1 source and 1 sink, at most 64 in all, have 1 and 0"},
		{func(b *Bench) { b.Sinks = 64 }, "at most 64 in all, have 1 and 64"},
		{func(b *Bench) { b.Streams = nil }, "want at least 1 probed stream, have 0"},
		{func(b *Bench) { b.Streams[1].Bits = 0 }, `stream "level": want at least 1 bit, have 0`},
	} {
		b := skidBench("testdata/skid")
		c.change(&b)
		if err := b.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error with %q, have %v", c.want, err)
		}
	}
}

func TestPack(t *testing.T) {
	one := Bench{Sources: []Source{{Bits: 72}}, Sinks: 1}
	got, err := pattern{nil, []bool{true, false, true}, []bool{false, true, true}}.stimulus().pack(one)
	if err != nil || !bytes.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("pack: %v, %v", got, err)
	}
	// Five sources and four sinks are nine bits, two bytes; a gap of a sixth source is nobody's.
	many := Bench{Sources: slices.Repeat([]Source{{Bits: 8}}, 5), Sinks: 4}
	got, err = Stimulus{Beats: make([][]byte, 5), Cycles: 1, Pauses: func(int64) (uint64, uint64) {
		return 0b110001, 0b1001
	}}.pack(many)
	if err != nil || !bytes.Equal(got, []byte{0b00110001, 0b1}) {
		t.Errorf("pack: %b, %v", got, err)
	}
	for _, c := range []struct {
		st   Stimulus
		want string
	}{
		{Stimulus{Beats: [][]byte{make([]byte, 10)}, Cycles: 1}, "beats: want a multiple of 9 bytes, have 10"},
		{Stimulus{Beats: make([][]byte, 1)}, "want at least 1 cycle, have 0"},
		{Stimulus{Cycles: 3}, "want the beats of 1 sources, have those of 0"},
	} {
		if _, err := c.st.pack(one); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error with %q, have %v", c.want, err)
		}
	}
}

// TestDyingSimulator runs shell scripts in place of the simulator.
func TestDyingSimulator(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("wants a shell")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "rtl"), 0o755); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(dir, "trace")
	if err := os.WriteFile(trace, binaryTrace(), 0o644); err != nil {
		t.Fatal(err)
	}
	cut := fmt.Sprintf("head -c 40 %s >&3; ", trace)
	whole := fmt.Sprintf("cat %s >&3; ", trace)
	isCheck := func(err error) bool { return errors.As(err, new(*CheckError)) }
	isCrash := func(err error) bool { return errors.As(err, new(*CrashError)) }
	for i, c := range []struct {
		script, want string
		kind         func(error) bool
	}{
		{"exit 0", "end record missing", isCrash},
		{cut, "end record missing", isCrash},
		{cut + "kill -9 $$", "signal: killed", isCrash},
		{cut + "echo out of luck >&2; exit 5", "out of luck: exit status 5", isCrash},
		{whole + "exit 4", "exit status 4", isCrash},
		{whole + "echo ERROR fc1: overflow; echo ERROR fc2: too", "ERROR fc1: overflow", isCheck},
		{cut + "printf 'ERROR fc1: cut off'", "ERROR fc1: cut off", isCheck},
		{whole + "echo '%Warning: w.mem:0: $readmem file not found'", "w.mem", isCrash},
		{whole + "echo '%Warning: w.mem:0: $readmem file not found'; echo ERROR u_file", "ERROR u_file", isCheck},
		{whole + "echo no ERROR here; echo '%Warning: stack size'", "", nil},
	} {
		path := filepath.Join(dir, fmt.Sprint("sim", i))
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		b := Bench{Dir: dir, Sources: []Source{{Bits: 8, FrameBeats: 1}}, Sinks: 1, Streams: twoStreams}
		bin := &Binary{Sim: Verilator, Path: path, bench: b}
		_, err := bin.Run(context.Background(), Stimulus{Beats: make([][]byte, 1), Cycles: 2}, RunOptions{}, nil)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.script, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: want an error with %q, have %v", c.script, c.want, err)
		case c.kind != nil && !c.kind(err):
			t.Errorf("%q: error of type %T", c.script, err)
		}
	}
}
