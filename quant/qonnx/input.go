package qonnx

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// ErrInput is in the error for a graph whose input no Quant node stands before,
// where integers are wanted: ReadAs takes a type for it.
var ErrInput = errors.New("is not quantised")

// Input is the quantiser of a graph's input that the graph itself lacks: integers
// of Type worth Scale each, clip(round(v/Scale)), as Quant with zero point 0.
type Input struct {
	Type  quant.DataType
	Scale float32
}

// ReadAs reads the network in the file at path, as Read does, and returns the
// bytes that hold it too. With in, the graph's input, which must have no
// quantiser of its own, gets that one: as a Quant node in the bytes returned,
// which hold the network that is returned by themselves.
func ReadAs(path string, in *Input) (*quant.Network, []byte, error) {
	name, data, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	if in != nil {
		if data, err = in.insert(name, data); err != nil {
			return nil, nil, fmt.Errorf("qonnx: %s: %w", path, err)
		}
	}
	n, err := decode(name, data)
	if err != nil {
		return nil, nil, fmt.Errorf("qonnx: %s: %w", path, err)
	}
	return n, data, nil
}

// insert returns the file data with a Quant node between its input and whatever
// reads that.
func (in *Input) insert(name string, data []byte) ([]byte, error) {
	q := ActQuant{Scale: in.Scale, Bits: in.Type.Bits, Signed: in.Type.Signed}
	if err := q.check(); err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	g, err := parse(data)
	if err != nil {
		return nil, err
	}
	if n, err := decode(name, data); err == nil && !n.Input.Assumed {
		return nil, fmt.Errorf("the graph quantises its input %s itself, to %v: no other type can be given for it", show(g.input), n.Input.Type)
	}
	var file onnxpb.ModelProto
	if err := proto.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	b := &builder{g: file.GetGraph()}
	nodes := b.g.Node
	at := freeName(g, "/"+g.input+"_quantised")
	b.g.Node = nil
	quantised := b.actQuant(at, g.input, &q)
	for _, n := range nodes {
		for i, from := range n.Input {
			if from == g.input {
				n.Input[i] = quantised
			}
		}
	}
	b.g.Node = append(b.g.Node, nodes...) // in order of execution
	if !slices.ContainsFunc(file.OpsetImport, func(s *onnxpb.OperatorSetIdProto) bool { return s.GetDomain() == quantsDomain }) {
		file.OpsetImport = append(file.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: proto.String(quantsDomain), Version: proto.Int64(1)})
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(&file)
}

// freeName returns a prefix that no tensor of g begins with.
func freeName(g *graph, prefix string) string {
	taken := func(name string) bool { return len(name) >= len(prefix) && name[:len(prefix)] == prefix }
	for {
		used := slices.ContainsFunc(g.nodes, func(n *node) bool {
			return slices.ContainsFunc(n.out, taken) || slices.ContainsFunc(n.in, taken)
		})
		if !used {
			return prefix
		}
		prefix += "_"
	}
}
