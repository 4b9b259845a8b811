package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// splitEvery is the share of the test part where a folder does not say what
// belongs to it: every sixth image, as in MNIST (60,000 and 10,000).
const splitEvery = 6

// isTest says that image i of those that are split belongs to the test part. The
// sixth, not the first: all of fewer than six are for training.
func isTest(i int) bool { return i%splitEvery == splitEvery-1 }

// classFile is an image file and its class.
type classFile struct {
	path  string
	label uint8
}

// openClasses reads a folder of PNG and JPEG files with a subfolder for each
// class: train/CLASS and test/CLASS, or CLASS alone, in which every sixth image
// of a class, by name, is in the test part. Classes are numbered in the order
// of their names. The first training image decides for all images of both parts
// whether they are grey, [H W], or coloured, [3 H W], and which size they must
// have. Samples take turns: the first image of each class, then the second.
func openClasses(dir string, train bool) (*Set, error) {
	l, err := findClasses(dir)
	if err != nil {
		return nil, err
	}
	first, err := picturePaths(filepath.Join(l.train, l.classes[0]))
	if err != nil {
		return nil, err
	}
	files, err := l.files(train) // before the name, which says what it finds
	if err != nil {
		return nil, err
	}
	return readClasses(l.name(train), first[0], files, len(l.classes))
}

// classLayout says where the images of each class are.
type classLayout struct {
	train, test string // folders; the same where images are split
	classes     []string
	// untested are the classes without a test image, of those that are split.
	untested []string
}

// findClasses lists the classes of an image folder. A subfolder train is taken for
// a part, never for a class, and then only train and test are looked at: a third
// part (val, extra) is not mistaken for a class.
func findClasses(dir string) (*classLayout, error) {
	l := &classLayout{train: dir, test: dir}
	var err error
	if l.classes, err = subfolders(dir); err != nil {
		return nil, err
	}
	if len(l.classes) == 0 {
		return nil, unknownFolder(dir)
	}
	if slices.Contains(l.classes, "train") {
		l.train, l.test = filepath.Join(dir, "train"), filepath.Join(dir, "test")
		if l.classes, err = subfolders(l.train); err != nil {
			return nil, err
		}
	}
	// Set.Labels are bytes.
	if n := len(l.classes); n < 1 || n > 256 {
		return nil, fmt.Errorf("data: %s: %d subfolders, want one for each of 1..256 classes", l.train, n)
	}
	return l, nil
}

// name says where the samples of a part come from.
func (l *classLayout) name(train bool) string {
	switch {
	case l.train != l.test && train:
		return l.train
	case l.train != l.test:
		return l.test
	case train:
		return l.train + ", five of six images of each class" + l.without()
	}
	return l.test + ", every sixth image of each class" + l.without()
}

// without says, behind a name, which classes have no test image; nothing where all
// have some. An accuracy is silent about them, so whoever reads it should know.
func (l *classLayout) without() string {
	const most = 8
	switch n := len(l.untested); {
	case n == 0:
		return ""
	case n > most:
		return fmt.Sprintf("; no test image of %d classes of fewer than %d (%q, ...)", n, splitEvery, l.untested[:most])
	}
	return fmt.Sprintf("; no test image of %q, of fewer than %d", l.untested, splitEvery)
}

// files lists the images of one part.
func (l *classLayout) files(train bool) ([]classFile, error) {
	dir := l.train
	if !train && l.test != l.train {
		dir = l.test
		has, err := subfolders(dir)
		if err != nil {
			return nil, err
		}
		// A class is its place in the sorted list: one missing here would shift all
		// those behind it, and the accuracy would be wrong without a word.
		if !slices.Equal(has, l.classes) {
			return nil, fmt.Errorf("data: %s: has classes %.200q, the training part has %.200q", dir, has, l.classes)
		}
	}
	byClass := make([][]string, len(l.classes))
	for i, class := range l.classes {
		var err error
		if byClass[i], err = picturePaths(filepath.Join(dir, class)); err != nil {
			return nil, err
		}
		if l.train == l.test {
			if len(byClass[i]) < splitEvery {
				l.untested = append(l.untested, class)
			}
			byClass[i] = ofPart(byClass[i], train)
		}
	}
	return takeTurns(byClass), nil
}

// unknownFolder is the error for a folder of no known format.
func unknownFolder(dir string) error {
	if names, err := pictureNames(dir); err == nil && len(names) > 0 {
		return fmt.Errorf("data: %s: %d images without labels, want a subfolder for each class", dir, len(names))
	}
	return fmt.Errorf("data: %s: no data set: want IDX files (train-images-idx3-ubyte, t10k-images-idx3-ubyte, ...), "+
		"CIFAR files (data_batch_1.bin or train.bin, ...), train.npz, train.csv or "+
		"a subfolder of images for each class", dir)
}

// picturePaths returns the paths of a class's images, at least one.
func picturePaths(dir string) ([]string, error) {
	names, err := pictureNames(dir)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("data: %s: no PNG or JPEG file", dir)
	}
	for i := range names {
		names[i] = filepath.Join(dir, names[i])
	}
	return names, nil
}

// ofPart returns what of a split list belongs to a part.
func ofPart[T any](all []T, train bool) []T {
	var out []T
	for i, v := range all {
		if isTest(i) != train {
			out = append(out, v)
		}
	}
	return out
}

// takeTurns lists the first file of each class, then the second. So the first
// samples of a set, which calibration and quick checks take, hold all classes. A
// class that runs out is passed over.
func takeTurns(byClass [][]string) []classFile {
	var files []classFile
	for i, more := 0, true; more; i++ {
		more = false
		for label, paths := range byClass {
			if i < len(paths) {
				files, more = append(files, classFile{paths[i], uint8(label)}), true
			}
		}
	}
	return files
}

// readClasses reads files, all as large and as coloured as the image at first.
func readClasses(name, first string, files []classFile, classes int) (*Set, error) {
	p, err := openPicture(first)
	if err != nil {
		return nil, err
	}
	// Only its header is wanted: it has the shape of all samples.
	p.file.Close()
	s := &Set{
		Name:    fmt.Sprintf("%s (%d images of %d classes)", name, len(files), classes),
		Classes: classes, Scale: ByteScale,
		Shape: imageShape(p.channels(), p.config.Height, p.config.Width), Bytes: []uint8{},
		Layout: NCHW,
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("data: %s: no image; want at least %d in a class", name, splitEvery)
	}
	// Nothing but one header has been read by now: refuse before images are
	// decoded.
	if s.Size() > MaxBytes/len(files) {
		return nil, fmt.Errorf("data: %s: %d images of shape %v take more than the limit of %d bytes",
			name, len(files), s.Shape, MaxBytes)
	}
	for _, f := range files {
		m, err := readLike(f.path, p)
		if err != nil {
			return nil, err
		}
		s.Bytes, s.Labels = append(s.Bytes, m.Pixels...), append(s.Labels, f.label)
	}
	return s, nil
}

// readLike reads an image that must have the size of p, with p's channels. p.file
// is closed by now, but still has its name.
func readLike(path string, p *pictureFile) (*Image, error) {
	q, err := openPicture(path)
	if err != nil {
		return nil, err
	}
	defer q.file.Close()
	if q.config.Width != p.config.Width || q.config.Height != p.config.Height {
		return nil, fmt.Errorf("data: %s: image of %d x %d pixels (width x height), want %d x %d as %s has",
			path, q.config.Width, q.config.Height, p.config.Width, p.config.Height, p.file.Name())
	}
	return q.decode(p.channels())
}

// subfolders returns the names of the folders in dir, sorted, without hidden ones.
// Links count as what they point at, since data sets are often put together from
// links; a dangling one is left out.
func subfolders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	var names []string
	for _, e := range entries {
		st, err := os.Stat(filepath.Join(dir, e.Name())) // follows links
		if err == nil && st.IsDir() && e.Name()[0] != '.' {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
