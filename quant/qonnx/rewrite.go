package qonnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Integers are what Rewrite gives a layer: new weights and what its
// accumulators were made for.
type Integers struct {
	// Weights is Out x In, in the order of quant.Layer.
	Weights []int32
	// AccBits is the declared width, and Shifted says that accumulators start
	// at quant.Layer.ShiftedStart for it.
	AccBits int
	Shifted bool
}

// Rewrite returns the QONNX file data, of any origin, with other integer
// weights in some of its layers, by name, and nothing else changed but their
// declared accumulators. The numbers in front of each weight quantiser become its
// scale times the new integers.
//
// The weights of a layer are found by their integers: they must be a constant
// of type float, with a Quant node of zero point 0 behind it. The
// result is imported again; an error says which layer did not get its integers.
func Rewrite(name string, data []byte, changes map[string]Integers) ([]byte, error) {
	out, err := rewrite(name, data, changes)
	if err != nil {
		return nil, fmt.Errorf("qonnx: %s: %w", name, err)
	}
	return out, nil
}

// rewrite is Rewrite without the name of the file in errors. The file is
// decoded again with all its unknown fields, which parse drops: only what
// changes may change.
func rewrite(name string, data []byte, changes map[string]Integers) ([]byte, error) {
	g, err := parse(data)
	if err != nil {
		return nil, err
	}
	var file onnxpb.ModelProto
	if err := proto.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	net, im, err := importFirst(name, g, len(data))
	if err != nil {
		return nil, err
	}
	tensors := constants(&file)
	// Each constant is used once: two layers of equal weights get one each, in
	// order.
	left := im.quantisedWeights(tensors)
	for i := range net.Layers {
		l := &net.Layers[i]
		c, wanted := changes[l.Name]
		if !wanted {
			continue
		}
		if len(c.Weights) != len(l.Weights) {
			return nil, fmt.Errorf("layer %q: %d weights, want %d", l.Name, len(c.Weights), len(l.Weights))
		}
		k, at := find(left, l)
		if k < 0 {
			return nil, fmt.Errorf("layer %q: no float constant with a Quant node of zero point 0 behind it holds "+
				"its weights",
				l.Name)
		}
		left[k].store(tensors[left[k].name], func(row, column int) int32 { return c.Weights[row*l.In+column] }, l, at)
		left = slices.Delete(left, k, k+1)
		if err := im.declare(&file, l, c); err != nil {
			return nil, err
		}
	}
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(&file)
	if err != nil {
		return nil, err
	}
	return out, verify(name, out, changes)
}

// declare writes the accumulators of a layer to the metadata. Where they start
// must be known before layers have names: then a file of another exporter goes
// by the name of the node. Old entries of the layer go, under either of its
// names.
func (im *importer) declare(file *onnxpb.ModelProto, l *quant.Layer, c Integers) error {
	name := l.Name
	if c.Shifted {
		// A site is found by its weights, since layers have no link back to
		// nodes.
		i := slices.IndexFunc(im.sites, func(t *site) bool { return slices.Equal(t.layer.Weights, l.Weights) })
		if own, ok := im.meta.nameOf(im.sites[i].at); ok {
			name = own
		} else if name = im.sites[i].at.name; name == "" {
			return fmt.Errorf("layer %q: its node has no name, which shifted start values want", l.Name)
		}
	}
	file.MetadataProps = slices.DeleteFunc(file.MetadataProps, func(e *onnxpb.StringStringEntryProto) bool {
		k := e.GetKey()
		return k == metaAccStart+name || k == metaAccBits+name || k == metaAccStart+l.Name || k == metaAccBits+l.Name
	})
	file.MetadataProps = append(file.MetadataProps, entry(metaAccBits+name, fmt.Sprint(c.AccBits)))
	if c.Shifted {
		file.MetadataProps = append(file.MetadataProps, entry(metaAccStart+name, shifted))
	}
	return nil
}

// verify returns an error unless the layers of a file have their new weights. A
// weight tensor may be read by two layers, or pass a Pow on its way: then it
// cannot hold what one of them wants.
func verify(name string, data []byte, changes map[string]Integers) error {
	net, err := decode(name, data)
	if err != nil {
		return fmt.Errorf("with new weights: %w", err)
	}
	for _, layer := range slices.Sorted(maps.Keys(changes)) {
		i := slices.IndexFunc(net.Layers, func(l quant.Layer) bool { return l.Name == layer })
		if i < 0 {
			return fmt.Errorf("there is no layer %q", layer)
		}
		if !slices.Equal(net.Layers[i].Weights, changes[layer].Weights) {
			return fmt.Errorf("layer %q: the graph does not give it the integers written: its weights are used "+
				"elsewhere too, or change on the way", layer)
		}
	}
	return nil
}

// initial is a constant with a quantiser behind it.
type initial struct {
	name string
	// n are its integers, and scale what each is worth.
	n     []int32
	scale []float64
}

// constants returns the tensors that a file holds, by the name that nodes read:
// initializers, and values of Constant nodes. Exporters differ in which of the
// two they write.
func constants(file *onnxpb.ModelProto) map[string]*onnxpb.TensorProto {
	all := map[string]*onnxpb.TensorProto{}
	for _, t := range file.GetGraph().GetInitializer() {
		all[t.GetName()] = t
	}
	for _, n := range file.GetGraph().GetNode() {
		for _, a := range n.GetAttribute() {
			if n.GetOpType() == "Constant" && a.GetName() == "value" && a.GetT() != nil && len(n.GetOutput()) == 1 {
				all[n.GetOutput()[0]] = a.GetT()
			}
		}
	}
	return all
}

// quantisedWeights returns the float constants with a Quant node behind. The
// nodes are those that the output needs, in order.
func (im *importer) quantisedWeights(tensors map[string]*onnxpb.TensorProto) []initial {
	var all []initial
	for _, n := range im.g.nodes {
		if !quantDomain(n.domain) || n.op != "Quant" && n.op != "IntQuant" || len(n.in) < 4 {
			continue
		}
		if t := tensors[n.in[0]]; t.GetDataType() != typeFloat {
			continue
		}
		if in, ok := im.initial(n); ok {
			all = append(all, in)
		}
	}
	return all
}

// initial evaluates a Quant node. What makes it fail is none of Rewrite's
// business: the layer is then not found.
func (im *importer) initial(n *node) (initial, bool) {
	in := initial{name: n.in[0]}
	z, err := im.newQuantiser(n)
	if err != nil {
		return in, false
	}
	var part [3]*tensor
	for i := range part {
		if part[i], err = im.constant(n, i); err != nil {
			return in, false
		}
	}
	if slices.ContainsFunc(part[2].data, func(v float64) bool { return v != 0 }) {
		return in, false
	}
	// The scale, broadcast to the weights; perElement would give one number for
	// all.
	scale, err := im.foldBinary(n, part[0], part[1], func(_, s float64) float64 { return s })
	if err != nil || len(scale.(*tensor).data) != len(part[0].data) {
		return in, false
	}
	in.scale = scale.(*tensor).data
	for i, v := range part[0].data {
		in.n = append(in.n, int32(z.integer(v, in.scale[i], 0)))
	}
	return in, true
}

// layout gives the position in a constant of the weight at (row, column) of
// a layer.
type layout func(row, column int) int

// layouts returns the ways in which a layer's weights may be stored: rows or
// columns first, and the columns in the order (channel, position) or the
// layer's own (position, channel). Conv has channels first per group, Gemm with
// transB rows first, MatMul columns first, and channels-last graphs the layer's
// own order.
func layouts(l *quant.Layer, channels int) []layout {
	first := func(column int) int { return column%channels*(l.In/channels) + column/channels }
	own := func(column int) int { return column }
	var all []layout
	for _, order := range []func(int) int{first, own} {
		all = append(all,
			func(row, column int) int { return row*l.In + order(column) },
			func(row, column int) int { return order(column)*l.Out + row })
	}
	return all
}

// find returns the constant that holds l's weights, and how; -1 for none. The
// number of channels that a flattened image had is not known here, so that
// every divisor is tried; of a convolution it follows from the window.
func find(from []initial, l *quant.Layer) (int, layout) {
	for k := range from {
		if len(from[k].n) != len(l.Weights) {
			continue
		}
		for channels := 1; channels <= l.In; channels++ {
			if l.In%channels != 0 || l.Kind == quant.Conv && channels*l.Window.Taps() != l.In {
				continue
			}
			for _, at := range layouts(l, channels) {
				if from[k].holds(l, at) {
					return k, at
				}
			}
		}
	}
	return -1, nil
}

// holds says that the constant has l's integers in that layout.
func (in *initial) holds(l *quant.Layer, at layout) bool {
	for i, q := range l.Weights {
		if in.n[at(i/l.In, i%l.In)] != q {
			return false
		}
	}
	return true
}

// store writes new weights of l to the file's tensor. Scale times integer, in
// float32: the Quant behind, with that scale, rounds back to the integer.
func (in *initial) store(t *onnxpb.TensorProto, q func(row, column int) int32, l *quant.Layer, at layout) {
	data := make([]float32, len(in.n))
	for i := range data {
		row, column := i/l.In, i%l.In
		data[at(row, column)] = float32(in.scale[at(row, column)] * float64(q(row, column)))
	}
	t.FloatData, t.RawData = nil, make([]byte, 0, 4*len(data))
	for _, v := range data {
		t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(v))
	}
}
