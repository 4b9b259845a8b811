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
