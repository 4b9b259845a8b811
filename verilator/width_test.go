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
	b := Bench{Dir: t.TempDir(), Hash: "wires", Sources: []Source{{Bits: width, FrameBeats: 1}}, Sinks: 1}
	var ports, slices strings.Builder
	for i := range n {
		bits := i%width + 1
		b.Streams = append(b.Streams, Stream{fmt.Sprint("s", i), bits})
		fmt.Fprintf(&ports, ", output wire [%d:0] probe_%d", bits-1, i)
		fmt.Fprintf(&slices, "    assign probe_%d = s_axis_tdata[%d:0];\n", i, bits-1)
	}
	text := fmt.Sprintf(`module bench (
    input  wire aclk, aresetn, s_axis_tvalid, s_axis_tlast, m_axis_tready,
    output wire s_axis_tready, input wire [%[1]d:0] s_axis_tdata,
    output wire [%[2]d:0] probe_valid, probe_ready%[4]s
);
    wires u_wires (m_axis_tready, s_axis_tready);
    assign probe_valid = {%[3]d{s_axis_tvalid}};
    assign probe_ready = {%[3]d{m_axis_tready}};
%[5]sendmodule
`, width-1, n-1, n, &ports, &slices)
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
	rng, bytesEach := rand.New(rand.NewSource(5)), bin.bench.Sources[0].Bytes()
	st := pattern{beats: make([]byte, cycles*bytesEach), stall: make([]bool, cycles)}
	rng.Read(st.beats)
	for i := range st.stall {
		st.stall[i] = rng.Intn(3) == 0
	}
	next := 0
	_, err := bin.Run(context.Background(), st.stimulus(), RunOptions{}, func(cycle int, c *Cycle) error {
		word := append(st.beats[next*bytesEach:(next+1)*bytesEach:(next+1)*bytesEach], 0)
		for i, s := range bin.bench.Streams {
			want := make([]byte, (s.Bits+7)/8)
			extract(want, word, 0, s.Bits)
			if !c.IsValid(i) || c.Fires(i) == st.stall[cycle] || !bytes.Equal(want, c.Data[i]) {
				return fmt.Errorf("cycle %d, stream %d: want %x, have %x", cycle, i, want, c.Data[i])
			}
		}
		if !st.stall[cycle] {
			next++
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
