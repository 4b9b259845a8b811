package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestModelFollowsSamples fits the committed samples again: xc7.json is what the command
// would write, byte for byte.
func TestModelFollowsSamples(t *testing.T) {
	fresh, err := fitModel(readTable(t))
	if err != nil {
		t.Fatal(err)
	}
	want, err := fresh.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), readFile(t, "../data/xc7.json")); diff != "" {
		t.Errorf("xc7.json is stale, run go run ./hwgen/cost/fit -fit-only (-want +have):\n%s", diff)
	}
}

func TestSamplesRoundTrip(t *testing.T) {
	samples := readTable(t)
	var b bytes.Buffer
	if err := writeSamples(&b, samples); err != nil {
		t.Fatal(err)
	}
	again, err := readSamples(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(samples, again); diff != "" {
		t.Error(diff)
	}
	text := strings.Join(sampleHeader, ",") + "\nfifo,train,0,width,1,1,1,1,1,1,1\n"
	if _, err := readSamples(strings.NewReader(text)); err == nil {
		t.Error("a parameter without a value is read")
	}
}
