package train

import (
	"fmt"

	"github.com/a2qgen/a2qgen/internal/strict"
	"gopkg.in/yaml.v3"
)

// Sides are two numbers of a window, down and across. In YAML they are a number where both
// are the same, else a list: 3, or [1, 5].
type Sides [2]int

// Both returns sides that are the same.
func Both(n int) Sides { return Sides{n, n} }

// UnmarshalYAML reads a number or a list of two.
func (s *Sides) UnmarshalYAML(node *yaml.Node) error {
	return s.read(node, "line "+fmt.Sprint(node.Line))
}

// read reads the sides at path, which errors name.
func (s *Sides) read(node *yaml.Node, path string) error {
	if node.Kind != yaml.SequenceNode {
		var n int
		if err := strict.Value(node, path, &n); err != nil {
			return err
		}
		*s = Both(n)
		return nil
	}
	if len(node.Content) != len(s) {
		return fmt.Errorf("%s is a list of %d, want a number or [down, across]", path, len(node.Content))
	}
	for i, n := range node.Content {
		if err := strict.Value(n, fmt.Sprintf("%s[%d]", path, i), &s[i]); err != nil {
			return err
		}
	}
	return nil
}

// IsZero says that nothing is set, so that nothing is written.
func (s Sides) IsZero() bool { return s == Sides{} }

// MarshalYAML writes what UnmarshalYAML reads.
func (s Sides) MarshalYAML() (any, error) {
	if s[0] == s[1] {
		return s[0], nil
	}
	return s[:], nil
}
