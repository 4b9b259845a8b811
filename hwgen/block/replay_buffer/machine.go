package replaybuffer

import "github.com/a2qgen/a2qgen/sim/cycle"

// newMachine returns the machine of replay_buffer.v: vectors of length beats, each
// given repeats times from a memory of slots beats.
func newMachine(length, repeats, slots int) cycle.Machine {
	return &replayBuffer{length: length, repeats: repeats, slots: slots}
}

// replayBuffer has the parameters, then the registers of replay_buffer.v.
type replayBuffer struct {
	length, repeats int // beats of a vector, passes over it
	slots           int // beats that the memory holds

	read, pass int
	// level counts slots in use; fresh counts those of them that no pass has read yet. A slot
	// is free again when the last pass has read it.
	level, fresh int
	valid        bool
}

// Reset implements cycle.Machine.
func (b *replayBuffer) Reset() cycle.Outputs {
	b.read, b.pass, b.level, b.fresh, b.valid = 0, 0, 0, 0, false
	return b.outputs()
}

// available: in the first pass a beat must have come in, later passes read what is there for
// certain.
func (b *replayBuffer) available() bool { return b.pass != 0 || b.fresh != 0 }

// Step implements cycle.Machine.
func (b *replayBuffer) Step(in, out uint64) cycle.Outputs {
	read := b.available() && (!b.valid || out != 0)
	b.valid = read || b.valid && out == 0
	if in != 0 {
		b.level++
		b.fresh++
	}
	if read {
		if b.pass == 0 {
			b.fresh--
		}
		if b.pass == b.repeats-1 {
			b.level--
		}
		if b.read++; b.read == b.length {
			b.read = 0
			if b.pass++; b.pass == b.repeats {
				b.pass = 0
			}
		}
	}
	return b.outputs()
}

func (b *replayBuffer) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(b.level != b.slots), Valid: cycle.Bit(b.valid),
		Busy: !b.valid && b.available()}
}

// Registers implements cycle.Machine.
func (b *replayBuffer) Registers(state []int64) []int64 {
	return append(state, int64(b.read), int64(b.pass), int64(b.level), int64(b.fresh), int64(cycle.Bit(b.valid)))
}
