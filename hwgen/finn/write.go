package finn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Write returns the folding of a design of n as a file of FINN's, and what of it FINN has no words for. Read
// again for n, the file gives dense units and layers without weights the fold and the places that they have.
func Write(d *hwgen.Design, n *quant.Network) ([]byte, []string) {
	var warnings []string
	entries := []entry{{defaults, nil}}
	count := map[string]int{}
	for i := range n.Layers {
		l := &n.Layers[i]
		f := d.Layers[i].Fold
		for k := range roles {
			if of := &roles[k]; of.serves(l) {
				if isTap(l, f) {
					if !of.part {
						warnings = append(warnings, fmt.Sprintf("finn: layer %q: left out: FINN has no unit such as %q", l.Name,
							f.Unit))
					}
				} else {
					entries = append(entries, entry{fmt.Sprintf("%s_%d", of.op, count[of.op]), attributesOf(of, l, f)})
				}
				count[of.op]++
			}
		}
		if !slices.ContainsFunc(roles, func(of role) bool { return of.serves(l) }) {
			warnings = append(warnings, fmt.Sprintf("finn: layer %q: left out: FINN has no node for layers of kind %s", l.Name,
				l.Kind))
		}
	}
	return text(entries), warnings
}

// entry is a member of the file's object, its attributes in the order in which they are written.
type entry struct {
	name       string
	attributes []attribute
}

// isTap says that a layer with weights is built by a unit that FINN has none of.
func isTap(l *quant.Layer, f hwgen.Fold) bool { return l.Kind.Weighted() && f.Unit != "mvau" }

// attributesOf returns those of a layer's node.
func attributesOf(of *role, l *quant.Layer, f hwgen.Fold) []attribute {
	if of.part {
		all := []attribute{{"SIMD", number(windowLanes(l, f))}, {"ram_style", style(f.Replay)}}
		if f.Window != "" { // else they come in one way alone
			all = append(all, attribute{"parallel_window", number(int(cycle.Bit(f.Window == hwgen.Parallel)))})
		}
		return all
	}
	all := []attribute{{"PE", number(f.PE)}}
	if l.Kind.Weighted() {
		all = append(all, attribute{"SIMD", number(f.SIMD)}, attribute{"ram_style", style(f.Weights)},
			attribute{"resType", json.RawMessage(`"lut"`)})
	}
	if !slides(l) && (l.Kind.Weighted() || !l.Kind.Images()) {
		text, _ := json.Marshal([]int(f.FIFO))
		all = append(all, attribute{"inFIFODepths", text})
	}
	return all
}

// windowLanes are the channels at once of a window that brings SIMD elements to a unit.
func windowLanes(l *quant.Layer, f hwgen.Fold) int {
	a, b := f.SIMD, l.OperandShape(0).C/max(1, l.Groups)
	if f.Window == hwgen.Parallel {
		return b * f.Channels(l) // all of a position
	}
	for b != 0 {
		a, b = b, a%b
	}
	return a * f.Channels(l)
}

func number(n int) json.RawMessage { return json.RawMessage(fmt.Sprint(n)) }

// style is FINN's word for where a memory is.
func style(p hwgen.Place) json.RawMessage {
	for word, at := range places {
		if at == p && word != "auto" {
			return json.RawMessage(`"` + word + `"`)
		}
	}
	return json.RawMessage(`"auto"`)
}

// text returns the object of entries. A map's members would be sorted: here they are in the network's order.
func text(entries []entry) []byte {
	var b bytes.Buffer
	b.WriteString("{\n")
	for i, e := range entries {
		fmt.Fprintf(&b, "  %q: {", e.name)
		for k, a := range e.attributes {
			fmt.Fprintf(&b, "%s\n    %q: %s", comma(k), a.name, a.value)
		}
		if e.attributes != nil {
			b.WriteString("\n  ")
		}
		b.WriteString("}")
		if i < len(entries)-1 {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// comma is what stands before member k.
func comma(k int) string {
	if k == 0 {
		return ""
	}
	return ","
}
