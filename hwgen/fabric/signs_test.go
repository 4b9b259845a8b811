package fabric

import "testing"

// TestCountEqual: xnor_count.v by Yosys 0.23 for xc7 (`chparam -set SIMD .. -set ACC_BITS 12 xnor_count;
// synth_xilinx -family xc7 -nodsp -noiopad -flatten`), LUTs, flip-flops and shift registers.
func TestCountEqual(t *testing.T) {
	for _, c := range []struct{ lanes, lut, ff, shift int }{{4, 6, 6, 0}, {8, 10, 10, 0}, {9, 10, 10, 0}, {16, 21, 23, 0}, {25, 35, 42, 0},
		{32, 49, 53, 0}, {49, 77, 89, 0}, {64, 100, 111, 0}, {128, 206, 221, 2}} {
		n := NewNetlist(lut6)
		n.Use(n.CountEqual(n.Word(c.lanes), n.Word(c.lanes), 12)...)
		if ff, shift := n.RegistersLeft(); n.luts != c.lut || ff != c.ff || shift != c.shift {
			t.Errorf("%d lanes: %d LUTs, %d flip-flops, %d shift registers, want %d, %d, %d", c.lanes, n.luts, ff, shift,
				c.lut, c.ff, c.shift)
		}
		if per := float64(n.luts) / float64(c.lanes); per > 2.2 {
			t.Errorf("%d lanes: %.2f LUTs per product, want at most 2.2", c.lanes, per)
		}
	}
}

// TestCountTables: the functions of both kinds of LUT are sums.
func TestCountTables(t *testing.T) {
	for i := range 64 {
		bit := func(k int) int { return i >> k & 1 }
		equal := OneIf(bit(0) == bit(1)) + OneIf(bit(2) == bit(3)) + OneIf(bit(4) == bit(5))
		sum := bit(0) + bit(2) + bit(4) + 2*(bit(1)+bit(3)+bit(5))
		for _, f := range []*Family{lut6, lut4} {
			n := NewNetlist(f)
			var in []Signal
			for k := range 6 {
				in = append(in, Signal(bit(k)))
			}
			number := func(word []Signal) (v int) {
				for k, s := range word {
					v += int(s) << k
				}
				return v
			}
			if got := number(n.equalCount(in)); got != equal {
				t.Errorf("inputs %06b: %d pairs are equal, want %d", i, got, equal)
			}
			if got := number(n.sumOfThree(in)); got != sum {
				t.Errorf("inputs %06b: sum is %d, want %d", i, got, sum)
			}
		}
	}
}
