// Package finn reads and writes the folding configuration files of FINN, the dataflow compiler: JSON that
// gives each node of its graph attributes, by the node's kind and number.
//
// Only the form of those files is FINN's: what a node asks for is told in terms of the layers of a network,
// of which one is often several of FINN's nodes.
package finn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// defaults is the key of attributes for all nodes of some kinds. FINN wants every file to have it.
const defaults = "Defaults"

// node is an entry of a file.
type node struct {
	name string // as in the file: MVAU_hls_0
	kind string // without backend and number: MVAU
	op   string // without number alone: MVAU_hls
	// number counts the nodes of one op, from 0.
	number     int
	attributes []attribute // in the file's order
}

// attribute is one of a node: its value is as the file has it.
type attribute struct {
	name  string
	value json.RawMessage
}

// document is a file: attributes for all, and nodes in its order.
type document struct {
	defaults []attribute
	nodes    []node
}

// Is says whether a text is a file of FINN's, and none of a2qgen's own: those have no layer of that name.
func Is(text []byte) bool {
	var all map[string]json.RawMessage
	if json.Unmarshal(text, &all) != nil {
		return false
	}
	_, has := all[defaults]
	return has
}

// parse reads a file. Errors name the node.
func parse(text []byte) (*document, error) {
	d := &document{}
	entries, err := members(text)
	if err != nil {
		return nil, fmt.Errorf("finn: %w", err)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[e.name] {
			return nil, fmt.Errorf("finn: node %q is there twice", e.name)
		}
		seen[e.name] = true
		attributes, err := members(e.value)
		if err != nil {
			return nil, fmt.Errorf("finn: node %q: %w", e.name, err)
		}
		if e.name == defaults {
			d.defaults = attributes
			continue
		}
		n, err := named(e.name)
		if err != nil {
			return nil, err
		}
		n.attributes = attributes
		d.nodes = append(d.nodes, n)
	}
	return d, nil
}

// suffix is what follows a kind in a node's name: a backend, and a number.
var suffix = regexp.MustCompile(`^([A-Za-z0-9_]+?)(_hls|_rtl|_Batch|_Batch_hls)?_([0-9]{1,6})$`)

// named takes a node's name apart.
func named(name string) (node, error) {
	m := suffix.FindStringSubmatch(name)
	if m == nil {
		return node{}, fmt.Errorf("finn: node %q: want a kind and a number, such as MVAU_hls_0", name)
	}
	number, err := strconv.Atoi(m[3])
	return node{name: name, kind: m[1], op: m[1] + m[2], number: number}, err
}

// members returns those of a JSON object in their order, which a map would lose: branches are counted by it.
func members(text []byte) ([]attribute, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	open, err := dec.Token()
	if err != nil {
		return nil, syntax(err)
	}
	if open != json.Delim('{') {
		return nil, fmt.Errorf("is %s, want an object", shown(text))
	}
	var all []attribute
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, syntax(err)
		}
		name, is := key.(string)
		a := attribute{name: name}
		if err := dec.Decode(&a.value); err != nil || !is {
			return nil, syntax(err)
		}
		all = append(all, a)
	}
	if _, err := dec.Token(); err != nil {
		return nil, syntax(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return all, nil
}

// syntax returns what is wrong with a text that is no JSON.
func syntax(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("no JSON: %w", err)
}

// shown returns a value for an error, cut where it is long.
func shown(text []byte) string {
	const most = 40
	s := strings.TrimSpace(string(text))
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}

// whole returns an attribute's value as a whole number of at least 0.
func (a attribute) whole() (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(string(a.value)))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is %s, want a whole number", a.name, shown(a.value))
	}
	return n, nil
}

// text returns an attribute's value as a word.
func (a attribute) text() (string, error) {
	var s string
	if err := json.Unmarshal(a.value, &s); err != nil {
		return "", fmt.Errorf("%s is %s, want a word in quotes", a.name, shown(a.value))
	}
	return s, nil
}
