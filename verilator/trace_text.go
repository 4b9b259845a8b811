package verilator

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// textReader takes apart the text trace that icarus_harness.v writes: one line "VALID
// READY DATA" per cycle, most significant digit first, where DATA is h and hexadecimal
// digits, or b and binary ones if a bit of it is unknown. Text is slower to read than
// records, and has digits for x and z, which these have not.
type textReader struct {
	streams []Stream
	at      []int  // where each begins in the data
	probe   []byte // probe_data, little-endian, with 1 spare byte
	unknown []byte // as probe: 1 where the bit is x or z
	cycle   Cycle
	data    [][]byte // the memory behind cycle.Data
	hasX    bool
}

// readTextTrace calls visit for every cycle of a text trace. An unknown valid or ready,
// and an unknown bit of valid data, is an error. A checked design has none after reset:
// what no reset reaches is data that is not valid.
func readTextTrace(in io.Reader, b Bench, visit func(int, *Cycle) error) (RunResult, error) {
	r := newTextReader(b)
	// Binary digits, both sets and room for the separators.
	lines := bufio.NewReaderSize(in, readBuffer+b.ProbeBits()+2*len(b.Streams))
	for t := 0; ; t++ {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return RunResult{}, traceError(err)
		}
		line = line[:len(line)-1]
		// The count of cycles is the harness's own: a lost line shows in Run's comparison.
		if rest, ok := bytes.CutPrefix(line, []byte("end ")); ok {
			cycles, err := strconv.Atoi(string(rest))
			if err != nil {
				return RunResult{}, fmt.Errorf("verilator: trace: end record: %w", err)
			}
			return RunResult{Cycles: cycles}, nil
		}
		if err := r.line(line); err != nil {
			// line does not know which cycle it parses.
			if unknown := new(UnknownError); errors.As(err, &unknown) {
				unknown.Cycle = t
				return RunResult{}, unknown
			}
			return RunResult{}, fmt.Errorf("verilator: trace: cycle %d: %w", t, err)
		}
		if visit != nil {
			if err := visit(t, &r.cycle); err != nil {
				return RunResult{}, visitError{err}
			}
		}
	}
}

// newTextReader makes all buffers once; cycles reuse them. The spare byte lets extract
// read one beyond a stream's last without a test.
func newTextReader(b Bench) *textReader {
	n := len(b.Streams)
	r := &textReader{
		streams: b.Streams,
		probe:   make([]byte, (b.ProbeBits()+7)/8+1),
		unknown: make([]byte, (b.ProbeBits()+7)/8+1),
		data:    make([][]byte, n),
	}
	at := 0
	for i, s := range b.Streams {
		r.data[i] = make([]byte, (s.Bits+7)/8)
		r.at = append(r.at, at)
		at += s.Bits
	}
	r.cycle = Cycle{Valid: make([]byte, (n+7)/8), Ready: make([]byte, (n+7)/8), Data: make([][]byte, n)}
	return r
}

// line parses one cycle. Unknown bits of streams that are not valid are permitted:
// registers of data have no reset.
func (r *textReader) line(line []byte) error {
	valid, rest, _ := bytes.Cut(line, []byte(" "))
	ready, data, ok := bytes.Cut(rest, []byte(" "))
	if !ok || len(data) < 2 {
		return fmt.Errorf("cannot read %q", line)
	}
	if err := r.bits(r.cycle.Valid, valid, "valid"); err != nil {
		return err
	}
	if err := r.bits(r.cycle.Ready, ready, "ready"); err != nil {
		return err
	}
	bitsPerDigit := 4
	if r.hasX = data[0] == 'b'; r.hasX {
		bitsPerDigit = 1
	}
	if err := r.digits(data[1:], bitsPerDigit); err != nil {
		return err
	}
	for i, s := range r.streams {
		r.cycle.Data[i] = nil
		if !r.cycle.IsValid(i) {
			continue
		}
		if r.hasX && anyBit(r.unknown, r.at[i], s.Bits) {
			return &UnknownError{Stream: s.Name, What: "data", Bit: 'x'}
		}
		extract(r.data[i], r.probe, r.at[i], s.Bits)
		r.cycle.Data[i] = r.data[i]
	}
	return nil
}

// bits parses one binary digit for each stream. The last digit is stream 0, as Verilog
// prints a vector.
func (r *textReader) bits(set, text []byte, name string) error {
	if len(text) != len(r.streams) {
		return fmt.Errorf("%s: want %d digits, have %d", name, len(r.streams), len(text))
	}
	clear(set)
	for i, s := range r.streams {
		switch digit := text[len(text)-1-i]; digit {
		case '0':
		case '1':
			set[i/8] |= 1 << (i % 8)
		case 'x', 'z':
			return &UnknownError{Stream: s.Name, What: name, Bit: digit}
		default:
			return fmt.Errorf("stream %q: %s is %q, want a binary digit", s.Name, name, digit)
		}
	}
	return nil
}

// digits parses the data into probe and unknown. A digit is bits wide, 4 or 1, and lies
// within one byte, since 8 is a multiple of both. Leading zeros that fill up the last
// hexadecimal digit may go beyond the width of all probes.
func (r *textReader) digits(text []byte, bits int) error {
	if limit := 8 * (len(r.probe) - 1); bits*len(text) >= limit+8 {
		return fmt.Errorf("probe_data: want at most %d bits, have %d digits", limit, len(text))
	}
	clear(r.probe)
	clear(r.unknown)
	for k := range text {
		digit := text[len(text)-1-k]
		// Digit k counts from the right, the least significant.
		at := k * bits
		v, ok := hexDigit(digit)
		switch {
		case ok:
			r.probe[at/8] |= v << (at % 8)
		case bits == 1 && (digit == 'x' || digit == 'z'):
			r.unknown[at/8] |= 1 << (at % 8)
		default:
			return fmt.Errorf("probe_data: digit %q", digit)
		}
	}
	return nil
}

// hexDigit takes lower case, which is how %h prints.
func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// extract copies a stream's bits out of probe data that has a spare byte. Bits above the
// stream's width are cleared, so that data compare as bytes.
func extract(to, probe []byte, at, bits int) {
	from, shift := probe[at/8:], at%8
	for i := range to {
		to[i] = from[i] >> shift
		// A shift by 8 bits of a byte is 0 in Go, but the next byte may be another
		// stream's: only a stream that does not begin at a byte needs it.
		if shift > 0 {
			to[i] |= from[i+1] << (8 - shift)
		}
	}
	if part := bits % 8; part > 0 {
		to[len(to)-1] &= 1<<part - 1
	}
}

// anyBit reports whether a bit of the stream is set. Bit by bit: it runs only in cycles
// that have an unknown bit somewhere.
func anyBit(probe []byte, at, bits int) bool {
	for i := at; i < at+bits; i++ {
		if probe[i/8]>>(i%8)&1 != 0 {
			return true
		}
	}
	return false
}
