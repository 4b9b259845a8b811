package emit_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen/emit"
)

// written writes the minimal design to a directory of the name and returns its path
// and its files.
func written(t *testing.T, name string) (string, []emit.File) {
	t.Helper()
	g := goldens(t)["minimal"]
	dir, files := filepath.Join(t.TempDir(), name), emitted(t, g.n, g.o)
	if err := emit.WriteDir(dir, files); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

// wantFiles checks that dir holds files and nothing else.
func wantFiles(t *testing.T, dir string, files []emit.File) {
	t.Helper()
	var want []string
	for _, f := range files {
		want = append(want, f.Path)
		data, err := os.ReadFile(filepath.Join(dir, f.Path))
		if err != nil || string(data) != string(f.Data) {
			t.Errorf("%s is not as it was emitted: %v", f.Path, err)
		}
	}
	slices.Sort(want)
	got := tree(t, dir)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", dir, got, want)
	}
}

// TestEditedFiles: whatever file of a design somebody edits, the design stays unless
// it is to be overwritten. The manifest alone has no sum.
func TestEditedFiles(t *testing.T) {
	dir, files := written(t, "design")
	for _, f := range files {
		if f.Path == "manifest.json" {
			continue
		}
		path := filepath.Join(dir, f.Path)
		if err := os.WriteFile(path, append(slices.Clone(f.Data), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		err := emit.WriteDir(dir, files)
		var edited *emit.EditedError
		if !errors.As(err, &edited) || edited.File != f.Path || !strings.Contains(err.Error(), f.Path) {
			t.Errorf("%s edited: got %v", f.Path, err)
		}
		if check := emit.CheckDir(dir); !errors.As(check, &edited) {
			t.Errorf("%s edited: CheckDir: %v", f.Path, check)
		}
		if data, err := os.ReadFile(path); err != nil || len(data) != len(f.Data)+1 {
			t.Errorf("%s: the edit is lost: %v", f.Path, err)
		}
		if err := errors.Join(emit.CheckOverwrite(dir), emit.OverwriteDir(dir, files)); err != nil {
			t.Errorf("%s: to be overwritten: %v", f.Path, err)
		}
		wantFiles(t, dir, files)
	}
}

// TestNoSums: designs of before the manifest had sums are replaced as they were.
func TestNoSums(t *testing.T) {
	dir, files := written(t, "design")
	manifest := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if sums, ok := doc["sums"].(map[string]any); !ok || len(sums) != len(files)-1 {
		t.Errorf("the manifest has sums %v, want one for each of %d files", doc["sums"], len(files)-1)
	}
	delete(doc, "sums")
	if text, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(manifest, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := emit.WriteDir(dir, files); err != nil {
		t.Error(err)
	}
	wantFiles(t, dir, files)
}

// TestOwnFolders: a folder that somebody made in a design is not lost either, though it
// is empty; nor by an overwriting run, which is for the design's own files.
func TestOwnFolders(t *testing.T) {
	for _, name := range []string{"notes", "rtl/old", ".git"} {
		dir, files := written(t, "design")
		own := filepath.Join(dir, name)
		if err := os.Mkdir(own, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, write := range []func(string, []emit.File) error{emit.WriteDir, emit.OverwriteDir} {
			if err := write(dir, files); err == nil || !strings.Contains(err.Error(), filepath.FromSlash(name)) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if _, err := os.Stat(own); err != nil {
			t.Error(err)
		}
	}
}

// TestCurrentFolder: "." is filled in place, empty or with a design in it, by any of
// its names, and stays the folder that it was.
func TestCurrentFolder(t *testing.T) {
	g := goldens(t)["minimal"]
	files := emitted(t, g.n, g.o)
	t.Chdir(t.TempDir())
	before, err := os.Stat(".")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", "./", here, filepath.Join("..", filepath.Base(here))} {
		if err := emit.WriteDir(name, files); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantFiles(t, ".", files)
		if after, err := os.Stat(here); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s: the current folder is another now: %v", name, err)
		}
	}
	if err := os.WriteFile("mine", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := emit.WriteDir(".", files); err == nil || !strings.Contains(err.Error(), "mine") {
		t.Errorf("with a file of somebody's: %v", err)
	}
}

// TestLongName: a directory's name may be as long as the system lets it be.
func TestLongName(t *testing.T) {
	dir, files := written(t, strings.Repeat("n", 255))
	if err := emit.WriteDir(dir, files); err != nil {
		t.Error(err)
	}
	wantFiles(t, dir, files)
	if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 1 {
		t.Errorf("%d entries beside the design: %v", len(left)-1, err)
	}
}

// TestParentReadOnly: a folder of one's own in a folder of somebody else's, as in a
// container, is filled in place.
func TestParentReadOnly(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir, files := written(t, "design")
	if err := os.Chmod(filepath.Dir(dir), 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Dir(dir), 0o755)
	for range 2 {
		if err := emit.WriteDir(dir, files); err != nil {
			t.Error(err)
		}
		wantFiles(t, dir, files)
	}
}
