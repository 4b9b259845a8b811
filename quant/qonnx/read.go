package qonnx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// maxFile is the largest file that Read takes, in bytes. protobuf itself ends
// at 2 GiB; an FPGA's weights end far below.
const maxFile = 256 << 20

// Read reads the network in the QONNX file at path. The network is named after
// the file. See Decode for what it accepts.
func Read(path string) (*quant.Network, error) {
	f, err := ReadFile(path, Told{})
	if err != nil {
		return nil, err
	}
	return f.Network, nil
}

// File is a QONNX file that was read.
type File struct {
	// Data are its bytes, with what ReadFile was told of its samples.
	Data    []byte
	Network *quant.Network
	// Notes say in a sentence each what the network may not be, although the file
	// says so.
	Notes []string
}

// ReadFile is Read for those who want more than the network, or are told something of its
// samples that the file does not say. The bytes come along because a design keeps a copy of
// what it was made from, and reading the file twice might read two files.
func ReadFile(path string, told Told) (*File, error) {
	f, _, _, err := readGraph(path, told)
	return f, err
}

// readGraph is ReadFile for those who want to know how it went: it returns the graph and
// the importer as far as it came, with an error too.
func readGraph(path string, told Told) (*File, *graph, *importer, error) {
	name, data, err := readFile(path)
	if err != nil {
		return nil, nil, nil, err
	}
	// Added to the bytes rather than passed along, so that the copy reads
	// alike.
	if data, err = told.apply(name, data); err != nil {
		return nil, nil, nil, fmt.Errorf("qonnx: %s: %w", path, unprefixed(err))
	}
	g, err := parse(data)
	var im *importer
	f := &File{Data: data}
	if err == nil {
		f.Network, im, err = importFirst(name, g, len(data))
	}
	if err != nil {
		return nil, g, im, fmt.Errorf("qonnx: %s: %w", path, err)
	}
	f.Notes = im.notes()
	return f, g, im, nil
}

// readFile returns the contents of a file and its name without the extension.
// One byte more than allowed is enough to tell that the file is too large.
func readFile(path string) (name string, data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", nil, fmt.Errorf("qonnx: %w", err)
	}
	defer f.Close()
	if data, err = io.ReadAll(io.LimitReader(f, maxFile+1)); err != nil {
		return "", nil, fmt.Errorf("qonnx: %w", err)
	}
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), data, nil
}

// Decode reads a network from the bytes of a QONNX file.
//
// The graph must be made of layers that work on integers (Conv, Gemm, MatMul,
// pools, Add, Concat, Resize by repetition, DepthToSpace) with quantised weights
// of at most 16 bits, and of elementwise operations, monotone on each channel,
// that end in a Quant before the next layer that sums; docs/import.md has the
// list. The last layer may end in a Quant; otherwise the outputs of a
// classifier must be an affine function of its accumulators, up to a Softmax,
// Sigmoid, ArgMax or the like, which keeps the largest output where it is and
// is dropped. A sample count in the input's shape is dropped too. Images have
// their channels first in samples, and last in the network.
//
// Layers are named by the metadata entry a2qgen.layer_names, which Write
// leaves, and fc1, conv1, pool1, ... without it. The entry
// a2qgen.acc_bits.<layer> is the declared accumulator width;
// a2qgen.acc_start.<layer> is "shifted" where accumulators start at
// quant.Layer.ShiftedStart for that width.
//
// An error names the node and what it wants.
func Decode(name string, data []byte) (*quant.Network, error) {
	n, err := decode(name, data)
	if err != nil {
		return nil, fmt.Errorf("qonnx: %s: %w", name, err)
	}
	return n, nil
}

// parse returns the graph in a file. Unknown fields are dropped: newer versions
// of the format add some, and training files of other tools have their own.
func parse(data []byte) (*graph, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("is larger than %d MiB", maxFile>>20)
	}
	var m onnxpb.ModelProto
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, &m); err != nil {
		return nil, errors.New("is not an ONNX file, or is truncated")
	}
	return newGraph(&m)
}

// decode is Decode without the name of the file in errors.
func decode(name string, data []byte) (*quant.Network, error) {
	g, err := parse(data)
	if err != nil {
		return nil, err
	}
	n, _, err := importFirst(name, g, len(data))
	return n, err
}

// importFirst imports a graph, from a file of size bytes, by the first reading
// of its input's shape that makes sense. Shape [32 784] without a symbolic axis
// may be a batch or a sample; the error of the last reading is the one that is
// shown. The importer is that of the last reading in either case, as far as it came.
func importFirst(name string, g *graph, size int) (*quant.Network, *importer, error) {
	readings, err := inputShapes(g)
	if err != nil {
		return nil, nil, err
	}
	var n *quant.Network
	var im *importer
	for _, r := range readings {
		if n, im, err = importGraph(name, g, r, budgetFor(size)); err == nil {
			break
		}
	}
	return n, im, err
}

// importer holds the state of one import. Every operator is a function of it
// and a node. Nothing is changed once it is in values: operators copy a stream
// before they change a field.
type importer struct {
	g      *graph
	values map[string]value
	sites  []*site
	left   budget
	// activations is what is left of maxActivations.
	activations int
	// batch is the number of samples that shapes in the file count, where
	// that is not 1; values are for one sample.
	batch int
	// width is the number of elements of a sample.
	width int
	// image says how a sample is an image; nil while nothing takes it so.
	image       *image
	pixelStream *stream
	// copies holds the layers that move elements, to make each only once.
	copies map[move]*stream
	// meta is what the file says of layers.
	meta *metadata
	// ranked says that the channels of the outputs are ranked at each of their positions.
	ranked bool
	// made is how the network came about, nil where it did not.
	made *made
	// unrounded are the nodes of layers whose weights the file holds as they were
	// before their quantiser.
	unrounded []*node
}

// importGraph is one try with one reading of the input's shape; it needs a
// budget of its own.
func importGraph(name string, g *graph, in inputShape, left budget) (*quant.Network, *importer, error) {
	meta, err := newMetadata(g.meta)
	if err != nil {
		return nil, nil, err
	}
	im := &importer{
		g: g, values: map[string]value{}, left: left, batch: in.batch, meta: meta,
		activations: maxActivations, copies: map[move]*stream{},
	}
	if err := im.setInput(in.shape); err != nil {
		return nil, im, err
	}
	if err := im.evaluateAll(); err != nil {
		return nil, im, err
	}
	final, err := im.final()
	if err != nil {
		return nil, im, err
	}
	n, err := im.network(name, in.sample, final)
	return n, im, err
}

// setInput defines the graph's input. Where a type was told, the samples are
// quantised before the graph begins, as by a Quant node of the input's name.
func (im *importer) setInput(shape []int) error {
	size, err := im.left.take(shape)
	if err != nil {
		return fmt.Errorf("graph input %s: %w", show(im.g.input), err)
	}
	im.width = size
	// Each element is a channel of its own until an operator shows an image in
	// them.
	v, _ := view{whole(channels, size)}.reshaped(shape)
	s := &stream{base: fromInput, width: size, view: v, elem: im.g.elem}
	t, err := im.inputType()
	if err != nil {
		return err
	}
	if t != nil {
		z := t.quantisation()
		z.elem = im.g.elem
		if s, err = z.behind(&node{op: "Quant", name: im.g.input}, s); err != nil {
			return err
		}
	}
	im.values[im.g.input] = s
	return nil
}

// final returns the stream that the graph's outputs show. Several outputs must
// show the same one, as TopK's do, or be constants, as the scale, zero point
// and bit width of Brevitas's QuantTensor are. A network has one stream at its
// end: two heads would need two.
func (im *importer) final() (*stream, error) {
	var final *stream
	var first string
	for _, name := range im.g.outputs {
		var s *stream
		switch v := im.values[name].(type) {
		case *stream:
			s = v
		case *ranking:
			s, im.ranked = v.s, v.everywhere
		default:
			continue
		}
		if final != nil && final != s {
			return nil, fmt.Errorf("graph outputs %s and %s differ, want one output", show(first), show(name))
		}
		if final == nil {
			final, first = s, name
		}
	}
	if final == nil {
		return nil, fmt.Errorf("graph output %s does not depend on the input", show(im.g.outputs[0]))
	}
	// A graph of a Quant alone is nothing to build.
	if final.base < 0 && len(im.sites) == 0 && final.pools == nil && !final.view.repeating() {
		return nil, errors.New("the graph has no MatMul, Gemm, Conv or other layer between its input and its output")
	}
	return im.end(final)
}

// end returns the stream that ends the network, in the order of its base. An
// image may leave in the order [1 C H W] or [1 H W C] of the graph: hardware
// sends pixel by pixel in either case. Everything else must be moved first.
func (im *importer) end(s *stream) (*stream, error) {
	at := s.at
	if at == nil {
		at = &node{name: im.g.outputs[0], op: "output"}
	}
	if err := unpadded(at, s); err != nil {
		return nil, err
	}
	s, err := im.pooled(at, s)
	if err != nil {
		return nil, err
	}
	// An upsampled input, and nothing else, is a network too.
	if s.base == fromInput && s.q != nil && s.view.repeating() {
		return im.plain(at, s, 1)
	}
	b := im.shapeOf(s)
	if b.Positions() == 1 && !s.view.repeating() {
		// Elements of a vector have no layer that permutes them at the end.
		if !slices.Equal(merged(slices.Concat(s.view...)), whole(channels, b.C)) {
			return nil, at.errorf("permutes the outputs of the last layer, which is not supported")
		}
		return s, nil
	}
	if s.view.equal(arranged(b, 1)) || s.view.equal(arranged(b, 3)) {
		return s, nil
	}
	if len(s.view) == 3 {
		line, sequence := s.view.withAxis(rowAxis), s.view.withAxis(sequenceAxis)
		if line.equal(arranged(b, 1)) || sequence.equal(arranged(b, 3)) {
			return s, nil
		}
		// A line is an image of one row to what moves its elements.
		wide := *s
		wide.view, s = line, &wide
	}
	if _, ok := im.moves(s.view, b); ok {
		return im.settled(at, s)
	}
	return nil, at.errorf("gives shape %v of an image of %v in another order: end the graph where it is [1 channels "+
		"rows columns]", s.dims(), b)
}
