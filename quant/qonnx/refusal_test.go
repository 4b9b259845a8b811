package qonnx

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// examined writes a graph's file and examines it.
func examined(t *testing.T, g *testGraph, outputs ...string) *Reading {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(path, g.encode(outputs...), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Examine(path, Told{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// All causes are listed at once, more than an error names, each with its node: operators
// that are unknown or unsuitable, and a staircase that does not rise. What reads a spoilt
// tensor is none.
func TestAllRefusals(t *testing.T) {
	g := newTestGraph(1, 4)
	x := g.act(g.fc1(g.input("x")))
	bent := g.op("Add", in(g.act(g.op("Abs", in(g.fc1(g.input("x"))))), x)) // understood, but for Abs
	var parts []string
	for i := range 10 {
		g.op("Erf2", in(x))
		g.g.Node[len(g.g.Node)-1].Name = new(fmt.Sprintf("erf%d", i))
		parts = append(parts, g.g.Node[len(g.g.Node)-1].Output[0])
	}
	product := g.op("Mul", in(bent, x)) // of two streams
	norm := g.op("LayerNormalization", in(x, g.f32([]int{3}, 1, 1, 1)))
	out := g.op("Add", append(in(product), norm)) // depends on both
	r := examined(t, g, g.op("Sum", append(parts, out)))
	if r.File != nil || len(r.Refusals) != 13 {
		t.Fatalf("file %v, %d refusals: %+v; want 13", r.File, len(r.Refusals), r.Refusals)
	}
	find := func(operator string) Refusal {
		i := slices.IndexFunc(r.Refusals, func(f Refusal) bool { return f.Operator == operator })
		if i < 0 {
			t.Fatalf("no refusal of %s among %+v", operator, r.Refusals)
		}
		return r.Refusals[i]
	}
	for operator, want := range map[string][2]string{
		"Erf2":               {`unsupported operator Erf2 of the empty domain, ONNX's own`, "leave it out, or write it"},
		"LayerNormalization": {`unsupported operator LayerNormalization`, "there is no layer for it: a batch norm"},
		"Mul":                {`there is no layer for Mul of two tensors`, "a product of two tensors (gate,"},
		"Abs":                {`wants a monotone function of the accumulator`, "another activation, or one"},
	} {
		f := find(operator)
		if f.Node == "" || !strings.Contains(f.Reason, want[0]) || !strings.HasPrefix(f.Remedy, want[1]) {
			t.Errorf("%s: %+v, want %q and %q", operator, f, want[0], want[1])
		}
	}
	if f := find("Erf2"); f.Node != "erf0" {
		t.Errorf("the first unknown operator is node %q, want erf0", f.Node)
	}
	// The one-line error stays short.
	_, err := g.decode(g.g.Node[len(g.g.Node)-1].Output[0])
	wantError(t, err, "13 faults: ")
	wantError(t, err, "; and 5 more, which inspect --why lists")
}

// The page on importing has the table of remedies, row by row.
func TestRemediesDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| error | change |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var want []string
	for _, r := range remedies {
		want = append(want, fmt.Sprintf("| %s | %s |", r.says, r.change))
	}
	if got := strings.Split(table, "\n"); !slices.Equal(got, want) {
		t.Errorf("docs/import.md has\n%s\nwant\n%s", table, strings.Join(want, "\n"))
	}
}

// Every graph that is refused elsewhere in these tests has a reason and a remedy.
func TestEveryRefusalHasARemedy(t *testing.T) {
	for name, build := range badGraphs {
		g, outputs := build()
		_, err := g.decode(outputs...)
		for _, r := range Refusals(err) {
			if r.Reason == "" || r.Remedy == "" {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}

// What became of each node of a small network, with the thresholds that it is part of.
func TestExplain(t *testing.T) {
	g := newTestGraph(1, 4)
	x := g.input("x")
	first := g.fc1(x)
	norm := g.op("Mul", in(first, g.scalar(2)))
	act := g.act(norm)
	flat := g.op("Reshape", in(act, g.i64(1, 3)))
	unread := g.op("Relu", in(first))
	second := g.fc2(flat)
	scaled := g.op("Mul", in(second, g.scalar(3)))
	bias := g.op("Add", in(scaled, g.f32([]int{2}, 1, 2)))
	soft := g.op("Softmax", in(bias))
	r := examined(t, g, soft)
	if r.File == nil {
		t.Fatal(r.Refusals)
	}
	for _, c := range []struct {
		node string
		want []string
	}{
		{x, []string{"part of the input: samples become UINT3"}},
		{first, []string{`layer "fc1": linear, output 3`, `part of the thresholds of layer "fc1"`}},
		{norm, []string{`part of the thresholds of layer "fc1"`}},
		{act, []string{`part of the thresholds of layer "fc1"`}},
		{flat, []string{"no layer: it passes its elements on, perhaps in another order"}},
		{second, []string{`layer "fc2": linear, output 2`, `part of the scores of layer "fc2"`}},
		{bias, []string{`part of the scores of layer "fc2"`}},
		{soft, []string{"left out: it ranks the outputs, and the label is the largest score without it"}},
	} {
		e, err := r.Explain(c.node)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(e.Became, c.want) {
			t.Errorf("%s (%s) became %q, want %q", c.node, e.Operator, e.Became, c.want)
		}
	}
	e, err := r.Explain(norm)
	if err != nil || len(e.Staircases) != 1 || e.Staircases[0].Layer != "fc1" {
		t.Fatalf("%+v, %v", e, err)
	}
	l := &r.File.Network.Layers[0]
	for c, ch := range e.Staircases[0].Channels {
		if acc := l.AccRange(c); !slices.Equal(ch.Thresholds, l.Thresholds.Channel(c)) || ch.AccMin != acc.Min ||
			ch.AccMax != acc.Max || ch.Inverted {
			t.Errorf("channel %d: %+v", c, ch)
		}
	}
	if got, want := e.Staircases[0].Output, l.Thresholds.Output.String(); got != want {
		t.Errorf("output %s, want %s", got, want)
	}
	e, err = r.Explain(nodeOf(g, unread))
	if err != nil || !slices.Equal(e.Became, []string{"left out: no output depends on it"}) {
		t.Errorf("a node that nobody reads: %+v, %v", e, err)
	}
	_, err = r.Explain("nosuch")
	wantError(t, err, `qonnx: no node "nosuch"; there are `)
}

// nodeOf returns the name of the node that makes a tensor.
func nodeOf(g *testGraph, tensor string) string {
	for _, n := range g.g.Node {
		if n.Output[0] == tensor {
			return n.GetName()
		}
	}
	panic("no node makes " + tensor)
}

// Of a refused network, too, each node can be asked about.
func TestExplainRefused(t *testing.T) {
	g := newTestGraph(1, 4)
	x := g.act(g.fc1(g.input("x")))
	bad := g.op("Erf2", in(x))
	out := g.fc2(bad)
	r := examined(t, g, out)
	for node, want := range map[string]string{
		x:   "understood; the network is refused for other nodes",
		bad: "refused: unsupported operator Erf2 of the empty domain, ONNX's own; leave it out",
		out: "not looked at: it depends on a node that is refused",
	} {
		e, err := r.Explain(node)
		if err != nil || len(e.Became) != 1 || !strings.HasPrefix(e.Became[0], want) {
			t.Errorf("%s: %+v, %v; want %q", node, e, err, want)
		}
	}
}
