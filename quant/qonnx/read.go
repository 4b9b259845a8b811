package qonnx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	heads, err := im.heads()
	if err != nil {
		return nil, im, err
	}
	n, err := im.network(name, in.sample, heads)
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
