package finn

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// Read returns the folding that a file of FINN's asks for of a network, and what of the file has no
// counterpart: nodes and attributes that are left out.
//
// Nodes of a kind are those layers that need one, in the network's order: by their numbers or, where a file
// has nodes of one kind with several backends, each of which is counted by itself, by their order in the
// file. Errors name the node: one that no layer has, one whose PE or SIMD does not divide its layer, a value
// that is none.
func Read(text []byte, n *quant.Network) (hwgen.Folding, []string, error) {
	d, err := parse(text)
	if err != nil {
		return nil, nil, err
	}
	r := &reader{network: n, roles: rolesOf(d), folding: hwgen.Folding{}, left: map[string]int{},
		windows: map[*quant.Layer]int{}}
	if err := r.addDefaults(d); err != nil {
		return nil, nil, err
	}
	counted := numbered(r.roles, d.nodes)
	for i := range d.nodes {
		if err := r.node(&d.nodes[i], counted[i]); err != nil {
			return nil, nil, err
		}
	}
	r.checkWindows()
	maps.DeleteFunc(r.folding, func(_ string, f hwgen.Fold) bool { return reflect.ValueOf(f).IsZero() })
	return r.folding, r.warnings(), nil
}

// reader is a file that is being read.
type reader struct {
	network *quant.Network
	roles   []role
	folding hwgen.Folding
	// left counts what has no counterpart, by what is said of it.
	left map[string]int
	// windows are the channels at once that windows are asked to bring.
	windows map[*quant.Layer]int
}

// numbered returns for each node which of its role's it is.
func numbered(roles []role, nodes []node) []int {
	ops := map[*role]map[string]bool{}
	for _, n := range nodes {
		if r := roleOf(roles, n.kind); r != nil {
			if ops[r] == nil {
				ops[r] = map[string]bool{}
			}
			ops[r][n.op] = true
		}
	}
	counted, next := make([]int, len(nodes)), map[*role]int{}
	for i, n := range nodes {
		r := roleOf(roles, n.kind)
		counted[i] = n.number
		if len(ops[r]) > 1 {
			counted[i] = next[r]
			next[r]++
		}
	}
	return counted
}

// layers returns those that have a node of a role.
func (r *reader) layers(of *role) []*quant.Layer {
	var all []*quant.Layer
	for i := range r.network.Layers {
		if l := &r.network.Layers[i]; of.serves(l) {
			all = append(all, l)
		}
	}
	return all
}

// leave notes that something has no counterpart.
func (r *reader) leave(format string, args ...any) { r.left[fmt.Sprintf(format, args...)]++ }

// warnings returns what was left out, sorted, each once with how often.
func (r *reader) warnings() []string {
	var all []string
	for _, what := range slices.Sorted(maps.Keys(r.left)) {
		if n := r.left[what]; n > 1 {
			what += fmt.Sprintf(" (%d times)", n)
		}
		all = append(all, "finn: "+what)
	}
	return all
}

// node takes over what a node asks for.
func (r *reader) node(n *node, number int) error {
	of := roleOf(r.roles, n.kind)
	if of == nil {
		why, known := none[n.kind]
		if !known {
			why = "no kind of node that has a counterpart"
		}
		r.leave("%s: left out: %s", n.kind, why)
		return nil
	}
	layers := r.layers(of)
	if number >= len(layers) {
		return fmt.Errorf("finn: node %q is the %d. of its kind, the network has %d layers with such nodes", n.name,
			number+1, len(layers))
	}
	l := layers[number]
	f := r.folding[l.Name]
	for _, a := range n.attributes {
		if err := r.attribute(of, l, &f, a); err != nil {
			return fmt.Errorf("finn: node %q: layer %q: %w", n.name, l.Name, err)
		}
	}
	if f.PE > 0 && of.unit != "" {
		f.Unit = of.unit
	}
	if err := check(f, l); err != nil {
		return fmt.Errorf("finn: node %q: %w", n.name, err)
	}
	r.folding[l.Name] = f
	return nil
}

// check returns an error where what a fold says so far does not divide its layer.
func check(f hwgen.Fold, l *quant.Layer) error {
	// What a file leaves open is the plan's: these divide every layer.
	if f.PE == 0 {
		f.PE = 1
	}
	if f.SIMD == 0 {
		f.SIMD = l.In
	}
	return f.Check(l)
}

// attribute takes over one of a node.
func (r *reader) attribute(of *role, l *quant.Layer, f *hwgen.Fold, a attribute) error {
	switch a.name {
	case "PE", "SIMD":
		n, err := a.whole()
		if err == nil && n == 0 {
			err = fmt.Errorf("%s is 0, want 1 or more", a.name)
		}
		if err == nil {
			r.parallel(of, l, f, a.name, n)
		}
		return err
	case "ram_style":
		return r.memory(of, f, a)
	case "inFIFODepths", "inFIFODepth":
		return r.queues(l, f, a)
	case "parallel_window":
		return r.window(of, l, f, a)
	}
	return r.other(of, a)
}

// parallel takes over rows or columns at once.
func (r *reader) parallel(of *role, l *quant.Layer, f *hwgen.Fold, name string, n int) {
	switch {
	case of.part:
		r.windows[l] = n
	case name == "SIMD" && of.unit != "":
		f.SIMD = n
	default: // the channels of a layer without weights, whichever word FINN has for them
		f.PE = n
		if !l.Kind.Weighted() {
			f.SIMD = l.In
		}
	}
}

// window takes over whether the positions of a window come at once.
func (r *reader) window(of *role, l *quant.Layer, f *hwgen.Fold, a attribute) error {
	n, err := a.whole()
	switch {
	case err != nil:
		return err
	case n > 1:
		return fmt.Errorf("%s is %d, want 0 or 1", a.name, n)
	case !of.part || l.Kind != quant.Conv:
		return r.other(of, a)
	}
	f.Window = []hwgen.Window{hwgen.Serial, hwgen.Parallel}[n]
	return nil
}

// checkWindows notes where windows would bring other channels at once than their units read.
func (r *reader) checkWindows() {
	for l, n := range r.windows {
		if f := r.folding[l.Name]; l.Kind != quant.Conv || f.SIMD == 0 || windowLanes(l, f) != n {
			r.leave("SIMD of windows: left out: the unit behind decides it, as many channels at once as divide its SIMD")
		}
	}
}

// places are FINN's words for memories.
var places = map[string]hwgen.Place{"auto": "", "block": hwgen.InBlockRAM, "distributed": hwgen.InLUTs}

// memory takes over where weights or the lines of a window are kept.
func (r *reader) memory(of *role, f *hwgen.Fold, a attribute) error {
	word, err := a.text()
	if err != nil {
		return err
	}
	at, known := places[word]
	switch {
	case word == "ultra":
		r.leave("ram_style ultra: left to the plan: there is no UltraRAM")
	case !known:
		return fmt.Errorf("ram_style is %q, want auto, block, distributed or ultra", word)
	case of.part:
		f.Replay = at
	case of.unit != "":
		f.Weights = at
	default:
		r.leave("ram_style of %s: left out: it has no memory", of.kinds[0])
	}
	return nil
}

// queues takes over the depths of queues in front of a layer: of one without windows, in whose beats FINN
// counts as well.
func (r *reader) queues(l *quant.Layer, f *hwgen.Fold, a attribute) error {
	var depths hwgen.Depths
	if err := json.Unmarshal(a.value, &depths); err != nil {
		return fmt.Errorf("%s is %s, want whole numbers", a.name, shown(a.value))
	}
	if slides(l) || l.Kind.Images() && !l.Kind.Weighted() || len(depths) != len(l.From) {
		r.leave("%s: left out where it is not a queue for each stream that a layer reads: the plan finds the least depths",
			a.name)
		return nil
	}
	f.FIFO = nil
	for _, d := range depths {
		if d < 0 || d > hwgen.MaxFIFO {
			return fmt.Errorf("%s is %d beats, want 0..%d", a.name, d, hwgen.MaxFIFO)
		}
		f.FIFO = append(f.FIFO, max(1, d)) // none is 0 there, 1 here
	}
	return nil
}

// same are values that say what is so here anyway.
var same = map[string][]string{
	"resType": {`"lut"`, `"auto"`}, "mem_mode": {`"decoupled"`, `"internal_decoupled"`, `"const"`, `"internal_embedded"`},
	"runtime_writeable_weights": {"0"}, "parallel_window": {"0"}, "binaryXnorMode": {"0"}, "depthwise": {"0", "1"},
	"noActivation": {"0", "1"}, "M": {"1"}, "MMV": {"1"}, "ActVal": {"0"},
}

// other says of an attribute without counterpart that it has none, unless its value asks for what is there.
func (r *reader) other(of *role, a attribute) error {
	if !slices.Contains(same[a.name], strings.TrimSpace(string(a.value))) {
		r.leave("%s %s of %s: left out: there is no choice of it", a.name, shown(a.value), of.kinds[0])
	}
	return nil
}

// addDefaults takes over the attributes for all nodes of some kinds: [value, kinds] or [value, "all"].
func (r *reader) addDefaults(d *document) error {
	for _, a := range d.defaults {
		var pair []json.RawMessage
		if json.Unmarshal(a.value, &pair) != nil || len(pair) != 2 {
			return fmt.Errorf("finn: %s: %s is %s, want a value and the kinds that it is for", defaults, a.name,
				shown(a.value))
		}
		kinds, all, err := targets(pair[1])
		if err != nil {
			return fmt.Errorf("finn: %s: %s: %w", defaults, a.name, err)
		}
		for i := range r.roles {
			of := &r.roles[i]
			if !of.meant(kinds, all, a.name) {
				continue
			}
			if err := r.forAll(of, attribute{a.name, pair[0]}); err != nil {
				return fmt.Errorf("finn: %s: %w", defaults, err)
			}
		}
	}
	return nil
}

// meant says that an attribute for some kinds of nodes, or for all, is one for those of a role. What all are
// asked for, those that compute have: a window has no resType.
func (of *role) meant(kinds []string, all bool, attribute string) bool {
	if all {
		return of.unit != "" || folds(attribute)
	}
	return slices.ContainsFunc(kinds, func(k string) bool { return slices.Contains(of.kinds, k) })
}

// folds says that an attribute is one that every node may have a value of.
func folds(name string) bool {
	return name == "PE" || name == "SIMD" || strings.HasPrefix(name, "inFIFODepth")
}

// forAll gives an attribute to all layers of a role.
func (r *reader) forAll(of *role, a attribute) error {
	for _, l := range r.layers(of) {
		f := r.folding[l.Name]
		if err := r.attribute(of, l, &f, a); err != nil {
			return err
		}
		if err := check(f, l); err != nil {
			return err
		}
		r.folding[l.Name] = f
	}
	return nil
}

// targets returns the kinds that a default is for, without their backends.
func targets(text json.RawMessage) (kinds []string, all bool, err error) {
	var word string
	if json.Unmarshal(text, &word) == nil && word == "all" {
		return nil, true, nil
	}
	if err := json.Unmarshal(text, &kinds); err != nil {
		return nil, false, fmt.Errorf("is for %s, want \"all\" or a list of kinds", shown(text))
	}
	for i, k := range kinds {
		n, err := named(k + "_0")
		if err != nil {
			return nil, false, err
		}
		kinds[i] = n.kind
	}
	return kinds, false, nil
}
