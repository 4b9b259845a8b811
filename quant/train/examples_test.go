package train

import (
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// pictures returns a few made-up images of side x side.
func pictures(side int) *data.Set {
	set := blobs(64, side*side, 10, 1)
	set.Shape = []int{side, side}
	return set
}

// TestExamplesTrain trains every example for an epoch of each phase, on a few
// made-up images, and certifies what its file holds.
func TestExamplesTrain(t *testing.T) {
	paths, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, p := range paths {
		t.Run(filepath.Base(p), func(t *testing.T) {
			s, err := LoadSpec(p)
			if err != nil {
				t.Fatal(err)
			}
			s.Batch, s.Float.Epochs, s.QAT.Epochs = 16, 1, 1
			set := pictures(28)
			if f := s.Super.Factor; f > 0 {
				set = pictures(s.Super.Patch)
				set.Targets = pictures(s.Super.Patch * f)
			}
			out := filepath.Join(t.TempDir(), "net.onnx")
			if _, err := Run(t.Context(), s, set, nil, Options{Out: out}); err != nil {
				t.Fatal(err)
			}
			network, err := qonnx.Read(out)
			if err != nil {
				t.Fatal(err)
			}
			targets := 0
			for i := range network.Layers {
				if l := &network.Layers[i]; l.AccBits > 0 {
					targets++
					if err := l.Certify(l.AccBits); err != nil {
						t.Error(err)
					}
				}
			}
			if targets == 0 && s.Method != quant.Base {
				t.Error("no layer has an accumulator target")
			}
			var tr quant.Trace
			quant.NewExecutor(network).Run(make([]int32, set.Size()), &tr)
		})
	}
}
