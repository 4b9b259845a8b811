package verilator

import (
	"fmt"
	"os"
	"path/filepath"
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

// Stream is one probed ready/valid stream of a bench. Streams need not fill probe_data.
type Stream struct {
	Name   string // for messages
	Bits   int    // width of its data
	Offset int    // its data is probe_data[Offset +: Bits]
}

// Bench describes the module bench of a design folder: what Build must know to
// compile it and Run to read its probes.
type Bench struct {
	Dir        string   // design folder, with rtl/ and bench/
	Hash       string   // plan hash, part of the cache key
	Streams    []Stream // stream i has probe_valid[i] and probe_ready[i]
	DataBits   int      // bits of s_axis_tdata, a multiple of 8
	OutBits    int      // bits of m_axis_tdata, a multiple of 8
	ProbeBits  int      // bits of probe_data
	FrameBeats int      // beats from one s_axis_tlast to the next
}

// check reports the first field that no bench can have. A wrong one would not fail in the
// simulator but shift every stream behind it by some bits, and look like a fault of the
// design.
func (b Bench) check() error {
	switch {
	case b.DataBits <= 0 || b.DataBits%8 != 0:
		return fmt.Errorf("verilator: s_axis_tdata: want a multiple of 8 bits, have %d", b.DataBits)
	case b.OutBits <= 0 || b.OutBits%8 != 0:
		return fmt.Errorf("verilator: m_axis_tdata: want a multiple of 8 bits, have %d", b.OutBits)
	case b.FrameBeats <= 0:
		return fmt.Errorf("verilator: want at least 1 beat in a frame, have %d", b.FrameBeats)
	case len(b.Streams) == 0:
		return fmt.Errorf("verilator: want at least 1 probed stream, have 0")
	}
	for _, s := range b.Streams {
		if s.Bits <= 0 || s.Offset < 0 || s.Offset+s.Bits > b.ProbeBits {
			return fmt.Errorf("verilator: stream %q: bits [%d, %d) lie outside probe_data's %d",
				s.Name, s.Offset, s.Offset+s.Bits, b.ProbeBits)
		}
	}
	return nil
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

// Bits of a cycle in a stimulus file (TRACE.md). harness.cpp and icarus_harness.v have the
// same two.
const (
	gapBit   = 1 // the source offers no new beat
	stallBit = 2 // the sink is not ready
)

// Stimulus is what the harness drives a bench with, from cycle 0, the first with
// aresetn high.
//
// s_axis_tvalid(t) = beats left and (pending(t) or not Gap[t]), where
// pending(t+1) = s_axis_tvalid(t) and not s_axis_tready(t), pending(0) = false:
// a gap delays a beat but never withdraws one. m_axis_tready(t) = not Stall[t].
type Stimulus struct {
	Beats  []byte // beats one after another, DataBits/8 bytes each, little-endian
	Cycles int    // cycles to run; 0 means the length of Gap or Stall
	Gap    []bool // one per cycle, or nil for no gaps
	Stall  []bool // one per cycle, or nil for no stalls
}

// pack returns the stimulus file: one byte per cycle. Its length is the number of cycles,
// so no end can be lost between the two sides. A Gap or Stall of another length than
// Cycles is refused: it would be a pattern for another run.
func (st Stimulus) pack(beatBytes int) ([]byte, error) {
	if len(st.Beats)%beatBytes != 0 {
		return nil, fmt.Errorf("verilator: beats: want a multiple of %d bytes, have %d",
			beatBytes, len(st.Beats))
	}
	cycles := st.Cycles
	if cycles == 0 {
		cycles = max(len(st.Gap), len(st.Stall))
	}
	if cycles <= 0 {
		return nil, fmt.Errorf("verilator: want at least 1 cycle, have %d", cycles)
	}
	file := make([]byte, cycles)
	for _, part := range []struct {
		name string
		set  []bool
		bit  byte
	}{{"gap", st.Gap, gapBit}, {"stall", st.Stall, stallBit}} {
		if part.set != nil && len(part.set) != cycles {
			return nil, fmt.Errorf("verilator: %s: want %d cycles, have %d",
				part.name, cycles, len(part.set))
		}
		for t, on := range part.set {
			if on {
				file[t] |= part.bit
			}
		}
	}
	return file, nil
}
