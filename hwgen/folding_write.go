package hwgen

import (
	"bytes"
	"fmt"

	"gopkg.in/yaml.v3"
)

// YAML returns the folding as a file for ParseFolding, its layers in the order of names: an entry per line.
func (f Folding) YAML(names []string) ([]byte, error) {
	var b bytes.Buffer
	for _, name := range names {
		fold, has := f[name]
		if !has {
			continue
		}
		var entry yaml.Node
		if err := entry.Encode(map[string]Fold{name: fold}); err != nil {
			return nil, fmt.Errorf("hwgen: folding: layer %q: %w", name, err)
		}
		entry.Content[1].Style = yaml.FlowStyle // {pe: 1, ...}, as people write it
		text, err := yaml.Marshal(&entry)
		if err != nil {
			return nil, fmt.Errorf("hwgen: folding: layer %q: %w", name, err)
		}
		b.Write(text)
	}
	return b.Bytes(), nil
}

// MarshalYAML implements yaml.Marshaler.
func (d Depths) MarshalYAML() (any, error) {
	if len(d) == 1 {
		return d[0], nil
	}
	return []int(d), nil
}
