package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/sbinet/npyio/npy"
)

// maxNPYHeader bounds the text of an NPY header: numeric arrays take under 200
// bytes. Version 1 has 16 bits for it anyhow; version 2 exists for structured types
// with very many fields, which are refused.
const maxNPYHeader = 1 << 16

// npyMagic starts every NPY file. Its first byte begins neither ASCII nor UTF-8
// text (numpy.lib.format).
const npyMagic = "\x93NUMPY"

// readNPY reads one NPY array, unpacked, that fills r to its end: unsigned and
// signed integers, bool, float16, float32 and float64, either byte order,
// row-major. npyio parses the header; the elements are read here, because npyio
// takes a truncated file for zeros.
func readNPY(r io.Reader, name string) (*array, error) {
	h, err := npyHeader(r, name)
	if err != nil {
		return nil, err
	}
	e, err := npyElement(h.Descr.Type)
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", name, err)
	}
	// With one axis both orders are the same.
	if h.Descr.Fortran && len(h.Descr.Shape) > 1 {
		return nil, fmt.Errorf("data: %s: column-major array, want row-major (numpy.ascontiguousarray)", name)
	}
	return readArray(r, name, h.Descr.Shape, e)
}

// npyHeader reads the header of format versions 1 and 2. The file begins with the
// magic number, the version (major, minor) and the length of the header: 2 bytes,
// little-endian, in version 1 and 4 in version 2. Version 3 differs in the names of
// fields alone, which numbers have not.
func npyHeader(r io.Reader, name string) (h npy.Header, err error) {
	const fixed = len(npyMagic) + 2
	buf := make([]byte, fixed+4)
	length, n := buf[fixed:fixed+2], 0
	if n, err = io.ReadFull(r, buf[:fixed+2]); err != nil {
		return h, headerError(name, fixed+2, n, err)
	}
	if string(buf[:len(npyMagic)]) != npyMagic {
		return h, fmt.Errorf("data: %s: magic number %q, want NPY (%q)", name, buf[:len(npyMagic)], npyMagic)
	}
	size := int(binary.LittleEndian.Uint16(length))
	switch buf[len(npyMagic)] {
	case 1:
		buf = buf[:fixed+2]
	case 2:
		if n, err = io.ReadFull(r, buf[fixed+2:]); err != nil {
			return h, headerError(name, fixed+4, fixed+2+n, err)
		}
		size = int(binary.LittleEndian.Uint32(buf[fixed:]))
	default:
		return h, fmt.Errorf("data: %s: NPY version %d.%d, want 1 or 2", name, buf[fixed-2], buf[fixed-1])
	}
	if size > maxNPYHeader {
		return h, fmt.Errorf("data: %s: header of %d bytes, want at most %d", name, size, maxNPYHeader)
	}
	text := make([]byte, size)
	if n, err = io.ReadFull(r, text); err != nil {
		return h, headerError(name, len(buf)+size, len(buf)+n, err)
	}
	return parseNPYHeader(append(buf, text...), name)
}

// parseNPYHeader hands a complete header to npyio, which panics on some malformed
// ones. That happens before any element is read, so a panic leaves nothing half
// done.
func parseNPYHeader(b []byte, name string) (h npy.Header, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("data: %s: malformed NPY header", name)
		}
	}()
	r, err := npy.NewReader(bytes.NewReader(b))
	if err != nil {
		return h, fmt.Errorf("data: %s: malformed NPY header: %w", name, err)
	}
	return r.Header, nil
}

// npyElement turns a NumPy type string such as "<f4" into an element type. The
// first character is the byte order: < little, > big, | of no meaning for single
// bytes. = is the order of the machine that wrote, which NumPy resolves before it
// writes; it is read as little.
func npyElement(descr string) (element, error) {
	bad := fmt.Errorf("element type %q, want u1..u8, i1..i8, f2..f8 or b1 (numpy.astype)", descr)
	if len(descr) != 3 {
		return element{}, bad
	}
	e := element{kind: descr[1], size: int(descr[2] - '0'), order: binary.LittleEndian}
	if descr[0] == '>' {
		e.order = binary.BigEndian
	}
	integer := (e.kind == 'u' || e.kind == 'i') && strings.Contains("1248", descr[2:])
	float := e.kind == 'f' && strings.Contains("248", descr[2:])
	truth := e.kind == 'b' && e.size == 1
	if !strings.Contains("<>|=", descr[:1]) || !integer && !float && !truth {
		return element{}, bad
	}
	return e, nil
}
