package hwgen_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestVerify: a plan whose streams do not carry what its blocks read is refused by name.
func TestVerify(t *testing.T) {
	planned := func() *hwgen.Design {
		n := quanttest.RandomNetwork(rand.New(rand.NewPCG(3, 1)), quanttest.RandomSpec{MaxSize: 20})
		d, err := plan.Plan(n, hwgen.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if err := planned().Verify(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*hwgen.Stream){
		"order": func(s *hwgen.Stream) {
			s.Content = hwgen.Content{s.Content[0]}.Each(func(p *hwgen.Part) { p.Order = hwgen.Nest(p.Elements(), 2) })
		},
		"tensor": func(s *hwgen.Stream) { s.Content = s.Content.Each(func(p *hwgen.Part) { p.Layer = "other" }) },
		"width":  func(s *hwgen.Stream) { s.Bits++ },
		"beats":  func(s *hwgen.Stream) { s.Beats++ },
	} {
		d := planned()
		last := len(d.Streams) - 2
		spoil(&d.Streams[last])
		if err := d.Verify(); err == nil || !strings.Contains(err.Error(), d.Streams[last].Name) {
			t.Errorf("%s: got %v, want an error with stream %q", name, err, d.Streams[last].Name)
		}
	}
}

// TestImpossibleGraphs: a graph that no hardware can be is refused, with the names of the streams.
func TestImpossibleGraphs(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(d *hwgen.Design) (stream string)
		want  string
	}{
		"cycle": {func(d *hwgen.Design) string {
			// The first block reads what it feeds, by way of the second.
			a, b := &d.Nodes[0], &d.Nodes[1]
			a.In, b.In = b.Out, a.Out
			d.Streams[a.In[0]].Bits = 1
			d.Nodes[2].In = []int{d.Sources[0].Stream}
			return d.Streams[b.Out[0]].Name
		}, "written behind it"},
		"two writers": {func(d *hwgen.Design) string {
			d.Nodes[1].Out = d.Nodes[0].Out
			return d.Streams[d.Nodes[0].Out[0]].Name
		}, "is written by 2"},
		"unread": {func(d *hwgen.Design) string {
			d.Streams = append(d.Streams, hwgen.Stream{Name: "loose"})
			d.Nodes[0].Out = append(d.Nodes[0].Out, len(d.Streams)-1)
			return "loose"
		}, "is read by 0"},
		"one name": {func(d *hwgen.Design) string {
			d.Streams[2].Name = d.Streams[1].Name
			return d.Streams[1].Name
		}, "two streams are named"},
	} {
		n := quanttest.RandomNetwork(rand.New(rand.NewPCG(3, 1)), quanttest.RandomSpec{MaxSize: 20})
		// A dense unit has a buffer before it: blocks enough to spoil.
		d, err := plan.Plan(n, hwgen.Options{Unit: "dense"})
		if err != nil {
			t.Fatal(err)
		}
		stream := c.spoil(d)
		if err := d.Verify(); err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(err.Error(), stream) {
			t.Errorf("%s: got %v, want %q and stream %q", name, err, c.want, stream)
		}
	}
}
