package sim

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"strings"
)

// StreamUse says what a run did to one stream, from its first beat to its last.
type StreamUse struct {
	Name string `json:"name"`
	// Beats that passed.
	Beats int64 `json:"beats"`
	// Blocked counts cycles with valid and without ready, Starved those with ready and
	// without valid.
	Blocked int64 `json:"blocked_cycles"`
	Starved int64 `json:"starved_cycles"`
	// Values is how many different values its elements had, over all frames: inputs,
	// activations, accumulators or, of a label selection, pairs of label and score.
	Values int `json:"values"`
}

// Pressure says how far the pauses of a run reached.
type Pressure struct {
	// Full counts the cycles in which all streams were blocked at once, up to the source, or,
	// with several outputs, in which the source was and no beat passed: a stream behind a fork
	// may wait for beats that the fork cannot give for another output's sake. Dry counts those
	// in which all were starved, with input still to come.
	Full int64 `json:"full_cycles"`
	Dry  int64 `json:"dry_cycles"`
	// Holds is how many frames a full design has taken in; 0 where nothing paused.
	Holds int `json:"holds_frames,omitempty"`
}

// bitCounter counts, for every bit of a word, the words that have it: plane p holds bit p
// of all the counts. A word costs the planes that it carries into, 2 or 3 of them, where
// 64 counters would cost one step for each bit.
type bitCounter [48]uint64

// add counts a word: a carry goes from plane to plane, for all bits at once.
func (b *bitCounter) add(word uint64) {
	for p := 0; word != 0; p++ {
		b[p], word = b[p]^word, b[p]&word
	}
}

// count returns how many words had the bit. 48 planes hold more cycles than anyone simulates.
func (b *bitCounter) count(bit int) int64 {
	var n int64
	for p, plane := range b {
		n |= int64(plane>>bit&1) << p
	}
	return n
}

// usage counts what happens on the streams of a run, a counter for each word of them.
type usage struct {
	blocked, starved []bitCounter
	all              bitSet // the streams
	open             bitSet // those between their first beat and their last
	source           int
	several          bool // outputs
	pressure         Pressure
}

// newUsage is for so many streams, of which source is the design's first input, and probes
// that a cycle shows, with the output ports behind the streams.
func newUsage(streams, probes, source int) usage {
	u := usage{all: newBitSet(probes), open: newBitSet(probes), source: source, several: probes > streams+1}
	u.blocked, u.starved = make([]bitCounter, len(u.all)), make([]bitCounter, len(u.all))
	// Output ports show their streams' handshakes again, and would count them twice.
	for i := range streams {
		u.all.set(i, true)
	}
	return u
}

// counts returns how many cycles stream i was blocked and starved.
func (u *usage) counts(i int) (blocked, starved int64) {
	return u.blocked[i>>6].count(i & 63), u.starved[i>>6].count(i & 63)
}

// cycle notes the handshakes of a cycle; what is beyond the streams does not count. A
// stream that has not begun, or has ended, waits for nothing.
func (u *usage) cycle(valid, ready bitSet) {
	// Dry counts only while input is still to come: at the end of every run all streams run
	// empty, which proves nothing.
	full, dry := true, u.open.has(u.source)
	if u.several {
		full = valid.has(u.source) && !ready.has(u.source)
	}
	for w, all := range u.all {
		blocked, starved := valid[w]&^ready[w]&all, ready[w]&^valid[w]&all
		if u.several {
			full = full && valid[w]&ready[w]&all == 0
		} else {
			full = full && blocked == all
		}
		u.blocked[w].add(blocked)
		u.starved[w].add(starved & u.open[w])
		dry = dry && starved == all
	}
	u.pressure.Full += int64(bit(full))
	u.pressure.Dry += int64(bit(dry))
}

// warnings name what a run with pauses did not reach. Every block has a bounded capacity
// and shows a result whenever it has room for one, so a sink that is blocked for long
// enough blocks each stream, and a source that pauses for long enough starves each: one
// that never was either had too few frames to pass, or a ready or valid that sticks.
func (r *Result) warnings() []string {
	if r.Pressure.Holds == 0 {
		return nil
	}
	var never [2][]string
	for _, s := range r.Streams {
		if s.Blocked == 0 {
			never[0] = append(never[0], s.Name)
		}
		if s.Starved == 0 {
			never[1] = append(never[1], s.Name)
		}
	}
	var out []string
	// Both lists are for one cause most of the time, too few frames, so each names it.
	for i, what := range []string{"blocked", "starved"} {
		if len(never[i]) > 0 {
			out = append(out, fmt.Sprintf("never %s: %s: too few frames, the design alone holds %d", what,
				strings.Join(never[i], ", "), r.Pressure.Holds))
		}
	}
	if len(out) == 0 && (r.Pressure.Full == 0 || r.Pressure.Dry == 0) {
		out = append(out, fmt.Sprintf("the streams were not all blocked, or all starved, at once: "+
			"too few frames, the design alone holds %d", r.Pressure.Holds))
	}
	return out
}

// constant names the streams whose elements all had one value.
func (r *Result) constant() []string {
	var names []string
	for _, s := range r.Streams {
		if s.Values == 1 {
			names = append(names, s.Name)
		}
	}
	if names == nil {
		return nil
	}
	return []string{"one value only, so that wrong data could pass: " + strings.Join(names, ", ")}
}

// Distinct returns how many different vectors there are, by 64-bit hashes.
func Distinct(vectors [][]int32) int {
	// Two of 10^5 vectors share a hash with a chance of 10^10/2^65, about 3e-10; the figure
	// is for a report, and storing the vectors would double the memory.
	seed, seen := maphash.MakeSeed(), map[uint64]bool{}
	var raw []byte
	for _, x := range vectors {
		raw = raw[:0]
		for _, e := range x {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(e))
		}
		seen[maphash.Bytes(seed, raw)] = true
	}
	return len(seen)
}

// distinct returns how many different values each string of bits has in its elements.
func (v *values) distinct() []int {
	counts := make([]int, len(v.tensors))
	for i, s := range v.tensors {
		seen, word := map[string]bool{}, make([]byte, (s.bits+7)/8)
		for _, frame := range v.frames {
			for e := range s.count {
				getBits(word, frame[s.at:], e*s.bits, s.bits)
				if !seen[string(word)] { // a look-up by converted bytes does not allocate
					seen[string(word)] = true
				}
			}
		}
		counts[i] = len(seen)
	}
	return counts
}

// use returns what the run did to each stream.
func (c *comparison) use() []StreamUse {
	counts := c.v.distinct()
	// In the design's order, source first, as the report prints them.
	var out []StreamUse
	for i, s := range c.design.Streams {
		use := StreamUse{Name: s.Name, Beats: c.sent[i]}
		use.Blocked, use.Starved = c.usage.counts(i)
		for _, f := range c.v.streams[i] {
			use.Values = max(use.Values, counts[f.tensor])
		}
		out = append(out, use)
	}
	return out
}
