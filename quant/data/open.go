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
//	"mnist"        MNIST in the module cache, unless there is a path of that name
//	IMAGES,LABELS  a pair of files (the same pair whatever train says): see PairOf
//	a folder       see OpenDir
//	a file         see OpenFile
//
// The returned Set's Name says which of them it is.
func Open(src string, train bool) (*Set, error) {
	switch src {
	case "":
		return openDefault(FashionDir, train)
	case DrawnSource:
		return Drawn(train), nil
	}
	if src == MNISTSource && !exists(src) {
		return openMNIST(train)
	}
	if images, labels, ok := PairOf(src); ok {
		return OpenPair(images, labels)
	}
	st, err := os.Stat(src)
	switch {
	case err == nil && !st.IsDir():
		return OpenFile(src, train)
	case err != nil && strings.Contains(src, ","):
		return nil, fmt.Errorf("data: %q, want a folder, a file or IMAGES,LABELS", src)
	}
	return OpenDir(src, train)
}

// PairOf returns the two files where Open takes src for IMAGES,LABELS. A path that is
// there is never a pair, and of several commas the first counts between two paths that
// are there: names may have commas too. Where neither settles it src is a pair if
// it has one comma, so that the error is about the files.
func PairOf(src string) (images, labels string, ok bool) {
	if exists(src) {
		return "", "", false
	}
	for i := range len(src) {
		if src[i] == ',' && exists(src[:i]) && exists(src[i+1:]) {
			return src[:i], src[i+1:], true
		}
	}
	images, labels, ok = strings.Cut(src, ",")
	return images, labels, ok && images != "" && labels != "" && !strings.Contains(labels, ",")
}

// exists says that there is a file or a folder at path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
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
