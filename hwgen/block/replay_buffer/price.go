package replaybuffer

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block. It returns the registers and LUTs of replay_buffer.v, from its shape alone: no
// contents decide anything here.
//
// Flip-flops: write_q and read_q, pass_q, level_q and fresh_q, valid_q; a vector of one beat
// has two slots, which is one bit more in each level. data_q behind a memory of LUTs is width
// more; a block RAM has it inside, and then no LUT holds or moves data.
func (r *Block) Price() fabric.Shape {
	pointer, level, pass := max(1, fabric.AddressWidth(r.Length)), fabric.AddressWidth(r.Length+1), fabric.AddressWidth(r.Repeats)
	s := fabric.Shape{FF: 2*pointer + pass + 2*level + 1 + 2*fabric.OneIf(r.Length == 1)}
	if r.BlockRAM {
		s.RAMB18 = fabric.BlockRAM18(r.Width, r.Length)
		s.Terms = fabric.ControlTerms(2*pointer+pass, 2*level)
		return s
	}
	s.FF += r.Width
	s.Terms = append(fabric.ControlTerms(2*pointer+pass, 2*level), fabric.RAMTerms(r.Width, r.Length)...)
	return s
}
