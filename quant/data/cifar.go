package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// cifarPixels is the size of a CIFAR image: 3 x 32 x 32, channels first. The planes
// are red, green and blue, each row-major: the order [C H W] of this package, so
// records are copied as they are.
const cifarPixels = 3 * 32 * 32

// cifar describes the records of one of the two data sets: label bytes, of
// which the last is the class, then the pixels (Krizhevsky, "Learning Multiple
// Layers of Features from Tiny Images", and the data set's page).
type cifar struct {
	name    string
	labels  int
	classes int
}

var (
	cifar10 = cifar{"CIFAR-10", 1, 10}
	// CIFAR-100 has the coarse label, one of 20, before the fine one, which is the
	// class; the coarse one is not read.
	cifar100 = cifar{"CIFAR-100", 2, 100}
)

// record returns the bytes of one record.
func (c cifar) record() int { return c.labels + cifarPixels }

// openCIFAR10 reads the part of a folder with data_batch_1.bin, ... and
// test_batch.bin. The batches are counted up from 1 until one is missing.
func openCIFAR10(dir string, train bool) (*Set, error) {
	if !train {
		path, err := findPacked(dir, "test_batch.bin")
		if err != nil {
			return nil, err
		}
		return cifar10.open(dir, path)
	}
	var files []string
	for {
		path, err := findPacked(dir, fmt.Sprintf("data_batch_%d.bin", len(files)+1))
		if err != nil {
			break
		}
		files = append(files, path)
	}
	batches, err := glob(dir, "data_batch_*.bin*")
	if err != nil {
		return nil, err
	}
	// More files of the pattern than were counted mean a gap. Training on a part of
	// the data would go unnoticed.
	if len(files) == 0 || len(batches) > len(files) {
		return nil, fmt.Errorf("data: %s: no data_batch_%d.bin, also not with .gz", dir, len(files)+1)
	}
	return cifar10.open(dir, files...)
}

// openCIFAR100 reads train.bin or test.bin of a folder.
func openCIFAR100(dir string, train bool) (*Set, error) {
	path, err := findPacked(dir, part(train)+".bin")
	if err != nil {
		return nil, err
	}
	return cifar100.open(dir, path)
}

// openCIFARFile reads one file of either data set. Its name says which; of other
// names its size does, where it is a whole number of one kind's records only.
func openCIFARFile(path string) (*Set, error) {
	base := strings.TrimSuffix(filepath.Base(path), ".gz")
	switch {
	case strings.HasPrefix(base, "data_batch") || strings.HasPrefix(base, "test_batch"):
		return cifar10.open(path, path)
	case base == "train.bin" || base == "test.bin":
		return cifar100.open(path, path)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	// 3073 and 3074 have no common factor: a size is a multiple of both only from
	// 9.4 MB on, where it says nothing. The size of a packed file never does.
	is10 := st.Size()%int64(cifar10.record()) == 0
	is100 := st.Size()%int64(cifar100.record()) == 0
	switch {
	case strings.HasSuffix(path, ".gz") || is10 == is100:
		return nil, fmt.Errorf("data: %s: CIFAR-10 or CIFAR-100? want a file named data_batch*, "+
			"test_batch*, train.bin or test.bin, or of whole records of %d or %d bytes, has %d",
			path, cifar10.record(), cifar100.record(), st.Size())
	case is10:
		return cifar10.open(path, path)
	}
	return cifar100.open(path, path)
}

// open reads the files, packed or not, into one set.
func (c cifar) open(name string, files ...string) (*Set, error) {
	s := &Set{Shape: []int{3, 32, 32}, Layout: NCHW, Scale: ByteScale, Classes: c.classes, Bytes: []uint8{}}
	for _, path := range files {
		err := readUnpacked(path, func(r *bufio.Reader) error { return c.read(r, path, s) })
		if err != nil {
			return nil, err
		}
	}
	s.Name = fmt.Sprintf("%s (%s, %d samples)", name, c.name, s.Len())
	return s, nil
}

// read appends the records of one file, which fill r to its end, to s. A record
// that is cut short is an error, and so is an empty file.
func (c cifar) read(r io.Reader, name string, s *Set) error {
	buf := make([]byte, c.record())
	for i := 0; ; i++ {
		n, err := io.ReadFull(r, buf)
		switch {
		case n == 0 && err == io.EOF && i > 0:
			return nil
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("data: %s: record %d: truncated: wanted %d bytes, had %d", name, i, len(buf), n)
		case err != nil:
			return fmt.Errorf("data: %s: record %d: %w", name, i, err)
		}
		label := buf[c.labels-1]
		if int(label) >= c.classes {
			return fmt.Errorf("data: %s: record %d: label %d, want labels below %d", name, i, label, c.classes)
		}
		// A packed file does not say how long it is: count while reading.
		if len(s.Bytes)+cifarPixels > MaxBytes {
			return fmt.Errorf("data: %s: record %d: the data set takes more than the limit of %d bytes",
				name, i, MaxBytes)
		}
		s.Labels = append(s.Labels, label)
		s.Bytes = append(s.Bytes, buf[c.labels:]...)
	}
}
