package data

// Luma returns the luma of m, the one channel that super-resolution is trained and measured
// on: m itself where that has one channel, else
//
//	Y = 16 + (65.738 R + 129.057 G + 25.064 B) / 256,
//
// rounded to the nearest level, which lies in 16..235 (ITU-R BT.601, as MATLAB's rgb2ycbcr
// has it). Grey files keep their levels, as there.
func (m *Image) Luma() *Image {
	if m.Channels == 1 {
		return m
	}
	n := m.Height * m.Width
	out := &Image{Name: m.Name, Channels: 1, Height: m.Height, Width: m.Width, Pixels: make([]uint8, n)}
	for i := range out.Pixels {
		out.Pixels[i] = luma(m.Pixels[i], m.Pixels[n+i], m.Pixels[2*n+i])
	}
	return out
}

// luma is in thousandths of 1/256 of a level, in integers, so that nothing depends on the
// order of a sum.
func luma(r, g, b uint8) uint8 {
	const unit = 256 * 1000
	return uint8(16 + (65738*int(r)+129057*int(g)+25064*int(b)+unit/2)/unit)
}

// as returns m, whose channels are those of its file, with so many channels.
func (m *Image) as(channels int) *Image {
	switch {
	case channels == 1:
		return m.Luma()
	case m.Channels == channels:
		return m
	}
	out := *m
	out.Channels, out.Pixels = channels, nil
	for range channels { // grey has as much of each colour
		out.Pixels = append(out.Pixels, m.Pixels...)
	}
	return &out
}
