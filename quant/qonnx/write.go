package qonnx

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Write writes m to path as QONNX: opset 14, with the names, domains and
// attributes that Brevitas exports. The file appears whole or not at all, and
// the same model gives the same bytes. Read reads it back.
//
// It returns an error, before it touches the file, if sizes do not fit
// together, a parameter is NaN or infinite, or a weight is no multiple of its
// scale in the range of its bits.
func Write(path string, m *Model) error {
	data, err := Encode(m)
	if err != nil {
		return err
	}
	if err := writeFile(path, data); err != nil {
		return fmt.Errorf("qonnx: %w", err)
	}
	return nil
}

// Encode returns the bytes that Write writes.
func Encode(m *Model) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("qonnx: model %s: %w", show(m.Name), err)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.proto())
	if err != nil {
		return nil, fmt.Errorf("qonnx: model %s: %w", show(m.Name), err)
	}
	return data, nil
}

// writeFile writes a temporary file beside path and renames it.
func writeFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (m *Model) check() error {
	if len(m.Layers) == 0 {
		return errors.New("has no layers")
	}
	size := boundedProduct(m.InputShape)
	if size < 1 || len(m.InputShape) < 1 || len(m.InputShape) >= maxRank {
		return fmt.Errorf("input shape %v is not legal", m.InputShape)
	}
	if m.Input == nil {
		return errors.New("has no input quantiser")
	}
	if err := m.Input.check(); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	for i := range m.Layers {
		l := &m.Layers[i]
		if !layerName.MatchString(l.Name) || slices.ContainsFunc(m.Layers[:i], func(o Layer) bool { return o.Name == l.Name }) {
			return fmt.Errorf("layer %d: name %s is a duplicate or not a name of letters, digits and _", i, show(l.Name))
		}
		if l.In != size {
			return fmt.Errorf("layer %q: has %d inputs, want %d", l.Name, l.In, size)
		}
		if err := l.check(); err != nil {
			return fmt.Errorf("layer %q: %w", l.Name, err)
		}
		if l.Act == nil && i < len(m.Layers)-1 {
			return fmt.Errorf("layer %q: has no activation quantiser but is not the last layer", l.Name)
		}
		size = l.Out
	}
	return nil
}

func (a *ActQuant) check() error {
	least := 1
	if a.Signed {
		least = 2
	}
	switch {
	case !positiveFinite(a.Scale):
		return fmt.Errorf("activation scale is %v, want a positive number", a.Scale)
	case a.Bits < least || a.Bits > maxBits:
		return fmt.Errorf("activations have %d bits, want %d..%d", a.Bits, least, maxBits)
	}
	return nil
}

func positiveFinite(v float32) bool { return v > 0 && finite(float64(v)) }

func (l *Layer) check() error {
	switch {
	case l.Out < 1 || l.In < 1 || boundedProduct([]int{l.In, l.Out}) != len(l.Weights):
		return fmt.Errorf("has %d weights, want %d x %d, at least 1", len(l.Weights), l.Out, l.In)
	case len(l.WeightScale) != 1 && len(l.WeightScale) != l.Out:
		return fmt.Errorf("has %d weight scales, want 1 or %d", len(l.WeightScale), l.Out)
	case l.WeightBits < 2 || l.WeightBits > maxBits:
		return fmt.Errorf("weights have %d bits, want 2..%d", l.WeightBits, maxBits)
	case l.AccBits < 0 || l.AccBits > 64:
		return fmt.Errorf("accumulator has %d bits, want 1..64", l.AccBits)
	}
	if l.Act != nil {
		if err := l.Act.check(); err != nil {
			return err
		}
	}
	if l.Bias != nil {
		if err := l.vector("biases", l.Bias); err != nil {
			return err
		}
	}
	if err := l.checkWeights(); err != nil {
		return err
	}
	return l.checkNorm()
}

// vector checks a parameter of one number a channel.
func (l *Layer) vector(what string, v []float32) error {
	if len(v) != l.Out {
		return fmt.Errorf("has %d %s, want %d", len(v), what, l.Out)
	}
	for c, x := range v {
		if !finite(float64(x)) {
			return fmt.Errorf("channel %d: one of the %s is %v", c, what, x)
		}
	}
	return nil
}

func (l *Layer) checkNorm() error {
	b := l.BatchNorm
	if b == nil {
		return nil
	}
	for _, p := range []struct {
		what string
		v    []float32
	}{{"gains", b.Gamma}, {"shifts", b.Beta}, {"means", b.Mean}, {"variances", b.Var}} {
		if err := l.vector("batch-norm "+p.what, p.v); err != nil {
			return err
		}
	}
	for c, v := range b.Var {
		if s := float64(v) + float64(b.Epsilon); v < 0 || !(s > 0) || !finite(s) {
			return fmt.Errorf("channel %d: batch-norm variance is %v, want a positive number", c, v)
		}
	}
	return nil
}

// checkWeights checks that each weight is an integer times its scale, up to
// float32 rounding.
func (l *Layer) checkWeights() error {
	most := float64(int(1)<<(l.WeightBits-1) - 1)
	for _, s := range l.WeightScale {
		if !positiveFinite(s) {
			return fmt.Errorf("weight scale is %v, want a positive number", s)
		}
	}
	for i, w := range l.Weights {
		c := i / l.In
		q := float64(w) / float64(l.WeightScale[c%len(l.WeightScale)])
		n := math.RoundToEven(q)
		switch {
		case !finite(float64(w)):
			return fmt.Errorf("channel %d: weight %d is %v", c, i%l.In, w)
		case math.Abs(n) > most:
			return fmt.Errorf("channel %d: weight %d is %v scales, want at most %v in %d bits", c, i%l.In, q, most, l.WeightBits)
		case math.Abs(q-n) > 0.01:
			return fmt.Errorf("channel %d: weight %d is %v scales, want an integer", c, i%l.In, q)
		}
	}
	return nil
}

// proto returns the model as the file holds it.
func (m *Model) proto() *onnxpb.ModelProto {
	b := &builder{g: &onnxpb.GraphProto{Name: proto.String(m.Name)}}
	b.model(m)
	out := &onnxpb.ModelProto{
		IrVersion:    proto.Int64(7),
		ProducerName: proto.String("a2qgen"),
		Graph:        b.g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{
			{Domain: proto.String(""), Version: proto.Int64(14)},
			{Domain: proto.String("onnx.brevitas"), Version: proto.Int64(1)},
		},
	}
	names := ""
	for i, l := range m.Layers {
		if i > 0 {
			names += ","
		}
		names += l.Name
	}
	out.MetadataProps = append(out.MetadataProps, entry(metaNames, names))
	for _, l := range m.Layers {
		if l.AccBits != 0 {
			out.MetadataProps = append(out.MetadataProps, entry(metaAccBits+l.Name, fmt.Sprint(l.AccBits)))
		}
	}
	return out
}

func entry(key, value string) *onnxpb.StringStringEntryProto {
	return &onnxpb.StringStringEntryProto{Key: &key, Value: &value}
}
