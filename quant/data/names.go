package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// InFolder says whether OpenDir or OpenImages, given a folder with a file of this
// base name, may read it: who writes beside a data set must not take such a name.
// Otherwise an output of one run would be an input of the next.
func InFolder(name string) bool {
	// The labels of IDX files, which layouts does not look for, go with its images.
	patterns := []string{"train-labels*", "t10k-labels*"}
	for _, l := range layouts {
		patterns = append(patterns, l.patterns...)
	}
	return isPicture(name) || slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := filepath.Match(p, name)
		return ok
	})
}

// IsPicture says whether there is a PNG or JPEG file at path, by its name, and not a folder.
func IsPicture(path string) bool {
	info, err := os.Stat(path)
	return isPicture(filepath.Base(path)) && !(err == nil && info.IsDir())
}

// isPicture says whether a file is a PNG or JPEG by its name, and not hidden.
func isPicture(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return name[0] != '.' && slices.Contains([]string{".png", ".jpg", ".jpeg"}, ext)
}
