package qonnx

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// Told is what a user says of a network's input beside its file. The zero value says
// nothing.
type Told struct {
	// Type of the samples, for files that do not say it; nil for others.
	Type *InputType
	// Rows and Cols are the size of the images to read, instead of that which the graph
	// declares; 0 keeps that.
	Rows, Cols int
}

// apply returns the bytes of a file that says what t does, so that a copy reads alike.
func (t Told) apply(name string, data []byte) ([]byte, error) {
	var err error
	if t.Rows > 0 || t.Cols > 0 {
		if data, err = sized(name, data, t.Rows, t.Cols); err != nil {
			return nil, err
		}
	}
	if t.Type == nil {
		return data, nil
	}
	// A graph that quantises its input itself would do so once more.
	if n, err := decode(name, data); err == nil && !n.Input.Assumed {
		return nil, fmt.Errorf("quantises its input itself, to %v: no other type can be given for it", n.Input.Type)
	}
	return WithInputType(data, *t.Type)
}

// Resized returns the network of the file for images of rows x cols: its graph evaluated
// again on an input of that size, which is what it is for any other reader of the file too.
// So it is exact by construction. Graphs in which a size is a constant (a linear layer, a
// Reshape to fixed numbers) are refused where that does not fit.
func (f *File) Resized(rows, cols int) (*quant.Network, error) {
	name := f.Network.Name
	data, err := sized(name, f.Data, rows, cols)
	if err != nil {
		return nil, fmt.Errorf("qonnx: %s: %w", name, err)
	}
	n, err := decode(name, data)
	if err != nil {
		return nil, fmt.Errorf("qonnx: %s, for images of %dx%d: %w", name, rows, cols, err)
	}
	return n, nil
}

// sized returns a file whose graph declares another size of its input. What the file says
// of the shapes of other tensors is left out, since it is no longer true; ONNX wants none.
func sized(name string, data []byte, rows, cols int) ([]byte, error) {
	if rows < 1 || cols < 1 || rows > maxElements/cols {
		return nil, fmt.Errorf("input of %dx%d positions, want at least 1x1 and at most %d", rows, cols, maxElements)
	}
	n, err := decode(name, data)
	if err != nil {
		return nil, err
	}
	down, err := rowsAxis(n)
	if err != nil {
		return nil, err
	}
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	for _, v := range m.GetGraph().GetInput() {
		// The input is the one that is no initializer: decode has found no second.
		if dims := v.GetType().GetTensorType().GetShape().GetDim(); !initialised(m.GetGraph(), v.GetName()) {
			at := len(dims) - len(n.InputShape) + down
			for i, size := range []int{rows, cols} {
				// Anew: a size that has a name would keep it.
				dims[at+i] = &onnxpb.TensorShapeProto_Dimension{DimValue: proto.Int64(int64(size))}
			}
		}
	}
	m.Graph.ValueInfo = nil
	for _, v := range m.GetGraph().GetOutput() {
		v.GetType().GetTensorType().Shape = nil
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(&m)
}

// rowsAxis returns which axis of n's samples has the rows; that of the columns is the next.
func rowsAxis(n *quant.Network) (int, error) {
	s := n.Input.Shape
	if len(n.InputShape) == 3 && s.Positions() > 1 {
		// Channels first or last: samples have them where the order of the integers says.
		for axis, shape := range [][3]int{1: {s.C, s.H, s.W}, 0: {s.H, s.W, s.C}} {
			if [3]int(n.InputShape) == shape && (axis == 0) == (n.Input.Order == nil && s.C > 1) {
				return axis, nil
			}
		}
	}
	return 0, fmt.Errorf("takes samples of shape %v, want images [channels rows columns] or [rows columns channels]: "+
		"others have no size to change", n.InputShape)
}

// initialised says that a tensor of that name is a constant of the graph.
func initialised(g *onnxpb.GraphProto, name string) bool {
	for _, t := range g.GetInitializer() {
		if t.GetName() == name {
			return true
		}
	}
	return false
}
