package strict

import (
	"strings"
	"testing"
)

type spec struct {
	Name  string            `yaml:"name"`
	Count int               `yaml:"count"`
	Rate  float64           `yaml:"rate"`
	On    bool              `yaml:"on"`
	Inner *inner            `yaml:"inner"`
	Folds map[string]inner  `yaml:"folds"`
	Pins  map[string]string `yaml:"pins"`
}

type inner struct {
	PE int `yaml:"pe"`
}

// TestDecode: what the decoder would take in silence is refused by line and field.
func TestDecode(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"name: x\ncount: 3\nrate: 0.5\non: true\ninner: {pe: 2}\nfolds: {fc1: {pe: 4}}\npins: {a: b}", ""},
		{"count: 1e3", ""},
		{"a: &a {pe: 1}\ninner: *a", "line 1: field a not found"},
		{"inner: &i {pe: 1}\nfolds: {x: *i}", ""},
		{"count: 4.5", "line 1: count is 4.5, want a whole number"},
		{"count: [3]", "line 1: count is a list or map, want a whole number"},
		{"count: 99999999999999999999", "want a whole number"},
		{"count: many", "line 1: count is many, want a whole number"},
		{"rate: fast", "line 1: rate is fast, want a number"},
		{"on: 3", "line 1: on is 3, want true or false"},
		{"name: x\nnmae: y", "line 2: field nmae not found"},
		{"inner: 3", "line 1: inner is no map of fields"},
		{"inner: {pe: 1.5}", "line 1: inner.pe is 1.5, want a whole number"},
		{"folds: {fc1: {pe: 1.5}}", "line 1: folds.fc1.pe is 1.5, want a whole number"},
		{"folds: {fc1: {simd: 1}}", "line 1: field folds.fc1.simd not found"},
		{"- 1", "line 1: the document is no map of fields"},
		{"name: x\n---\nname: y", "holds more than one document"},
		{"", "is empty"},
		{"name: [", "yaml"},
	} {
		var s spec
		err := Decode([]byte(c.text), &s)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: got %v, want %q", c.text, err, c.want)
		}
	}
}
