package train

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// checkFields compares a YAML spec with the fields of v, a struct, and names the
// first key that is none of them or whose value is of another kind. The decoder
// would cut 4.5 to 4 where an integer is wanted, and names Go types, not fields.
// What reads itself, such as Layers, is left to do so.
func checkFields(node *yaml.Node, v reflect.Type, path string) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s is no map of fields", node.Line, strings.TrimSuffix(path, "."))
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if key.ShortTag() == "!!merge" {
			continue // the decoder's
		}
		field, ok := fieldOf(v, key.Value)
		if !ok {
			return fmt.Errorf("line %d: field %s not found", key.Line, path+key.Value)
		}
		if err := checkValue(value, field, path+key.Value); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(value *yaml.Node, field reflect.Type, path string) error {
	if field.Kind() == reflect.Pointer {
		field = field.Elem()
	}
	want, ok := "", false
	switch field.Kind() {
	case reflect.Int, reflect.Uint64:
		var v float64 // 1e3 is whole too
		want, ok = "a whole number", value.Decode(&v) == nil && v == math.Trunc(v)
	case reflect.Float64:
		want, ok = "a number", value.Decode(new(float64)) == nil
	case reflect.Bool:
		want, ok = "true or false", value.Decode(new(bool)) == nil
	case reflect.Struct:
		return checkFields(value, field, path+".")
	default: // text takes every scalar
		return nil
	}
	switch {
	case value.Kind != yaml.ScalarNode:
		return fmt.Errorf("line %d: %s is a list or map, want %s", value.Line, path, want)
	case !ok:
		return fmt.Errorf("line %d: %s is %s, want %s", value.Line, path, value.Value, want)
	}
	return nil
}

// fieldOf returns the type of the field that a key names.
func fieldOf(v reflect.Type, key string) (reflect.Type, bool) {
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Field(i).Tag.Get("yaml"), ","); name == key {
			return v.Field(i).Type, true
		}
	}
	return nil, false
}
