package emit_test

import (
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// BenchmarkGenerate reads, certifies, plans, emits and writes a network of the demo's
// size: all that `a2qgen generate` does.
func BenchmarkGenerate(b *testing.B) {
	network := filepath.Join("..", "quant", "qonnx", "testdata", "fmnist_mlp_a2qplus_w4a4_p12.onnx")
	dir := filepath.Join(b.TempDir(), "design")
	for b.Loop() {
		n, err := qonnx.Read(network)
		if err != nil {
			b.Fatal(err)
		}
		o := hwgen.Options{FPS: 100000, AccBits: 12}
		d, err := plan.Plan(n, o)
		if err != nil {
			b.Fatal(err)
		}
		files, err := emit.Files(d, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := emit.WriteDir(dir, files); err != nil {
			b.Fatal(err)
		}
	}
}
