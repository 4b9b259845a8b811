package replaybuffer

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block. It returns the registers and LUTs of replay_buffer.v, from its shape alone: no
// contents decide anything here.
//
// Flip-flops: write_q and read_q, pass_q, level_q and fresh_q, valid_q; a vector of one beat
// has two slots, which is one bit more in each level. data_q behind a memory of LUTs is width
// more; a block RAM has it inside, and then no LUT holds or moves data.
func (r *Block) Price(of *fabric.Family) fabric.Shape {
	pointer, level := max(1, fabric.AddressWidth(r.Length)), fabric.AddressWidth(r.Length+1)
	pass := fabric.AddressWidth(r.Repeats)
	s := fabric.Shape{FF: 2*pointer + pass + 2*level + 1 + 2*fabric.OneIf(r.Length == 1)}
	control := of.ControlTerms([]int{pointer, pointer, pass}, []int{level, level})
	if r.BlockRAM {
		s.BlockRAM = of.BlockRAMs(r.Width, r.Length)
		shared, terms := of.SharedBlockRAM(fabric.Banks{Width: r.Width, Depth: max(2, r.Length),
			Words: 1, Enables: 1, Ports: 1})
		s.FF += shared
		s.Terms = append(control, terms...)
		return s
	}
	s.FF += r.Width
	s.Terms = append(control, of.RAMTerms(r.Width, r.Length)...)
	return s
}
