// Package strict reads YAML without guessing: one document, no unknown key, no number cut
// off. The decoder of yaml.v3 by itself takes 4.5 for 4 where an integer is wanted, ignores
// what follows the first document, and names Go types in its errors, not the user's fields.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// ErrEmpty is what Decode returns for a text without a document. It is told apart from a
// broken text, as some files may be empty: an empty folding asks for nothing.
var ErrEmpty = errors.New("is empty")

// Decode reads text, one YAML document, over what into points to. Errors name line and
// field. Types that read themselves (yaml.Unmarshaler) are left to do so. What the text
// does not name keeps its value in into: defaults are set before.
func Decode(text []byte, into any) error {
	var node yaml.Node
	// The tree is checked against the type first, since the decoder cuts 4.5 to 4 without
	// a word and leaves no trace of it in the value.
	if err := yaml.Unmarshal(text, &node); err == nil && len(node.Content) > 0 { // the decoder reports the rest
		if err := check(node.Content[0], reflect.TypeOf(into).Elem(), ""); err != nil {
			return err
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	// A second net, for the keys that check leaves to the decoder: merged maps, and types of kinds
	// that it does not look into.
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return ErrEmpty
		}
		return err
	}
	// What stands behind "---" would be ignored: a user who put it there wants it read.
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("holds more than one document")
	}
	return nil
}

// Value reads one value of a document, at path, over what into points to: for types that
// read themselves. A type's own UnmarshalYAML is handed a node, of which no document knows
// the path any more, hence the argument.
func Value(node *yaml.Node, path string, into any) error {
	if err := check(node, reflect.TypeOf(into).Elem(), path+"."); err != nil {
		return err
	}
	if err := node.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// reader is asked of values and of pointers: most types read themselves through the
// latter.
var reader = reflect.TypeFor[yaml.Unmarshaler]()

// check compares a value with the type that it is for. path ends in a dot, or is empty for
// the document itself.
func check(value *yaml.Node, t reflect.Type, path string) error {
	// "*x" stands for the node that "&x" marks.
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	// A pointer tells a field that is not given from one that is 0; the value is as it points to.
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Implements(reader) || reflect.PointerTo(t).Implements(reader) {
		return nil
	}
	// The kinds that files here have; a type of another kind is the decoder's alone.
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return checkFields(value, t, path)
	case reflect.Slice:
		for i, item := range value.Content {
			if err := check(item, t.Elem(), fmt.Sprintf("%s[%d].", name(path), i)); err != nil {
				return err
			}
		}
	case reflect.Int, reflect.Uint64, reflect.Float64, reflect.Bool:
		return checkScalar(value, t, path)
	}
	return nil // text takes every scalar, and the decoder reports lists
}

// checkFields looks at every key of a struct, or of a map by names. The decoder's
// KnownFields finds unknown keys too, but names the Go type, not the path. Keys and values
// take turns in a mapping's Content.
func checkFields(node *yaml.Node, t reflect.Type, path string) error {
	// Else "- pe: 2", a list by a slip, would have no keys that could be wrong.
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s is no map of fields", node.Line, name(path))
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		// "<<" is no field; what it merges was checked where it stands, or is by the
		// decoder.
		if key.ShortTag() == "!!merge" {
			continue // the decoder's
		}
		field, ok := fieldOf(t, key.Value)
		if !ok {
			return fmt.Errorf("line %d: field %s not found", key.Line, path+key.Value)
		}
		if err := check(value, field, path+key.Value+"."); err != nil {
			return err
		}
	}
	return nil
}

// checkScalar wants one value that the type holds.
func checkScalar(value *yaml.Node, t reflect.Type, path string) error {
	var want string
	switch t.Kind() {
	case reflect.Float64:
		want = wantNumber(value)
	case reflect.Bool:
		want = wantBool(value)
	default:
		want = wantWhole(value, t)
	}
	switch {
	case want == "":
		return nil
	case value.Kind != yaml.ScalarNode:
		return fmt.Errorf("line %d: %s is a list or map, want %s", value.Line, name(path), want)
	}
	return fmt.Errorf("line %d: %s is %s, want %s", value.Line, name(path), value.Value, want)
}

// wantNumber, wantBool and wantWhole say what a value is not, "" where it is all that is
// wanted. The decoder knows every way to write a number, or a truth.
func wantNumber(value *yaml.Node) string {
	if value.Decode(new(float64)) != nil {
		return "a number"
	}
	return ""
}

func wantBool(value *yaml.Node) string {
	if value.Decode(new(bool)) != nil {
		return "true or false"
	}
	return ""
}

// wantWhole is for integers of type t: 1e3 is whole, 4.5 is not. The value is judged as it
// is written, not as a float64, which has no integer between 2^53 and 2^53+2.
func wantWhole(value *yaml.Node, t reflect.Type) string {
	if value.ShortTag() == "!!null" {
		return "" // keeps the default
	}
	v := exact(value)
	if v == nil || !v.IsInt() {
		return "a whole number"
	}
	if lo, hi := bounds(t); v.Num().Cmp(lo) < 0 || v.Num().Cmp(hi) > 0 {
		return fmt.Sprintf("a whole number, %v..%v", lo, hi)
	}
	// The decoder reads 1e3 as a float64: exact as far as that is.
	if _, is := v.Float64(); !is && value.ShortTag() == "!!float" {
		return "a whole number of so many digits without a point or exponent"
	}
	return ""
}

// exact returns the number that a scalar is, nil where it is none. What the decoder takes
// for an integer may have a prefix, as 0x10 has, and stands in 64 bits; all else is decimal,
// integers beyond 64 bits too. Rat refuses exponents that would fill the memory.
func exact(value *yaml.Node) *big.Rat {
	if value.Kind != yaml.ScalarNode {
		return nil
	}
	// The text as written: through a float64 digits would be lost before they are looked at.
	text := strings.ReplaceAll(value.Value, "_", "") // as the decoder does
	switch value.ShortTag() {
	case "!!int":
		if n, ok := new(big.Int).SetString(text, 0); ok {
			return new(big.Rat).SetInt(n)
		}
	case "!!float":
		if r, ok := new(big.Rat).SetString(text); ok { // not .inf and .nan
			return r
		}
	}
	return nil
}

// bounds returns the least and the largest value of an integer type.
func bounds(t reflect.Type) (lo, hi *big.Int) {
	one, unsigned := big.NewInt(1), t.Kind() >= reflect.Uint
	n := uint(t.Bits())
	if !unsigned {
		n--
	}
	// Two's complement reaches one further down than up.
	hi = new(big.Int).Lsh(one, n)
	lo = new(big.Int).Neg(hi)
	if unsigned {
		lo.SetInt64(0)
	}
	return lo, hi.Sub(hi, one)
}

// name returns the path of a field for an error. Elements of lists are named by their
// index, from 0.
func name(path string) string {
	if path == "" {
		return "the document"
	}
	return strings.TrimSuffix(path, ".")
}

// fieldOf returns the type of the value that a key names. An inline struct's keys are
// those of the struct around it, as in yaml.v3; a field without a tag has its name in
// lower case.
func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	if t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	for i := range t.NumField() {
		field := t.Field(i)
		tag, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if strings.Contains(options, "inline") {
			if inner, ok := fieldOf(field.Type, key); ok {
				return inner, true
			}
		} else if tag == key || tag == "" && strings.ToLower(field.Name) == key {
			return field.Type, true
		}
	}
	return nil, false
}
