package quant

import "math"

// packedLayer holds the weights of a layer, or of a group of it, so that one 64-bit multiplication serves
// several channels. With lanes of width bits, the word of input i is
// sum_k w_k[i] * 2^(k*width) over the channels k of a group, and the sum of
// word*x over the inputs is sum_k acc_k * 2^(k*width) modulo 2^64. Each acc_k
// fits in width bits (MATH 1), so peeling lanes off from the bottom, sign
// extended, gives every acc_k exactly; partial sums need not even fit.
type packedLayer struct {
	out, in int
	// width is the number of bits of a lane, lanes = 64/width.
	width, lanes int
	// half is 2^(width-1), halves that in every lane, and mask the bits of one.
	half         int64
	halves, mask uint64
	// blocks[b*in+i] are the words of input i in four neighbouring groups.
	blocks [][blockGroups]int64
}

// blockGroups is the number of groups that one pass over the inputs serves:
// their sums stay in registers.
const blockGroups = 4

// packRows packs the channels from..to-1 of a layer with weights.
func packRows(l *Layer, from, to int) packedLayer {
	width := l.SumBits()
	p := packedLayer{out: to - from, in: l.In, width: width, lanes: 64 / width}
	p.half, p.mask = 1<<(width-1), math.MaxUint64>>(64-width)
	for lane := range p.lanes {
		p.halves += uint64(p.half) << (lane * width)
	}
	perBlock := blockGroups * p.lanes
	p.blocks = make([][blockGroups]int64, (p.out+perBlock-1)/perBlock*l.In)
	for c := range p.out {
		block := p.blocks[c/perBlock*l.In:]
		group, lane := c%perBlock/p.lanes, c%p.lanes
		for i, w := range l.Row(from + c) {
			block[i][group] += int64(w) << (lane * width)
		}
	}
	return p
}

// multiply sets acc to W*x.
func (p *packedLayer) multiply(x *nonzeros, acc []int64) {
	for b := 0; len(acc) > 0; b++ {
		sums := dot4(p.blocks[b*p.in:(b+1)*p.in], x.index, x.value)
		for _, sum := range sums {
			n := min(p.lanes, len(acc))
			p.unpack(sum, acc[:n])
			acc = acc[n:]
		}
	}
}

// unpack takes the first len(acc) lanes of sum apart. With half a lane's range added to each
// of them none is negative, so that none borrows from the next.
func (p *packedLayer) unpack(sum int64, acc []int64) {
	u := uint64(sum) + p.halves
	for i := range acc {
		acc[i] = int64(u&p.mask) - p.half
		u >>= uint(p.width) & 63
	}
}

// dot4 returns the four sums of block[index[k]]*value[k] over k, modulo 2^64.
func dot4(block [][blockGroups]int64, index []int32, value []int64) [blockGroups]int64 {
	var a, b, c, d int64
	value = value[:len(index)]
	for k, i := range index {
		w, v := &block[i], value[k]
		a += w[0] * v
		b += w[1] * v
		c += w[2] * v
		d += w[3] * v
	}
	return [blockGroups]int64{a, b, c, d}
}

// nonzeros lists the elements of a vector that are not zero: zeros, common
// after ReLU and in images, cost no multiplication.
type nonzeros struct {
	index []int32
	value []int64
}

// gather sets z to the nonzero elements of x, without allocating where z has
// room for len(x) elements.
func (z *nonzeros) gather(x []int32) {
	z.index, z.value = z.index[:cap(z.index)], z.value[:cap(z.value)]
	n := 0
	for i, v := range x {
		z.index[n], z.value[n] = int32(i), int64(v)
		if v != 0 {
			n++
		}
	}
	z.index, z.value = z.index[:n], z.value[:n]
}
