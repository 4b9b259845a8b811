package data

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// npzNames lists the pairs of members, samples and labels, that are looked for
// in an NPZ file, the first pair that is complete being taken. The part's own
// names come before those that do not say which part they are.
func npzNames(train bool) [][2]string {
	p := part(train)
	// x_train is what Keras's mnist.npz has, train_images what MedMNIST has, and
	// arr_0 what numpy.savez calls its first argument without a name.
	return [][2]string{
		{"x_" + p, "y_" + p}, {p + "_images", p + "_labels"}, {p + "_x", p + "_y"},
		{"images", "labels"}, {"x", "y"}, {"arr_0", "arr_1"},
	}
}

// openNPZ reads samples and labels from an NPZ file: a ZIP file of NPY files,
// stored or deflated, as numpy.savez and savez_compressed write.
func openNPZ(path string, train bool) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	z, err := zip.NewReader(f, st.Size())
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", path, err)
	}
	return readNPZ(z, path, train)
}

// readNPZ reads the samples and labels of one part. Labels come first: they are
// small, and what is wrong with them shows before the images are unpacked.
func readNPZ(z *zip.Reader, name string, train bool) (*Set, error) {
	x, y, err := npzMembers(z, name, train)
	if err != nil {
		return nil, err
	}
	labels, err := readMember(y, name)
	if err != nil {
		return nil, err
	}
	images, err := readMember(x, name)
	if err != nil {
		return nil, err
	}
	return newSet(name, images, labels, 0)
}

// npzMembers finds the samples and the labels of one part.
func npzMembers(z *zip.Reader, name string, train bool) (x, y *zip.File, err error) {
	find := func(stem string) *zip.File {
		i := slices.IndexFunc(z.File, func(f *zip.File) bool { return strings.EqualFold(f.Name, stem+".npy") })
		if i < 0 {
			return nil
		}
		return z.File[i]
	}
	var wanted []string
	for _, n := range npzNames(train) {
		x, y := find(n[0]), find(n[1])
		if x != nil && y != nil {
			return x, y, nil
		}
		// Half a pair is what the user meant: an error now says more than one about
		// a later pair.
		if x != nil || y != nil {
			there, missing := x, n[1]
			if x == nil {
				there, missing = y, n[0]
			}
			return nil, nil, fmt.Errorf("data: %s: no member %s.npy beside %s", name, missing, there.Name)
		}
		wanted = append(wanted, n[0]+" and "+n[1])
	}
	return nil, nil, fmt.Errorf("data: %s: has members %s, want %s",
		name, memberNames(z), strings.Join(wanted, ", or "))
}

// memberNames lists the first members for a message. Names come from the file:
// their length and number are bounded.
func memberNames(z *zip.Reader) string {
	const most = 8
	var names []string
	for _, f := range z.File[:min(len(z.File), most)] {
		names = append(names, fmt.Sprintf("%.40q", f.Name))
	}
	if len(z.File) > most {
		names = append(names, "...")
	}
	return "[" + strings.Join(names, " ") + "]"
}

// readMember reads one NPY member. Neither the sizes in the ZIP directory nor those
// in the NPY header size memory: what is unpacked does. readArray reads on to the
// member's end, where package zip compares its CRC-32.
func readMember(f *zip.File, archive string) (*array, error) {
	name := archive + ": " + f.Name
	if f.UncompressedSize64 > MaxBytes {
		return nil, fmt.Errorf("data: %s: takes %d bytes, more than the limit of %d",
			name, f.UncompressedSize64, MaxBytes)
	}
	r, err := f.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return nil, fmt.Errorf("data: %s: compression method %d, want stored (0) or deflated (8)", name, f.Method)
	}
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", name, err)
	}
	defer r.Close()
	return readNPY(bufio.NewReaderSize(r, 1<<16), name)
}
