package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestModelFollowsSamples fits the committed samples again: the model of each family is what the
// command would write, byte for byte.
func TestModelFollowsSamples(t *testing.T) {
	for _, one := range tables(t) {
		fresh, err := one.fitModel(samples(t, one))
		if err != nil {
			t.Fatal(err)
		}
		want, err := fresh.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), readFile(t, one.json)); diff != "" {
			t.Errorf("%s is stale, run go run ./hwgen/cost/fit -fit-only -family %s (-want +have):\n%s", one.json,
				one.family, diff)
		}
	}
}

func TestSamplesRoundTrip(t *testing.T) {
	for _, one := range tables(t) {
		all := samples(t, one)
		var b bytes.Buffer
		if err := one.writeSamples(&b, all); err != nil {
			t.Fatal(err)
		}
		if b.String() != readFile(t, one.csv) {
			t.Errorf("%s is not as it would be written", one.csv)
		}
		again, err := one.readSamples(&b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all, again); diff != "" {
			t.Error(diff)
		}
	}
	xc7, ecp5 := tableOf(t, "xc7"), tableOf(t, "ecp5")
	head := strings.Join(xc7.header(), ",")
	for name, text := range map[string]string{
		"a parameter without a value": head + "\nfifo,train,0,width,1,1,1,1,1,1,1\n",
		"a table of another family":   readFile(t, ecp5.csv),
	} {
		if _, err := xc7.readSamples(strings.NewReader(text)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
