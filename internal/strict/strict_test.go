package strict

import (
	"math"
	"strings"
	"testing"
)

type spec struct {
	Name  string            `yaml:"name"`
	Count int               `yaml:"count"`
	Seed  uint64            `yaml:"seed"`
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
		{"count:\nseed: ~\nrate: null\non:", ""}, // the defaults
		{"a: &a {pe: 1}\ninner: *a", "line 1: field a not found"},
		{"inner: &i {pe: 1}\nfolds: {x: *i}", ""},
		{"count: 4.5", "line 1: count is 4.5, want a whole number"},
		{"count: [3]", "line 1: count is a list or map, want a whole number"},
		{"count: \"3\"", "line 1: count is 3, want a whole number"}, // a text
		{"count: .inf", "line 1: count is .inf, want a whole number"},
		{"count: 1e999999999", "line 1: count is 1e999999999, want a whole number"}, // ends, and soon
		{"seed: 1e-999999999", "line 1: seed is 1e-999999999, want a whole number"},
		{"seed: 4.0000000000000000000000000000001", "want a whole number"}, // 4 as a float64
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

// TestWhole: integers are exact over the whole range of their type, however they are
// written, and refused beyond it with the range: -2^63..2^63-1 and 0..2^64-1.
func TestWhole(t *testing.T) {
	const signed, unsigned = "-9223372036854775808..9223372036854775807", "0..18446744073709551615"
	for _, c := range []struct {
		text  string
		count int
		seed  uint64
		want  string // of the error, "" for none
	}{
		{"seed: 9223372036854775808", 0, 1 << 63, ""},
		{"seed: 18446744073709551615", 0, math.MaxUint64, ""},
		{"seed: 9007199254740993", 0, 1<<53 + 1, ""}, // no float64
		{"seed: 0xffff_ffff_ffff_ffff", 0, math.MaxUint64, ""},
		{"seed: 1e19", 0, 10_000_000_000_000_000_000, ""}, // 5^19 < 2^53: a float64 too
		{"seed: 1.5e1", 0, 15, ""},
		{"count: -9223372036854775808", math.MinInt64, 0, ""},
		{"count: 9223372036854775807", math.MaxInt64, 0, ""},
		{"count: 4611686018427387904", 1 << 62, 0, ""},
		{"count: 010", 8, 0, ""}, // octal, as in YAML 1.1
		{"count: -1_000", -1000, 0, ""},
		{"count: -1e3", -1000, 0, ""},
		{"count: 9223372036854775808", 0, 0, signed},
		{"count: -9223372036854775809", 0, 0, signed},
		{"count: 9.223372036854775808e18", 0, 0, signed},
		{"count: 1e400", 0, 0, "want a whole number"}, // a text to the decoder: no float64
		{"seed: 18446744073709551616", 0, 0, unsigned},
		{"seed: -1", 0, 0, unsigned},
		{"seed: -1e3", 0, 0, unsigned},
		{"seed: 9007199254740993.0", 0, 0, "without a point or exponent"},
		{"count: 9.223372036854775807e18", 0, 0, "without a point or exponent"},
	} {
		var s spec
		err := Decode([]byte(c.text), &s)
		switch {
		case c.want == "" && (err != nil || s.Count != c.count || s.Seed != c.seed):
			t.Errorf("%q: got %d, %d, %v", c.text, s.Count, s.Seed, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: got %v, want %q", c.text, err, c.want)
		}
	}
}
