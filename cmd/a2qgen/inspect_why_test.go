package main

import (
	"strings"
	"testing"
)

// --why lists the causes of a refused network, with status 1, and says so of one that is read.
func TestInspectWhy(t *testing.T) {
	o := command(t, "inspect", untyped, "--why")
	if o.status != statusFailed || !strings.Contains(o.out, "1. node MatMul_6 (MatMul)\n   reason  its data operand, the "+
		"graph's input, is not quantised") || !strings.Contains(o.out, "change  a quantiser, or `--input TYPE:FRACTION`") ||
		!strings.Contains(o.errors, "e28_qkeras_input.onnx is not read: 1 cause\n") {
		t.Errorf("status %d, stdout %q, stderr %q", o.status, o.out, o.errors)
	}
	doc := command(t, "inspect", untyped, "--why", "--json").document(t)
	cause, _ := first(t, doc["causes"]).(map[string]any)
	if doc["read"] != false || cause["node"] != "MatMul_6" || cause["operator"] != "MatMul" || cause["remedy"] == "" {
		t.Errorf("--why --json: %v", doc)
	}
	// With its type it is read.
	if o := succeed(t, "inspect", untyped, "--why", "--input", "INT8:4"); !strings.Contains(o.out, "is read: nothing") {
		t.Errorf("stdout %q", o.out)
	}
	command(t, "inspect", untyped, "--why", "--explain", "x").wantOneLine(t, "both", statusUsage,
		"--why does not go with --explain")
}

// --explain shows what became of a node and its thresholds.
func TestInspectExplain(t *testing.T) {
	net := tinyNetwork(t)
	o := succeed(t, "inspect", net, "--explain", "/fc1/MatMul")
	for _, want := range []string{"node /fc1/MatMul (MatMul), shape [1 6]", `layer "fc1": linear, output 6`,
		"Thresholds of fc1, output UINT", "channel 0, accumulator "} {
		if !strings.Contains(o.out, want) {
			t.Errorf("stdout %q, want %q in it", o.out, want)
		}
	}
	doc := succeed(t, "inspect", net, "--explain", "/fc1/MatMul", "--json").document(t)
	stairs, _ := first(t, doc["staircases"]).(map[string]any)
	if stairs["layer"] != "fc1" || first(t, stairs["channels"]) == nil {
		t.Errorf("--explain --json: %v", doc)
	}
	command(t, "inspect", net, "--explain", "nosuch").wantOneLine(t, "no node", statusFailed,
		`no node "nosuch"; there are`)
}
