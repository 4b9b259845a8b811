package hwgen

import (
	"errors"
	"fmt"
)

// Verify checks a design before anything is made of it: every stream has one writer and one
// reader, and its writer comes first, so that there is no cycle; it is as wide and as long as
// its content; and every block gets what it says it reads. Errors name the streams, all of
// them.
//
// Certificates say that sums fit; this says that the right numbers meet in them: a wrong order
// of beats would pass every check of widths.
func (d *Design) Verify() error {
	if err := d.verifyEnds(); err != nil {
		return err
	}
	var errs []error
	for _, s := range d.Streams {
		if c := s.Content; c.Bits() != s.Bits || c.Beats() != s.Beats {
			errs = append(errs, fmt.Errorf("hwgen: stream %q: is %d bits and %d beats per frame, "+
				"its content %d and %d (%v)", s.Name, s.Bits, s.Beats, c.Bits(), c.Beats(), c))
		}
	}
	for _, n := range d.Nodes {
		errs = append(errs, d.verifyReads(n)...)
	}
	return errors.Join(errs...)
}

// verifyReads checks that a block gets what it reads.
func (d *Design) verifyReads(n Node) []error {
	var errs []error
	has := make([]Content, len(n.In))
	for i, s := range n.In {
		has[i] = d.Streams[s].Content
	}
	for i, want := range n.Reads(has) {
		if !want.Same(has[i]) {
			errs = append(errs, fmt.Errorf("hwgen: block %q reads %v, its stream %q carries %v", n.Name(), want,
				d.Streams[n.In[i]].Name, has[i]))
		}
	}
	return errs
}

// verifyEnds checks writers and readers. The engine checks their number, too; here they are
// also in order.
func (d *Design) verifyEnds() error {
	g := d.Graph()
	if err := g.Check(); err != nil {
		return fmt.Errorf("hwgen: %w", err)
	}
	written := make([]bool, len(d.Streams))
	for _, p := range d.Sources {
		written[p.Stream] = true
	}
	for _, n := range d.Nodes {
		for _, s := range n.In {
			// What is written later on depends on this block: a loop of blocks, which would wait
			// for its own first beat.
			if !written[s] {
				return fmt.Errorf("hwgen: block %q reads stream %q, which is written behind it: "+
					"blocks are in a cycle, or not in their order", n.Name(), d.Streams[s].Name)
			}
		}
		for _, s := range n.Out {
			written[s] = true
		}
	}
	names := map[string]bool{}
	for _, s := range d.Streams {
		// Names become signals: two of one name would be one signal.
		if names[s.Name] {
			return fmt.Errorf("hwgen: two streams are named %q", s.Name)
		}
		names[s.Name] = true
	}
	return nil
}
