package train

import (
	"errors"
	"fmt"

	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// errNoFloat is for a run that resumes after its float phase. QAT changes the
// weights in place.
var errNoFloat = errors.New("has left the float phase behind, and the float network with it: " +
	"train again, or leave out Options.FloatOut (--float-out)")

// writeFloat writes the network at the end of the float phase to
// Options.FloatOut, if that is set.
func (r *run) writeFloat() error {
	if r.opts.FloatOut == "" {
		return nil
	}
	if err := qonnx.Write(r.opts.FloatOut, r.net.exportFloat(r.spec, inputShape(r.sample))); err != nil {
		return fmt.Errorf("train: float network: %w", err)
	}
	return nil
}

// exportFloat returns the float network: no quantisers, batch norms as they are.
func (n *net) exportFloat(s *Spec, shape []int) *nn.Model {
	m := &nn.Model{Name: s.Name, InputShape: shape}
	for _, node := range n.nodes {
		m.Layers = append(m.Layers, node.export(s))
	}
	return m
}
