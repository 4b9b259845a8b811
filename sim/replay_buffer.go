package sim

// replayBuffer models replay_buffer.v. Fields are its registers.
type replayBuffer struct {
	length, repeats int
	read, pass      int
	level, fresh    int
	valid           bool
}

func (b *replayBuffer) reset() (ready, valid bool) {
	b.read, b.pass, b.level, b.fresh, b.valid = 0, 0, 0, 0, false
	return true, false
}

func (b *replayBuffer) step(in, out bool) (ready, valid bool) {
	available := b.pass != 0 || b.fresh != 0
	read := available && (!b.valid || out)
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
	return b.level != max(b.length, 2), b.valid
}
