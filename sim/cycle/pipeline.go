package cycle

// pipeline is a chain of registers that moves as a
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

// NewPipeline returns the machine of units such as mvau.v and label_select.v: stages
// registers, 1..64, before a spill register; one result per period input beats.
func NewPipeline(stages, period int) Machine {
	if stages > 64 {
		panic("cycle: pipeline of more than 64 stages")
	}
	return &pipeline{stages: stages, period: period, end: 1 << (stages - 1)}
}

// Reset implements Machine.
func (p *pipeline) Reset() Outputs {
	p.chain, p.beat, p.spill = 0, 0, 0
	return p.outputs()
}

// Step implements Machine.
func (p *pipeline) Step(in, out uint64) Outputs {
	moves := p.chain&p.end == 0 || p.spill < 2
	p.spill -= int(out)
	if moves {
		if p.chain&p.end != 0 {
			p.spill++
		}
		p.chain = p.chain &^ p.end << 1
		if in != 0 {
			if p.beat++; p.beat == p.period {
				p.beat = 0
				p.chain |= 1
			}
		}
	}
	return p.outputs()
}

func (p *pipeline) outputs() Outputs {
	moves := p.chain&p.end == 0 || p.spill < 2
	return Outputs{Ready: Bit(moves), Valid: Bit(p.spill > 0), Busy: moves && p.chain != 0}
}

// Registers implements Machine.
func (p *pipeline) Registers(state []int64) []int64 {
	return append(state, int64(p.chain), int64(p.beat), int64(p.spill))
}
