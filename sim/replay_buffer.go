package sim

// replayBuffer models replay_buffer.v: its parameters, then its registers.
type replayBuffer struct {
	length, repeats int // beats of a vector, passes over it
	slots           int // beats that the memory holds

	read, pass   int
	level, fresh int
	valid        bool
}

func (b *replayBuffer) reset() outputs {
	b.read, b.pass, b.level, b.fresh, b.valid = 0, 0, 0, 0, false
	return b.outputs()
}

func (b *replayBuffer) available() bool { return b.pass != 0 || b.fresh != 0 }

func (b *replayBuffer) step(in, out bool) outputs {
	read := b.available() && (!b.valid || out)
	b.valid = read || b.valid && !out
	if in {
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

func (b *replayBuffer) outputs() outputs {
	return outputs{ready: b.level != b.slots, valid: b.valid, busy: !b.valid && b.available()}
}

func (b *replayBuffer) registers(state []int64) []int64 {
	return append(state, int64(b.read), int64(b.pass), int64(b.level), int64(b.fresh), int64(bit(b.valid)))
}
