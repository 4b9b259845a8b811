package linebuffer

import "github.com/a2qgen/a2qgen/sim/cycle"

// Needed returns the beats that have to be kept, MachineOf the machine that keeps so many.
func (b *Block) Needed() int { return b.walk().depth }

// ReadsImage says that not all that leaves is of the border.
func (b *Block) ReadsImage() bool { return b.walk().inside }

// MachineOf implements what Needed says.
func (b *Block) MachineOf(depth int) cycle.Machine { return newMachine(b.walk(), depth) }
