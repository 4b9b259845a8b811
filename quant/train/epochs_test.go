package train

import (
	"errors"
	"slices"
	"testing"
)

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
