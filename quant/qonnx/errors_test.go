package qonnx

import (
	"strings"
	"testing"
)

// wantError fails unless err is one line that contains want.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", want)
	case !strings.Contains(err.Error(), want):
		t.Errorf("error %q, want %q", err, want)
	case strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "qonnx: "):
		t.Errorf("error %q is not one line with a prefix", err)
	}
}
