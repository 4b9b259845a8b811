package sim

// pipeline models mvau.v and label_select.v: a chain of registers that moves as a
// whole, passes on one beat in period, and ends in a spill register of two beats. It
// halts while a result stands at its end and the spill register is full.
type pipeline struct {
	stages, period int
	// chain has bit i set while stage i holds the beat that ends a period.
	chain uint64
	end   uint64 // the bit of the last stage
	beat  int    // beats since the last end
	spill int    // beats in the spill register
}

func newPipeline(stages, period int) *pipeline {
	if stages > 64 {
		panic("sim: pipeline of more than 64 stages")
	}
	return &pipeline{stages: stages, period: period, end: 1 << (stages - 1)}
}

func (p *pipeline) reset() outputs {
	p.chain, p.beat, p.spill = 0, 0, 0
	return p.outputs()
}

func (p *pipeline) step(in, out bool) outputs {
	moves := p.chain&p.end == 0 || p.spill < 2
	if out {
		p.spill--
	}
	if moves {
		if p.chain&p.end != 0 {
			p.spill++
		}
		p.chain = p.chain &^ p.end << 1
		if in {
			if p.beat++; p.beat == p.period {
				p.beat = 0
				p.chain |= 1
			}
		}
	}
	return p.outputs()
}

func (p *pipeline) outputs() outputs {
	moves := p.chain&p.end == 0 || p.spill < 2
	return outputs{ready: moves, valid: p.spill > 0, busy: moves && p.chain != 0}
}

func (p *pipeline) registers(state []int64) []int64 {
	return append(state, int64(p.chain), int64(p.beat), int64(p.spill))
}
