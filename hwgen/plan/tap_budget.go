package plan

import (
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// leastCap is the fewest taps per bank that MatchTaps asks for, where a row has as many: with one
// per bank a row loses too many of the weights that it would keep without banks.
const leastCap = 2

// matchedPart is the part of a row's units that MatchTaps keeps at least: up to an eighth of them
// may go where the lanes come out even, 16 of 17 and 64 of 68.
const matchedPart = 7. / 8

// MatchTaps returns the bound on the taps of a layer's rows, in columns each and so many units at
// most, with which a tap unit does them within so many cycles per vector, whatever the weights are:
// the fewest PEs, as many taps per bank as they have cycles per row, and as many lanes as that
// takes. It returns false where no tap unit does so many units in time.
//
// Lanes are those that a plan tries; where they hold a little less than the units, the units are cut
// (matchedPart), since the next number of lanes costs more than the tap is worth.
func MatchTaps(in, out int, units int64, cycles int) (quant.Taps, bool) {
	if units < 1 {
		return quant.Taps{}, false
	}
	for _, pe := range divisors(out) {
		if pe > maxTapPE {
			break
		}
		perRow := cycles / (out / pe)
		if int64(perRow) < min(leastCap, units) {
			continue // more rows at once have more cycles each
		}
		if t, ok := matchLanes(in, units, min(perRow, quant.MaxCap), cycles); ok {
			return t, true
		}
	}
	return quant.Taps{}, false
}

// matchLanes returns the bound with so many taps per bank at most.
func matchLanes(in int, units int64, perRow, cycles int) (quant.Taps, bool) {
	limit := int(min(int64(perRow), units))
	enough := func(lanes int) bool { return float64(lanes*limit) >= matchedPart*float64(units) }
	full := 0 // the most lanes that the units fill
	for _, lanes := range laneCounts {
		// The vector has to come in time, too.
		if _, ok := fewestElements(in, lanes, cycles); !ok || lanes > in {
			continue
		}
		if int64(lanes*limit) > units {
			if !enough(full) {
				return quant.Taps{Lanes: lanes, Cap: limit, Units: int(units)}, true
			}
			break
		}
		full = lanes
	}
	return quant.Taps{Lanes: full, Cap: limit}, full > 0 && enough(full)
}

// MayTap says whether o leaves it to the plan to build a layer by a tap unit, or asks for one
// without a fold: then the lanes can be those of MatchTaps.
func MayTap(o hwgen.Options, layer string) bool {
	f := o.Folding[layer]
	if f.PE > 0 || f.Lanes > 0 {
		return false // asked for, whatever the taps are
	}
	// Of the words alone; whether the layer itself suits, its weights decide.
	fit, err := unitsOf(&quant.Layer{Name: layer, Kind: quant.Linear}, f, o.Unit)
	return err == nil && slices.ContainsFunc(fit, func(u *unit) bool { return u.word == "tap" })
}
