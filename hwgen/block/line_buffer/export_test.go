package linebuffer

// ReadsImage says that not all that leaves is of the border.
func (b *Block) ReadsImage() bool { return b.walk().inside }
