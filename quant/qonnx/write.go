package qonnx

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2/maybe"
	"google.golang.org/protobuf/proto"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// Write writes m to path as QONNX: opset 14, with the names, domains and
// attributes that Brevitas exports. The file appears whole or not at all, and
// the same model gives the same bytes. Read reads it back.
//
// It returns an error, before it touches the file, if sizes do not fit
// together, a parameter is NaN or infinite, a quantised weight is no multiple
// of its scale in the range of its bits, or a layer of a quantised model reads
// what is not quantised. A model without Input is float: nothing in it need be
// quantised, and Read does not take the file, but ReadModel does.
func Write(path string, m *nn.Model) error {
	data, err := Encode(m)
	if err != nil {
		return err
	}
	if err := maybe.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("qonnx: %w", err)
	}
	return nil
}

// maxName is the longest name of a file that is written whole, in bytes: what a file
// system takes, 255, less a dot and the 19 digits of the temporary name.
const maxName = 255 - 1 - 19

// CheckWritable returns an error where Write, or another writer that replaces a
// file whole, could not write path: it makes a temporary file like theirs and
// removes it. What is at path stays as it is. For commands that train for hours
// first. Permissions alone would not tell: file systems may be full, read-only
// or limited in names.
func CheckWritable(path string) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder, want a file", path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", path)
	}
	// renameio's names: a dot, the file's own, and the digits of an int64.
	if n := len(filepath.Base(path)); n > maxName {
		return fmt.Errorf("%s cannot be written: its name has %d bytes, want at most %d", path, n, maxName)
	}
	name := fmt.Sprintf(".%s%019d", filepath.Base(path), rand.Int64())
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if cause := new(fs.PathError); errors.As(err, &cause) {
		err = cause.Err // without the name of the attempt
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

// Encode returns the bytes that Write writes.
func Encode(m *nn.Model) ([]byte, error) {
	g, err := m.Graph()
	if err == nil {
		err = writable(g)
	}
	if err != nil {
		return nil, fmt.Errorf("qonnx: model %s: %w", show(m.Name), err)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(modelProto(g))
	if err != nil {
		return nil, fmt.Errorf("qonnx: model %s: %w", show(m.Name), err)
	}
	return data, nil
}

// writable returns an error for what a model may have but a file of opset 14 not.
func writable(g *nn.Graph) error {
	if len(g.InputShape) >= maxRank {
		return fmt.Errorf("input shape %v has %d axes, want fewer than %d", g.InputShape, len(g.InputShape), maxRank)
	}
	for i := range g.Layers {
		if l := &g.Layers[i]; l.Kind == quant.AvgPool && (l.Window.DilationH > 1 || l.Window.DilationW > 1) {
			return fmt.Errorf("layer %q: is an average pool with dilation, which ONNX does not have before opset 19", l.Name)
		}
	}
	return nil
}

// modelProto returns the model as the file holds it. Metadata come in a fixed order,
// so that equal models are equal bytes.
func modelProto(m *nn.Graph) *onnxpb.ModelProto {
	b := &builder{g: &onnxpb.GraphProto{Name: proto.String(m.Name)}}
	b.model(m)
	out := &onnxpb.ModelProto{
		// IR version 7 is that of ONNX 1.9, the first release with opset 14.
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
		if l.Shifted {
			out.MetadataProps = append(out.MetadataProps, entry(metaAccStart+l.Name, shifted))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		out.MetadataProps = append(out.MetadataProps, entry(key, m.Metadata[key]))
	}
	return out
}

// entry is one line of metadata_props.
func entry(key, value string) *onnxpb.StringStringEntryProto {
	return &onnxpb.StringStringEntryProto{Key: &key, Value: &value}
}
