package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSweep trains two methods at one width and two seeds, and base, and finds
// the runs again the second time.
func TestSweep(t *testing.T) {
	spec := filepath.Join(t.TempDir(), "net.yaml")
	writeFile(t, spec, []byte("layers: [8, 8]\nfloat: {epochs: 1}\nqat: {epochs: 1}\nbatch: 512\n"))
	dir := t.TempDir()
	args := []string{"sweep", spec, "--data", "drawn", "--acc", "9", "--methods", "base,a2q+,budget/split", "--seeds", "2", "--out", dir, "--json"}
	var first, second sweepReport
	if err := json.Unmarshal([]byte(succeed(t, args...).out), &first); err != nil {
		t.Fatal(err)
	}
	if len(first.Results) != 3 || len(first.Results[1].Runs) != 2 || first.Results[2].Mean <= 10 {
		t.Fatalf("got %+v", first)
	}
	for _, name := range []string{"results.json", "results.csv", "results.md", "results.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	run := filepath.Join(dir, "runs", "a2q+-p9-s1.json")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(run, old, old); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(succeed(t, args...).out), &second); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(run); err != nil || time.Since(info.ModTime()) < time.Minute {
		t.Errorf("the run was trained again: %v", err)
	}
	if second.Results[1].Mean != first.Results[1].Mean {
		t.Errorf("the second sweep has another mean: %v, %v", second.Results[1].Mean, first.Results[1].Mean)
	}
}

func TestSweepRefuses(t *testing.T) {
	spec := filepath.Join(t.TempDir(), "net.yaml")
	writeFile(t, spec, []byte("layers: [8, 8]\n"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--methods", "a3q"}, "a3q"},
		{[]string{"--methods", "budget/half"}, "half"},
		{[]string{"--seeds", "0"}, "--seeds is 0, want 1..100"},
		{[]string{"--acc", "2"}, "acc_bits"},
	} {
		o := command(t, append([]string{"sweep", spec, "--out", t.TempDir()}, c.args...)...)
		if o.status == 0 || !strings.Contains(o.errors, c.want) {
			t.Errorf("%v: status %d, %q, want %q", c.args, o.status, o.errors, c.want)
		}
	}
}
