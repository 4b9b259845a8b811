package train

import (
	"fmt"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// rehearse exports the network before it is trained, and reads it back: what the
// writer or the reader would refuse after the last epoch is refused before the
// first. The reader decides by kinds and shapes, which training does not change.
// The network is drawn anew, for batches of two, so that it takes little memory
// and leaves r as it is.
func (r *run) rehearse() error {
	small := *r.spec
	small.Batch = 2
	n, err := newNet(&small, r.train.shape, r.isRow, r.width, r.spec.Task == Classify, rand.New(rand.NewPCG(0, 0)))
	if err != nil {
		return err
	}
	if r.opts.FloatOut != "" {
		n.prepare()
		if err := readable(n.exportFloat(r.spec, inputShape(r.sample)), func(name string, file []byte) error {
			_, err := qonnx.DecodeModel(name, file)
			return err
		}); err != nil {
			return err
		}
	}
	// Any scale will do.
	tops := make([]float32, len(n.acts))
	for i := range tops {
		tops[i] = 1
	}
	n.quantise(tops)
	return readable(n.export(r.spec, inputShape(r.sample)), func(name string, file []byte) error {
		_, err := qonnx.Decode(name, file)
		return err
	})
}

// readable returns an error unless m can be written and decoded. Everything stays
// in memory.
func readable(m *nn.Model, decode func(name string, file []byte) error) error {
	file, err := qonnx.Encode(m)
	if err == nil {
		err = decode(m.Name, file)
	}
	if err != nil {
		return fmt.Errorf("train: a network of these layers cannot be exported: %w", err)
	}
	return nil
}

// CheckFiles tries each file that a run with these options writes: it is made and
// removed again, or, where it exists, its folder is tried. So a name that is too
// long, a missing folder or one that takes no files cost no training.
func (o Options) CheckFiles() error {
	for _, f := range []struct{ what, path string }{
		{"network", o.Out}, {"float network", o.FloatOut}, {"checkpoint", o.checkpoint()},
	} {
		if f.path == "" {
			continue
		}
		if err := qonnx.CheckWritable(f.path); err != nil {
			return fmt.Errorf("train: %s: %w", f.what, err)
		}
	}
	return nil
}

// checkpoint returns the file of the checkpoint; empty for none. Beside the
// network, under a name that tells it from one.
func (o Options) checkpoint() string {
	if o.Checkpoint == "" && o.Out != "" {
		return o.Out + ".ckpt"
	}
	return o.Checkpoint
}
