package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// SkimageDir is where Debian's package python3-skimage puts its images.
const SkimageDir = "/usr/lib/python3/dist-packages/skimage/data"

// Images is a list of pictures of any sizes, without labels. It is read-only
// once built.
type Images struct {
	// Name says where they come from, for the user.
	Name string
	// List holds the pictures, all with as many channels.
	List []*Image
}

// OpenImages returns the unlabelled images that src names, as grey images
// (Image.Luma) or, with channels 3, coloured ones:
//
//	""        SkimageDir if it is there, otherwise drawn images
//	"drawn"   images that the package draws
//	a folder  its PNG and JPEG files, in the order of their names
//	a file    that one PNG or JPEG file
//
// The Name of the result says which of them it is. It panics unless channels is
// 1 or 3.
func OpenImages(src string, channels int) (*Images, error) {
	if channels != 1 && channels != 3 {
		panic(fmt.Sprintf("data: OpenImages wants 1 or 3 channels, has %d", channels))
	}
	switch src {
	case "":
		return openDefaultImages(SkimageDir, channels)
	case DrawnSource:
		return DrawnImages(channels), nil
	}
	if IsPicture(src) {
		m, err := readImage(src, channels)
		if err != nil {
			return nil, err
		}
		return &Images{Name: src, List: []*Image{m}}, nil
	}
	return readImages(src, channels, false)
}

// openDefaultImages opens dir where it exists and draws images where it does
// not. The package's folder holds a file that is damaged on purpose and more
// that serve its tests alone, so what does not decode there is left out.
func openDefaultImages(dir string, channels int) (*Images, error) {
	_, err := os.Stat(dir)
	if err == nil {
		return readImages(dir, channels, true)
	}
	// Only a folder that is not there is replaced: one that cannot be read is an
	// error, not a reason to train on something else.
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("data: %w", err)
	}
	s := DrawnImages(channels)
	s.Name += fmt.Sprintf("; no images in %s", dir)
	return s, nil
}

// readImages reads the PNG and JPEG files of a folder. Those that are damaged are
// an error, or left out and counted in Name. Names come sorted, so the order, and
// with it the split into parts, is the same on every machine.
func readImages(dir string, channels int, lenient bool) (*Images, error) {
	names, err := pictureNames(dir)
	if err != nil {
		return nil, err
	}
	s, total, damaged := &Images{}, 0, 0
	for _, name := range names {
		m, err := readImage(filepath.Join(dir, name), channels)
		if err != nil && lenient {
			damaged++
			continue
		}
		if err != nil {
			return nil, err
		}
		if total += len(m.Pixels); total > MaxBytes {
			return nil, fmt.Errorf("data: %s: the images up to here take more than the limit of %d bytes",
				m.Name, MaxBytes)
		}
		s.List = append(s.List, m)
	}
	if len(s.List) == 0 {
		return nil, fmt.Errorf("data: %s: no PNG or JPEG image", dir)
	}
	s.Name = fmt.Sprintf("%s (%d images)", dir, len(s.List))
	if damaged > 0 {
		s.Name = fmt.Sprintf("%s (%d images, %d damaged ones left out)", dir, len(s.List), damaged)
	}
	return s, nil
}

// readImage reads one PNG or JPEG file.
func readImage(path string, channels int) (*Image, error) {
	p, err := openPicture(path)
	if err != nil {
		return nil, err
	}
	defer p.file.Close()
	m, err := p.decode(p.channels())
	if err != nil {
		return nil, err
	}
	return m.as(channels), nil
}
