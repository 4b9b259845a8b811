package train

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// The float network in the file is the one of the float phase: a run that
// starts from it, with no float epochs, scores the same before QAT.
func TestFloatOut(t *testing.T) {
	dir := t.TempDir()
	s := small()
	float, out := filepath.Join(dir, "float.onnx"), filepath.Join(dir, "net.onnx")
	first, _ := mustRun(t, s, Options{Out: out, FloatOut: float})
	m, err := qonnx.ReadModel(float)
	if err != nil {
		t.Fatal(err)
	}
	if m.Input != nil || len(m.Layers) != 4 || m.Layers[1].Kind != quant.Linear ||
		m.Layers[1].BatchNorm == nil || !m.Layers[1].Relu {
		t.Errorf("the file holds %+v", m.Layers)
	}
	again := small()
	again.Float.Epochs, again.Start = 0, float
	second, _ := mustRun(t, again, Options{})
	if first.FloatAccuracy != second.FloatAccuracy {
		t.Errorf("accuracy %v, started from the file %v", first.FloatAccuracy, second.FloatAccuracy)
	}
	_, err = Run(context.Background(), s, smallSet(), nil, Options{Out: out, FloatOut: float, Resume: true})
	if !errors.Is(err, errNoFloat) {
		t.Errorf("resumed after the float phase: error %v", err)
	}
}
