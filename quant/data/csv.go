package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxCSVRow bounds the text of one row in bytes: a packed file can hold a line
// without end.
const maxCSVRow = 1 << 24

// openCSV reads a CSV file, packed or not.
func openCSV(path string) (s *Set, err error) {
	err = readUnpacked(path, func(r *bufio.Reader) error {
		s, err = readCSV(r, path)
		return err
	})
	return s, err
}

// readCSV reads one sample per row, numbers separated by commas. The first row is
// a header where one of its cells is no number; then the column named label
// (in any case) holds the class, otherwise the first column does. Values that
// are all integers in 0..255 become bytes, as those of an NPY file would.
func readCSV(r io.Reader, name string) (*Set, error) {
	t := &csvTable{name: name, limit: &rowLimit{r: r, left: maxCSVRow}}
	t.csv = csv.NewReader(t.limit)
	// FieldsPerRecord -1 turns off the check of encoding/csv, which would not name
	// the columns wanted: row has its own. Cells are parsed before the next row is
	// read, so one record serves for all. Spaces after a comma are legal here.
	t.csv.ReuseRecord, t.csv.FieldsPerRecord, t.csv.TrimLeadingSpace = true, -1, true
	for {
		row, err := t.csv.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("data: %s: %w", name, err)
		}
		// encoding/csv buffers 4 KiB ahead, by which the limit of one row is off.
		t.limit.left = maxCSVRow
		if err := t.row(row); err != nil {
			return nil, err
		}
	}
	if len(t.labels) == 0 {
		return nil, fmt.Errorf("data: %s: empty data set, no row of numbers", name)
	}
	return t.set(), nil
}

// csvTable collects the rows of a CSV file.
type csvTable struct {
	name    string
	csv     *csv.Reader
	limit   *rowLimit
	columns int // of every row; 0 before the first
	label   int // column of the class
	labels  []uint8
	bytes   []uint8   // the values, as long as all of them are bytes
	floats  []float32 // the values, once one of them was not
}

// row takes one row: the header, or a sample.
func (t *csvTable) row(cells []string) error {
	if t.columns == 0 {
		cells[0] = strings.TrimPrefix(cells[0], "\ufeff") // byte order mark, from spreadsheets
		if len(cells) < 2 {
			return t.errorf(0, "has %d column, want a label and at least one value, separated by commas", len(cells))
		}
		t.columns = len(cells)
		if i := slices.IndexFunc(cells, notNumber); i >= 0 {
			return t.header(cells, i)
		}
	}
	if len(cells) != t.columns {
		return t.errorf(0, "has %d columns, want %d as in the first row", len(cells), t.columns)
	}
	for i, c := range cells {
		v, err := number(c)
		switch {
		case err != nil:
			return t.errorf(i, "%.40q is no finite number", c)
		case i != t.label:
			t.add(v)
		case v != math.Trunc(v) || v < 0 || v > 255:
			return t.errorf(i, "label %v, want an integer in 0..255", v)
		default:
			t.labels = append(t.labels, uint8(v))
		}
	}
	// A float32 takes four bytes.
	if len(t.bytes) > MaxBytes || len(t.floats) > MaxBytes/4 {
		return t.errorf(0, "the data set takes more than the limit of %d bytes", MaxBytes)
	}
	return nil
}

// header finds the column of the class; cells[odd] is no number. Without a column
// label, a cell that is no number is more often a mistake in the data than a
// header: the error is about that cell.
func (t *csvTable) header(cells []string, odd int) error {
	t.label = slices.IndexFunc(cells, func(c string) bool { return strings.EqualFold(strings.TrimSpace(c), "label") })
	if t.label < 0 {
		return t.errorf(odd, "%.40q is no number, and as a header the row has no column \"label\"", cells[odd])
	}
	return nil
}

// notNumber says that a cell is not a finite number.
func notNumber(cell string) bool {
	_, err := number(cell)
	return err != nil
}

// add appends a value. Up to the first value that is no byte all are bytes; then
// those so far become floats, which hold every byte exactly.
func (t *csvTable) add(v float64) {
	if t.floats == nil && v == math.Trunc(v) && v >= 0 && v <= 255 {
		t.bytes = append(t.bytes, uint8(v))
		return
	}
	if t.floats == nil {
		t.floats = make([]float32, len(t.bytes), len(t.bytes)+t.columns)
		for i, b := range t.bytes {
			t.floats[i] = float32(b)
		}
		t.bytes = nil
	}
	t.floats = append(t.floats, float32(v))
}

// set returns the rows as a Set. Rows do not say how many classes there are: the
// largest label does. Scale is 1/255 for bytes alone: pixels are what they are most
// often, and the user can say otherwise with WithScale.
func (t *csvTable) set() *Set {
	s := &Set{
		Name: t.name, Shape: []int{t.columns - 1}, Bytes: t.bytes, Floats: t.floats, Scale: 1,
		Labels: t.labels, Classes: int(slices.Max(t.labels)) + 1,
	}
	if s.Bytes != nil {
		s.Scale = ByteScale
	}
	return s
}

// errorf words what is wrong with cell i of the row that was read last, rows
// being lines of the file and both numbers from 1.
func (t *csvTable) errorf(i int, format string, args ...any) error {
	line, _ := t.csv.FieldPos(i)
	return fmt.Errorf("data: %s: row %d, column %d: %s", t.name, line, i+1, fmt.Sprintf(format, args...))
}

// number reads a cell that fits a float32.
func number(cell string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
	// Written with !, since no comparison holds for NaN, which ParseFloat reads.
	if err == nil && !(math.Abs(v) <= math.MaxFloat32) {
		err = strconv.ErrRange
	}
	return v, err
}

// rowLimit fails once more than left bytes were read; its user sets left anew
// after each row.
type rowLimit struct {
	r    io.Reader
	left int
}

// Read fails between reads, not within one: a row may be longer than the limit by
// the size of the reader's buffer.
func (l *rowLimit) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLongRow
	}
	n, err := l.r.Read(b)
	l.left -= n
	return n, err
}

// errLongRow has the value of maxCSVRow in words.
var errLongRow = errors.New("a row of more than 16 MiB")
