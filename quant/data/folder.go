package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// part returns the name that most formats have for the training and the test
// part.
func part(train bool) string {
	if train {
		return "train"
	}
	return "test"
}

// OpenDir reads the training or test part of a folder. The names in it say
// which format it has; the first of these that fits is taken, each file with or
// without .gz:
//
//	train-images*, t10k-images*     IDX, laid out like MNIST (classes 0..9)
//	data_batch_*.bin, test_batch.bin  CIFAR-10
//	train.bin, test.bin             CIFAR-100, the fine labels
//	train.npz, test.npz             NPZ (no .gz)
//	train.csv, test.csv             CSV
//	folders                         images, a subfolder per class: see openClasses
//
// An error names the folder or the file, what was wanted and what was there.
func OpenDir(dir string, train bool) (*Set, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	for _, l := range layouts {
		for _, pattern := range l.patterns {
			if files, err := glob(dir, pattern); err != nil {
				return nil, err
			} else if len(files) > 0 {
				return l.open(dir, train)
			}
		}
	}
	return openClasses(dir, train)
}

// layouts lists the folders that are told by their files' names. The first match
// counts, in the order of OpenDir's list. A * at the end stands for .gz; that it
// takes train.csv.old too ends in the error that train.csv is missing, which says
// more than an error about a folder without images.
var layouts = []struct {
	patterns []string
	open     func(dir string, train bool) (*Set, error)
}{
	{[]string{"train-images*", "t10k-images*"}, openIDX},
	{[]string{"data_batch_*.bin*", "test_batch.bin*"}, openCIFAR10},
	{[]string{"train.bin*", "test.bin*"}, openCIFAR100},
	{[]string{"train.npz", "test.npz"}, openNPZDir},
	{[]string{"train.csv*", "test.csv*"}, openCSVDir},
}

// openNPZDir reads train.npz or test.npz. An NPZ file is a ZIP file already, so
// there is no .gz.
func openNPZDir(dir string, train bool) (*Set, error) {
	path := filepath.Join(dir, part(train)+".npz")
	return openNPZ(path, train)
}

// openCSVDir reads train.csv or test.csv, packed or not.
func openCSVDir(dir string, train bool) (*Set, error) {
	path, err := findPacked(dir, part(train)+".csv")
	if err != nil {
		return nil, err
	}
	return openCSV(path)
}

// OpenFile reads a data set that is one file, told by its name: .npz, .csv or .bin
// (CIFAR), the last two with or without .gz. An NPZ file can hold both parts; of
// other files train is ignored. Names are told apart without regard to case.
func OpenFile(path string, train bool) (*Set, error) {
	switch filepath.Ext(strings.TrimSuffix(strings.ToLower(path), ".gz")) {
	case ".npz":
		return openNPZ(path, train)
	case ".csv":
		return openCSV(path)
	case ".bin":
		return openCIFARFile(path)
	}
	return nil, fmt.Errorf("data: %s: a single file must be .npz, .csv, .csv.gz, .bin or .bin.gz; "+
		"IDX and NPY come as IMAGES,LABELS", path)
}

// glob returns the names in dir that match a pattern, sorted. Unlike
// filepath.Glob it takes dir literally.
func glob(dir, pattern string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	var names []string
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// findPacked returns the path of a file or of the same packed with gzip. The plain
// one is preferred where both are there.
func findPacked(dir, name string) (string, error) {
	path := findFile(dir, name, name+".gz")
	if path == "" {
		return "", fmt.Errorf("data: %s: no %s, also not with .gz", dir, name)
	}
	return path, nil
}

// findFile returns the path of the first name that is a file in dir, "" if none
// is.
func findFile(dir string, names ...string) string {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && !st.IsDir() {
			return path
		}
	}
	return ""
}
