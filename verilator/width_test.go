package verilator

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wireBench writes a design of wires: every stream i of n shows the low
// i%width+1 bits of s_axis_tdata, with s_axis's valid and m_axis's ready.
func wireBench(t *testing.T, width, n int) Bench {
	t.Helper()
	b := Bench{Dir: t.TempDir(), Hash: "wires", DataBits: width, OutBits: width, FrameBeats: 1}
	var slices []string
	for i := range n {
		bits := i%width + 1
		b.Streams = append(b.Streams, Stream{fmt.Sprint("s", i), bits, b.ProbeBits})
		b.ProbeBits += bits
		slices = append([]string{fmt.Sprintf("s_axis_tdata[%d:0]", bits-1)}, slices...)
	}
	text := fmt.Sprintf(`module bench (
    input  wire aclk, aresetn, s_axis_tvalid, s_axis_tlast, m_axis_tready,
    output wire s_axis_tready, m_axis_tvalid, m_axis_tlast,
    input  wire [%[1]d:0] s_axis_tdata, output wire [%[1]d:0] m_axis_tdata,
    output wire [%[2]d:0] probe_valid, probe_ready, output wire [%[3]d:0] probe_data
);
    wires u_wires (m_axis_tready, s_axis_tready);
    assign {m_axis_tvalid, m_axis_tlast, m_axis_tdata} = {s_axis_tvalid, s_axis_tlast, s_axis_tdata};
    assign probe_valid = {%[4]d{s_axis_tvalid}};
    assign probe_ready = {%[4]d{m_axis_tready}};
    assign probe_data = {%[5]s};
endmodule
`, width-1, n-1, b.ProbeBits-1, n, strings.Join(slices, ", "))
	wires := "module wires (input wire a, output wire b);\n    assign b = a;\nendmodule\n"
	for path, text := range map[string]string{"bench/bench.v": text, "rtl/wires.v": wires} {
		path = filepath.Join(b.Dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestPortTypes runs every C++ type that Verilator gives a port (8, 16, 32, 64
// bits and wide), with 1 to 70 streams at every bit offset.
func TestPortTypes(t *testing.T) {
	for _, c := range []struct{ width, streams int }{{8, 1}, {16, 9}, {24, 33}, {64, 8}, {200, 70}} {
		for _, sim := range simulators {
			t.Run(fmt.Sprintf("%s/%d bits/%d streams", sim, c.width, c.streams), func(t *testing.T) {
				wantTools(t, sim)
				b := wireBench(t, c.width, c.streams)
				checkWires(t, build(t, b, sim, false))
			})
		}
	}
}

func checkWires(t *testing.T, bin *Binary) {
	t.Helper()
	const cycles = 60
	rng, bytesEach := rand.New(rand.NewSource(5)), bin.bench.DataBits/8
	st := Stimulus{Beats: make([]byte, cycles*bytesEach), Stall: make([]bool, cycles)}
	rng.Read(st.Beats)
	for i := range st.Stall {
		st.Stall[i] = rng.Intn(3) == 0
	}
	next := 0
	_, err := bin.Run(context.Background(), st, RunOptions{}, func(cycle int, c *Cycle) error {
		word := append(st.Beats[next*bytesEach:(next+1)*bytesEach:(next+1)*bytesEach], 0)
		for i, s := range bin.bench.Streams {
			want := make([]byte, (s.Bits+7)/8)
			extract(want, word, Stream{Bits: s.Bits})
			if !c.IsValid(i) || c.Fires(i) == st.Stall[cycle] || !bytes.Equal(want, c.Data[i]) {
				return fmt.Errorf("cycle %d, stream %d: want %x, have %x", cycle, i, want, c.Data[i])
			}
		}
		if !st.Stall[cycle] {
			next++
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
