package emit_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestShiftedManifest: the manifest of a shifted design plans it again, at its own P and
// at another, and says which layers are shifted.
func TestShiftedManifest(t *testing.T) {
	n := quanttest.Shifted()
	for _, o := range []hwgen.Options{{}, {AccBits: n.Layers[0].AccBits + 1}} {
		dir := filepath.Join(t.TempDir(), "design")
		if err := emit.WriteDir(dir, emitted(t, n, o)); err != nil {
			t.Fatal(err)
		}
		m, err := emit.ReadManifest(dir)
		if err != nil {
			t.Fatal(err)
		}
		d, err := plan.Plan(n, m.Plan())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := emit.Files(d, nil); err != nil {
			t.Fatal(err)
		}
		if d.Hash != m.Hash || m.Layers[0].Shifted != (o.AccBits == 0) {
			t.Errorf("acc %d: hash %s, want %s; shifted %v", o.AccBits, d.Hash, m.Hash, m.Layers[0].Shifted)
		}
	}
}

// TestZeroStarts: start values of 0 give the hardware of a network without any; only the
// comments know that its accumulators could be shifted.
func TestZeroStarts(t *testing.T) {
	g := goldens(t)["typical"]
	zero := *g.n
	zero.Layers = append([]quant.Layer(nil), g.n.Layers...)
	o := g.o
	o.Folding = hwgen.Folding{}
	for i := range zero.Layers {
		l := &zero.Layers[i]
		f := g.o.Folding[l.Name]
		f.AccBits, _ = l.NeededBits()
		o.Folding[l.Name] = f
		l.Start = make([]int64, l.Out)
	}
	code := func(n *quant.Network) string {
		var b strings.Builder
		for _, f := range emitted(t, n, o) {
			for line := range strings.Lines(string(f.Data)) {
				if strings.HasPrefix(f.Path, "rtl/") && !strings.HasPrefix(strings.TrimSpace(line), "//") {
					b.WriteString(f.Path + ": " + line)
				}
			}
		}
		return b.String()
	}
	if diff := cmp.Diff(code(g.n), code(&zero)); diff != "" {
		t.Error(diff)
	}
}
