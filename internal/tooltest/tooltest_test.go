package tooltest

import (
	"flag"
	"testing"
)

// TestNeedShort: with -short a test that needs a program is skipped, though it is installed.
func TestNeedShort(t *testing.T) {
	was := flag.Lookup("test.short").Value.String()
	t.Cleanup(func() { flag.Set("test.short", was) })
	for short, want := range map[string]bool{"true": true, "false": false} {
		if err := flag.Set("test.short", short); err != nil {
			t.Fatal(err)
		}
		var skipped bool
		t.Run("short="+short, func(t *testing.T) {
			defer func() { skipped = t.Skipped() }()
			Need(t, "go")
		})
		if skipped != want {
			t.Errorf("-short=%s: skipped %v, want %v", short, skipped, want)
		}
	}
}
