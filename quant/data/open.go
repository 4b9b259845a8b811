package data

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FashionDir is where Debian's package dataset-fashion-mnist puts its files.
const FashionDir = "/usr/share/datasets/fashion-mnist"

// DrawnSource, given to Open, asks for the digits that the package draws.
const DrawnSource = "drawn"

// digitClasses is the number of classes of MNIST and Fashion-MNIST. It is fixed for
// IDX folders, so that a part without nines still has ten classes.
const digitClasses = 10

// Open returns the training or test part of what src names:
//
//	""             FashionDir if it is there, otherwise drawn digits
//	"drawn"        drawn digits
//	IMAGES,LABELS  a pair of files (the same pair whatever train says)
//	a folder       see OpenDir
//	a file         see OpenFile
//
// The returned Set's Name says which of them it is.
func Open(src string, train bool) (*Set, error) {
	switch {
	case src == "":
		return openDefault(FashionDir, train)
	case src == DrawnSource:
		return Drawn(train), nil
	// A path with a comma in it can therefore be given neither as a folder nor as a
	// file.
	case strings.Contains(src, ","):
		f := strings.Split(src, ",")
		if len(f) != 2 || f[0] == "" || f[1] == "" {
			return nil, fmt.Errorf("data: %q, want a folder, a file or IMAGES,LABELS", src)
		}
		return OpenPair(f[0], f[1])
	}
	if st, err := os.Stat(src); err == nil && !st.IsDir() {
		return OpenFile(src, train)
	}
	return OpenDir(src, train)
}

// openDefault opens dir where it exists and draws digits where it does not. A
// folder that is there but cannot be read is an error: drawn digits in its place
// would be trained on by mistake.
func openDefault(dir string, train bool) (*Set, error) {
	_, err := os.Stat(dir)
	if err == nil {
		s, err := OpenDir(dir, train)
		if err == nil {
			s.Name = "Fashion-MNIST, " + filepath.Base(s.Name)
		}
		return s, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("data: %w", err)
	}
	s := Drawn(train)
	s.Name += fmt.Sprintf("; no data set in %s", dir)
	return s, nil
}

// OpenPair reads samples and labels from two files, IDX or NPY, packed with
// gzip or not (told by their first bytes, not by their names). Samples lie along
// the first axis. Classes is the largest label plus one.
func OpenPair(images, labels string) (*Set, error) { return openPair(images, labels, 0) }

// openPair is OpenPair with a number of classes, 0 for the largest label plus one.
// Labels come first: they are small, and what is wrong with them shows soon.
func openPair(images, labels string, classes int) (*Set, error) {
	l, err := readFile(labels)
	if err != nil {
		return nil, err
	}
	x, err := readFile(images)
	if err != nil {
		return nil, err
	}
	return newSet(images, x, l, classes)
}

// openIDX reads a folder laid out like MNIST and Fashion-MNIST: train- and t10k-
// files named as there, with a hyphen or a point before idx, with or without
// .gz. Labels must be below 10.
func openIDX(dir string, train bool) (*Set, error) {
	part := "t10k"
	if train {
		part = "train"
	}
	images, err := findPart(dir, part+"-images", "idx3-ubyte")
	if err != nil {
		return nil, err
	}
	labels, err := findPart(dir, part+"-labels", "idx1-ubyte")
	if err != nil {
		return nil, err
	}
	return openPair(images, labels, digitClasses)
}

// findPart returns the path of the first of an IDX file's usual names that
// exists.
func findPart(dir, stem, kind string) (string, error) {
	path := findFile(dir, stem+"-"+kind, stem+"-"+kind+".gz", stem+"."+kind, stem+"."+kind+".gz")
	if path == "" {
		return "", fmt.Errorf("data: %s: no %s-%s, also not as %[2]s.%[3]s or with .gz", dir, stem, kind)
	}
	return path, nil
}

// readFile reads an IDX or NPY file, packed or not.
func readFile(path string) (*array, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	return read(f, path)
}

// read reads an IDX or NPY array, packed or not, that fills r to its end.
func read(r io.Reader, name string) (*array, error) {
	b, err := unpack(r, name)
	if err != nil {
		return nil, err
	}
	// A file shorter than the magic number is none of NPY: readIDX says what it
	// lacks.
	head, err := b.Peek(len(npyMagic))
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("data: %s: %w", name, err)
	}
	if string(head) == npyMagic {
		return readNPY(b, name)
	}
	return readIDX(b, name)
}

// unpack returns a reader of what r holds, gzip-packed or not (told by its first
// bytes).
func unpack(r io.Reader, name string) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	// An error of Peek comes back at the next read.
	if head, _ := b.Peek(2); string(head) == "\x1f\x8b" {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("data: %s: %w", name, err)
		}
		b = bufio.NewReaderSize(z, 1<<16)
	}
	return b, nil
}

// readUnpacked hands the content of a file, unpacked, to f.
func readUnpacked(path string, f func(*bufio.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	defer file.Close()
	r, err := unpack(file, path)
	if err != nil {
		return err
	}
	return f(r)
}
