package train

import (
	"bytes"
	"encoding/csv"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWriteMetrics(t *testing.T) {
	e := Event{Phase: QATPhase, Epoch: 2, Loss: 0.5, Accuracy: 0.875, PSNR: 31.25, Rate: 1e-3,
		SamplesPerSecond: 41234.4}
	held := e
	held.Validation = 0.75
	for _, c := range []struct {
		task string
		e    Event
		want string
	}{
		{Classify, e, "phase,epoch,loss,accuracy_percent,validation,rate,samples_per_second\n" +
			"qat,2,0.500000,87.5000,,0.001,41234\n"},
		{Classify, held, "phase,epoch,loss,accuracy_percent,validation,rate,samples_per_second\n" +
			"qat,2,0.500000,87.5000,75.0000,0.001,41234\n"},
		{Regress, held, "phase,epoch,loss,psnr_db,validation,rate,samples_per_second\n" +
			"qat,2,0.500000,31.2500,0.7500,0.001,41234\n"},
	} {
		var b bytes.Buffer
		if err := WriteMetrics(&b, c.task, []Event{c.e}); err != nil || b.String() != c.want {
			t.Errorf("got %q, %v, want %q", b.String(), err, c.want)
		}
	}
}

// TestEpochs: whoever keeps the epochs sees all of them after each, those
// before a resume too, and can end the run.
func TestEpochs(t *testing.T) {
	var seen []int
	keep := func(history []Event) error {
		seen = append(seen, len(history))
		return nil
	}
	mustRun(t, small(), Options{Epochs: keep})
	if want := []int{1, 2, 3, 4}; !slices.Equal(seen, want) {
		t.Errorf("epochs seen: %v, want %v", seen, want)
	}
	out := stopAt(t, small(), 23)
	seen = nil
	mustRun(t, small(), Options{Out: out, Resume: true, Epochs: keep})
	if want := []int{2, 3, 4}; !slices.Equal(seen, want) {
		t.Errorf("epochs seen after a resume: %v, want %v", seen, want)
	}
	full := errors.New("no space")
	_, err := Run(t.Context(), small(), smallSet(), nil, Options{Epochs: func([]Event) error { return full }})
	if !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
}

// TestMetricsAreCSV: encoding/csv reads back a run's metrics.
func TestMetricsAreCSV(t *testing.T) {
	s := small()
	s.Validation = 0.25
	r, _ := mustRun(t, s, Options{Out: filepath.Join(t.TempDir(), "n.onnx")})
	var b strings.Builder
	if err := WriteMetrics(&b, s.Task, r.History); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 5 || rows[1][0] != FloatPhase || rows[4][0] != QATPhase || rows[4][4] == "" {
		t.Errorf("read back %v, %v", rows, err)
	}
}
