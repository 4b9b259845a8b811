package verilator

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Cycle is what the probes show in one cycle, before its rising edge. It is valid during
// the visit only. Its slices point into the reader's buffer, so that a cycle costs no
// allocation.
type Cycle struct {
	Valid []byte   // stream i is bit i%8 of byte i/8
	Ready []byte   // as Valid
	Data  [][]byte // stream i's data, ceil(Bits/8) little-endian bytes; nil where not valid
}

// IsValid reports whether stream i is valid.
func (c *Cycle) IsValid(i int) bool { return c.Valid[i/8]>>(i%8)&1 != 0 }

// IsReady reports whether stream i is ready.
func (c *Cycle) IsReady(i int) bool { return c.Ready[i/8]>>(i%8)&1 != 0 }

// Fires reports whether stream i passes a beat at the end of this cycle.
func (c *Cycle) Fires(i int) bool { return c.IsValid(i) && c.IsReady(i) }

// The records around the cycles of a binary trace (TRACE.md).
const (
	headMagic = "A2QTRC1\n"
	endMagic  = "A2QTEND\n"
	// readBuffer holds a few pipefuls of trace.
	readBuffer = 1 << 18
)

// errNoEnd is the error of a trace that stops before its end record.
var errNoEnd = errors.New("verilator: trace: end record missing: the simulator stopped early")

// traceReader takes a binary trace apart. Records vary in length: only valid streams have
// data in them, so that a stalled design costs little.
type traceReader struct {
	in      *bufio.Reader
	bytes   []int // data bytes of each stream
	cycles  int   // cycle records to come
	largest int   // bytes of the largest cycle record
	cycle   Cycle
}

// readTrace calls visit for every cycle of a binary trace of these streams and
// returns the numbers of its end record.
func readTrace(in io.Reader, streams []Stream, visit func(int, *Cycle) error) (RunResult, error) {
	r := &traceReader{bytes: make([]int, len(streams))}
	sets := (len(streams) + 7) / 8
	r.largest = 2 * sets
	for i, s := range streams {
		r.bytes[i] = (s.Bits + 7) / 8
		r.largest += r.bytes[i]
	}
	r.cycle.Data = make([][]byte, len(streams))
	// At least one whole record fits, whatever the widths: next peeks at it.
	r.in = bufio.NewReaderSize(in, readBuffer+2*r.largest)
	if err := r.head(streams); err != nil {
		return RunResult{}, err
	}
	for t := 0; t < r.cycles; t++ {
		used, err := r.next(sets)
		if err != nil {
			return RunResult{}, err
		}
		// Before Discard: the cycle's slices point into the buffer that it gives back.
		if visit != nil {
			if err := visit(t, &r.cycle); err != nil {
				return RunResult{}, visitError{err}
			}
		}
		r.in.Discard(used)
	}
	return r.end()
}

// take returns the next n bytes.
func (r *traceReader) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(r.in, b)
	if err != nil {
		return nil, traceError(err)
	}
	return b, nil
}

// traceError tells an early end from a failed read. An early end is the mark of a
// simulator that stopped; why, cause finds out elsewhere.
func traceError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errNoEnd
	}
	return fmt.Errorf("verilator: trace: %w", err)
}

// head reads the first record and compares it with the streams asked for. The widths were
// given to the harness by this program: a difference means that program and cached bench
// are of different builds.
func (r *traceReader) head(streams []Stream) error {
	b, err := r.take(len(headMagic) + 8 + 4)
	if err != nil {
		return err
	}
	if string(b[:len(headMagic)]) != headMagic {
		return fmt.Errorf("verilator: trace: want magic %q, have %q", headMagic, b[:len(headMagic)])
	}
	// 0 in a run without a trace, which has a head and an end only.
	r.cycles = int(binary.LittleEndian.Uint64(b[8:]))
	if n := int(binary.LittleEndian.Uint32(b[16:])); n != len(streams) {
		return fmt.Errorf("verilator: trace: want %d streams, have %d", len(streams), n)
	}
	widths, err := r.take(4 * len(streams))
	if err != nil {
		return err
	}
	for i, s := range streams {
		if n := int(binary.LittleEndian.Uint32(widths[4*i:])); n != s.Bits {
			return fmt.Errorf("verilator: trace: stream %q: want %d bits, have %d", s.Name, s.Bits, n)
		}
	}
	return nil
}

// next points the cycle into the read buffer and returns its record's length. The last
// records may be nearer to the end than the longest one is long: then Peek gives less than
// it was asked for, which is an error only where this record needs more.
func (r *traceReader) next(sets int) (int, error) {
	b, err := r.in.Peek(r.largest)
	short := err
	if len(b) < 2*sets {
		return 0, traceError(short)
	}
	c := &r.cycle
	c.Valid, c.Ready = b[:sets], b[sets:2*sets]
	at := 2 * sets
	for i, n := range r.bytes {
		c.Data[i] = nil
		if !c.IsValid(i) {
			continue
		}
		if len(b) < at+n {
			return 0, traceError(short)
		}
		c.Data[i] = b[at : at+n : at+n]
		at += n
	}
	return at, nil
}

// end reads the last record: cycles run and nanoseconds of the cycle loop. A trace without
// it is not believed, however many cycles it had.
func (r *traceReader) end() (RunResult, error) {
	b, err := r.take(len(endMagic) + 16)
	if err != nil {
		return RunResult{}, err
	}
	if string(b[:len(endMagic)]) != endMagic {
		return RunResult{}, fmt.Errorf("verilator: trace: want magic %q, have %q", endMagic, b[:len(endMagic)])
	}
	return RunResult{
		Cycles:  int(binary.LittleEndian.Uint64(b[8:])),
		Seconds: float64(binary.LittleEndian.Uint64(b[16:])) / 1e9,
	}, nil
}

// visitError marks an error as the visitor's, to be returned as it was.
type visitError struct{ error }
