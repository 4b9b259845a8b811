package verilator

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Simulator names the tool that a bench is built for. Two of them, since each hides what
// the other shows: Icarus has x and z and takes nothing but Verilog-2005, Verilator is
// fast enough for hundreds of frames.
type Simulator string

// The simulators that Build knows.
const (
	Verilator Simulator = "verilator"
	Icarus    Simulator = "icarus"
)

// Stream is one probed ready/valid stream of a bench.
type Stream struct {
	Name string // for messages
	Bits int    // width of its data, the port probe_i of stream i
}

// Source is an input of a design: its part of s_axis_tdata, behind those of the sources before.
type Source struct {
	Bits       int // of tdata, a multiple of 8
	FrameBeats int // beats from one tlast to the next
}

// Bytes returns the bytes of a beat.
func (s Source) Bytes() int { return s.Bits / 8 }

// Bench describes the module bench of a design folder: what Build must know to
// compile it and Run to read its probes.
type Bench struct {
	Dir     string   // design folder, with rtl/ and bench/
	Hash    string   // plan hash, part of the cache key
	Sources []Source // in the order of s_axis_tvalid's bits
	Sinks   int      // bits of m_axis_tready
	Streams []Stream // stream i has probe_valid[i], probe_ready[i] and probe_i
}

// check reports the first field that no bench can have. A wrong one would not fail in the
// simulator but look like a fault of the design.
func (b Bench) check() error {
	switch {
	case len(b.Sources) == 0 || b.Sinks < 1 || len(b.Sources)+b.Sinks > 64:
		return fmt.Errorf("verilator: want at least 1 source and 1 sink, at most 64 in all, have %d and %d",
			len(b.Sources), b.Sinks)
	case len(b.Streams) == 0:
		return fmt.Errorf("verilator: want at least 1 probed stream, have 0")
	}
	for i, s := range b.Sources {
		if s.Bits <= 0 || s.Bits%8 != 0 {
			return fmt.Errorf("verilator: source %d: want a multiple of 8 bits, have %d", i, s.Bits)
		}
		if s.FrameBeats <= 0 {
			return fmt.Errorf("verilator: source %d: want at least 1 beat in a frame, have %d", i, s.FrameBeats)
		}
	}
	for _, s := range b.Streams {
		if s.Bits <= 0 {
			return fmt.Errorf("verilator: stream %q: want at least 1 bit, have %d", s.Name, s.Bits)
		}
	}
	return nil
}

// SourceAt returns the byte of s_axis_tdata at which source i begins, SourceBits the width of
// it, ProbeBits the bits of all probes.
func (b Bench) SourceAt(i int) int {
	at := 0
	for _, s := range b.Sources[:i] {
		at += s.Bytes()
	}
	return at
}

// SourceBits implements what SourceAt says.
func (b Bench) SourceBits() int { return 8 * b.SourceAt(len(b.Sources)) }

// ProbeBits implements what SourceAt says.
func (b Bench) ProbeBits() int {
	bits := 0
	for _, s := range b.Streams {
		bits += s.Bits
	}
	return bits
}

// ProbesDown returns the numbers of the probes from the last to the first, as Verilog joins
// them to one vector.
func (b Bench) ProbesDown() []int {
	var down []int
	for i := range slices.Backward(b.Streams) {
		down = append(down, i)
	}
	return down
}

// sources reads the Verilog files of the design, in the order of their names, the bench
// first. Nothing in Dir's name counts: it is no pattern. They are read once, so that what
// is hashed for the cache is what is compiled even where somebody edits the folder at the
// same time.
func (b Bench) sources() ([]source, error) {
	var files []source
	// Both tools take the first file's module for the top where they are not told one;
	// they are told, and the order only makes the key reproducible.
	for _, folder := range []string{"bench", "rtl"} {
		names, err := filesIn(filepath.Join(b.Dir, folder), "", ".v")
		if err != nil {
			return nil, fmt.Errorf("verilator: %w", err)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("verilator: %s: no .v file", filepath.Join(b.Dir, folder))
		}
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(b.Dir, folder, name))
			if err != nil {
				return nil, fmt.Errorf("verilator: %w", err)
			}
			files = append(files, source{folder + "/" + name, text})
		}
	}
	return files, nil
}

// source is a Verilog file of a design.
type source struct {
	name string // relative to the design's folder
	text []byte
}

// Stimulus is what the harness drives a bench with, from cycle 0, the first with
// aresetn high.
//
// s_axis_tvalid(t) = beats left and (pending(t) or no gap in t), where
// pending(t+1) = s_axis_tvalid(t) and not s_axis_tready(t), pending(0) = false:
// a gap delays a beat but never withdraws one. m_axis_tready(t) = no stall in t.
type Stimulus struct {
	// Beats of each source, one after another, Source.Bytes() bytes each, little-endian.
	Beats  [][]byte
	Cycles int // cycles to run
	// Pauses, where not nil, says who pauses in a cycle: bit i of gaps that source i offers no
	// new beat, bit i of stalls that sink i is not ready.
	Pauses func(cycle int64) (gaps, stalls uint64)
}

// pack returns the stimulus file: in every cycle a bit for the gap of each source, then one for
// the stall of each sink, in whole bytes. Its length is the number of cycles, so no end can be
// lost between the two sides.
func (st Stimulus) pack(b Bench) ([]byte, error) {
	if len(st.Beats) != len(b.Sources) {
		return nil, fmt.Errorf("verilator: want the beats of %d sources, have those of %d", len(b.Sources), len(st.Beats))
	}
	for i, s := range b.Sources {
		if len(st.Beats[i])%s.Bytes() != 0 {
			return nil, fmt.Errorf("verilator: source %d: beats: want a multiple of %d bytes, have %d", i, s.Bytes(),
				len(st.Beats[i]))
		}
	}
	if st.Cycles <= 0 {
		return nil, fmt.Errorf("verilator: want at least 1 cycle, have %d", st.Cycles)
	}
	size := (len(b.Sources) + b.Sinks + 7) / 8
	file := make([]byte, st.Cycles*size)
	for t := 0; t < st.Cycles && st.Pauses != nil; t++ {
		gaps, stalls := st.Pauses(int64(t))
		// Bits above the sources would be stalls.
		bits := gaps&(1<<len(b.Sources)-1) | stalls<<len(b.Sources)
		for k := range size {
			file[t*size+k] = byte(bits >> (8 * k))
		}
	}
	return file, nil
}
