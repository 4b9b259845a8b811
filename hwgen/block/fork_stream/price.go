package forkstream

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block. It counts two stored beats, the bit that says which comes next,
// and two bits of level per reader.
//
// The choice between the stored beats is a LUT per bit for every reader ("choice_bits"; three
// inputs, so two bits may share one of six, which is fitted); a level is two LUTs, and the readers'
// fullness one for about six of them.
func (f *Block) Price(*fabric.Family) fabric.Shape {
	return fabric.Shape{FF: 2*f.Width + 1 + 2*f.Readers, Terms: []fabric.Term{fabric.Fitted("handshake", 1, 3),
		fabric.Fitted("choice_bits", float64(f.Readers*f.Width), 1), fabric.Fitted("readers", float64(f.Readers), 3)}}
}
