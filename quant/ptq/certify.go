package ptq

import (
	"fmt"

	"github.com/a2qgen/a2qgen/quant"
)

// Certify returns nil if the accumulator of every tile of integers q (Rows x K)
// holds every sum, by quant's integer test on the tiles themselves, and no tile has
// more units, in all or in a bank, than p.Acc.Taps; else an error that names row and
// tile. A tile is looked at
// as a linear layer of one output, so what decides is the very test that quant
// applies to files, not the set that the search used: a fault there cannot certify
// itself.
func (p *Problem) Certify(q []int32) error {
	size := p.Acc.tileSize(p.K)
	for r := range p.Rows {
		row := q[r*p.K : (r+1)*p.K]
		for t := range p.Acc.tiles(p.K) {
			if err := p.certifyTile(row[t*size : min((t+1)*size, p.K)]); err != nil {
				return fmt.Errorf("ptq: layer %q: row %d, tile %d: %w", p.Name, r, t, err)
			}
		}
	}
	return nil
}

// CertifyLayer is Problem.Certify for a layer as it was read back from a file.
func (a Accumulator) CertifyLayer(l *quant.Layer) error {
	p := Problem{Name: l.Name, Rows: l.Out, K: l.In, Input: l.Input, Acc: a}
	return p.Certify(l.Weights)
}

// certifyTile tests the integers of one tile, from the start that the rule gives
// it.
func (p *Problem) certifyTile(q []int32) error {
	l := quant.Layer{Kind: quant.Linear, In: len(q), Out: 1, Input: p.Input, Weights: q}
	taps := p.Acc.Taps
	if n := l.L1Max(); taps.Any() && n > int64(taps.MaxUnits()) {
		return fmt.Errorf("has %d units, wanted at most %d", n, taps.MaxUnits())
	}
	if taps.Lanes > 0 && l.BankPeak(taps.Lanes) > int64(taps.Cap) {
		return fmt.Errorf("has %d units in one of %d banks, wanted at most %d",
			l.BankPeak(taps.Lanes), taps.Lanes, taps.Cap)
	}
	switch {
	case p.Acc.Bits == 0:
		return nil
	case p.Acc.Rule != quant.Shifted:
		return l.Certify(p.Acc.Bits)
	}
	// A start that makes the range fit, if there is one: sums then run from start +
	// min to start + max.
	start, ok := l.ShiftedStart(0, p.Acc.Bits)
	if !ok {
		r := l.AccRange(0)
		return fmt.Errorf("sums %d..%d do not fit %d bits from any start", r.Min, r.Max, p.Acc.Bits)
	}
	l.Start = []int64{start}
	return l.Certify(p.Acc.Bits)
}

// TileStart returns what the accumulator of each tile of a row's integers begins
// at: 0, or under quant.Shifted what quant.Layer.ShiftedStart says. Their sum is
// what the row's thresholds move by. It does not depend on the row's bias, which
// the thresholds have.
func (p *Problem) TileStart(q []int32) []int64 {
	start := make([]int64, p.Acc.tiles(len(q)))
	if p.Acc.Bits == 0 || p.Acc.Rule != quant.Shifted {
		return start
	}
	size := p.Acc.tileSize(len(q))
	for t := range start {
		tile := q[t*size : min((t+1)*size, len(q))]
		l := quant.Layer{Kind: quant.Linear, In: len(tile), Out: 1, Input: p.Input, Weights: tile}
		start[t], _ = l.ShiftedStart(0, p.Acc.Bits)
	}
	return start
}
