package qonnx

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestRewrite writes other integers into files of another exporter, whose weights
// are values of Constant nodes, a matrix or a kernel in any order, and finds them
// there again; nothing else changes.
func TestRewrite(t *testing.T) {
	for _, path := range []string{fmnistMLP, fmnistCNN} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before, err := Decode(path, data)
		if err != nil {
			t.Fatal(err)
		}
		changes := map[string]Integers{}
		for i := range before.Layers {
			l := &before.Layers[i]
			if !l.Kind.Weighted() {
				continue
			}
			w := slices.Clone(l.Weights)
			for k := range w {
				if k%3 == i%3 {
					w[k] /= 2
				}
			}
			needed, _ := l.NeededBits()
			changes[l.Name] = Integers{Weights: w, AccBits: needed, Shifted: i%2 == 1}
		}
		out, err := Rewrite(path, data, changes)
		if err != nil {
			t.Fatal(err)
		}
		after, err := Decode(path, out)
		if err != nil {
			t.Fatal(err)
		}
		for i := range after.Layers {
			l := &after.Layers[i]
			c, ok := changes[l.Name]
			if !ok {
				continue
			}
			if !slices.Equal(l.Weights, c.Weights) || l.AccBits != c.AccBits || c.Shifted != (l.Start != nil) ||
				l.WeightBits != before.Layers[i].WeightBits {
				t.Errorf("%s: layer %s is not as written", path, l.Name)
			}
		}
		same, err := Rewrite(path, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Decode(path, same); err != nil || !slices.Equal(again.Layers[0].Weights,
			before.Layers[0].Weights) {
			t.Errorf("%s: rewriting nothing changes it: %v", path, err)
		}
	}
}

func TestRewriteErrors(t *testing.T) {
	data, err := os.ReadFile(fmnistMLP)
	if err != nil {
		t.Fatal(err)
	}
	net, err := Decode("mlp", data)
	if err != nil {
		t.Fatal(err)
	}
	l := net.Layers[1]
	wide := slices.Clone(l.Weights)
	wide[0] = 100 // beyond 4 bits: the quantiser clips it
	for _, c := range []struct {
		changes map[string]Integers
		want    string
	}{
		{map[string]Integers{"fc9": {}}, `no layer "fc9"`},
		{map[string]Integers{l.Name: {Weights: wide[1:], AccBits: 12}}, "want 4096"},
		{map[string]Integers{l.Name: {Weights: wide, AccBits: 20}}, `layer "fc2": the graph does not give`},
		{map[string]Integers{l.Name: {Weights: l.Weights, AccBits: 3, Shifted: true}}, "does not fit in 3 bits"},
	} {
		if _, err := Rewrite("mlp", data, c.changes); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	if _, err := Rewrite("none", []byte("x"), nil); err == nil {
		t.Error("text is rewritten")
	}
}
