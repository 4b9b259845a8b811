package emit

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestHashCoversWhatIsEmitted: another byte in any file of the design is another hash, in
// a library module as in a memory; another version of the tool is not.
func TestHashCoversWhatIsEmitted(t *testing.T) {
	n := quanttest.RandomNetwork(rand.New(rand.NewPCG(1, 1)), quanttest.RandomSpec{MaxSize: 12})
	d, err := plan.Plan(n, hwgen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := Files(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := d.Hash
	plain := *d
	plain.Version, plain.Hash = "", ""
	filled, err := fill(&plain)
	if err != nil {
		t.Fatal(err)
	}
	modules, err := library(d)
	if err != nil {
		t.Fatal(err)
	}
	text := slices.Concat(filled, modules)
	if len(text) != len(files)-2 {
		t.Errorf("%d files are covered, want all %d but network and manifest", len(text), len(files))
	}
	if got := hash(text); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	for i, f := range text {
		altered := slices.Clone(text)
		altered[i].Data = append(slices.Clone(f.Data), ' ')
		if hash(altered) == want {
			t.Errorf("%s is not covered", f.Path)
		}
	}
	d.Version = "another"
	if _, err := Files(d, nil); err != nil || d.Hash != want {
		t.Errorf("version %q: hash %s, %v, want %s", d.Version, d.Hash, err, want)
	}
}
