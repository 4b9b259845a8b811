package data

import (
	"encoding/binary"
	"fmt"
	"io"
)

// idxElements maps the type byte of an IDX header to its element type. The
// format is big-endian throughout: two zero bytes, type, number of axes, one
// 32-bit length per axis, elements (LeCun et al., the MNIST data set's page).
var idxElements = map[byte]element{
	// 0x0A is not assigned.
	0x08: {'u', 1, binary.BigEndian},
	0x09: {'i', 1, binary.BigEndian},
	0x0B: {'i', 2, binary.BigEndian},
	0x0C: {'i', 4, binary.BigEndian},
	0x0D: {'f', 4, binary.BigEndian},
	0x0E: {'f', 8, binary.BigEndian},
}

// readIDX reads one IDX array, unpacked, that fills r to its end. A shape that
// promises too much is refused by readArray before anything is allocated for it.
func readIDX(r io.Reader, name string) (*array, error) {
	var head [4]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		return nil, headerError(name, len(head), n, err)
	}
	// The first two bytes are 0 in every IDX file, which tells it from text and
	// from NPY.
	e, ok := idxElements[head[2]]
	if head[0] != 0 || head[1] != 0 || !ok {
		return nil, fmt.Errorf("data: %s: magic number 0x%08x, want IDX (0x000008nn, 9, b, c, d or e)",
			name, binary.BigEndian.Uint32(head[:]))
	}
	axes := int(head[3])
	if axes < 1 || axes > maxDims {
		return nil, fmt.Errorf("data: %s: has %d axes, want 1..%d", name, axes, maxDims)
	}
	dims := make([]byte, 4*axes)
	if n, err := io.ReadFull(r, dims); err != nil {
		return nil, headerError(name, len(head)+len(dims), len(head)+n, err)
	}
	shape := make([]int, axes)
	for i := range shape {
		shape[i] = int(binary.BigEndian.Uint32(dims[4*i:]))
	}
	return readArray(r, name, shape, e)
}

// headerError words a failed read of a file's header.
func headerError(name string, want, had int, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("data: %s: truncated: wanted a header of %d bytes, had %d", name, want, had)
	}
	return fmt.Errorf("data: %s: %w", name, err)
}
