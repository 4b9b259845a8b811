package cycle

import (
	"errors"
	"fmt"
)

// Graph is a design as the engine sees it. Streams are numbered by their place in
// Streams; each has one writer and one reader among the nodes, sources and sinks.
type Graph struct {
	// Streams are names, for errors.
	Streams []string
	Nodes   []Node
	// Sources feed the design, Sinks empty it.
	Sources, Sinks []Port
}

// Node is a machine and the streams at its ports, in the order of its ports.
type Node struct {
	Name    string
	Machine Machine
	In, Out []int
}

// Port is an end of the design: Beats pass on Stream in a frame.
type Port struct {
	Stream int
	Beats  int
}

// Check returns an error, naming the streams, unless every stream has one writer and one
// reader, and frames have beats.
func (g *Graph) Check() error {
	writers, readers := make([][]string, len(g.Streams)), make([][]string, len(g.Streams))
	var errs []error
	note := func(ends [][]string, stream int, who string) {
		if stream < 0 || stream >= len(ends) {
			errs = append(errs, fmt.Errorf("cycle: %s: no stream %d, the graph has %d", who, stream, len(ends)))
			return
		}
		ends[stream] = append(ends[stream], who)
	}
	for _, n := range g.Nodes {
		for _, s := range n.In {
			note(readers, s, n.Name)
		}
		for _, s := range n.Out {
			note(writers, s, n.Name)
		}
		if len(n.In) > 64 || len(n.Out) > 64 {
			errs = append(errs, fmt.Errorf("cycle: %s: has %d inputs and %d outputs, want at most 64 of each",
				n.Name, len(n.In), len(n.Out)))
		}
	}
	errs = append(errs, checkPorts(g.Sources, "source", writers, note)...)
	errs = append(errs, checkPorts(g.Sinks, "sink", readers, note)...)
	for i, name := range g.Streams {
		errs = append(errs, checkEnds(name, "written", writers[i]), checkEnds(name, "read", readers[i]))
	}
	return errors.Join(errs...)
}

func checkPorts(ports []Port, kind string, ends [][]string, note func([][]string, int, string)) []error {
	var errs []error
	if len(ports) == 0 || len(ports) > 64 {
		errs = append(errs, fmt.Errorf("cycle: the graph has %d %ss, want 1..64", len(ports), kind))
	}
	for i, p := range ports {
		note(ends, p.Stream, fmt.Sprintf("%s %d", kind, i))
		if p.Beats < 1 {
			errs = append(errs, fmt.Errorf("cycle: %s %d: %d beats per frame, want 1 or more", kind, i, p.Beats))
		}
	}
	return errs
}

func checkEnds(stream, verb string, ends []string) error {
	if len(ends) == 1 {
		return nil
	}
	return fmt.Errorf("cycle: stream %q is %s by %d blocks %q, want one", stream, verb, len(ends), ends)
}
